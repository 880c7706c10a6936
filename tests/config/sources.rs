//! Where settings come from, and which of them wins.

use crate::support::{Hardened, Nowhere, Workstation, environment, file, loaded};
use seclyzer::act::Mode;
use seclyzer::config::keys::{KEYS, Kind};
use seclyzer::config::{Config, InfluxApi, Notify, Origin, Sources, Switch, load, read};
use seclyzer::features::keystroke::Publish;
use seclyzer::recognition::Settings;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn config(text: &str, variables: &[(&str, &str)]) -> Config {
    loaded(text, variables).unwrap().config
}

#[test]
fn without_file_and_variables_everything_has_a_default() {
    let loaded = load(&Sources { file: None, environment: &environment(&[]), machine: &Workstation }).unwrap();
    let Config {
        identity,
        window,
        devices,
        keystroke,
        keyboard,
        recognition,
        decision,
        notify,
        x11,
        store,
        redis,
        influx,
        log,
    } = loaded.config;
    assert_eq!((keystroke.publish, redis.events_publish), (Publish::Lines, Publish::All));
    assert_eq!((identity.user.as_str(), identity.host.as_str(), identity.dev_mode), ("me", "box", false));
    assert_eq!((window.length, window.step), (Duration::from_secs(30), Duration::from_secs(5)));
    assert!(devices.include.is_empty() && devices.exclude.is_empty());
    assert!(keyboard.letters.is_empty() && keyboard.layout().is_none());
    assert!(recognition.enabled);
    assert_eq!(recognition.settings, Settings::default());
    assert_eq!((decision.mode, decision.lock_command), (Mode::Observe, None));
    assert_eq!(notify, Notify::default());
    assert!(x11.enabled && x11.excluded_apps.iter().any(|app| app == "keepassxc"));
    assert_eq!(store.path, Path::new("/home/me/.local/share/seclyzer/seclyzer.db"));
    assert_eq!(store.retention, Some(Duration::from_secs(30 * 86_400)));
    assert_eq!((redis.enabled, redis.url.as_str()), (Switch::Auto, "redis://127.0.0.1:6379"));
    assert!(redis.username.is_none() && redis.password.is_none());
    assert_eq!((redis.stream, redis.stream_max_len, redis.accept_events), (false, 100_000, false));
    assert_eq!((influx.enabled, influx.api, influx.is_on()), (Switch::Auto, InfluxApi::V2, false));
    assert_eq!((log.level.as_str(), log.file), ("info", None));
    assert_eq!(loaded.source, None);
}

#[test]
fn a_value_of_the_file_wins_over_the_default_and_a_variable_over_the_file() {
    let text = "[window]\nseconds = 60\nupdate_interval = 10\n[x11]\nexcluded_apps = []";
    let window = config(text, &[("WINDOW_SECONDS", "120")]).window;
    assert_eq!((window.length, window.step), (Duration::from_secs(120), Duration::from_secs(10)));
    assert!(config(text, &[]).x11.excluded_apps.is_empty());
}

#[test]
fn thresholds_and_readiness_of_recognition_are_those_of_the_file() {
    let text = "[recognition]\nenabled = false\ndoubt = 7\nnotify = 15\nlock = 40\nready_strokes = 5000\n\
                ready_actions = 800\nready_sittings = 5";
    let recognition = config(text, &[]).recognition;
    assert!(!recognition.enabled);
    let Settings { thresholds, readiness, password_only } = recognition.settings;
    assert_eq!((thresholds.doubt, thresholds.notify, thresholds.lock), (7.0, 15.0, 40.0));
    assert_eq!((readiness.strokes, readiness.actions, readiness.sittings), (5000, 800, 5));
    assert!(!password_only);
    assert!(config("", &[("SECLYZER_RECOGNITION_NOTIFY", "19")]).recognition.settings.thresholds.notify == 19.0);
}

