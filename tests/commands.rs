//! The commands as a person or a script meets them: texts, exit codes, bad input.

mod common;
mod support;

use insta::assert_snapshot;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::agent::{Agent, Home};

fn golden(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).display().to_string()
}

/// Exit code, standard output and error, with the paths of the test taken out.
fn told(home: &Home, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = home.run(arguments);
    let here =
        |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").replace(&home.path().display().to_string(), "HOME");
    (output.status.code(), here(output.stdout), here(output.stderr))
}

#[test]
fn help_says_what_each_command_does_with_examples() {
    let home = Home::with_config("");
    let commands = [
        "",
        "run",
        "replay",
        "record",
        "devices",
        "doctor",
        "features",
        "status",
        "config",
        "install",
        "uninstall",
        "forget",
        "model",
        "me",
        "guest",
        "pause",
        "resume",
        "check",
        "watch",
        "lock",
        "decision",
        "evaluate",
        "export",
        "report",
        "top",
    ];
    for command in commands {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let (code, help, _) = told(&home, &arguments);
        assert_eq!(code, Some(0));
        assert!(help.contains("Examples:"), "{command} has no example");
        let name = if command.is_empty() { "seclyzer" } else { command };
        assert_snapshot!(format!("help_{name}"), help);
    }
}

#[test]
fn a_wrong_argument_is_named_with_what_would_be_right() {
    let home = Home::with_config("");
    let (code, _, error) = told(&home, &["replay", "--speed", "fast", "x.jsonl"]);
    assert_eq!(code, Some(64));
    assert!(error.contains("a number above 0, such as 1 or 2.5, or `max`"), "{error}");
    let (code, _, error) = told(&home, &["runn"]);
    assert_eq!(code, Some(64));
    assert!(error.contains("run"), "{error}");
}

#[test]
fn a_mistake_in_the_configuration_is_told_with_file_line_and_key() {
    let home = Home::with_config("[window]\nseconds = 0\n");
    for command in ["run", "status", "devices"] {
        let (code, _, error) = told(&home, &[command]);
        assert_eq!(code, Some(78));
        assert!(error.starts_with("seclyzer: HOME/config.toml:4: window.seconds: 0 is too small"), "{error}");
    }
    let (code, findings, _) = told(&home, &["doctor"]);
    assert_eq!(code, Some(1));
    assert!(findings.starts_with("FAILURE  configuration  HOME/config.toml:4: window.seconds"), "{findings}");
}

#[test]
fn a_trace_that_is_not_there_or_no_trace_is_told() {
    let home = Home::with_config("");
    let (code, _, error) = told(&home, &["replay", "nowhere.jsonl", "--stdout"]);
    assert_eq!((code, error.as_str()), (Some(66), "seclyzer: nowhere.jsonl: No such file or directory (os error 2)\n"));
    let (code, _, error) = told(&home, &["replay", ".", "--stdout"]);
    assert_eq!(code, Some(65));
    assert!(error.contains("the trace could not be read"), "{error}");
    let bad = home.path().join("bad.jsonl");
    let text = "hello\n{\"type\":\"keystroke\",\"ts\":1,\"key\":\"hunter2\",\"event\":\"press\"}\nhello\n";
    std::fs::write(&bad, text).expect("a trace");
    let (code, records, error) = told(&home, &["replay", "bad.jsonl", "--stdout", "--speed", "max"]);
    assert_eq!((code, records.as_str()), (Some(65), ""));
    assert!(error.contains("bad.jsonl: none of its lines is an event"), "{error}");
    assert!(error.contains("bad.jsonl:1: discarded: not a JSON object count=2"), "{error}");
    assert!(error.contains("bad.jsonl:2: discarded: `key` names no key count=1"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn records_on_standard_output_and_for_people_have_these_forms() {
    let home = Home::with_config("[identity]\nuser = \"someone\"\nhost = \"somewhere\"\n");
    let trace = golden("desk.jsonl");
    let (_, json, _) = told(&home, &["replay", &trace, "--stdout", "--speed", "max"]);
    let kinds = ["keystroke", "mouse", "app"];
    for kind in kinds {
        let is_told =
            |line: &&str| line.contains(&format!("\"type\":\"{kind}\"")) && !line.contains("\"dwell_mean\":null");
        let line = json.lines().find(is_told).expect("one of each kind");
        let record: Value = serde_json::from_str(line).expect("JSON");
        assert_snapshot!(format!("record_{kind}"), format!("{record:#}"));
    }
    let (_, lines, _) = told(&home, &["replay", &trace, "--show", "--speed", "max"]);
    assert_snapshot!("records_for_people", lines);
}

#[test]
fn whoever_reads_only_the_first_record_ends_the_replay_without_an_error() {
    let home = Home::with_config("");
    let replay = format!("{} replay {} --stdout --speed max", env!("CARGO_BIN_EXE_seclyzer"), golden("typist.jsonl"));
    let pipeline = format!("({replay} 2>error; echo $? >code) | head -1");
    let output = std::process::Command::new("sh")
        .args(["-c", &pipeline])
        .current_dir(home.path())
        .env("HOME", home.path())
        .output()
        .expect("a shell");
    assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), 1);
    assert_eq!(std::fs::read_to_string(home.path().join("code")).expect("a code"), "0\n");
}

#[test]
fn a_replay_that_waits_for_its_pipe_ends_when_told() {
    let home = Home::with_config("");
    let pipe = home.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("a shell tool").success());
    let agent = Agent::start(home.command(&["replay", "pipe", "--stdout", "--speed", "max"]));
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).expect("a reader at the other end");
    std::io::Write::write_all(&mut writer, b"{}\n").expect("a line");
    assert_eq!(agent.stop(), Some(75));
}

