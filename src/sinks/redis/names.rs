//! The channels, streams and marks of Redis, which others depend on.

use crate::record::Kind;

/// The channel of all records of features.
const CHANNEL_OF_FEATURES: &str = "features";
/// The stream of records of features.
pub const STREAM: &str = "seclyzer:stream:features";
pub const STREAM_OF_DECISIONS: &str = "seclyzer:stream:decisions";
/// The same in a cluster, which keeps two keys in one slot if the braces of one contain the other: a transaction can
/// only contain keys of one slot.
pub const STREAM_OF_DECISIONS_IN_CLUSTER: &str = "seclyzer:stream:decisions:{seclyzer:stream:features}";
/// With the identifier of a database: the id of its last record in the streams, or behind it if that is for none. In a
/// cluster it is in the streams' slot.
pub const STREAM_MARK_PREFIX: &str = "seclyzer:stream:mark:{seclyzer:stream:features}:";
/// The same as earlier versions named it.
pub const OLD_STREAM_MARK_PREFIX: &str = "seclyzer:stream:mark:";

/// The channels that a record of this kind is published on.
pub fn channels(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Keystroke => &["seclyzer:features:keystroke", CHANNEL_OF_FEATURES],
        Kind::Mouse => &["seclyzer:features:mouse", CHANNEL_OF_FEATURES],
        Kind::App => &["seclyzer:features:app", CHANNEL_OF_FEATURES],
        Kind::Score => &["seclyzer:scores"],
        Kind::Decision => &["seclyzer:decisions"],
    }
}

/// The stream that a record of this kind is appended to, if any. A score is outdated by the next one.
pub fn stream(kind: Kind, is_cluster: bool) -> Option<&'static str> {
    match kind {
        Kind::Keystroke | Kind::Mouse | Kind::App => Some(STREAM),
        Kind::Score => None,
        Kind::Decision if is_cluster => Some(STREAM_OF_DECISIONS_IN_CLUSTER),
        Kind::Decision => Some(STREAM_OF_DECISIONS),
    }
}