#[test]
fn where_nothing_is_locked_calm_input_ends_an_alarm_and_where_it_is_only_a_password_does() {
    let of = |mode: &str| config(&format!("[decision]\nmode = \"{mode}\""), &[]);
    for (name, mode) in [("observe", Mode::Observe), ("notify", Mode::Notify), ("lock", Mode::Lock)] {
        let config = of(name);
        assert_eq!((config.decision.mode, config.recognition.settings.password_only), (mode, mode == Mode::Lock));
    }
    let command = config("", &[("SECLYZER_DECISION_LOCK_COMMAND", "xsecurelock")]).decision.lock_command;
    assert_eq!(command.as_deref(), Some("xsecurelock"));
}

#[test]
fn the_file_says_which_notices_are_shown() {
    let notify =
        config("[notify]\ncapture = true\npause = false\nfailures = false\nsinks = false\ndecisions = false", &[]);
    let other = Notify { capture: true, pause: false, failures: false, sinks: false, decisions: false };
    assert_eq!(notify.notify, other);
    assert!(!config("", &[("SECLYZER_NOTIFY_SINKS", "false")]).notify.sinks);
}

#[test]
fn the_long_name_of_a_variable_wins_over_the_short_one() {
    for (short, long, key) in [
        ("WINDOW_SECONDS", "SECLYZER_WINDOW_SECONDS", "window.seconds"),
        ("UPDATE_INTERVAL", "SECLYZER_WINDOW_UPDATE_INTERVAL", "window.update_interval"),
    ] {
        let loaded = loaded("", &[(short, "7"), (long, "9")]).unwrap();
        let (_, setting) = loaded.settings().find(|(known, _)| known.name == key).unwrap();
        assert_eq!(setting.value.shown().as_integer(), Some(9));
        assert_eq!(setting.origin, Origin::Environment(long.into()));
    }
    let dev_mode = |variables: &[(&str, &str)]| config("", variables).identity.dev_mode;
    assert!(dev_mode(&[("SECLYZER_DEV_MODE", "true")]));
    assert!(!dev_mode(&[("SECLYZER_DEV_MODE", "1"), ("SECLYZER_IDENTITY_DEV_MODE", "0")]));
}

#[test]
fn an_empty_value_is_as_if_it_were_not_set() {
    let text = "[identity]\nuser = \"\"\n[redis]\nurl = \"\"\n[influx]\napi = \"\"";
    let empty = [("WINDOW_SECONDS", ""), ("SECLYZER_STORE_PATH", ""), ("REDIS_HOST", ""), ("SECLYZER_NO_SUCH_KEY", "")];
    let config = config(text, &empty);
    assert_eq!((config.identity.user.as_str(), config.redis.url.as_str()), ("me", "redis://127.0.0.1:6379"));
    assert_eq!((config.influx.api, config.window.length), (InfluxApi::V2, Duration::from_secs(30)));
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    for key in &KEYS {
        let text = match (key.name, key.kind) {
            ("redis.url", _) => "rediss://h:1",
            ("influx.url", _) => "http://h:1",
            ("keyboard.letters", _) => "KEY_A",
            // Each threshold is below the next one's default.
            ("recognition.doubt" | "recognition.notify", _) => "11",
            (_, Kind::Flag | Kind::Switch) => "false",
            (_, Kind::Whole { max, .. }) => &max.to_string(),
            (_, Kind::Choice(choices)) => choices[0],
            (_, Kind::Path) => "/x",
            (_, Kind::List | Kind::Text | Kind::Secret) => "error",
        };
        // The longest step needs the longest window; the secrets' files of a sink that is off are not read.
        let others =
            [("WINDOW_SECONDS", "600"), ("SECLYZER_REDIS_ENABLED", "false"), ("SECLYZER_INFLUX_ENABLED", "false")];
        let variable = key.variable();
        let variables: Vec<_> = others.into_iter().chain([(variable.as_str(), text)]).collect();
        let loaded = loaded("", &variables).unwrap_or_else(|error| panic!("{error}"));
        let (_, setting) = loaded.settings().find(|(known, _)| known.name == key.name).unwrap();
        assert_eq!(setting.origin, Origin::Environment(variable), "{}", key.name);
    }
}

