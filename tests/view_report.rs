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
    for part in [
        "of the origin device (--origin) from 2026-08-20 00:00 to 2026-09-30 00:00 (--since, --until)",
        &format!("(origin trace, {day})"),
    ] {
        assert!(error.contains(part), "{part} is not in {error}");
    }
    let since = ["--since", "2000-01-01", "--until", "2100-01-01"];
    let (code, page, error) = report(&home, &[&since[..], &["--origin", "trace", "-o", "-"]].concat());
    assert_eq!(code, Some(0), "{error}");
    assert!(page.contains("Records of the origin trace") && page.contains("There is no score or decision"));
}

#[test]
fn a_span_that_ends_before_it_begins_is_refused_with_the_names_of_its_ends() {
    let home = home();
    let seven = "--since (by default seven days ago) is later than --until";
    for (arguments, named) in [
        (["--since", "1h", "--until", "2h"].as_slice(), seven),
        (&["--until", "2020-01-01"], seven),
        (&["--since", "2127-06-01"], "is later than now"),
    ] {
        let (code, _, error) = report(&home, arguments);
        assert_eq!(code, Some(64));
        assert!(error.contains(named), "{named} is not in {error}");
        assert!(arguments.contains(&"--until") || !error.contains("than --until"), "{error}");
    }
}

