//! Notices that ask nothing: of each topic the newest state is shown, and never more than one a minute. What happens too
//! soon after the notice before waits, and what is over by then is not shown at all.

use crate::event::Micros;

/// What a notice is about. Each topic has one place on the screen, where the next notice replaces the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    Capture,
    Pause,
    Guest,
    Devices,
    Database,
    Sinks,
}

impl Topic {
    pub const ALL: [Topic; 6] =
        [Topic::Capture, Topic::Pause, Topic::Guest, Topic::Devices, Topic::Database, Topic::Sinks];
}

/// The state of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Info {
    CaptureBegan,
    /// It has begun, and there is nothing to read as yet.
    CaptureWaits,
    CaptureEnded,
    /// Nothing is captured until then.
    Paused {
        until_us: Micros,
    },
    Resumed,
    /// Nothing is judged or learnt until then.
    Guest {
        until_us: Micros,
    },
    GuestGone,
    /// There are devices, and none may be read.
    DevicesRefused,
    DevicesRead,
    DatabaseFails,
    DatabaseWorks,
    /// What has had records to deliver for a day.
    Behind(Behind),
}

/// Which sinks are behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Behind {
    pub redis: bool,
    pub influx: bool,
}

impl Behind {
    pub fn is_any(self) -> bool {
        self.redis || self.influx
    }
}

/// A sink is behind if the oldest record that it has not delivered is older.
const BEHIND_US: Micros = 24 * 3_600_000_000;
/// And if it has tried for so long: after a weekend all records are old, and the network may take a minute to come.
const TRIED_US: Micros = 3_600_000_000;

/// Whether a sink is behind whose oldest undelivered record is of that time, and which has tried to deliver for so long.
pub fn is_behind(now_us: Micros, oldest_us: Option<Micros>, tried_us: Micros) -> bool {
    tried_us >= TRIED_US && oldest_us.is_some_and(|oldest_us| now_us.saturating_sub(oldest_us) >= BEHIND_US)
}

impl Info {
    pub fn topic(self) -> Topic {
        match self {
            Info::CaptureBegan | Info::CaptureWaits | Info::CaptureEnded => Topic::Capture,
            Info::Paused { .. } | Info::Resumed => Topic::Pause,
            Info::Guest { .. } | Info::GuestGone => Topic::Guest,
            Info::DevicesRefused | Info::DevicesRead => Topic::Devices,
            Info::DatabaseFails | Info::DatabaseWorks => Topic::Database,
            Info::Behind(_) => Topic::Sinks,
        }
    }

    pub fn is_failure(self) -> bool {
        match self {
            Info::DevicesRefused | Info::DatabaseFails => true,
            Info::Behind(behind) => behind.is_any(),
            _ => false,
        }
    }

    /// Whether it is as everybody supposes, so that it is news only after a notice that said otherwise.
    fn is_usual(self) -> bool {
        match self {
            Info::Resumed | Info::GuestGone | Info::DevicesRead | Info::DatabaseWorks => true,
            Info::Behind(behind) => !behind.is_any(),
            _ => false,
        }
    }
}

/// How often notices are shown, and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two of one topic.
    pub apart_us: Micros,
    /// A failure that is over sooner is none. Devices are tried again for 3 s after they have come.
    pub lasting_us: Micros,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { apart_us: 60_000_000, lasting_us: 10_000_000 }
    }
}

/// What is so, and what has been shown. Times are by a clock that is never set back.
#[derive(Debug, Default)]
pub struct Board {
    pace: Pace,
    places: [Place; Topic::ALL.len()],
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// The state, and since when.
    state: Option<(Info, Micros)>,
    /// The newest notice that was shown.
    shown: Option<Info>,
    /// When a notice was last shown, or may have been.
    shown_us: Option<Micros>,
    /// Is being shown, and when one was before.
    attempt: Option<Option<Micros>>,
}

impl Place {
    /// What is to be shown, and from when on.
    fn due(&self, pace: Pace) -> Option<(Info, Micros)> {
        let (info, since_us) = self.state?;
        let is_news = match self.shown {
            Some(shown) => shown != info,
            None => !info.is_usual(),
        };
        let patience_us = if info.is_failure() { pace.lasting_us } else { 0 };
        let apart_us = self.shown_us.map_or(Micros::MIN, |shown_us| shown_us.saturating_add(pace.apart_us));
        is_news.then_some((info, since_us.saturating_add(patience_us).max(apart_us)))
    }
}

impl Board {
    pub fn new(pace: Pace) -> Board {
        Board { pace, ..Board::default() }
    }

    /// This is so from now on.
    pub fn set(&mut self, now_us: Micros, info: Info) {
        let place = self.place(info);
        if place.state.is_none_or(|(known, _)| known != info) {
            place.state = Some((info, now_us));
        }
    }

    /// What is to be shown now.
    pub fn next(&self, now_us: Micros) -> Option<Info> {
        self.due().filter(|(_, due_us)| *due_us <= now_us).min_by_key(|(_, due_us)| *due_us).map(|(info, _)| info)
    }

    /// When there is something to show, if nothing else happens.
    pub fn due_us(&self) -> Option<Micros> {
        self.due().map(|(_, due_us)| due_us).min()
    }

    fn due(&self) -> impl Iterator<Item = (Info, Micros)> {
        self.places.iter().filter_map(|place| place.due(self.pace))
    }

    /// Whether nothing is to be shown now, nor being shown.
    pub fn is_settled(&self, now_us: Micros) -> bool {
        self.next(now_us).is_none() && self.places.iter().all(|place| place.attempt.is_none())
    }

    /// It is about to be shown. If nothing more is heard of it, it is tried again in a minute.
    pub fn begin(&mut self, now_us: Micros, info: Info) {
        let place = self.place(info);
        place.attempt = Some(place.shown_us.replace(now_us));
    }

    /// It was shown. Meanwhile it may be so no longer.
    pub fn shown(&mut self, now_us: Micros, info: Info) {
        let place = self.place(info);
        (place.shown, place.shown_us, place.attempt) = (Some(info), Some(now_us), None);
    }

    /// It was not shown, for nobody is there to do so.
    pub fn not_shown(&mut self, info: Info) {
        let place = self.place(info);
        if let Some(before_us) = place.attempt.take() {
            place.shown_us = before_us;
        }
    }

    fn place(&mut self, info: Info) -> &mut Place {
        &mut self.places[info.topic() as usize]
    }
}

#[cfg(test)]
mod tests;
