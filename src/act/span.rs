//! How long a guest may stay or a pause may last.

use crate::event::Micros;

/// The longest.
pub const LONGEST_US: Micros = 12 * 3_600_000_000;

/// Why an end cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadEnd {
    #[error("its end is past; name a time to come")]
    Past,
    #[error("its end is too far away; at most 12 hours")]
    TooFar,
}

/// Whether something may end then.
///
/// # Errors
/// The end is past, or more than [`LONGEST_US`] away.
pub fn check(now_us: Micros, until_us: Micros) -> Result<(), BadEnd> {
    match until_us.saturating_sub(now_us) {
        ..=0 => Err(BadEnd::Past),
        left_us if left_us > LONGEST_US => Err(BadEnd::TooFar),
        _ => Ok(()),
    }
}
