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

/// When something ends that somebody has ordered: by the wall clock, which may be set meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    ordered_us: Micros,
    capped_us: Micros,
}

impl End {
    /// As ordered, and no later than [`LONGEST_US`] from now.
    pub fn new(now_us: Micros, ordered_us: Micros) -> End {
        let capped_us = ordered_us.min(now_us.saturating_add(LONGEST_US));
        End { ordered_us, capped_us }
    }

    /// The clock was set and shows `now`. Set back, it makes nothing last for ever; set right again, it makes nothing end
    /// too soon.
    pub fn clock_set(&mut self, now_us: Micros) {
        *self = End::new(now_us, self.ordered_us);
    }

    /// By the clock as it is.
    pub fn us(self) -> Micros {
        self.capped_us
    }

    pub fn ordered_us(self) -> Micros {
        self.ordered_us
    }

    pub fn is_reached(self, now_us: Micros) -> bool {
        self.capped_us <= now_us
    }

    /// Whether the clock is so far behind that the end was moved.
    pub fn is_moved(self) -> bool {
        self.capped_us != self.ordered_us
    }
}