#[test]
fn a_trace_that_is_written_while_it_is_replayed_gives_each_record_at_once() {
    use std::io::{BufRead, Write};
    let home = Home::with_config("");
    let pipe = home.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("a shell tool").success());
    let mut command = home.command(&["replay", "pipe", "--stdout", "--speed", "max"]);
    let mut replay = command.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).expect("a reader at the other end");
    let mut records = std::io::BufReader::new(replay.stdout.take().expect("a pipe")).lines();
    let mut next = || -> Value {
        let line = records.next().expect("a record").expect("UTF-8");
        serde_json::from_str(&line).expect("JSON")
    };
    let focus = |second: i64, app: &str| {
        let ts = 1_790_000_000_000_000 + second * 1_000_000;
        format!("{{\"type\":\"app\",\"ts\":{ts},\"event\":\"focus\",\"app_name\":\"{app}\"}}\n")
    };
    writer.write_all(focus(0, "a").as_bytes()).expect("a line");
    // Half of the next line comes later.
    for (second, app) in [(1, "b"), (2, "a"), (3, "b")] {
        let line = focus(second, app);
        writer.write_all(&line.as_bytes()[..30]).expect("half a line");
        writer.write_all(&line.as_bytes()[30..]).expect("the rest");
        assert_eq!(next()["to_app"], app);
    }
    drop(writer);
    assert!(replay.wait().expect("a process of ours").success());
}

#[test]
fn replaying_a_trace_again_teaches_nothing_twice() {
    let home = Home::with_config("[redis]\nenabled = false\n");
    let learnt = || home.query("SELECT total(count) FROM app_followers");
    assert_eq!(told(&home, &["replay", &golden("desk.jsonl"), "--speed", "max"]).0, Some(0));
    let once = learnt();
    assert_eq!(told(&home, &["replay", &golden("desk.jsonl"), "--speed", "max"]).0, Some(0));
    assert_eq!(learnt(), once);
}

#[test]
fn replaying_says_where_the_records_go_and_how_many_of_them_are_new() {
    let home = Home::with_config("[redis]\nenabled = false\n[influx]\nenabled = false\n");
    let replay = || told(&home, &["replay", &golden("desk.jsonl"), "--speed", "max"]).2;
    let first = replay();
    let place = "records are stored in HOME/data/seclyzer.db with the origin `trace`, and sent nowhere";
    assert!(first.contains(place), "{first}");
    let count = home.count_records();
    assert!(first.contains(&format!("records={count} new={count}")), "{first}");
    let again = replay();
    assert!(again.contains(&format!("records={count} new=0")), "{again}");
    let (_, _, printed) = told(&home, &["replay", &golden("desk.jsonl"), "--speed", "max", "--stdout"]);
    assert!(!printed.contains("stored in") && !printed.contains("new="), "{printed}");

    let sinks = "[redis]\nurl = \"redis://:hush@127.0.0.1:1\"\n[influx]\nurl = \"http://127.0.0.1:2\"\napi = \"v1\"\n\
                 database = \"d\"\n";
    let home = Home::with_config(sinks);
    let (_, _, error) = told(&home, &["replay", &golden("desk.jsonl"), "--speed", "max", "--drain", "0"]);
    let place = "sent to the Redis at redis://127.0.0.1:1 or on this machine, if one answers; to http://127.0.0.1:2";
    assert!(error.contains(place) && !error.contains("hush"), "{error}");
}