#[test]
fn a_page_goes_into_a_pipe_that_is_there_and_into_no_folder() {
    let home = month();
    let report_of = home.command(&[&["report", "--force"], &SPAN[..]].concat());
    let mut command = std::process::Command::new("bash");
    command
        .args(["-c", "\"$0\" \"$@\" -o >(cat > page.html) && wait $!"])
        .arg(report_of.get_program())
        .args(report_of.get_args());
    let environment = report_of.get_envs().filter_map(|(name, value)| Some((name, value?)));
    command.env_clear().envs(environment).current_dir(home.path());
    let output = command.output().expect("bash");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(home.path().join("page.html")).expect("a page");
    assert!(page.ends_with("</html>"));
    let (code, _, error) = report(&home, &[&SPAN[..], &["-o", "."]].concat());
    assert_eq!(code, Some(73));
    assert!(error.contains("is a folder; name a file in it"), "{error}");
    assert_eq!(report(&home, &[&SPAN[..], &["--open", "-o", "/dev/null"]].concat()).0, Some(64));
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

/// The highest number of a picture's axis.
fn highest(page: &str, heading: &str) -> f64 {
    let (drawn, _) = figure(page, heading);
    let texts = drawn.split("</text>").filter_map(|text| text.rsplit('>').next()?.trim().parse::<f64>().ok());
    texts.map(f64::abs).fold(0.0, f64::max)
}

#[test]
fn values_beyond_all_measure_are_left_out() {
    let home = month();
    let before = page(&home);
    for value in ["9e999", "-9e999", "1e300", "3e38", "-3e38", "1e8"] {
        change(
            &home,
            &format!(
            "UPDATE keystroke_features SET dwell_median = {value}, flight_median = {value}, typing_speed_wpm = {value},
                 rhythm_consistency = {value}, digraph_li_ri = {value}, dwell_li = {value} WHERE id % 5 = 0;
             UPDATE mouse_features SET speed_mean = {value}, path_efficiency_mean = {value}, stroke_length_mean = {value}
                 WHERE id % 5 = 0;"
        ),
        );
        let page = page(&home);
        assert!(!page.contains("NaN") && !page.contains("inf\"") && !page.contains("inf "), "{value}");
        for heading in
            ["Typing speed", "Evenness of the rhythm", "Speed of the mouse", "Straightness", "Length of a stroke"]
        {
            let (highest, before) = (highest(&page, heading), highest(&before, heading));
            assert!(before > 0.0 && highest <= 3.0 * before, "{value}: {heading} to {highest} and not {before}");
        }
        let (_, zones) = figure(&page, "Time from zone to zone");
        assert!(rows(zones).iter().flatten().all(|cell| cell.len() < 16), "{value}: {zones}");
    }
    change(
        &home,
        "UPDATE scores SET trust = 9000000000000000000 WHERE id % 5 = 0;
         UPDATE keystroke_features SET total_keys = 9000000000000000000 WHERE id % 5 = 0;
         UPDATE keystroke_features SET total_keys = -1, dwell_median = NULL WHERE id % 7 = 0;",
    );
    assert_eq!(highest(&page(&home), "Trust"), 100.0);
}

#[test]
fn times_and_names_of_applications_that_another_program_wrote_refuse_no_page() {
    let home = month();
    change(
        &home,
        "UPDATE app_transitions SET duration_ms = 9000000000000000000 WHERE id % 5 = 0;
         UPDATE app_transitions SET duration_ms = -9000000000000000000 WHERE id % 5 = 1;
         UPDATE app_transitions SET to_app = from_app WHERE id % 5 = 2;
         UPDATE app_transitions SET from_app = hex(zeroblob(2000000)), to_app = hex(zeroblob(2000000)) || 'x'
             WHERE id IN (SELECT id FROM app_transitions ORDER BY id LIMIT 3);
         UPDATE keystroke_features SET strokes = hex(zeroblob(2000000)), dwell_median = NULL
             WHERE id = (SELECT min(id) FROM keystroke_features);
         UPDATE decisions SET reason = hex(zeroblob(2000000)) WHERE id = (SELECT max(id) FROM decisions);",
    );
    let page = page(&home);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    assert!(!page.contains("NaN"));
    let hours = rows(figure(&page, "Time in focus before another application").1);
    assert!(hours.len() > 1 && hours.iter().all(|row| row[1].len() < 16), "{hours:?}");
}

#[test]
fn a_window_that_is_without_values_and_degraded_counts_once_and_gaps_of_a_day_are_counted() {
    let home = month();
    // Of a day's windows of typing every third is without values, half of these in which none counted, and every second is
    // degraded; of those of the mouse every fourth is without motion.
    change(
        &home,
        "UPDATE keystroke_features SET dwell_median = 100, total_keys = 50, degraded = 0;
         UPDATE mouse_features SET speed_mean = 100, degraded = 0;
         UPDATE keystroke_features SET dwell_median = NULL, total_keys = iif(id % 6, 20, 0) WHERE id % 3 = 0;
         UPDATE keystroke_features SET degraded = 1 WHERE id % 2 = 0;
         UPDATE mouse_features SET speed_mean = NULL WHERE id % 4 = 0;",
    );
    let count = |sql: &str| home.query(sql)[0].parse::<u32>().expect("a number");
    let typing = |condition: &str| count(&format!("SELECT count(*) FROM keystroke_features WHERE {condition}"));
    let still = count("SELECT count(*) FROM mouse_features WHERE speed_mean IS NULL");
    let moved = count("SELECT count(*) FROM mouse_features WHERE speed_mean IS NOT NULL");
    let (all, without, degraded) = (typing("1"), typing("id % 3 = 0"), typing("id % 2 = 0"));
    let flawed = typing("id % 3 = 0 OR id % 2 = 0");
    assert!(flawed < without + degraded && without < all && still > 0);
    let page = page(&home);
    let text = section(&page, "quality").split("<figure>").next().expect("its text");
    for part in [
        format!("{without} of {all} windows of typing have no values"),
        format!("in {} of them fewer than five", typing("id % 6 = 0")),
        format!("{still} of {} windows of the mouse are without motion", still + moved),
        format!("{degraded} windows are degraded"),
    ] {
        assert!(text.contains(&part), "{part} is not in {text}");
    }
    let (_, below) = figure(&page, "Windows with and without values");
    let sum = |column: usize| rows(below).iter().map(|row| row[column].parse::<u32>().expect("a number")).sum::<u32>();
    assert_eq!([1, 2, 3, 4, 5, 6].map(sum), [all, without, still + moved, still, degraded, flawed + still]);
    let gaps = || {
        count(
            "SELECT count(*) FROM (SELECT window_end, lag(window_end) OVER (ORDER BY window_end) AS before FROM
                 (SELECT window_end FROM keystroke_features UNION SELECT window_end FROM mouse_features))
             WHERE window_end - before > 300000000
             AND date(window_end / 1000000, 'unixepoch', 'localtime') = date(before / 1000000, 'unixepoch', 'localtime')",
        )
    };
    assert_eq!(sum(7), gaps());
    change(
        &home,
        "DELETE FROM keystroke_features WHERE id IN (SELECT id FROM keystroke_features ORDER BY window_end LIMIT 9 OFFSET 20);
         DELETE FROM mouse_features WHERE window_end / 86400000000 = (SELECT min(window_end) / 86400000000 FROM mouse_features);",
    );
    let gaps = gaps();
    assert!(gaps > 0);
    let page = self::page(&home);
    assert!(section(&page, "quality").contains(&format!("there are {gaps} gaps of more than 5 minutes")));
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
fn what_a_picture_shows_is_what_its_table_contains() {
    let page = page(&month());
    let values = |rows: &[Vec<String>], columns: std::ops::Range<usize>| {
        let cells = rows.iter().flat_map(|row| &row[columns.clone()]);
        cells.filter(|cell| *cell != "–").count()
    };
    let (drawn, below) = figure(&page, "Hours at the machine");
    let hours = rows(below);
    assert!(hours.iter().all(|row| row.len() == 26) && below.contains("<th scope=\"col\">23:00</th>"));
    assert_eq!(drawn.matches("class=\"use\"").count(), values(&hours, 2..26));
    assert_eq!(drawn.matches("class=\"idle\"").count() + values(&hours, 2..26), 24 * hours.len());
    for heading in
        ["Typing speed", "Evenness of the rhythm", "Speed of the mouse", "Straightness", "Length of a stroke", "Trust"]
    {
        let (drawn, below) = figure(&page, heading);
        assert_eq!(drawn.matches("<circle ").count(), values(&rows(below), 1..2), "{heading}");
    }
    for (heading, mark, a_row) in [
        ("How long keys are held (dwell)", "<rect ", 1),
        ("Time from key to key (flight)", "<rect ", 1),
        ("Time in focus before another application", "<rect ", 1),
        ("Which application follows which", "class=\"edge\"", 1),
        ("Windows with and without values", "<rect ", 2),
        ("Alarms", "<rect ", 2),
    ] {
        let (drawn, below) = figure(&page, heading);
        let rows = rows(below).len();
        assert!(rows > 1, "{heading}");
        assert_eq!(drawn.matches(mark).count(), a_row * rows, "{heading}");
    }
    let (drawn, below) = figure(&page, "Time from zone to zone");
    assert_eq!(drawn.matches("class=\"heat\"").count(), values(&rows(below), 1..11));
}

#[test]
fn of_many_applications_the_most_used_are_shown_and_the_others_are_one_row() {
    let home = month();
    change(
        &home,
        "UPDATE app_transitions SET from_app = 'app-' || (id % 40), to_app = 'app-' || ((id + 1) % 40), duration_ms = 60000",
    );
    let page = page(&home);
    let hours = rows(figure(&page, "Time in focus before another application").1);
    assert_eq!((hours.len(), hours[20][0].as_str()), (21, "others"));
    // Of 240 minutes 40 applications have six or seven each.
    assert!(hours[20][1] == "2 h 00 min" || hours[20][1].starts_with("1 h 5"), "{hours:?}");
    let (drawn, below) = figure(&page, "Which application follows which");
    assert!(below.contains("Of 40 applications") && drawn.matches("<ellipse ").count() <= 8, "{below}");
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
