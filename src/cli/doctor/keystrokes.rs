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
/// Of the newest hour in which something was typed: how many records there are, and how many contain no values.
const NEWEST_HOUR: &str = "SELECT count(*), count(*) FILTER (WHERE dwell_mean IS NULL) FROM keystroke_features \
     WHERE origin = 'device' AND window_end > (SELECT max(window_end) FROM keystroke_features WHERE origin = 'device') \
     - 3600000000";

pub fn finding(settings: &config::Keystroke, database: &Path, running: Option<&Running>) -> Finding {
    let publish = settings.publish.name();
    let what = format!("computed from {} (keystroke.publish = \"{publish}\")", published(publish));
    // A database that cannot be read has a finding of its own.
    let (records, empty) = newest_hour(database).unwrap_or_default();
    if records < LEAST_RECORDS || 2 * empty <= records {
        return Finding::ok("keystrokes", what);
    }
    let why = running.map(|running| &running.keystrokes).map_or_else(String::new, |why| {
        format!("; of the running agent: strokes {}; lines ended {}", strokes(why), lines(why))
    });
    let text = format!("{what}; {empty} of {records} records of the newest hour contain no values{why}");
    Finding::warning("keystrokes", text, mend(settings.publish))
}

fn newest_hour(database: &Path) -> Result<(u64, u64), StoreError> {
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64));
    Ok(read_only(database)?.query_row(NEWEST_HOUR, [], read)?)
}

fn mend(publish: Publish) -> &'static str {
    match publish {
        Publish::Lines => {
            "set keystroke.publish = \"words\" for values in short lines, \"all\" for values in commands and code too; \
             docs/privacy.md compares what they give away"
        }
        Publish::Words => {
            "set keystroke.publish = \"all\" for values in commands and code; docs/privacy.md measures what that gives away"
        }
        Publish::All => "strokes too quick for a hand do not count: is a program typing?",
    }
}