#[test]
fn recording_asks_first_and_says_what_would_have_to_be_agreed_to() {
    let home = Home::with_config("");
    for (zones, what) in
        [(None, "EVERY KEY THAT IS TYPED, passwords included"), (Some("--zones"), "the zone and the times")]
    {
        let arguments: Vec<&str> = ["record", "-o", "trace.jsonl"].into_iter().chain(zones).collect();
        let (code, _, error) = told(&home, &arguments);
        assert_eq!(code, Some(69));
        assert!(error.contains("nothing was recorded") && error.contains(what) && error.contains("--yes"), "{error}");
        assert!(!home.path().join("trace.jsonl").exists());
    }
}

#[test]
fn recording_where_no_device_can_be_read_is_refused_and_leaves_no_trace() {
    let home = Home::with_config("[devices]\ninclude = [\"/dev/input/none\"]\n");
    let (code, _, error) = told(&home, &["record", "--yes", "--seconds", "0", "-o", "trace.jsonl"]);
    assert_eq!(code, Some(69), "{error}");
    let mends = ["pass one through", "run `seclyzer doctor`", "`seclyzer devices` lists the reasons"];
    assert!(error.contains("nothing was recorded: ") && mends.iter().any(|mend| error.contains(mend)), "{error}");
    assert!(!home.path().join("trace.jsonl").exists());
}

#[test]
fn a_list_of_no_devices_is_no_head_without_a_table() {
    let home = Home::with_config("");
    let (_, devices, error) = told(&home, &["devices"]);
    let (_, json, _) = told(&home, &["devices", "--json"]);
    let is_empty = json.trim() == "[]";
    assert_eq!(devices.is_empty(), is_empty, "{devices}");
    assert_eq!(error.contains("there is no input device under /dev/input: connect one"), is_empty, "{error}");
}

