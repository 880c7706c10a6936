//! The file that XAUTHORITY names: entries of family, address, display, method and its secret. x11rb reads it too, but
//! only from where the process' own environment says.

use x11rb::reexports::x11rb_protocol::xauth::Family;

const METHOD: &[u8] = b"MIT-MAGIC-COOKIE-1";

/// What to show to a server. Deliberately without `Debug`: it is a secret.
pub(super) struct Cookie {
    pub method: Vec<u8>,
    pub secret: Vec<u8>,
}

/// The first cookie in `file` that is meant for the display of that number on the machine of that address.
pub(super) fn find_cookie(mut file: &[u8], family: Family, address: &[u8], display: u16) -> Option<Cookie> {
    let display = display.to_string();
    while let Some(entry) = Entry::read(&mut file) {
        let any_host = entry.family == Family::WILD;
        let this_host = entry.family == family && entry.address == address;
        let this_display = entry.display.is_empty() || entry.display == display.as_bytes();
        if (any_host || this_host) && this_display && entry.method == METHOD {
            return Some(Cookie { method: entry.method.to_vec(), secret: entry.secret.to_vec() });
        }
    }
    None
}

struct Entry<'a> {
    family: Family,
    address: &'a [u8],
    display: &'a [u8],
    method: &'a [u8],
    secret: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Takes the next entry off `rest`; `None` at the end, or where the file breaks off.
    fn read(rest: &mut &'a [u8]) -> Option<Entry<'a>> {
        Some(Entry {
            family: Family::from(read_u16(rest)?),
            address: read_field(rest)?,
            display: read_field(rest)?,
            method: read_field(rest)?,
            secret: read_field(rest)?,
        })
    }
}

fn read_u16(rest: &mut &[u8]) -> Option<u16> {
    rest.split_off(..2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
}

fn read_field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = read_u16(rest)?;
    rest.split_off(..usize::from(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(family: u16, fields: [&[u8]; 4]) -> Vec<u8> {
        let mut bytes = family.to_be_bytes().to_vec();
        for field in fields {
            bytes.extend_from_slice(&(field.len() as u16).to_be_bytes());
            bytes.extend_from_slice(field);
        }
        bytes
    }

    fn secret_for_display_7(file: &[u8]) -> Option<Vec<u8>> {
        find_cookie(file, Family::LOCAL, b"here", 7).map(|cookie| cookie.secret)
    }

    #[test]
    fn the_entry_of_this_host_and_display_is_found_among_others() {
        let file = [
            entry(256, [b"elsewhere", b"7", METHOD, b"other host"]),
            entry(0, [b"here", b"7", METHOD, b"other family"]),
            entry(256, [b"here", b"8", METHOD, b"other display"]),
            entry(256, [b"here", b"7", b"XDM-AUTHORIZATION-1", b"other method"]),
            entry(256, [b"here", b"7", METHOD, b"right"]),
            entry(256, [b"here", b"7", METHOD, b"later"]),
        ];
        assert_eq!(secret_for_display_7(&file.concat()).unwrap(), b"right");
        assert_eq!(secret_for_display_7(&file[..4].concat()), None);
    }

    #[test]
    fn a_wildcard_entry_is_for_every_host_and_one_without_a_number_for_every_display() {
        assert_eq!(secret_for_display_7(&entry(65535, [b"", b"7", METHOD, b"any host"])).unwrap(), b"any host");
        assert_eq!(secret_for_display_7(&entry(256, [b"here", b"", METHOD, b"any display"])).unwrap(), b"any display");
    }

    #[test]
    fn a_file_that_breaks_off_gives_what_came_before() {
        let file = entry(256, [b"here", b"7", METHOD, b"whole"]);
        assert_eq!(secret_for_display_7(&[&file[..], &file[..9]].concat()).unwrap(), b"whole");
        for length in 0..file.len() {
            assert_eq!(secret_for_display_7(&file[..length]), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut rest = &bytes[..];
            let mut entries = 0;
            while Entry::read(&mut rest).is_some() {
                entries += 1;
            }
            prop_assert!(entries * 10 <= bytes.len());
        }
    }
}