#[test]
fn a_list_in_a_variable_is_separated_by_commas_or_written_as_in_the_file() {
    let include = |text| config("", &[("SECLYZER_DEVICES_INCLUDE", text)]).devices.include;
    assert_eq!(include("046d:c077, /dev/input/event3,"), ["046d:c077", "/dev/input/event3"]);
    assert_eq!(include("[\"Keyboard, wireless\", '*mouse*']"), ["Keyboard, wireless", "*mouse*"]);
    let apps = config("", &[("SECLYZER_X11_EXCLUDED_APPS", "[]")]).x11.excluded_apps;
    assert!(apps.is_empty());
}

#[test]
fn redis_host_and_port_replace_these_parts_of_the_url() {
    let text = "[redis]\nurl = \"rediss://me:pw@old:1/3\"";
    let redis = |variables: &[(&str, &str)]| config(text, variables).redis;
    assert_eq!(redis(&[("REDIS_HOST", "new")]).url, "rediss://new:1/3");
    assert_eq!(redis(&[("REDIS_PORT", "2")]).url, "rediss://old:2/3");
    let both = redis(&[("REDIS_HOST", "::1"), ("REDIS_PORT", "2")]);
    assert_eq!((both.url.as_str(), both.username.as_deref()), ("rediss://[::1]:2/3", Some("me")));
    assert_eq!(both.password.unwrap().expose(), "pw");
    assert_eq!(redis(&[("REDIS_HOST", "new"), ("SECLYZER_REDIS_URL", "unix:///r.sock")]).url, "unix:///r.sock");
}

#[test]
fn influx_is_on_by_itself_once_all_that_its_api_needs_is_set() {
    let v2 = "[influx]\nurl = \"http://h:8086\"\norg = \"o\"\nbucket = \"b\"";
    let is_on = |text, variables: &[(&str, &str)]| config(text, variables).influx.is_on();
    assert!(!is_on(v2, &[]));
    assert_eq!(config(v2, &[]).influx.missing(), ["influx.token"]);
    assert!(is_on(v2, &[("INFLUX_TOKEN", "t")]));
    assert!(!is_on(v2, &[("INFLUX_TOKEN", "t"), ("SECLYZER_INFLUX_ENABLED", "false")]));
    let v1 = "[influx]\napi = \"v1\"\nurl = \"http://h:8086/\"\ndatabase = \"d\"\nenabled = true";
    let influx = config(v1, &[]).influx;
    assert!(influx.is_on());
    assert_eq!((influx.url.as_str(), influx.bucket.as_str()), ("http://h:8086", "d"));
    assert_eq!(config(v1, &[("INFLUX_BUCKET", "other")]).influx.bucket, "other");
}

#[test]
fn the_database_lies_in_the_state_directory_of_a_service_or_the_account_s_data() {
    let path = |variables: &[(&str, &str)]| config("", variables).store.path;
    let service = [("STATE_DIRECTORY", "/var/lib/seclyzer:/var/lib/other"), ("XDG_DATA_HOME", "/data")];
    assert_eq!(path(&service), Path::new("/var/lib/seclyzer/seclyzer.db"));
    assert_eq!(path(&[("XDG_DATA_HOME", "/data")]), Path::new("/data/seclyzer/seclyzer.db"));
    assert_eq!(path(&[("HOME", "/h")]), Path::new("/h/.local/share/seclyzer/seclyzer.db"));
    assert_eq!(path(&[("SECLYZER_STORE_PATH", "~/mine.db")]), Path::new("/home/me/mine.db"));
}

