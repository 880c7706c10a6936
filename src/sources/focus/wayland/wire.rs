//! The form of Wayland's messages: an object's number, the message's number and size, then arguments, all of them aligned
//! to 32 bits and in the machine's byte order. What a peer sends may be anything: it is bounded by the size, whose field
//! has 16 bits, and what does not fit into it is an error.

/// The object and the two halves of the next word.
const HEADER_BYTES: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a message of {0} bytes")]
    Size(usize),
    #[error("an argument that ends beyond its message")]
    Argument,
}

/// One message, sent by an object or to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    pub object: u32,
    /// Which of the messages of the object's interface it is.
    pub opcode: u16,
    pub arguments: Arguments<'a>,
}

impl Message<'_> {
    /// The first message in these bytes, and its length. `None`: more bytes are needed.
    pub fn first(bytes: &[u8]) -> Result<Option<(Message<'_>, usize)>, Malformed> {
        let Some((header, _)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let [object, word] = [0, 4].map(|i| word_at(header, i));
        let (opcode, length) = (word as u16, (word >> 16) as usize);
        if length < HEADER_BYTES || !length.is_multiple_of(4) {
            return Err(Malformed::Size(length));
        }
        let message =
            bytes.get(HEADER_BYTES..length).map(|rest| Message { object, opcode, arguments: Arguments(rest) });
        Ok(message.map(|message| (message, length)))
    }
}

fn word_at(header: &[u8; HEADER_BYTES], place: usize) -> u32 {
    u32::from_ne_bytes([header[place], header[place + 1], header[place + 2], header[place + 3]])
}

/// Arguments of a message, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arguments<'a>(&'a [u8]);

impl<'a> Arguments<'a> {
    pub fn number(&mut self) -> Result<u32, Malformed> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Malformed::Argument)?;
        self.0 = rest;
        Ok(u32::from_ne_bytes(*number))
    }

    /// Without the NUL at its end. A null string is an empty one.
    pub fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let bytes = self.array()?;
        Ok(bytes.strip_suffix(b"\0").unwrap_or(bytes))
    }

    pub fn array(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.number()? as usize;
        let padded = length.checked_next_multiple_of(4).ok_or(Malformed::Argument)?;
        let (bytes, rest) = self.0.split_at_checked(padded).ok_or(Malformed::Argument)?;
        self.0 = rest;
        Ok(&bytes[..length])
    }
}

/// A message in the making.
pub struct Outgoing(Vec<u8>);

impl Outgoing {
    pub fn to(object: u32, opcode: u16) -> Outgoing {
        Outgoing(Vec::new()).number(object).number(opcode.into())
    }

    pub fn number(mut self, number: u32) -> Outgoing {
        self.0.extend(number.to_ne_bytes());
        self
    }

    pub fn text(self, text: &str) -> Outgoing {
        self.array(&[text.as_bytes(), b"\0"].concat())
    }

    pub fn array(self, bytes: &[u8]) -> Outgoing {
        let mut message = self.number(bytes.len() as u32);
        message.0.extend(bytes);
        message.0.resize(message.0.len().next_multiple_of(4), 0);
        message
    }

    /// The size is known now.
    pub fn bytes(mut self) -> Vec<u8> {
        let (opcode, size) = (word_at(self.0.first_chunk().expect("a header"), 4), self.0.len() as u32);
        self.0[4..8].copy_from_slice(&(size << 16 | opcode).to_ne_bytes());
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let bytes = Outgoing::to(7, 3).number(5).text("foot").array(&[1, 2, 3]).number(6).bytes();
        let (message, length) = Message::first(&bytes).expect("a message").expect("all of it");
        assert_eq!((message.object, message.opcode, length), (7, 3, bytes.len()));
        let mut arguments = message.arguments;
        assert_eq!(arguments.number(), Ok(5));
        assert_eq!(arguments.text(), Ok(&b"foot"[..]));
        assert_eq!(arguments.array(), Ok(&[1, 2, 3][..]));
        assert_eq!(arguments.number(), Ok(6));
        assert_eq!(arguments.number(), Err(Malformed::Argument));
    }

    #[test]
    fn a_part_of_a_message_is_waited_for_and_what_follows_it_is_left() {
        let bytes = Outgoing::to(1, 0).number(9).bytes();
        for length in 0..bytes.len() {
            assert_eq!(Message::first(&bytes[..length]), Ok(None));
        }
        let two = bytes.repeat(2);
        assert_eq!(Message::first(&two).expect("a message").expect("all of it").1, bytes.len());
    }

    #[test]
    fn a_null_string_is_an_empty_one() {
        for bytes in [Outgoing::to(1, 0).number(0).bytes(), Outgoing::to(1, 0).text("").bytes()] {
            let (mut message, _) = Message::first(&bytes).expect("a message").expect("all of it");
            assert_eq!(message.arguments.text(), Ok(&b""[..]));
        }
    }

    #[test]
    fn sizes_that_no_message_has_and_arguments_beyond_its_end_are_errors() {
        for size in [0u32, 4, 7, 9, 0xffff] {
            let bytes = [1u32.to_ne_bytes(), (size << 16).to_ne_bytes()].concat();
            assert_eq!(Message::first(&bytes), Err(Malformed::Size(size as usize)));
        }
        for length in [5, 0xffff, u32::MAX - 2, u32::MAX] {
            let bytes = Outgoing::to(1, 0).number(length).number(0).bytes();
            let (message, _) = Message::first(&bytes).expect("a message").expect("all of it");
            assert_eq!({ message.arguments }.text(), Err(Malformed::Argument));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_messages_within_them_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut rest = &bytes[..];
            while let Ok(Some((message, length))) = Message::first(rest) {
                prop_assert!(length >= HEADER_BYTES && length <= rest.len());
                let mut arguments = message.arguments;
                while let Ok(array) = arguments.array() {
                    prop_assert!(array.len() <= length);
                    if arguments.text().is_err() || arguments.number().is_err() {
                        break;
                    }
                }
                rest = &rest[length..];
            }
        }
    }
}
