//! Every kind of mistake, and the one line that it is told in.

use crate::support::{Workstation, environment, error, loaded};
use proptest::prelude::*;
use seclyzer::config::keys::KEYS;
use seclyzer::config::{Sources, load};
use std::os::unix::ffi::OsStringExt;

/// File, error.
const FILES: &[(&str, &str)] = &[
    // TOML itself.
    (
        "[window]\nseconds =\n",
        "/f.toml:2: window.seconds: string values must be quoted, expected literal string; a whole number of seconds from 5 to 600",
    ),
    ("[window\n", "/f.toml:1: unclosed table, expected `]`"),
    ("[log]\nlevel = info\n", "/f.toml:2: log.level: invalid float, expected `inf`; a text in quotes"),
    ("[window]\nseconds = 9\nseconds = 9\n", "/f.toml:3: window.seconds: set twice; each key once"),
    // Names.
    ("[redis]\n\npasword = \"x\"", "/f.toml:3: redis.pasword: unknown key; did you mean redis.password?"),
    ("[redis]\nuser = \"x\"", "/f.toml:2: redis.user: unknown key; did you mean redis.username?"),
    ("[redis]\ntoken = \"x\"", "/f.toml:2: redis.token: unknown key; did you mean influx.token?"),
    (
        "redis.colour = 1",
        "/f.toml:1: redis.colour: unknown key; [redis] knows enabled, url, username, password, \
      password_file, tls_ca, tls_cert, tls_key, stream, stream_max_len, accept_events, events_publish",
    ),
    ("[log]\n\"a\\nb\" = 1", "/f.toml:2: log.a\\nb: unknown key; [log] knows level, file"),
    ("[windows]\nseconds = 9", "/f.toml:1: [windows]: unknown section; did you mean [window]?"),
    (
        "[colour]",
        "/f.toml:1: [colour]: unknown section; known are identity, window, devices, keystroke, keyboard, recognition, decision, notify, x11, store, redis, influx, log",
    ),
    ("seconds = 9", "/f.toml:1: seconds: a key outside of its section; did you mean window.seconds?"),
    ("colour = 9", "/f.toml:1: colour: unknown key; every key belongs to a section, as in [window]"),
    ("redis = true", "/f.toml:1: redis: found a boolean; a section [redis]"),
    ("[[redis]]\nurl = \"x\"", "/f.toml:1: redis: found a list; a section [redis]"),
    // Types.
    ("[window]\nseconds = \"30\"", "/f.toml:2: window.seconds: found a text; a whole number of seconds from 5 to 600"),
    (
        "[window]\nseconds = 7.5",
        "/f.toml:2: window.seconds: found a number with a fraction; a whole number of seconds from 5 to 600",
    ),
    ("[identity]\nuser = 1979-05-27", "/f.toml:2: identity.user: found a date; a text in quotes"),
    ("[identity]\ndev_mode = \"\"", "/f.toml:2: identity.dev_mode: found a text; true or false"),
    ("[identity]\ndev_mode = 1", "/f.toml:2: identity.dev_mode: found a whole number; true or false"),
    ("[redis]\nenabled = \"yes\"", "/f.toml:2: redis.enabled: found a text; true, false or \"auto\""),
    ("[store]\npath = true", "/f.toml:2: store.path: found a boolean; a path, absolute or beginning with ~/"),
    ("[redis.url]\na = 1", "/f.toml:1: redis.url: found a section; a text in quotes"),
    ("[redis]\npassword = [\"x\"]", "/f.toml:2: redis.password: found a list; a text in quotes"),
    (
        "[devices]\ninclude = \"x\"",
        "/f.toml:2: devices.include: found a text; a list of texts, as in [\"one\", \"two\"]",
    ),
    (
        "[devices]\ninclude = [\"x\", 3]",
        "/f.toml:2: devices.include: found a whole number in the list; a list of texts, as in [\"one\", \"two\"]",
    ),
    // Values.
    (
        "[keyboard]\nletters = [\"a\", \"KEY_SEMICOLLON\"]",
        "/f.toml:2: keyboard.letters: \"KEY_SEMICOLLON\" is no key; a name as in \"KEY_A\", \"KeyA\" or \"a\"; did you mean \
         \"KEY_SEMICOLON\"?",
    ),
    (
        "[keyboard]\nletters = [\"ö\"]",
        "/f.toml:2: keyboard.letters: \"ö\" is no key; a name as in \"KEY_A\", \"KeyA\" or \"a\"",
    ),
    (
        "[keyboard]\nletters = [\"KEY_SPACE\"]",
        "/f.toml:2: keyboard.letters: \"KEY_SPACE\" never writes a letter; leave it out",
    ),
    ("[window]\nseconds = 0", "/f.toml:2: window.seconds: 0 is too small; a whole number of seconds from 5 to 600"),
    ("[window]\nseconds = 601", "/f.toml:2: window.seconds: 601 is too large; a whole number of seconds from 5 to 600"),
    (
        "[window]\nseconds = 99999999999999999999",
        "/f.toml:2: window.seconds: 99999999999999999999 is too large; a whole number of seconds from 5 to 600",
    ),
    (
        "[window]\nseconds = 0xfff",
        "/f.toml:2: window.seconds: 4095 is too large; a whole number of seconds from 5 to 600",
    ),
    (
        "[store]\nretention_days = -1",
        "/f.toml:2: store.retention_days: -1 is too small; a whole number of days from 0 to 36500",
    ),
    (
        "[redis]\nstream_max_len = 0",
        "/f.toml:2: redis.stream_max_len: 0 is too small; a whole number of records from 1 to 1000000000",
    ),
    (
        "[window]\nupdate_interval = 60",
        "/f.toml:2: window.update_interval: 60 is more than window.seconds (30); at most as much",
    ),
    (
        "[window]\nupdate_interval = 20\nseconds = 10",
        "/f.toml:3: window.seconds: 10 is less than window.update_interval (20); at least as much",
    ),
    (
        "[recognition]\ndoubt = 0",
        "/f.toml:2: recognition.doubt: 0 is too small; a whole number of points from 1 to 1000",
    ),
    (
        "[recognition]\nlock = 1001",
        "/f.toml:2: recognition.lock: 1001 is too large; a whole number of points from 1 to 1000",
    ),
    ("[recognition]\ndoubt = 12", "/f.toml:2: recognition.doubt: 12 is not less than recognition.notify (12); less"),
    ("[recognition]\nnotify = 4", "/f.toml:2: recognition.notify: 4 is not more than recognition.doubt (6); more"),
    (
        "[recognition]\nnotify = 9\nlock = 9",
        "/f.toml:3: recognition.lock: 9 is not more than recognition.notify (9); more",
    ),
    (
        "[recognition]\nready_strokes = 100",
        "/f.toml:2: recognition.ready_strokes: 100 is too small; a whole number of strokes from 500 to 1000000",
    ),
    ("[influx]\napi = \"v3\"", "/f.toml:2: influx.api: \"v3\" does not fit; \"v1\" or \"v2\""),
    (
        "[identity]\nuser = \"a\\nb\"",
        "/f.toml:2: identity.user: holds a line break or another control character; a text without one",
    ),
    ("[devices]\nexclude = [\"ok\", \"\"]", "/f.toml:2: devices.exclude: an empty text in the list; a name"),
    ("[devices]\nexclude = [\"/sys/x\"]", "/f.toml:2: devices.exclude: \"/sys/x\" is no device; a path under /dev/"),
    ("[x11]\nexcluded_apps = [\" \"]", "/f.toml:2: x11.excluded_apps: an empty text in the list; a name"),
    ("[store]\npath = \"x.db\"", "/f.toml:2: store.path: a relative path; a path, absolute or beginning with ~/"),
    (
        "[log]\nlevel = \"info,seclyzer::sinks=loud\"",
        "/f.toml:2: log.level: \"seclyzer::sinks=loud\" is no level; off, error, warn, info, debug, trace, or part=level",
    ),
    (
        "[log]\nlevel = \"inof\"",
        "/f.toml:2: log.level: \"inof\" is no level; off, error, warn, info, debug, trace, or part=level",
    ),
    // What belongs together.
    (
        "[influx]\nurl = \"https://h/influx\"",
        "/f.toml:2: influx.url: a path, which only influx.api \"v1\" takes; http://host:8086 or https://host:8086",
    ),
    (
        "[redis]\npassword = \"x\"\npassword_file = \"/x\"",
        "/f.toml:3: redis.password_file: redis.password is set too; one of the two",
    ),
    (
        "[redis]\npassword = \"x\"\nurl = \"redis://:y@h\"",
        "/f.toml:3: redis.url: the URL holds one too and redis.password is set; one of the two",
    ),
    (
        "[influx]\ntoken = \"x\"\ntoken_file = \"/x\"",
        "/f.toml:3: influx.token_file: influx.token is set too; one of the two",
    ),
    (
        "[influx]\nbucket = \"x\"\ndatabase = \"x\"",
        "/f.toml:3: influx.database: influx.bucket is set too; one of the two",
    ),
    (
        "[influx]\nenabled = true\nurl = \"http://h\"\norg = \"o\"",
        "/f.toml:2: influx.enabled: influx.bucket, influx.token not set; true needs it",
    ),
    (
        "[influx]\nenabled = true\napi = \"v1\"",
        "/f.toml:2: influx.enabled: influx.url, influx.database not set; true needs it",
    ),
    (
        "[redis]\npassword_file = \"/no/such\"",
        "/f.toml:2: redis.password_file: /no/such: entity not found; a file that holds the secret alone",
    ),
];

