//! What comes out: records of features and of recognition, and the envelope that every record travels in.
//!
//! The textual forms are pure functions: [`json`] for Redis and standard output, [`line_protocol`] for InfluxDB.

pub mod json;
pub mod line_protocol;
pub mod summary;

use crate::event::Micros;
use crate::features::app::Transition;
use crate::features::keystroke::Publish;
use crate::features::names::{KEYSTROKE_COUNT, MOUSE_COUNT};
use crate::recognition::Told;
use crate::recognition::coarse::{Decision, Score};

/// Version of the contract that records are made by; consumers depend on every name and meaning in it. A kind of record
/// that is added changes none of them, and so not the version.
pub const SCHEMA: u32 = 3;

/// What a window, a change of focus or a decision yields.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// End of the window; for a change of focus and a decision its time.
    pub window_end_us: Micros,
    /// A gap fell into the window's span, or events were dropped.
    pub degraded: bool,
    pub body: Body,
}

/// A feature without a value in its window is `None`.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// `strokes`: which strokes the features are computed from.
    Keystroke {
        strokes: Publish,
        total_keys: u32,
        features: Box<[Option<f64>; KEYSTROKE_COUNT]>,
    },
    Mouse {
        total_samples: u32,
        features: Box<[Option<f64>; MOUSE_COUNT]>,
    },
    App(Transition),
    Score(Score),
    Decision(Decision),
}

/// The kinds of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Keystroke,
    Mouse,
    App,
    Score,
    Decision,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Keystroke, Kind::Mouse, Kind::App, Kind::Score, Kind::Decision];

    /// `type` of a record.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Keystroke => "keystroke",
            Kind::Mouse => "mouse",
            Kind::App => "app",
            Kind::Score => "score",
            Kind::Decision => "decision",
        }
    }

    /// Its SQLite table and its InfluxDB measurement.
    pub fn table(self) -> &'static str {
        match self {
            Kind::Keystroke => "keystroke_features",
            Kind::Mouse => "mouse_features",
            Kind::App => "app_transitions",
            Kind::Score => "scores",
            Kind::Decision => "decisions",
        }
    }
}

/// What may be published of it.
impl From<&Told> for Record {
    fn from(told: &Told) -> Record {
        let (window_end_us, body) = match told {
            Told::Score(score) => (score.window_end_us, Body::Score(score.coarse)),
            Told::Decision(change) => (change.ts_us, Body::Decision(change.coarse())),
        };
        Record { window_end_us, degraded: false, body }
    }
}

impl Record {
    pub fn kind(&self) -> Kind {
        match self.body {
            Body::Keystroke { .. } => Kind::Keystroke,
            Body::Mouse { .. } => Kind::Mouse,
            Body::App(_) => Kind::App,
            Body::Score(_) => Kind::Score,
            Body::Decision(_) => Kind::Decision,
        }
    }
}

/// Where the events of a record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// Input devices and the window system.
    Device,
    /// A trace file.
    Trace,
    /// The Redis channel of injected events, told in the present time.
    Redis,
    /// The same channel, told in another time.
    RedisReplay,
}

impl Origin {
    pub const ALL: [Origin; 4] = [Origin::Device, Origin::Trace, Origin::Redis, Origin::RedisReplay];

    pub fn name(self) -> &'static str {
        match self {
            Origin::Device => "device",
            Origin::Trace => "trace",
            Origin::Redis => "redis",
            Origin::RedisReplay => "redis_replay",
        }
    }

    pub fn named(name: &str) -> Option<Origin> {
        Origin::ALL.into_iter().find(|origin| origin.name() == name)
    }
}

/// Whose records these are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub user: String,
    pub host: String,
    pub dev_mode: bool,
}

/// A record with its envelope. Type, user, host, origin and window's end name one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Version of the contract that it was made by.
    pub schema: u32,
    pub identity: std::sync::Arc<Identity>,
    pub origin: Origin,
    pub record: Record,
}

impl Entry {
    /// A record that this program has made.
    pub fn new(identity: std::sync::Arc<Identity>, origin: Origin, record: Record) -> Entry {
        Entry { schema: SCHEMA, identity, origin, record }
    }
}

/// An entry that the store has committed, under a number that grows from record to record over all kinds.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub id: i64,
    pub entry: Entry,
}
