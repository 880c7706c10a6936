//! Queries and a training, on the agent's database and on files that it exported; and the document's commands.

use crate::program::*;
use crate::support::agent::Home;
use crate::support::servers::Redis;
use crate::support::sums::{assert_same_sum, sums_by_sql};
use crate::support::typists::{self, Person, Stroke};
use rusqlite::Connection;
use seclyzer::event::{Stamped, json};
use seclyzer::record::Kind;
use std::path::Path;
use std::process::Command;

const START_US: i64 = 1_790_000_000_000_000;

/// A database with records of all kinds, and the same as Parquet in the home's folder.
fn home_with_export() -> Home {
    let home = home_without_servers();
    replay(&home, &golden("desk.jsonl"), "ann");
    let connection = Connection::open(home.database()).expect("a database");
    let scores = "INSERT INTO scores SELECT id + 1000, window_end, user, host, origin, 0, 0, stored, schema, 'owner',
        nullif(id % 3 * 25, 0), 100 * id, 50, 2 FROM keystroke_features; UPDATE sequence SET last_id = 2000;";
    connection.execute_batch(scores).expect("records");
    let output = home.run(&["export", "--format", "parquet", "--origin", "trace"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    home
}

#[test]
fn duckdb_adds_up_the_same_over_the_database_over_parquet_and_by_sql() {
    let home = home_with_export();
    let database = home.database().display().to_string();
    // The agent may write meanwhile.
    let writer = Connection::open(home.database()).expect("a database");
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM mouse_features;").expect("a transaction");
    for source in [database.as_str(), "."] {
        let sums: Vec<_> = Kind::ALL.into_iter().flat_map(|kind| sums_by_sql(&home, kind)).collect();
        let of_kind = |kind: Kind| {
            let sums = sums_by_sql(&home, kind);
            let wanted = sums.iter().map(|(name, ..)| format!("count({name}), coalesce(sum({name}), 0)"));
            format!("(SELECT {} FROM {})", wanted.collect::<Vec<_>>().join(", "), kind.name())
        };
        let sql = format!("SELECT * FROM {}", Kind::ALL.map(of_kind).join(", "));
        let csv = answer(&home, "query.py", &[source, "--csv", "--sql", &sql]);
        let row = csv.lines().next_back().expect("a row");
        let numbers: Vec<f64> = row.split(',').map(|number| number.parse().expect("a number")).collect();
        assert_eq!(numbers.len(), 2 * sums.len());
        for ((name, count, sum), found) in sums.iter().zip(numbers.chunks(2)) {
            assert_same_sum(&format!("{source}: {name}"), (found[0], found[1]), (*count, *sum));
        }
    }
    let by_day = [database.as_str(), "."].map(|source| answer(&home, "query.py", &[source]));
    assert_eq!(by_day[0], by_day[1]);
    assert!(by_day[0].contains("dwell_ms"), "{}", by_day[0]);
}

#[test]
fn a_query_fetches_nothing_and_what_cannot_be_read_is_named() {
    let home = home_with_export();
    let database = home.database().display().to_string();
    std::fs::create_dir(home.path().join("empty")).expect("a folder");
    let attach = format!("ATTACH '{database}' AS agent (TYPE sqlite)");
    let refused = [
        (vec![&*database, "--sql", &attach], "sqlite_scanner"),
        (vec![&*database, "--sql", "SELECT nothing FROM keystroke"], "nothing"),
        (vec!["nowhere.db"], "nowhere.db: unable to open"),
        (vec!["config.toml"], "config.toml: file is not a database"),
        (vec!["empty"], "empty: contains no seclyzer-KIND.parquet"),
    ];
    for (arguments, reason) in refused {
        let output = run(&home, "query.py", &arguments);
        let error = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(error.contains(reason) && !error.contains("Traceback"), "{error}");
    }
}

/// Two sittings of a person with an hour in between.
fn two_sittings(seed: u64, tempo_ms: f64, dwell_ms: f64) -> [Vec<Stroke>; 2] {
    let mut person = Person::new(seed, tempo_ms, dwell_ms, START_US);
    let early = person.type_lines(120, "word");
    person.pause(START_US + 7_200_000_000 - person.now_us());
    [early, person.type_lines(70, "word")]
}

/// Exports what they typed, each person's sittings as this user's.
fn home_with_typists(people: &[(&str, [&[Stroke]; 2])]) -> Home {
    let home = home_without_servers();
    for (user, sittings) in people {
        let line = |event: &Stamped| json::to_json(event).expect("an event").to_string() + "\n";
        let trace: String =
            sittings.iter().flat_map(|strokes| typists::events(strokes)).map(|event| line(&event)).collect();
        let path = home.path().join("trace.jsonl");
        std::fs::write(&path, trace).expect("a trace");
        replay(&home, &path, user);
    }
    // What is degraded must not be learnt.
    let connection = Connection::open(home.database()).expect("a database");
    let sql = "UPDATE keystroke_features SET degraded = 1, dwell_mean = 1e9 * (id % 7) WHERE id % 10 = 0";
    connection.execute(sql, []).expect("records");
    let output = home.run(&["export", "--format", "parquet", "--kind", "keystroke", "--origin", "trace"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    home
}

/// The percentages that stand behind this word, in the order of the lines.
fn percent(shown: &str, word: &str) -> Vec<f64> {
    let lines = shown.lines().filter_map(|line| line.trim().strip_prefix(word));
    lines.map(|rest| rest.split('%').next().and_then(|n| n.trim().parse().ok()).expect("a percentage")).collect()
}

fn three_typists() -> Home {
    let [ann, bea, cid] = [two_sittings(1, 120.0, 90.0), two_sittings(2, 145.0, 105.0), two_sittings(3, 130.0, 75.0)];
    home_with_typists(&[("ann", [&ann[0], &ann[1]]), ("bea", [&bea[0], &bea[1]]), ("cid", [&cid[0], &cid[1]])])
}

#[test]
fn a_model_tells_simulated_typists_apart_that_it_has_learnt_and_less_well_one_whom_it_has_not() {
    let home = three_typists();
    let shown = answer(&home, "train.py", &["seclyzer-keystroke.parquet"]);
    let degraded = home.query("SELECT count(*) FROM keystroke_features WHERE degraded");
    assert!(shown.contains(&format!(" records, {} degraded;", degraded[0])), "{shown}");
    let (accuracy, equal_error) = (percent(&shown, "accuracy"), percent(&shown, "equal error rate"));
    assert!(accuracy[0] >= 90.0 && equal_error[0] <= 10.0, "{shown}");
    assert!(accuracy[1] < accuracy[0] && equal_error[1] > equal_error[0], "{shown}");

    // Other processors may compute a percentage a little otherwise.
    let without_percentages = |text: &str| {
        let lines = text.lines().map(|line| match line.split_once('%') {
            Some((before, after)) => before.trim_end_matches(|c: char| !c.is_alphabetic()).to_owned() + after,
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let quoted = page();
    let quoted = quoted.split("```\n").find(|block| block.contains(" not degraded and with values")).expect("a block");
    assert_eq!(without_percentages(quoted), without_percentages(&shown));
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/consumers.md")).expect("the document")
}

#[tokio::test]
async fn every_command_of_the_document_works() {
    let redis = Redis::start(&[]).await;
    let home = three_typists();
    for name in ["bea.parquet", "cid.parquet"] {
        std::fs::copy(home.path().join("seclyzer-keystroke.parquet"), home.path().join(name)).expect("a file");
    }
    std::fs::remove_file(home.path().join("seclyzer-keystroke.parquet")).expect("a file");
    std::os::unix::fs::symlink(root().join("examples"), home.path().join("examples")).expect("a link");
    std::fs::create_dir_all(home.path().join(".local/share")).expect("a folder");
    std::os::unix::fs::symlink(home.path().join("data"), home.path().join(".local/share/seclyzer")).expect("a link");
    let agent = Path::new(env!("CARGO_BIN_EXE_seclyzer")).parent().expect("a folder");
    let path = format!("{}:{}:/usr/bin:/bin", python().display(), agent.display());
    let page = page();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("a first part"));
    let commands: Vec<_> = blocks.filter(|block| !block.contains("venv")).flat_map(str::lines).collect();
    assert!(commands.len() >= 7, "{commands:?}");
    for line in commands {
        let mut command = Command::new("sh");
        // The people of the tests are a trace's, and of one day.
        let line = line.replace("--origin device", "--origin trace").replace("--since 30d", "--since 2026-01-01");
        command.args(["-c", &format!("exec {line}")]);
        command.env("HOME", home.path()).env("PATH", &path).env("REDIS_URL", redis.url());
        let program = Consumer::run(&home, command);
        if line.contains("subscribe.py") {
            has_subscribed(&redis).await;
            program.end_by(libc::SIGINT).await;
        } else if line.contains("count_stream.py") {
            has_joined(&redis).await;
            program.end_by(libc::SIGINT).await;
        } else {
            program.end().await;
        }
    }
}

#[test]
fn what_is_judged_is_later_than_what_is_learnt() {
    let (one, other) = (two_sittings(1, 120.0, 90.0), two_sittings(2, 145.0, 105.0));
    // Each becomes the other in the second sitting: at random half of it would be learnt as it is judged.
    let home = home_with_typists(&[("ann", [&one[0], &other[1]]), ("bea", [&other[0], &one[1]])]);
    let shown = answer(&home, "train.py", &["seclyzer-keystroke.parquet"]);
    assert!(percent(&shown, "accuracy")[0] < 15.0, "{shown}");
    assert!(!shown.contains("does not know"), "{shown}");
}

#[test]
fn too_few_people_or_windows_are_named() {
    let ann = two_sittings(1, 120.0, 90.0);
    let home = home_with_typists(&[("ann", [&ann[0], &ann[1]])]);
    let alone = run(&home, "train.py", &["seclyzer-keystroke.parquet"]);
    assert_eq!(
        String::from_utf8_lossy(&alone.stderr),
        "windows of two people are needed, by the column user; here are those of 1\n"
    );
    let home = home_with_typists(&[("ann", [&ann[0], &ann[1]]), ("bea", [&ann[0][..600], &[]])]);
    let few = run(&home, "train.py", &["seclyzer-keystroke.parquet"]);
    assert_eq!(String::from_utf8_lossy(&few.stderr), "bea: at least 20 and 5 are needed; let bea type for longer\n");
    let missing = run(&home, "train.py", &["nowhere.parquet"]);
    assert_eq!(String::from_utf8_lossy(&missing.stderr).lines().count(), 1);
}
