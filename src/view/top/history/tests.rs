use super::*;
use seclyzer::store::schema::migrate;

/// Twelve o'clock of a day in UTC, and in no zone later than 23 or earlier than 1 o'clock.
const NOON_US: Micros = 20_000 * 86_400_000_000 + 12 * 3_600_000_000;
const HOUR_US: Micros = 3_600_000_000;

fn ann() -> Identity {
    Identity { user: "ann".into(), host: "desk".into(), dev_mode: false }
}

fn empty() -> Connection {
    let mut connection = rusqlite::Connection::open_in_memory().expect("a database");
    migrate(&mut connection, 0).expect("tables");
    connection
}

/// Ann went from one application to another at this time, after so long in the first.
fn switch(connection: &Connection, user: &str, at_us: Micros, from: &str, duration_us: Micros, to: &str) {
    let sql = "INSERT INTO app_transitions VALUES (NULL, ?1, ?2, 'desk', 'device', 0, 0, 0, ?3, ?4, ?5, 1, 1, 1, 1, 1, 1, 1, 4)";
    connection.execute(sql, (at_us, user, from, to, duration_us / 1000)).expect("a record");
}

fn midnight_us(connection: &Connection) -> Micros {
    let sql = "SELECT unixepoch(?1, 'unixepoch', 'localtime', 'start of day', 'utc') * 1000000";
    connection.query_row(sql, [NOON_US / 1_000_000], |row| row.get(0)).expect("a time")
}

#[test]
fn what_is_usual_is_known_from_eight_values_on() {
    assert_eq!(bounds(&[1.0; 7]), None);
    let values: Vec<f32> = (0..=10).rev().map(|i| i as f32).collect();
    let usual = bounds(&values).expect("bounds");
    assert_eq!(usual, Quantiles { low: 1.0, median: 5.0, high: 9.0 });
    let at = |value| Measured { name: "speed_mean", unit: "", value, usual: Some(usual) }.is_unusual();
    assert_eq!([Some(0.5), Some(1.0), Some(9.0), Some(9.5), None].map(at), [true, false, false, true, false]);
}

#[test]
fn the_application_that_has_the_focus_now_has_its_share_of_today_and_yesterday_counts_for_none() {
    let connection = empty();
    assert_eq!(application(&connection, &ann(), NOON_US).expect("an answer"), None);
    let midnight_us = midnight_us(&connection);
    let now_us = midnight_us + 4 * HOUR_US;
    switch(&connection, "ann", midnight_us + HOUR_US, "code", 9 * HOUR_US, "firefox");
    switch(&connection, "bob", midnight_us + 2 * HOUR_US, "game", HOUR_US, "chess");
    let focus = application(&connection, &ann(), now_us).expect("an answer").expect("a focus");
    let (since_us, open_us) = (midnight_us + HOUR_US, 3 * HOUR_US);
    assert_eq!(focus, Focus { name: "firefox".into(), own_us: 0, all_us: HOUR_US, since_us, open_us });
    // Of an agent that has run since before, of one that was started later, and of none.
    let shares = [Some(midnight_us), Some(now_us), None].map(|since_us| focus.share(since_us));
    assert_eq!(shares, [0.75, 0.0, 0.0]);
    // It had the focus over midnight.
    let connection = empty();
    switch(&connection, "ann", midnight_us - HOUR_US, "code", HOUR_US, "firefox");
    let focus = application(&connection, &ann(), now_us).expect("an answer").expect("a focus");
    assert_eq!((focus.open_us, focus.share(Some(0))), (4 * HOUR_US, 1.0));
}

#[test]
fn records_of_others_are_not_shown_but_named_where_there_are_no_own() {
    let connection = empty();
    let history = |whose: &Identity| History::read(&connection, &Week::default(), whose, NOON_US).expect("a history");
    assert_eq!(history(&ann()).others, None);
    switch(&connection, "bob", NOON_US - HOUR_US, "game", HOUR_US, "chess");
    let others = history(&ann()).others.expect("bob");
    assert_eq!(others, "there is no record of ann on desk, but of bob on desk (origin device)");
    assert_eq!(history(&ann()).application, None);
}
