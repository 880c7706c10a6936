//! Whether keystroke records contain values, and which setting decides it.

use super::super::keystrokes::{lines, published, strokes};
use super::Finding;
use super::service::Running;
use crate::config;
use crate::features::keystroke::Publish;
use crate::store::{StoreError, read_only};
use std::path::Path;

/// Fewer records, a minute's, say nothing.
const LEAST_RECORDS: u64 = 12;
/// Of the newest hour in which something was typed, with this setting: how many records there are, and how many contain
/// no values.
const NEWEST_HOUR: &str = "SELECT count(*), count(*) FILTER (WHERE dwell_mean IS NULL) FROM keystroke_features \
     WHERE origin = 'device' AND strokes = ?1 AND window_end > (SELECT max(window_end) FROM keystroke_features \
     WHERE origin = 'device') - 3600000000";

pub fn finding(settings: &config::Keystroke, database: &Path, running: Option<&Running>) -> Finding {
    let publish = settings.publish.name();
    let what = format!("computed from {} (keystroke.publish = \"{publish}\")", published(publish));
    let why = running.map(|running| &running.keystrokes).map_or_else(String::new, |why| {
        format!("; since the agent started: strokes {}; lines ended {}", strokes(why), lines(why))
    });
    let Some(mend) = mend(settings.publish) else {
        return Finding::ok("keystrokes", format!("{what}{why}"));
    };
    // A database that cannot be read has a finding of its own.
    let (records, empty) = newest_hour(database, publish).unwrap_or_default();
    if records < LEAST_RECORDS || 2 * empty <= records {
        return Finding::ok("keystrokes", format!("{what}{why}"));
    }
    let text = format!("{what}; {empty} of {records} records of the newest hour of typing contain no values{why}");
    Finding::warning("keystrokes", text, mend)
}

fn newest_hour(database: &Path, publish: &str) -> Result<(u64, u64), StoreError> {
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64));
    Ok(read_only(database)?.query_row(NEWEST_HOUR, [publish], read)?)
}

/// The setting that gives more values, if one does.
fn mend(publish: Publish) -> Option<&'static str> {
    match publish {
        Publish::Lines => Some(
            "set keystroke.publish = \"words\" for values in short lines, \"all\" for values in commands and code too; \
             docs/privacy.md compares what they give away. With a layout other than the US one see the finding on letters",
        ),
        Publish::Words => Some(
            "set keystroke.publish = \"all\" for values in commands and code; docs/privacy.md measures what that gives \
             away. With a layout other than the US one see the finding on letters",
        ),
        Publish::All => None,
    }
}
