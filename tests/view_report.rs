//! `seclyzer report`: one page that needs nothing else, with a table for each picture.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::agent::Home;
use support::month;

const NOW_US: u64 = 1_790_000_000_000_000;
const SPAN: [&str; 4] = ["--since", "2026-08-20", "--until", "2026-09-30"];
const SECTIONS: [&str; 7] = ["presence", "typing", "fingers", "mouse", "applications", "quality", "recognition"];

fn home() -> Home {
    Home::with_config("[redis]\nenabled = false\n")
}

fn month() -> Home {
    let home = home();
    month::fill(&home, 6_000, NOW_US);
    home
}

fn report(home: &Home, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = home.run(&[&["report"], arguments].concat());
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn page(home: &Home) -> String {
    let (code, page, error) = report(home, &[&SPAN[..], &["-o", "-"]].concat());
    assert_eq!((code, error.as_str()), (Some(0), ""));
    page
}

#[test]
fn a_month_is_one_small_page_in_which_each_picture_has_a_sentence_and_a_table() {
    let page = page(&month());
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    for section in SECTIONS {
        assert!(page.contains(&format!("<section id=\"{section}\"")) && page.contains(&format!("href=\"#{section}\"")));
    }
    let figures: Vec<&str> = page.split("<figure>").skip(1).collect();
    assert_eq!(figures.len(), 15);
    for figure in figures {
        let figure = figure.split("</figure>").next().expect("its end");
        assert_eq!(figure.matches("<svg ").count(), 1);
        let (caption, table) = figure.split_once("</figcaption>").expect("a caption");
        assert!(caption.rsplit("<figcaption>").next().expect("text").ends_with('.'), "{caption}");
        assert!(table.contains("<summary>") && table.contains("<tbody><tr>") && table.contains("scope=\"row\""));
    }
    assert_eq!(page.matches("role=\"img\" aria-label=").count(), 15);
    for wrong in ["NaN", "inf\"", "There is no "] {
        assert!(!page.contains(wrong), "{wrong}");
    }
}

#[test]
fn nothing_is_fetched_nothing_runs_and_names_of_applications_are_only_text() {
    let page = page(&month());
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    for address in ["http:", "https:", "url(", "@import", "src=", "<link"] {
        let own = ["http://www.w3.org/2000/svg", "url(#arrow)"].into_iter().map(|own| page.matches(own).count());
        let allowed = if ["http:", "url("].contains(&address) { own.sum() } else { 0 };
        assert!(page.matches(address).count() <= allowed, "{address}");
    }
}

#[test]
fn every_tag_is_closed_in_its_place() {
    let page = page(&month());
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let name = tag.split([' ', '>', '/', '\n']).next().expect("a name");
        let (tag, _) = tag.split_once('>').expect("its end");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed.trim()));
        } else if !tag.ends_with('/') && !["!DOCTYPE", "meta"].contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, [] as [&str; 0]);
}

#[test]
fn the_file_is_its_owner_s_alone_and_replaces_none_unless_asked_to() {
    let home = month();
    let (code, out, said) = report(&home, &SPAN);
    assert_eq!((code, out.as_str(), said.lines().count()), (Some(0), "", 1));
    assert!(said.starts_with("seclyzer-report.html: ") && said.contains(" windows") && said.contains("kB"), "{said}");
    let file = home.path().join("seclyzer-report.html");
    assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    let (code, _, error) = report(&home, &SPAN);
    assert_eq!(code, Some(73));
    assert!(error.contains("--force"), "{error}");
    assert_eq!(report(&home, &[&SPAN[..], &["--force"]].concat()).0, Some(0));
}

