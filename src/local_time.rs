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
    shown("%H:%M", time_us)
}

/// Date, hour and minute in the local zone.
pub fn local_time(time_us: Micros) -> String {
    shown("%Y-%m-%d %H:%M", time_us)
}

/// In a form of SQLite's, which knows the calendar and the zone; a time that it does not know in UTC.
fn shown(form: &str, time_us: Micros) -> String {
    follow_zone();
    let shown = || -> Option<String> {
        let connection = rusqlite::Connection::open_in_memory().ok()?;
        let sql = "SELECT strftime(?1, ?2, 'unixepoch', 'localtime')";
        connection.query_row(sql, (form, time_us / 1_000_000), |row| row.get(0)).ok()
    };
    shown().unwrap_or_else(|| crate::record::json::iso8601(time_us))
}