/// URL of Redis, what is wrong with it.
const REDIS_URLS: &[(&str, &str)] = &[
    ("127.0.0.1:6379", "no scheme"),
    ("http://h:6379", "unknown scheme"),
    ("redis://", "no host"),
    ("redis://:6379", "no host"),
    ("redis://0.0.0.0", "0.0.0.0 is no address to connect to"),
    ("redis://[::]", ":: is no address to connect to"),
    ("redis://a b", "not a URL"),
    ("redis://h:99999", "the port is no number from 1 to 65535"),
    ("redis://h:0", "the port is no number from 1 to 65535"),
    ("redis://h/zero", "the database is no number"),
    ("redis://h?protocol=9", "something after the database's number that has no meaning"),
    ("rediss://h#insecure", "something after the database's number that has no meaning"),
    ("redis://:%ff@h", "a login that is not UTF-8"),
    ("unix://", "no path of a socket"),
    ("unix:///r.sock?db=x", "the database is no number"),
    ("unix:///r.sock?database=1", "something after the path that has no meaning"),
];

/// URL of InfluxDB, what is wrong with it.
const INFLUX_URLS: &[(&str, &str)] = &[
    ("h:8086", "unknown scheme"),
    ("http://", "no host"),
    ("http://a b", "not a URL"),
    ("http://h:99999", "the port is no number from 1 to 65535"),
    ("http://h/?db=x", "something after the path that has no meaning"),
    ("http://me:hunter2@h", "a login in the URL, where influx.username and influx.password would keep it"),
];