#[test]
fn what_there_is_no_record_of_is_named() {
    let home = home();
    assert_eq!(report(&home, &[]).0, Some(66));
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/desk.jsonl");
    home.run(&["replay", "--speed", "max", "--drain", "0", trace.to_str().expect("UTF-8")]);
    let (code, _, error) = report(&home, &SPAN);
    assert_eq!(code, Some(66));
    let day =
        &home.query("SELECT date(min(window_end) / 1000000, 'unixepoch', 'localtime') FROM keystroke_features")[0];
    for part in ["of the origin device (--origin) from 2026-08-", &format!("(origin trace, {day})")] {
        assert!(error.contains(part), "{part} is not in {error}");
    }
    let since = ["--since", "2000-01-01", "--until", "2100-01-01"];
    let (code, page, error) = report(&home, &[&since[..], &["--origin", "trace", "-o", "-"]].concat());
    assert_eq!(code, Some(0), "{error}");
    assert!(page.contains("Records of the origin trace") && page.contains("There is no score or decision"));
    assert_eq!(report(&home, &["--since", "1h", "--until", "2h"]).0, Some(64));
}

#[test]
fn a_few_minutes_are_drawn_by_the_minute_and_the_heading_has_their_date() {
    let home = home();
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo.jsonl");
    home.run(&["replay", "--speed", "max", "--drain", "0", trace.to_str().expect("UTF-8")]);
    let (code, page, error) = report(&home, &["--since", "2026-01-01", "--origin", "trace", "-o", "-"]);
    assert_eq!(code, Some(0), "{error}");
    let day =
        &home.query("SELECT date(min(window_end) / 1000000, 'unixepoch', 'localtime') FROM keystroke_features")[0];
    let heading = page.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next()).expect("a heading");
    assert!(heading.ends_with(&format!(", {day}")), "{heading}");
    let (_, speed) = page.split_once("<h3>Typing speed</h3>").expect("a picture");
    let speed = speed.split("</figure>").next().expect("its end");
    assert!(speed.contains("<th scope=\"col\">minute</th>"), "{speed}");
    assert!(speed.matches("<circle ").count() >= 4, "{speed}");
}

fn change(home: &Home, sql: &str) {
    rusqlite::Connection::open(home.database()).and_then(|c| c.execute_batch(sql)).expect("a change");
}

