//! Times as a clock on the wall shows them.

use crate::event::Micros;

/// Hour and minute in the local zone.
pub fn local_clock(time_us: Micros) -> String {
    // SQLite knows the calendar and the zone.
    let shown = || -> Option<String> {
        let connection = rusqlite::Connection::open_in_memory().ok()?;
        let sql = "SELECT strftime('%H:%M', ?1, 'unixepoch', 'localtime')";
        connection.query_row(sql, [time_us / 1_000_000], |row| row.get(0)).ok()
    };
    shown().unwrap_or_else(|| crate::record::json::iso8601(time_us))
}
