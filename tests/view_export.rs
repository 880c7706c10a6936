//! `seclyzer export`: what is in its files is what the database contains, in three forms and for other programs.

mod support;

use seclyzer::record::Kind;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::agent::Home;
use support::sums::{assert_same_sum, sums_by_sql};

const FORMATS: [&str; 3] = ["csv", "jsonl", "parquet"];

/// A database that contains records of all kinds: a trace's, and some of recognition.
fn home_with_records() -> Home {
    let home = Home::with_config("[redis]\nenabled = false\n[influx]\nenabled = false\n");
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/desk.jsonl");
    let output = home.run(&["replay", trace.to_str().expect("UTF-8"), "--speed", "max"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let connection = rusqlite::Connection::open(home.database()).expect("a database");
    connection
        .execute_batch(
            "INSERT INTO scores SELECT id + 1000, window_end, user, host, origin, 0, 0, stored, schema, 'owner',
                 nullif(id % 3 * 25, 0), 100 * id, 50, 2 FROM keystroke_features;
             INSERT INTO decisions SELECT id + 2000, window_end, user, host, 'device', 0, 0, stored, schema, 'owner',
                 'doubtful', 'evidence', iif(id % 2, 'keys', NULL) FROM keystroke_features;
             UPDATE app_transitions SET to_app = 'a, \"b\"' || char(10) || 'c' WHERE id = (SELECT min(id) FROM app_transitions);
             UPDATE sequence SET last_id = 4000;",
        )
        .expect("records");
    home
}

/// Of every origin, unless one is named.
fn export(home: &Home, arguments: &[&str]) -> (Option<i32>, Vec<u8>, String) {
    let origin: &[&str] = if arguments.contains(&"--origin") { &[] } else { &["--origin", "all"] };
    let output = home.run(&[&["export"], arguments, origin].concat());
    (output.status.code(), output.stdout, String::from_utf8(output.stderr).expect("UTF-8"))
}

fn lines(home: &Home, arguments: &[&str]) -> Vec<Value> {
    let (code, out, error) = export(home, &[&["--format", "jsonl", "-o", "-"], arguments].concat());
    assert_eq!(code, Some(0), "{error}");
    String::from_utf8(out).expect("UTF-8").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn file(home: &Home, kind: Kind, format: &str) -> PathBuf {
    home.path().join(format!("seclyzer-{}.{format}", kind.name()))
}

#[test]
fn all_kinds_are_written_each_to_a_file_of_its_own_that_is_its_owner_s_alone() {
    let home = home_with_records();
    for format in FORMATS {
        let (code, out, error) = export(&home, &["--format", format]);
        assert_eq!((code, out.as_slice()), (Some(0), b"".as_slice()));
        for (kind, line) in Kind::ALL.into_iter().zip(error.lines()) {
            let count = &home.query(&format!("SELECT count(*) FROM {}", kind.table()))[0];
            let begin = format!("./seclyzer-{}.{format}: {count} {} record", kind.name(), kind.name());
            assert!(line.starts_with(&begin) && line.contains("Z to 20") && line.contains("kB"), "{line}");
            let metadata = file(&home, kind, format).metadata().expect("a file");
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
            assert!(metadata.len() > 0);
        }
    }
    let parts = std::fs::read_dir(home.path())
        .expect("a folder")
        .filter(|entry| entry.as_ref().expect("an entry").file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(parts.count(), 0);
}

#[test]
fn json_lines_are_the_very_text_of_a_record() {
    let home = home_with_records();
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/desk.jsonl");
    let replayed = home.run(&["replay", trace.to_str().expect("UTF-8"), "--speed", "max", "--stdout"]).stdout;
    let replayed = String::from_utf8(replayed).expect("UTF-8");
    for kind in [Kind::Keystroke, Kind::Mouse] {
        let mark = format!("{{\"type\":\"{}\"", kind.name());
        let expected: Vec<&str> = replayed.lines().filter(|line| line.starts_with(&mark)).collect();
        let (_, out, _) = export(&home, &["--format", "jsonl", "--kind", kind.name(), "-o", "-"]);
        assert_eq!(String::from_utf8(out).expect("UTF-8").lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_span_and_an_origin_select_and_the_order_is_that_of_time() {
    let home = home_with_records();
    let ends: Vec<i64> =
        lines(&home, &["--kind", "keystroke"]).iter().map(|row| row["window_end"].as_i64().expect("µs")).collect();
    assert!(ends.len() > 4 && ends.is_sorted());
    let at = |us: i64| seclyzer::record::json::iso8601(us);
    let (since, until) = (at(ends[1]), at(ends[3]));
    let some = lines(&home, &["--kind", "keystroke", "--since", &since, "--until", &until]);
    assert_eq!(some.iter().map(|row| row["window_end"].as_i64().expect("µs")).collect::<Vec<_>>(), ends[1..=3]);
    assert_eq!(lines(&home, &["--kind", "decision", "--origin", "device"]).len(), ends.len());
    let (code, _, error) = export(&home, &["--format", "csv", "--since", "1h", "--until", "2h"]);
    assert_eq!(code, Some(64), "{error}");
}

#[test]
fn without_an_origin_the_records_of_the_devices_are_written_and_no_trace_s() {
    let home = home_with_records();
    let output = home.run(&["export", "--format", "jsonl", "--kind", "decision", "-o", "-"]);
    assert_eq!(output.stdout, export(&home, &["--format", "jsonl", "--kind", "decision", "-o", "-"]).1);
    let keystrokes = home.run(&["export", "--format", "jsonl", "--kind", "keystroke", "-o", "-"]);
    assert_eq!((keystrokes.status.code(), keystrokes.stdout.as_slice()), (Some(66), b"".as_slice()));
}

#[test]
fn where_there_is_no_such_record_the_origins_and_the_days_of_all_are_named_and_no_file_is_made() {
    let home = home_with_records();
    let day =
        &home.query("SELECT date(min(window_end) / 1000000, 'unixepoch', 'localtime') FROM keystroke_features")[0];
    for (arguments, asked) in [
        (["--kind", "keystroke", "--origin", "device"], "keystroke (--kind), of the origin device (--origin)"),
        (["--since", "1h", "--origin", "all"], "any kind, of any origin since 20"),
    ] {
        let (code, _, error) = export(&home, &[&["--format", "csv"], &arguments[..]].concat());
        assert_eq!(code, Some(66), "{error}");
        for part in [asked, "(origin trace, ", "(origin device, ", day] {
            assert!(error.contains(part), "{part} is not in {error}");
        }
    }
    assert!(!file(&home, Kind::Keystroke, "csv").exists());
}

#[test]
fn a_file_that_exists_is_kept_unless_it_is_to_be_replaced() {
    let home = home_with_records();
    let path = home.path().join("typing.csv");
    std::fs::write(&path, "mine").expect("a file");
    let arguments = ["--format", "csv", "--kind", "keystroke", "-o", path.to_str().expect("UTF-8")];
    let (code, _, error) = export(&home, &arguments);
    assert_eq!(code, Some(73));
    assert!(error.contains("typing.csv: exists already; name another file, or use --force"), "{error}");
    assert_eq!(std::fs::read(&path).expect("a file"), b"mine");
    // A kind that is named twice is one file.
    let (code, _, error) = export(&home, &[&arguments[..], &["--force", "--kind", "keystroke"]].concat());
    assert_eq!(code, Some(0), "{error}");
    assert!(std::fs::read_to_string(&path).expect("a file").starts_with("type,schema,user,host,origin,timestamp,"));
}

#[test]
fn what_cannot_be_is_refused_with_what_would_be_right() {
    let home = Home::with_config("");
    let (code, _, error) = export(&home, &["--format", "csv"]);
    assert_eq!(code, Some(66), "{error}");
    let home = home_with_records();
    let (code, _, error) = export(&home, &["--format", "csv", "-o", "-"]);
    assert_eq!(code, Some(64));
    assert!(error.contains("one kind with --kind"), "{error}");
    let (code, _, error) = export(&home, &["--format", "csv", "-o", "nowhere/x.csv", "--kind", "app"]);
    assert_eq!(code, Some(73));
    assert!(error.contains("nowhere/x.csv"), "{error}");
    rusqlite::Connection::open(home.database()).and_then(|c| c.pragma_update(None, "user_version", 3)).expect("set");
    let (code, _, error) = export(&home, &["--format", "csv"]);
    assert_eq!(code, Some(69));
    assert!(error.contains("start the agent once"), "{error}");
}

#[test]
fn a_disk_that_is_full_is_reported_and_leaves_no_file_behind() {
    let home = home_with_records();
    // More than SQLite needs for its index of the log, and less than the records.
    const LIMIT_BYTES: u64 = 36_000;
    let mut command =
        home.cramped_command(&["export", "--format", "jsonl", "--kind", "keystroke", "--origin", "trace"], LIMIT_BYTES);
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(73));
    let left: Vec<_> =
        std::fs::read_dir(home.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("seclyzer-")), "{left:?}");
}

#[test]
fn an_export_that_is_ended_by_a_signal_leaves_no_file_behind() {
    let home = home_with_records();
    let connection = rusqlite::Connection::open(home.database()).expect("a database");
    let more = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
                INSERT INTO scores SELECT i + 10000, window_end + i, user, host, origin, 0, 0, stored, schema, state, trust,
                    learnt_keys, learnt_actions, sittings FROM (SELECT * FROM scores LIMIT 1), n;
                UPDATE sequence SET last_id = 500000;";
    connection.execute_batch(more).expect("records");
    drop(connection);
    let mut child = home
        .command(&["export", "--format", "jsonl", "--kind", "score", "--origin", "trace"])
        .spawn()
        .expect("it runs");
    let is_writing = || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", child.id())).ok().into_iter().flatten().flatten();
        let mut written = open.filter(|file| {
            let target = std::fs::read_link(file.path()).unwrap_or_default();
            let (target, folder) = (target.to_string_lossy(), home.path().to_string_lossy());
            target.starts_with(&*folder) && !target.contains("seclyzer.db")
        });
        written.any(|file| file.path().metadata().is_ok_and(|metadata| metadata.len() > 0))
    };
    support::wait_until("something is written", is_writing);
    let killed = Command::new("kill").arg(child.id().to_string()).status().expect("kill");
    assert!(killed.success() && child.wait().expect("its end").code().is_none());
    let left: Vec<_> =
        std::fs::read_dir(home.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("seclyzer-")), "{left:?}");
}

#[test]
fn an_infinite_value_is_a_null_in_all_three_forms() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let home = home_with_records();
    let connection = rusqlite::Connection::open(home.database()).expect("a database");
    let infinite = "UPDATE keystroke_features SET dwell_mean = -9e999, dwell_std = 9e999;
                    UPDATE app_transitions SET hour_probability = 9e999;";
    connection.execute_batch(infinite).expect("values");
    FORMATS.iter().for_each(|format| assert_eq!(export(&home, &["--format", format]).0, Some(0), "{format}"));
    for (kind, name) in
        [(Kind::Keystroke, "dwell_mean"), (Kind::Keystroke, "dwell_std"), (Kind::App, "hour_probability")]
    {
        let csv = std::fs::read_to_string(file(&home, kind, "csv")).expect("a file");
        assert!(!csv.contains("null") && !csv.contains("inf"), "{csv}");
        assert!(lines(&home, &["--kind", kind.name()]).iter().all(|row| row[name].is_null()));
        let parquet = File::open(file(&home, kind, "parquet")).expect("a file");
        let groups = SerializedFileReader::new(parquet).expect("Parquet");
        for group in groups.metadata().row_groups() {
            let column = group.columns().iter().find(|column| column.column_path().string() == name).expect("a column");
            let nulls = column.statistics().and_then(|all| all.null_count_opt());
            assert_eq!(nulls, Some(group.num_rows() as u64), "{name}");
        }
    }
}

#[test]
fn without_the_second_program_what_to_install_is_named() {
    let home = Home::with_config("");
    let alone = home.path().join("seclyzer");
    std::fs::copy(env!("CARGO_BIN_EXE_seclyzer"), &alone).expect("a copy");
    let mut command = Command::new(alone);
    let output =
        command.args(["export", "--format", "csv"]).env_clear().env("PATH", "/nowhere").output().expect("it runs");
    assert_eq!(output.status.code(), Some(69));
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(error.contains("seclyzer-view is not here") && error.contains("Debian package"), "{error}");
}

#[test]
fn csv_and_json_lines_add_up_to_what_sql_gives() {
    let home = home_with_records();
    export(&home, &["--format", "csv"]);
    for kind in Kind::ALL {
        let rows = lines(&home, &["--kind", kind.name()]);
        for (name, count, sum) in sums_by_sql(&home, kind) {
            let values: Vec<f64> = rows.iter().filter_map(|row| row[&name].as_f64()).collect();
            assert_same_sum(&name, (values.len() as f64, values.iter().sum()), (count, sum));
        }
    }
    // Python's csv is another's idea of the format.
    let script = "import csv, json, sys\n\
                  rows = list(csv.DictReader(open(sys.argv[1], newline='')))\n\
                  print(json.dumps({n: [sum(r[n] != '' for r in rows), sum(float(r[n] or 0) for r in rows)]\n\
                  for n in sys.argv[2:]}))";
    for kind in Kind::ALL {
        let sums = sums_by_sql(&home, kind);
        let mut python = Command::new("python3");
        python.args(["-c", script]).arg(file(&home, kind, "csv")).args(sums.iter().map(|(name, ..)| name));
        let output = python.output().expect("Python");
        let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        for (name, count, sum) in sums {
            let number = |i: usize| found[&name][i].as_f64().expect("a number");
            assert_same_sum(&name, (number(0), number(1)), (count, sum));
        }
    }
}

#[test]
fn pandas_polars_and_duckdb_read_the_same_sums_in_all_three_forms() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/python");
    assert!(python.exists(), "{} is missing: run `make test-packages`", python.display());
    let home = home_with_records();
    FORMATS.iter().for_each(|format| drop(export(&home, &["--format", format])));
    let base = |kind| file(&home, kind, "csv").with_extension("").display().to_string();
    let sums: BTreeMap<String, _> = Kind::ALL.map(|kind| (base(kind), sums_by_sql(&home, kind))).into();
    let asked: BTreeMap<&String, Vec<&String>> =
        sums.iter().map(|(base, sums)| (base, sums.iter().map(|(name, ..)| name).collect())).collect();
    std::fs::write(home.path().join("asked"), serde_json::to_string(&asked).expect("JSON")).expect("a file");
    let mut command = Command::new(&python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/sums.py"));
    let output = command.stdin(File::open(home.path().join("asked")).expect("a file")).output().expect("Python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for (base, sums) in &sums {
        let readers = found[base].as_object().expect("readers");
        assert_eq!(readers.len(), 9);
        for (reader, columns) in readers {
            for (name, count, sum) in sums {
                let number = |i: usize| columns[name][i].as_f64().expect("a number");
                assert_same_sum(&format!("{reader}: {name}"), (number(0), number(1)), (*count, *sum));
            }
        }
    }
}