/// Variable, its value, error.
const VARIABLES: &[(&str, &str, &str)] = &[
    ("WINDOW_SECONDS", "0", "environment: WINDOW_SECONDS: 0 is too small; a whole number of seconds from 5 to 600"),
    (
        "WINDOW_SECONDS",
        "30s",
        "environment: WINDOW_SECONDS: \"30s\" is no whole number; a whole number of seconds from 5 to 600",
    ),
    (
        "SECLYZER_WINDOW_UPDATE_INTERVAL",
        "2.5",
        "environment: SECLYZER_WINDOW_UPDATE_INTERVAL: \"2.5\" is no whole number; a whole number of seconds from 1 to 60",
    ),
    ("SECLYZER_DEV_MODE", "yes", "environment: SECLYZER_DEV_MODE: \"yes\" does not fit; true or false"),
    (
        "SECLYZER_REDIS_ENABLED",
        "maybe",
        "environment: SECLYZER_REDIS_ENABLED: \"maybe\" does not fit; true, false or \"auto\"",
    ),
    ("SECLYZER_INFLUX_API", "3", "environment: SECLYZER_INFLUX_API: \"3\" does not fit; \"v1\" or \"v2\""),
    (
        "SECLYZER_DEVICES_INCLUDE",
        "[\"a\"",
        "environment: SECLYZER_DEVICES_INCLUDE: not a list; a list of texts, as in [\"one\", \"two\"], or one,two",
    ),
    (
        "SECLYZER_REDIS_PASWORD",
        "hunter2",
        "environment: SECLYZER_REDIS_PASWORD: unknown variable; did you mean SECLYZER_REDIS_PASSWORD?",
    ),
    (
        "SECLYZER_COLOURS",
        "x",
        "environment: SECLYZER_COLOURS: unknown variable; `seclyzer config show` lists every key, as SECLYZER_<SECTION>_<KEY>",
    ),
    ("REDIS_PORT", "tcp://10.0.0.1:6379", "environment: REDIS_PORT: not a port; a whole number from 1 to 65535"),
    ("REDIS_HOST", "h:6379", "environment: REDIS_HOST: not a host; a name or an IP address"),
    ("INFLUX_URL", "h", "environment: INFLUX_URL: no scheme; http://host:8086 or https://host:8086"),
    (
        "SECLYZER_INFLUX_ENABLED",
        "true",
        "environment: SECLYZER_INFLUX_ENABLED: influx.url, influx.bucket, influx.token not set; true needs it",
    ),
    (
        "SECLYZER_STORE_PATH",
        "x.db",
        "environment: SECLYZER_STORE_PATH: a relative path; a path, absolute or beginning with ~/",
    ),
];