#[test]
fn the_records_of_other_users_and_of_other_hosts_are_left_out_and_named_where_there_are_no_others() {
    let home = Home::with_config("[redis]\nenabled = false\n[identity]\nuser = \"ann\"\nhost = \"desk\"\n");
    month::fill(&home, 6_000, NOW_US);
    let windows = |page: &str| {
        let (_, rest) = page.split_once("<dt>Windows recorded</dt><dd>").expect("a number");
        rest.split('<').next().expect("its end").parse::<u32>().expect("a number")
    };
    let all = windows(&page(&home));
    change(
        &home,
        "UPDATE keystroke_features SET user = 'bob' WHERE id % 2;
                   UPDATE mouse_features SET host = 'laptop' WHERE id % 2;
                   UPDATE app_transitions SET from_app = 'of-bob', user = 'bob' WHERE id % 2;",
    );
    let own = page(&home);
    assert!(windows(&own).abs_diff(all / 2) < 3, "{} of {all}", windows(&own));
    assert!(!own.contains("of-bob"));
    change(&home, "UPDATE keystroke_features SET user = 'bob'; UPDATE mouse_features SET user = 'bob';
                   UPDATE app_transitions SET user = 'bob'; UPDATE scores SET user = 'bob'; UPDATE decisions SET user = 'bob';");
    let (code, _, error) = report(&home, &SPAN);
    assert_eq!(code, Some(66));
    for part in
        ["no record of ann on desk (user and host under [identity])", "bob on desk (origin device, 20", "bob on laptop"]
    {
        assert!(error.contains(part), "{part} is not in {error}");
    }
}

#[test]
fn a_record_of_a_wrong_clock_changes_no_page_and_makes_none_endless() {
    let home = month();
    let since = ["--since", "2026-08-20", "-o", "-"];
    let (code, before, error) = report(&home, &since);
    assert_eq!(code, Some(0), "{error}");
    for (years, end_us) in [("11", 2_100_000_000_000_000_i64), ("thousands", 253_000_000_000_000_000), ("no", i64::MAX)]
    {
        change(
            &home,
            &format!("UPDATE mouse_features SET window_end = {end_us} WHERE id = (SELECT max(id) FROM mouse_features)"),
        );
        let (code, after, error) = report(&home, &since);
        assert_eq!(code, Some(0), "{years}: {error}");
        assert!(after.len().abs_diff(before.len()) < 2_000, "{years}: {} bytes", after.len());
    }
    let sql =
        "UPDATE mouse_features SET window_end = 253000000000000000 WHERE id = (SELECT max(id) FROM mouse_features)";
    change(&home, sql);
    let (code, _, error) = report(&home, &[&since[..], &["--until", "9999-12-01"]].concat());
    assert_eq!(code, Some(64));
    assert!(error.contains("to 9987-") && error.contains("--until"), "{error}");
}

#[test]
fn values_beyond_all_measure_are_left_out() {
    let home = month();
    for value in ["9e999", "-9e999", "1e300", "3e38", "-3e38"] {
        change(
            &home,
            &format!(
            "UPDATE keystroke_features SET dwell_median = {value}, flight_median = {value}, typing_speed_wpm = {value},
                 digraph_li_ri = {value}, dwell_li = {value} WHERE id % 5 = 0;
             UPDATE mouse_features SET speed_mean = {value} WHERE id % 5 = 0;"
        ),
        );
        let page = page(&home);
        assert!(!page.contains("NaN") && !page.contains("inf\"") && !page.contains("inf "), "{value}");
    }
}

#[test]
fn a_window_that_is_without_values_and_degraded_counts_once_and_gaps_of_a_day_are_counted() {
    let home = month();
    change(
        &home,
        "UPDATE keystroke_features SET degraded = 1, dwell_median = NULL, total_keys = 0;
                   UPDATE mouse_features SET degraded = 0, speed_mean = NULL WHERE id % 2;",
    );
    let page = page(&home);
    let (_, quality) = page.split_once("<section id=\"quality\"").expect("a section");
    let text = quality.split("<figure>").next().expect("its text");
    let numbers = |of: &str| -> Vec<u32> {
        let before = text.split(of).next().expect("text").rsplit("<p>").next().expect("a sentence");
        before.split(' ').filter_map(|word| word.parse().ok()).collect()
    };
    let typing = numbers(" windows of typing have no values");
    assert_eq!(typing[0], typing[1]);
    assert!(text.contains(&format!("in {} of them fewer than five", typing[0])), "{text}");
    assert!(text.contains("windows of the mouse are without motion"), "{text}");
    assert!(text.contains("gaps of more than 5 minutes") && text.contains("lines"), "{text}");
}

/// Of the page.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let (_, section) = page.split_once(&format!("<section id=\"{id}\"")).expect("a section");
    section.split("</section>").next().expect("its end")
}

/// Of the figure with this heading: its picture, and what is below it.
fn figure<'a>(page: &'a str, heading: &str) -> (&'a str, &'a str) {
    let (_, figure) = page.split_once(&format!("<h3>{heading}</h3><figure>")).expect("a figure");
    let figure = figure.split("</figure>").next().expect("its end");
    figure.split_once("<figcaption>").expect("a caption")
}

/// Rows of the table's body, as texts.
fn rows(table: &str) -> Vec<Vec<String>> {
    let (_, body) = table.split_once("<tbody>").expect("a table");
    let text = |cell: &str| cell.split_once('>').and_then(|(_, rest)| rest.split('<').next()).unwrap_or("").to_owned();
    let cells = |row: &str| row.split("<t").filter(|cell| cell.starts_with(['h', 'd'])).map(text).collect();
    body.split("<tr>").skip(1).map(cells).collect()
}

