//! `seclyzer forget`: what it deletes, what it leaves, and that nothing of it stays in the file.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use support::agent::Home;
use support::servers::Influx1;

const WINDOW_US: i64 = 30_000_000;

/// A database with the records of a golden trace; its tag is in no other text than the applications' names.
fn home_with_records(config: &str) -> Home {
    let home = Home::with_config(config);
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/desk.jsonl");
    let output = home.run(&["replay", "--speed", "max", "--drain", "0", trace.to_str().expect("UTF-8")]);
    assert!(home.count_records() > 20, "{}", String::from_utf8_lossy(&output.stderr));
    home
}

/// Records of this user, which are in InfluxDB, too.
fn home_with_influx(influx: &Influx1, user: &str) -> Home {
    let server = format!("url = \"{}\"\napi = \"v1\"\ndatabase = \"seclyzer\"\n", influx.url());
    let home =
        Home::with_config(&format!("[identity]\nuser = \"{user}\"\nhost = \"a \\\"desk\\\"\"\n[influx]\n{server}"));
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/desk.jsonl");
    let output = home.run(&["replay", "--speed", "max", trace.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    home
}

fn forget(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let output = home.run(&[&["forget"], arguments].concat());
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), told)
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_is() {
    let home = Home::with_config("");
    std::fs::create_dir_all(home.database().parent().expect("a folder")).expect("a folder");
    std::fs::write(home.database(), "letters to a friend").expect("a file");
    std::fs::set_permissions(home.database(), std::fs::Permissions::from_mode(0o600)).expect("its owner's alone");
    for arguments in [["--since", "2h"].as_slice(), &["--all"]] {
        let (code, told) = forget(&home, arguments);
        assert!(code == Some(78) && told.contains("no SQLite database"), "{code:?} {told}");
    }
    let output = home.run(&["model", "forget", "--yes"]);
    assert_eq!(output.status.code(), Some(78), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_to_string(home.database()).expect("the file"), "letters to a friend");
}

/// Window ends and beginnings of what the records tell of, in order.
fn spans(home: &Home) -> Vec<(i64, i64)> {
    let windows = |table: &str| home.query(&format!("SELECT window_end FROM {table} ORDER BY window_end"));
    let number = |text: String| text.parse::<i64>().expect("a number");
    let mut all: Vec<(i64, i64)> = ["keystroke_features", "mouse_features"]
        .into_iter()
        .flat_map(windows)
        .map(number)
        .map(|end_us| (end_us - WINDOW_US, end_us))
        .collect();
    let stays = home.query("SELECT duration_ms * 1000 FROM app_transitions ORDER BY window_end");
    let stays = stays.into_iter().map(number);
    all.extend(windows("app_transitions").into_iter().map(number).zip(stays).map(|(end, stay)| (end - stay, end)));
    all.sort_unstable();
    all
}

fn iso(us: i64) -> String {
    seclyzer::record::json::iso8601(us)
}

/// Everything that lies in the database's folder.
fn bytes(home: &Home) -> Vec<u8> {
    let folder = std::fs::read_dir(home.database().parent().expect("a folder")).expect("a folder");
    folder.flat_map(|file| std::fs::read(file.expect("a file").path()).expect("a file of ours")).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn what_happened_in_the_span_is_deleted_and_nothing_else() {
    let home = home_with_records("");
    let before = spans(&home);
    let (first_us, last_us) = (before[0].0, before.iter().map(|span| span.1).max().expect("records"));
    let (since_us, until_us) = (first_us + (last_us - first_us) / 3, first_us + (last_us - first_us) / 2);
    let (code, told) = forget(&home, &["--since", &iso(since_us), "--until", &iso(until_us)]);
    assert_eq!(code, Some(0), "{told}");
    let (gone, kept): (Vec<_>, Vec<_>) =
        before.into_iter().partition(|&(begin_us, end_us)| end_us >= since_us && begin_us <= until_us);
    assert!(!gone.is_empty() && !kept.is_empty(), "the span must part the records");
    assert_eq!(spans(&home), kept);
    assert!(told.contains(&format!("{} records deleted", gone.len())), "{told}");
}

#[test]
fn everything_is_forgotten_to_the_last_byte_but_the_audit_log_says_that_it_was() {
    let home = home_with_records("");
    let apps = home.query("SELECT DISTINCT app FROM app_focus");
    assert!(!apps.is_empty() && apps.iter().all(|app| contains(&bytes(&home), app)));
    let (code, told) = forget(&home, &["--all"]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(home.count_records(), 0);
    for app in apps {
        assert!(!contains(&bytes(&home), &app), "{app} is still in the database's files");
    }
    let audit = home.query("SELECT detail FROM audit_log WHERE event = 'forget'");
    assert!(audit.len() == 1 && audit[0].starts_with("everything: "), "{audit:?}");
}

#[test]
fn a_database_that_an_agent_uses_is_left_alone() {
    let home = home_with_records("");
    let records = home.count_records();
    let agent = home.start_agent(&[]);
    let (code, told) = forget(&home, &["--all"]);
    assert_eq!(code, Some(75), "{told}");
    assert!(told.contains(&format!("process {} is using this database", agent.id())), "{told}");
    assert_eq!(home.count_records(), records);
}

#[test]
fn a_database_that_another_program_is_reading_is_not_said_to_be_forgotten() {
    let home = home_with_records("");
    let reader = seclyzer::store::read_only(&home.database()).expect("a database");
    reader.execute_batch("BEGIN; SELECT * FROM app_focus").expect("a reader who does not end");
    let (code, told) = forget(&home, &["--all"]);
    assert_eq!(code, Some(75), "{told}");
    assert!(told.contains("end that program and repeat this"), "{told}");
    reader.execute_batch("COMMIT").expect("an end");
    let (code, told) = forget(&home, &["--all"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(!contains(&bytes(&home), "xterm"), "an application is still in the database's files");
}

#[test]
fn databases_that_were_set_aside_go_with_everything_and_are_named_to_who_forgets_a_span() {
    let home = home_with_records("");
    let aside = |end: &str| home.path().join(format!("data/seclyzer.db.corrupt-2026-01-01T00:00:00.000000Z{end}"));
    for end in ["", "-wal"] {
        std::fs::write(aside(end), "records").expect("a file");
    }
    let (code, told) = forget(&home, &["--since", "2h"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(aside("").exists() && aside("-wal").exists());
    assert!(told.contains(&format!("rm {} {}", aside("").display(), aside("-wal").display())), "{told}");
    let (code, told) = forget(&home, &["--all"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(!aside("").exists() && !aside("-wal").exists());
}

#[test]
fn it_prints_what_the_configured_databases_need() {
    let elsewhere = "[redis]\nstream = true\nurl = \"redis://127.0.0.1:1\"\n[identity]\nuser = \"kim o'hara\"\nhost = \"desk\"\n[influx]\n";
    let v2 = "url = \"http://127.0.0.1:2\"\ntoken = \"verysecret\"\norg = \"o\"\nbucket = \"b\"\n";
    let v1 = "url = \"http://127.0.0.1:2\"\napi = \"v1\"\ndatabase = \"d\"\n";
    let home = home_with_records(&format!("{elsewhere}{v2}"));
    let (_, told) = forget(&home, &["--since", "2026-01-01T00:00:00Z", "--until", "2026-01-02T00:00:00Z"]);
    for command in [
        "influx delete --host http://127.0.0.1:2 --org o --bucket b --start 2026-01-01T00:00:00.000000Z \
         --stop 2026-01-02T00:00:30.000000Z \
         --predicate '_measurement=\"mouse_features\" AND user_id=\"kim o'\\''hara\" AND host=\"desk\"'",
        "contain the records of all users",
        "redis-cli -u redis://127.0.0.1:1 --raw XRANGE seclyzer:stream:features 1767225600000 1767312030000",
        "redis-cli -u redis://127.0.0.1:1 --raw XRANGE seclyzer:stream:decisions 1767225600000 1767312030000",
    ] {
        assert!(told.contains(command), "{command} is not in\n{told}");
    }
    assert!(!told.contains("verysecret"));
    let home = home_with_records(&format!("{elsewhere}{v1}"));
    let (_, told) = forget(&home, &["--all"]);
    let curl = "curl http://127.0.0.1:2/query --data-urlencode 'db=d' --data-urlencode 'q=DELETE FROM app_transitions ";
    assert!(told.contains(curl), "{told}");
    assert!(told.contains(r"AND user_id = '\''kim o\'\''hara'\'' AND host = '\''desk'\'''"), "{told}");
    assert!(told.contains("DEL seclyzer:stream:features") && told.contains("DEL seclyzer:stream:decisions"), "{told}");
    let home = home_with_records(&format!("{elsewhere}{}", v2.replace("org = \"o\"\n", "")));
    let (_, told) = forget(&home, &["--since", "1h"]);
    let table = "influxdb3 delete table --host http://127.0.0.1:2 --database b mouse_features";
    assert!(told.contains(table) && told.contains("of all users and machines"), "{told}");
}

#[tokio::test]
async fn what_it_prints_deletes_the_records_of_this_user_and_host_from_influxdb() {
    let influx = Influx1::start(None).await;
    let home = home_with_influx(&influx, "kim o'hara");
    let other = home_with_influx(&influx, "sam");
    assert_eq!(influx.count_all().await as usize, home.count_records() + other.count_records());
    let (_, told) = forget(&home, &["--all"]);
    let commands: Vec<&str> = told.lines().filter(|line| line.trim_start().starts_with("curl ")).collect();
    assert_eq!(commands.len(), seclyzer::record::Kind::ALL.len(), "{told}");
    for command in commands {
        let output = Command::new("sh").args(["-c", command]).output().expect("a shell");
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && !answer.contains("error"), "{command}\n{answer}");
    }
    assert_eq!(influx.count_all().await as usize, other.count_records());
}

#[test]
fn without_a_time_or_a_database_it_says_what_is_missing() {
    let home = Home::with_config("");
    let (code, told) = forget(&home, &[]);
    assert_eq!(code, Some(64));
    assert!(["--since <TIME>", "--until <TIME>", "--all"].iter().all(|way| told.contains(way)), "{told}");
    assert_eq!(forget(&home, &["--since", "1h", "--all"]).0, Some(64));
    assert_eq!(forget(&home, &["--since", "1h", "--until", "2h"]).0, Some(66));
    let (code, told) = forget(&home_with_records(""), &["--since", "1h", "--until", "2h"]);
    assert_eq!((code, told.as_str()), (Some(64), "seclyzer: --since is later than --until\n"));
    assert!(!home.database().exists(), "nothing is made");
}