#[test]
fn where_the_hardened_service_is_installed_commands_look_at_its_database() {
    let variables = environment(&[("HOME", "/h"), ("XDG_DATA_HOME", "/data")]);
    let loaded = load(&Sources { file: None, environment: &variables, machine: &Hardened }).unwrap();
    assert_eq!(loaded.config.store.path, Path::new("/var/lib/seclyzer/me/seclyzer.db"));
}

#[test]
fn records_are_kept_for_ever_with_a_retention_of_0_days() {
    assert_eq!(config("[store]\nretention_days = 0", &[]).store.retention, None);
}

#[test]
fn where_the_account_has_no_name_the_variable_user_gives_it() {
    let variables = environment(&[("USER", "them"), ("HOME", "/h"), ("SECLYZER_IDENTITY_HOST", "here")]);
    let loaded = load(&Sources { file: None, environment: &variables, machine: &Nowhere }).unwrap();
    assert_eq!(loaded.config.identity.user, "them");
}

#[test]
fn a_machine_that_knows_nothing_of_itself_is_told_which_key_helps() {
    let told = |variables: &[(&str, &str)]| {
        let environment = environment(variables);
        load(&Sources { file: None, environment: &environment, machine: &Nowhere }).unwrap_err().to_string()
    };
    assert_eq!(told(&[]), "default: identity.user: the account has no name; a name in quotes");
    assert_eq!(told(&[("USER", "u")]), "default: identity.host: the machine has no name; a name in quotes");
    assert_eq!(told(&[("USER", "a\nb")]), told(&[]));
    assert_eq!(
        told(&[("USER", "u"), ("SECLYZER_IDENTITY_HOST", "h"), ("SECLYZER_STORE_PATH", "~/x")]),
        "environment: SECLYZER_STORE_PATH: no home directory; an absolute path"
    );
    assert_eq!(
        told(&[("USER", "u"), ("SECLYZER_IDENTITY_HOST", "h")]),
        "default: store.path: no home directory; an absolute path"
    );
}

#[test]
fn the_explicit_file_must_exist() {
    let told = read(Some(Path::new("/no/such/file.toml")), &environment(&[])).unwrap_err();
    assert_eq!(told.to_string(), "/no/such/file.toml: No such file or directory (os error 2); a readable TOML file");
}

#[test]
fn the_explicit_file_wins_over_the_account_s_own_and_that_is_found_without_it() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| -> PathBuf {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    let own = write(".config/seclyzer/config.toml", "[identity]\nuser = \"own\"");
    let explicit = write("explicit.toml", "[identity]\nuser = \"explicit\"");
    let variables = environment(&[("HOME", home.path().to_str().unwrap())]);
    for (asked, found, user) in [(None, own, "own"), (Some(explicit.as_path()), explicit.clone(), "explicit")] {
        let loaded = read(asked, &variables).unwrap();
        assert_eq!((loaded.source, loaded.config.identity.user.as_str()), (Some(found), user));
    }
}

#[test]
fn a_file_that_is_there_and_cannot_be_used_is_not_passed_over() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("seclyzer/config.toml");
    std::fs::create_dir_all(&path).unwrap();
    let variables = environment(&[("XDG_CONFIG_HOME", home.path().to_str().unwrap())]);
    let told = read(None, &variables).unwrap_err().to_string();
    assert_eq!(told, format!("{}: Is a directory (os error 21); a readable TOML file", path.display()));

    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, b"[identity]\nuser = \"\xff\"").unwrap();
    let told = read(None, &variables).unwrap_err().to_string();
    assert_eq!(told, format!("{}: not UTF-8; a readable TOML file", path.display()));
}

#[test]
fn a_file_without_secrets_may_be_readable_by_all() {
    let mut world_readable = file("[window]\nseconds = 60\n[redis]\nurl = \"redis://h\"\npassword = \"\"");
    world_readable.mode = 0o100_644;
    let sources = Sources { file: Some(world_readable), environment: &environment(&[]), machine: &Workstation };
    assert_eq!(load(&sources).unwrap().config.window.length, Duration::from_secs(60));
}