#[test]
fn the_agent_runs_without_devices_answers_status_and_ends_when_told() {
    let home = Home::with_config("[redis]\nenabled = false\n");
    let (code, _, error) = told(&home, &["status"]);
    assert_eq!(code, Some(69));
    assert!(error.starts_with("seclyzer: no agent runs on HOME/data/seclyzer.db. To start it: systemctl "), "{error}");
    assert!(!error.contains("os error"), "{error}");
    let agent = home.start_agent(&[]);
    let (code, status, _) = told(&home, &["status", "--json"]);
    let status: Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!((code, status["pid"].as_u64()), (Some(0), Some(agent.id().into())));
    let (code, text, _) = told(&home, &["status"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("injected events: not accepted"), "{text}");
    let mode = std::fs::metadata(format!("{}.sock", home.database().display())).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let second = Agent::start(home.command(&["run"]));
    assert_eq!(second.wait(), Some(75), "one agent a database");
    assert_eq!(agent.stop(), Some(0));
    assert_eq!(told(&home, &["status"]).0, Some(69));
    let noted = home.query("SELECT group_concat(event, ' ') FROM (SELECT event FROM audit_log ORDER BY id)");
    assert_eq!(noted, ["schema schema schema schema start stop"]);
}

#[test]
fn the_agent_is_asked_for_the_model_and_says_what_it_cannot_do() {
    let home = Home::with_config("[redis]\nenabled = false\n[recognition]\nenabled = false\n");
    for arguments in [&["model", "status"][..], &["model", "confirm"], &["model", "forget", "--keys", "--yes"]] {
        let (code, _, error) = told(&home, arguments);
        assert_eq!(code, Some(69));
        assert!(error.starts_with("seclyzer: no agent runs on HOME/data/seclyzer.db. To start it: "), "{error}");
    }
    let agent = home.start_agent(&[]);
    assert_eq!(told(&home, &["model", "status"]), (Some(0), "recognition: off\n".into(), String::new()));
    assert_eq!(told(&home, &["model", "status", "--json"]).1, "null\n");
    assert!(told(&home, &["status"]).1.contains("\nrecognition: off\n"));
    std::fs::write(home.path().join("model.json"), "{}").expect("a file");
    assert_eq!(told(&home, &["model", "forget", "--mouse", "--yes"]).0, Some(0), "it is never kept against a will");
    let requests: [&[&str]; 3] =
        [&["model", "confirm"], &["model", "export", "exported.json"], &["model", "import", "model.json", "--yes"]];
    for arguments in requests {
        let (code, _, error) = told(&home, arguments);
        assert_eq!(code, Some(77));
        assert_eq!(error, "seclyzer: recognition is off; set recognition.enabled = true and restart the agent\n");
    }
    assert!(!home.path().join("exported.json").exists());
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_model_is_neither_forgotten_nor_replaced_without_consent_nor_is_a_file() {
    let home = Home::with_config("");
    let (code, _, error) = told(&home, &["model", "forget"]);
    assert_eq!(code, Some(69));
    assert!(
        error.contains("nothing was forgotten: this forgets all that is learnt of the keys and the mouse"),
        "{error}"
    );
    std::fs::write(home.path().join("model.json"), "{}").expect("a file");
    let (code, _, error) = told(&home, &["model", "import", "model.json"]);
    assert_eq!(code, Some(69));
    assert!(
        error.contains("nothing was imported: this replaces what is learnt by what model.json contains"),
        "{error}"
    );
    let (code, _, error) = told(&home, &["model", "export", "model.json"]);
    assert_eq!(code, Some(73));
    assert!(error.contains("model.json: exists already; name another file, or use --force"), "{error}");
    let (code, _, error) = told(&home, &["model", "import", "nowhere.json", "--yes"]);
    assert_eq!((code, error.as_str()), (Some(66), "seclyzer: nowhere.json: No such file or directory (os error 2)\n"));
    std::fs::write(home.path().join("model.json"), "").expect("a file");
    let (code, _, error) = told(&home, &["model", "import", "model.json", "--yes"]);
    assert_eq!(code, Some(66));
    assert!(error.contains("model.json: empty; a file that `seclyzer model export` has written"), "{error}");
}

#[test]
fn an_account_that_is_unknown_or_may_not_be_taken_is_refused() {
    let home = Home::with_config("");
    let (code, _, error) = told(&home, &["run", "--account", "no-such-account"]);
    assert_eq!((code, error.as_str()), (Some(77), "seclyzer: --account: there is no account \"no-such-account\"\n"));
    // root stays root, and others may not.
    let (code, _, error) = told(&home, &["run", "--account", "daemon"]);
    assert!(code == Some(77) && error.contains("CAP_SETUID"), "{error}");
}

#[test]
fn doctor_names_what_mends_each_failure() {
    let home = Home::with_config("[redis]\nenabled = true\nurl = \"redis://127.0.0.1:9\"\n[influx]\nenabled = false\n");
    let (code, findings, _) = told(&home, &["doctor"]);
    assert_eq!(code, Some(1));
    assert!(findings.contains("FAILURE  redis"), "{findings}");
    assert!(
        findings.contains("-> start the server, or correct [redis]; what an account needs: docs/configuration.md"),
        "{findings}"
    );
    assert!(findings.contains("ok       influxdb       off"), "{findings}");
    let (_, json, _) = told(&home, &["doctor", "--json"]);
    let findings: Value = serde_json::from_str(&json).expect("JSON");
    let redis = findings.as_array().into_iter().flatten().find(|finding| finding["what"] == "redis");
    assert_eq!(redis.expect("a finding")["verdict"], "failure");

    assert_eq!(told(&home, &["replay", &golden("desk.jsonl"), "--speed", "max", "--drain", "0"]).0, Some(75));
    std::fs::set_permissions(home.database(), PermissionsExt::from_mode(0o640)).expect("our own file");
    let (_, findings, _) = told(&home, &["doctor"]);
    assert!(findings.contains("-> chmod 600 'HOME/data/seclyzer.db'"), "{findings}");
}

#[test]
fn a_dry_run_stores_nothing() {
    let home = Home::with_config("[redis]\nenabled = false\n");
    let agent = home.start_agent(&["--dry-run"]);
    assert_eq!(agent.stop(), Some(0));
    assert!(!home.database().exists());
}

#[test]
fn a_trial_in_which_nobody_was_judged_names_whose_scores_there_are_and_a_file_that_is_no_database_is_named() {
    let home = Home::with_config("[redis]\nenabled = false\n[influx]\nenabled = false\n");
    told(&home, &["replay", "--speed", "max", &golden("desk.jsonl")]);
    let (code, text, error) = told(&home, &["decision", "trial"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(text.contains("Nobody was judged") && text.contains("no score at all"), "{text}");
    let score =
        "INSERT INTO scores SELECT id + 1000, window_end, user, host, origin, 0, 0, stored, schema, 'owner', 100,
                     2000, 400, 3 FROM keystroke_features";
    rusqlite::Connection::open(home.database()).and_then(|database| database.execute(score, [])).expect("scores");
    let (_, text, _) = told(&home, &["decision", "trial", "--since", "2026-01-01"]);
    assert!(text.contains("of the origin device.") && text.contains("(origin trace, 20"), "{text}");
    std::fs::write(home.database(), "no database at all, but a text").expect("a file");
    let (code, _, error) = told(&home, &["decision", "trial"]);
    assert_eq!(code, Some(69));
    assert!(error.contains("HOME/data/seclyzer.db: ") && error.contains("store.path"), "{error}");
}
