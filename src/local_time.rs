//! Times as a clock on the wall shows them.

use crate::event::Micros;

unsafe extern "C" {
    /// POSIX: takes over the zone that TZ or /etc/localtime names now.
    fn tzset();
}

/// Goes on in the zone that the machine is in by now: by itself a process stays in that of its first local time.
pub fn follow_zone() {
    // SAFETY: it takes no pointers. The C library has a lock of its own between it and `localtime_r`, by which SQLite, too,
    // finds local times; the environment, which it reads, is never changed while the process runs.
    unsafe { tzset() }
}

/// Hour and minute in the local zone.
pub fn local_clock(time_us: Micros) -> String {
    follow_zone();
    // SQLite knows the calendar and the zone.
    let shown = || -> Option<String> {
        let connection = rusqlite::Connection::open_in_memory().ok()?;
        let sql = "SELECT strftime('%H:%M', ?1, 'unixepoch', 'localtime')";
        connection.query_row(sql, [time_us / 1_000_000], |row| row.get(0)).ok()
    };
    shown().unwrap_or_else(|| crate::record::json::iso8601(time_us))
}