#[test]
fn a_mistake_in_the_file_is_one_line_with_file_line_key_and_what_would_be_right() {
    let wrong: Vec<_> = FILES
        .iter()
        .map(|(text, expected)| (*text, *expected, error(text, &[])))
        .filter(|(_, expected, told)| expected != told)
        .map(|(text, expected, told)| format!("{text:?}\n  expected {expected}\n  told     {told}\n"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn what_is_wrong_with_a_url_is_told_without_repeating_it() {
    let servers = [
        ("redis", REDIS_URLS, "redis://host:port/db, rediss://host:port/db or unix:///path"),
        ("influx", INFLUX_URLS, "http://host:8086 or https://host:8086"),
    ];
    for (section, urls, right) in servers {
        for (url, problem) in urls {
            let told = error(&format!("[{section}]\nurl = \"{url}\""), &[]);
            assert_eq!(told, format!("/f.toml:2: {section}.url: {problem}; {right}"), "{url}");
        }
    }
}

#[test]
fn a_mistake_in_the_environment_names_the_variable() {
    let wrong: Vec<_> = VARIABLES
        .iter()
        .map(|(name, value, expected)| (*name, *value, *expected, error("", &[(name, value)])))
        .filter(|(_, _, expected, told)| expected != told)
        .map(|(name, value, expected, told)| format!("{name}={value}\n  expected {expected}\n  told     {told}\n"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn of_several_mistakes_the_first_in_the_file_is_told() {
    let text = "[window]\nupdate_interval = 0\nseconds = 0\n[identity]\nuser = 3";
    assert!(error(text, &[]).starts_with("/f.toml:2: window.update_interval:"));
}

#[test]
fn a_name_that_is_too_long_for_a_record_is_refused() {
    let told = error(&format!("[identity]\nuser = \"{}\"", "x".repeat(257)), &[]);
    assert_eq!(told, "/f.toml:2: identity.user: too long; a name of at most 256 bytes");
}

#[test]
fn a_variable_that_is_not_utf_8_is_refused() {
    let mut variables = environment(&[]);
    variables.insert("SECLYZER_LOG_LEVEL".into(), std::ffi::OsString::from_vec(vec![0xff]));
    let told = load(&Sources { file: None, environment: &variables, machine: &Workstation }).unwrap_err();
    assert_eq!(told.to_string(), "environment: SECLYZER_LOG_LEVEL: not UTF-8; a text in UTF-8");
}

#[test]
fn a_variable_with_the_prefix_that_belongs_to_scripts_is_left_alone() {
    assert!(loaded("", &[("SECLYZER_BIN", "/x")]).is_ok());
}

/// Text that is nearly a configuration, so that more than the TOML reader is met.
fn near_config() -> impl Strategy<Value = String> {
    let key = || proptest::sample::select(&KEYS[..]);
    let part = prop_oneof![
        proptest::sample::select(&["[", "]", "\n", " = ", "\"", "redis://", "://:@"][..]).prop_map(str::to_owned),
        key().prop_map(|key| key.name.to_owned()),
        key().prop_map(|key| format!("\n{} = {}\n", key.name, key.default)),
        (key(), any::<i64>()).prop_map(|(key, number)| format!("\n{} = {number}\n", key.name)),
        (key(), any::<String>()).prop_map(|(key, text)| format!("\n{} = {}\n", key.name, toml::Value::from(text))),
        any::<String>(),
    ];
    proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic_and_every_error_is_one_line(text in near_config()) {
        if let Err(error) = loaded(&text, &[]) {
            prop_assert!(!error.to_string().contains(char::is_control), "{}", error);
        }
    }

    #[test]
    fn no_variable_makes_reading_panic(value in any::<String>(), index in 0..KEYS.len()) {
        let variable = KEYS[index].variable();
        for name in [variable.as_str(), "REDIS_HOST", "REDIS_PORT"] {
            if let Err(error) = loaded("", &[(name, &value)]) {
                let expected = format!("environment: {name}: ");
                prop_assert!(error.to_string().starts_with(&expected), "{}", error);
            }
        }
    }
}
