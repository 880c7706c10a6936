//! Objects as nearly all events are written: texts of ASCII without escapes, whole numbers and short decimals. These are
//! read several times as fast as serde_json can. Whatever is written in another way, or is wrong, is left to serde_json.

use super::{Field, Object};

/// So many digits are a whole number of 64 bits, whatever they are.
const MOST_DIGITS: usize = 18;
/// A decimal of so many digits is the quotient of two numbers that are exact, so division alone rounds it.
const MOST_DECIMAL_DIGITS: usize = 15;
/// What may stand in a text as itself; the quotation mark ends it.
const IS_PLAIN: [bool; 256] = {
    let mut is_plain = [false; 256];
    let mut byte = 0x20;
    while byte < 0x7f {
        is_plain[byte] = byte != b'"' as usize && byte != b'\\' as usize;
        byte += 1;
    }
    is_plain
};
const POWERS_OF_TEN: [f64; MOST_DECIMAL_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// `None`: it is not known what the text is, and what the object holds means nothing.
pub fn read<'a>(text: &'a str, object: &mut Object<'a>) -> Option<()> {
    let mut scan = Scan { text, at: 0 };
    scan.pass(b'{')?;
    loop {
        let name = scan.pass_spaces().string()?;
        scan.pass_spaces().pass(b':')?;
        let field = match scan.pass_spaces().peek()? {
            b'"' => Field::Text(scan.string()?),
            _ => scan.number()?,
        };
        object.set(name, field);
        if scan.pass_spaces().pass(b',').is_none() {
            scan.pass(b'}')?;
            return (scan.at == text.len()).then_some(());
        }
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    fn pass(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn pass_spaces(&mut self) -> &mut Self {
        while self.pass(b' ').is_some() {}
        self
    }

    fn string(&mut self) -> Option<&'a str> {
        self.pass(b'"')?;
        let begin = self.at;
        let length = self.rest().iter().position(|&byte| !IS_PLAIN[usize::from(byte)])?;
        self.at += length;
        self.pass(b'"')?;
        self.text.get(begin..begin + length)
    }

    fn number(&mut self) -> Option<Field<'static>> {
        let is_negative = self.pass(b'-').is_some();
        let begins_with_zero = self.peek()? == b'0';
        let (whole, digits) = self.digits(0)?;
        if begins_with_zero && digits > 1 {
            return None;
        }
        let number = if self.pass(b'.').is_some() {
            let (all, decimals) = self.digits(whole)?;
            let value = all as f64 / POWERS_OF_TEN.get(decimals)?;
            // More digits than that are not exact.
            (digits + decimals <= MOST_DECIMAL_DIGITS).then_some(())?;
            Field::Decimal(if is_negative { -value } else { value })
        } else {
            // A zero with a sign is no whole number.
            (digits <= MOST_DIGITS && !(is_negative && begins_with_zero)).then_some(())?;
            Field::Whole(if is_negative { -whole } else { whole })
        };
        matches!(self.peek()?, b',' | b'}' | b' ').then_some(number)
    }

    /// The number that goes on with digits, at least one, and how many they are.
    fn digits(&mut self, before: i64) -> Option<(i64, usize)> {
        let (mut number, mut count) = (before, 0);
        for digit in self.rest().iter().map(|byte| byte.wrapping_sub(b'0')).take_while(|&digit| digit < 10) {
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
            count += 1;
        }
        self.at += count;
        (count > 0).then_some((number, count))
    }
}