#[test]
fn of_focus_only_stretches_that_another_application_followed_are_counted_and_no_share_claims_more() {
    let home = month();
    // The editor had the focus for eight hours, and nothing after it: only the browser's minute has a record.
    change(
        &home,
        "DELETE FROM app_transitions WHERE id <> (SELECT min(id) FROM app_transitions);
         UPDATE app_transitions SET from_app = 'browser', to_app = 'editor', duration_ms = 60000;",
    );
    let page = page(&home);
    let (_, below) = figure(&page, "Time in focus before another application");
    assert!(below.contains("A stretch that ended otherwise has no record and is not counted"), "{below}");
    assert_eq!(rows(below), [["browser", "1 min"]]);
    assert!(!section(&page, "applications").contains('%'));
}

#[test]
fn a_short_alarm_in_a_long_day_is_seen_in_the_trust_of_that_day() {
    let home = month();
    change(
        &home,
        "UPDATE scores SET trust = 100;
         UPDATE scores SET trust = 0, state = 'stranger' WHERE id = (SELECT id FROM scores ORDER BY window_end LIMIT 1 OFFSET 30);",
    );
    let page = page(&home);
    let (drawn, below) = figure(&page, "Trust");
    assert!(below.contains("<th scope=\"col\">scores</th>") && below.contains("lowest"), "{below}");
    let rows = rows(below);
    assert_eq!(rows.iter().filter(|row| row[1] == "0").count(), 1, "{rows:?}");
    assert_eq!(rows[0][1..3], ["0", "100"]);
    assert!(rows[0][3].parse::<u32>().expect("a number") > 50, "{rows:?}");
    // The first day's point is at the bottom of the picture, the others are at the top.
    let heights = drawn.split("<circle ").skip(1).filter_map(|point| point.split("cy=\"").nth(1)?.split('"').next());
    let heights: Vec<u32> = heights.map(|height| height.parse().expect("a number")).collect();
    assert!(heights[1..].iter().all(|height| height + 100 < heights[0]), "{heights:?}");
}

#[test]
fn a_lock_is_counted_with_its_alarm_though_it_is_of_the_next_day() {
    let home = month();
    // Two alarms: the first reaches the lock on the next day, the second none.
    change(
        &home,
        "CREATE TABLE ends AS SELECT row_number() OVER (ORDER BY window_end) AS i, * FROM decisions WHERE reason = 'evidence';
         DELETE FROM decisions;
         INSERT INTO decisions SELECT id, window_end, user, host, origin, 0, 0, stored, schema, 'doubtful', 'stranger',
             'evidence', 'keys' FROM ends WHERE i = 1;
         INSERT INTO decisions SELECT id + 1, window_end + 86400000000, user, host, origin, 0, 0, stored, schema,
             'stranger', 'stranger', 'lock', 'keys' FROM ends WHERE i = 1;
         INSERT INTO decisions SELECT id + 2, window_end + 90000000000, user, host, origin, 0, 0, stored, schema,
             'doubtful', 'stranger', 'evidence', 'keys' FROM ends WHERE i = 1;
         DROP TABLE ends;",
    );
    let page = page(&home);
    let alarms: Vec<[u32; 2]> = rows(figure(&page, "Alarms").1)
        .iter()
        .map(|row| [1, 2].map(|i| row[i].parse().expect("a number")))
        .filter(|slot| *slot != [0, 0])
        .collect();
    assert_eq!(alarms, [[1, 1], [1, 0]]);
    assert!(section(&page, "recognition").contains("There were 2 alarms. In 1 of them"));
}

#[test]
fn a_file_of_another_program_is_named_as_such() {
    let home = month();
    change(&home, "PRAGMA application_id = 7");
    let (code, _, error) = report(&home, &SPAN);
    assert_eq!(code, Some(78));
    assert!(error.contains("seclyzer.db: a database of another program"), "{error}");
    std::fs::write(home.database(), "no database at all, but a text").expect("a file");
    let (code, _, error) = report(&home, &SPAN);
    assert_eq!(code, Some(69));
    assert!(error.contains("seclyzer.db") && error.contains("not a database"), "{error}");
}
