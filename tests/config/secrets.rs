//! Where secrets may come from, who may read them there, and that they show up nowhere.

use crate::support::{Workstation, environment, file, loaded};
use proptest::prelude::*;
use seclyzer::config::{ConfigError, ConfigFile, Loaded, Origin, Sources, load, read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A directory with a configuration that names files of secrets.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// Reads the configuration of that text with these variables.
    fn read(&self, text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        let home = self.directory.path().to_str().unwrap();
        let config = self.write("config.toml", text, 0o600);
        let variables: Vec<_> = variables.iter().copied().chain([("HOME", home)]).collect();
        read(Some(&config), &environment(&variables))
    }
}

fn redis_password(loaded: &Loaded) -> Option<&str> {
    loaded.config.redis.password.as_ref().map(|password| password.expose())
}

const NAMES_FILE: &str = "[redis]\npassword_file = \"~/secret\"";

#[test]
fn a_secret_is_read_from_the_file_that_the_configuration_names_without_the_newline_at_its_end() {
    for content in ["hunter2", "hunter2\n", "hunter2\r\n"] {
        let place = Place::new();
        let path = place.write("secret", content, 0o400);
        let loaded = place.read(NAMES_FILE, &[]).unwrap();
        assert_eq!(redis_password(&loaded), Some("hunter2"));
        let (_, setting) = loaded.settings().find(|(key, _)| key.name == "redis.password").unwrap();
        assert_eq!(setting.origin, Origin::SecretFile(path));
    }
}

#[test]
fn where_only_events_are_accepted_the_password_is_read_too() {
    let place = Place::new();
    place.write("secret", "hunter2", 0o600);
    let text = format!("{NAMES_FILE}\nenabled = false\naccept_events = true");
    assert_eq!(redis_password(&place.read(&text, &[]).unwrap()), Some("hunter2"));
}

#[test]
fn tokens_and_passwords_of_influx_have_files_of_their_own() {
    let place = Place::new();
    let token = place.write("token", "t0ken", 0o600);
    place.write("password", "hunter2", 0o600);
    let variables = [("SECLYZER_INFLUX_TOKEN_FILE", token.to_str().unwrap())];
    let influx = place.read("[influx]\npassword_file = \"~/password\"", &variables).unwrap().config.influx;
    assert_eq!(influx.token.unwrap().expose(), "t0ken");
    assert_eq!(influx.password.unwrap().expose(), "hunter2");
}

#[test]
fn a_secret_s_file_that_others_may_read_is_refused_with_the_command_that_mends_it() {
    for mode in [0o640, 0o604, 0o660, 0o644] {
        let place = Place::new();
        let path = place.write("secret", "hunter2", mode);
        let home = place.directory.path().display();
        assert_eq!(
            place.read(NAMES_FILE, &[]).unwrap_err().to_string(),
            format!(
                "{home}/config.toml:2: redis.password_file: {path}: others may read it; chmod 600 {path}",
                path = path.display()
            )
        );
    }
}

#[test]
fn a_secret_s_file_without_one_line_of_text_is_refused() {
    let place = Place::new();
    let told = |content: &[u8]| {
        let path = place.write("secret", content, 0o600).display().to_string();
        let told = place.read(NAMES_FILE, &[]).unwrap_err().to_string();
        told.split_once(&format!("{path}: ")).unwrap().1.to_owned()
    };
    assert_eq!(told(b"\n"), "empty; the secret as one line of text");
    assert_eq!(told(b"hunter2\xff"), "not UTF-8; the secret as one line of text");
    assert_eq!(told(b"hunter2\nsecond"), "holds a line break or another control character; a text without one");
}

#[test]
fn a_directory_in_a_secret_s_place_is_refused() {
    let place = Place::new();
    std::fs::create_dir(place.directory.path().join("secret")).unwrap();
    let told = place.read(NAMES_FILE, &[]).unwrap_err().to_string();
    assert!(told.ends_with("/secret: not a regular file; a file that holds the secret alone"), "{told}");
}

#[test]
fn the_file_of_a_sink_that_is_off_is_not_asked_for() {
    let loaded = Place::new().read("[redis]\nenabled = false\npassword_file = \"/no/such\"", &[]).unwrap();
    assert_eq!(redis_password(&loaded), None);
}

#[test]
fn a_configuration_with_a_secret_that_others_may_read_is_refused_with_the_command_that_mends_it() {
    for (text, told) in [
        ("[redis]\npassword = \"hunter2\"", "/f.toml:2: redis.password"),
        ("[redis]\nurl = \"redis://:hunter2@h\"", "/f.toml:2: redis.password"),
        ("[influx]\ntoken = \"hunter2\"", "/f.toml:2: influx.token"),
    ] {
        for mode in [0o100_644, 0o100_640, 0o100_604] {
            let mut file = file(text);
            file.mode = mode;
            let sources = Sources { file: Some(file), environment: &environment(&[]), machine: &Workstation };
            assert_eq!(
                load(&sources).unwrap_err().to_string(),
                format!("{told}: a secret in a file that others may read; chmod 600 /f.toml")
            );
        }
    }
}

#[test]
fn a_configuration_that_others_may_write_to_is_refused_with_the_command_that_mends_it() {
    let read = |mode, has_own_group| {
        let file = ConfigFile { mode, has_own_group, ..file("[window]\nseconds = 9") };
        load(&Sources { file: Some(file), environment: &environment(&[]), machine: &Workstation }).map(drop)
    };
    for (mode, has_own_group) in [(0o100_606, true), (0o100_602, false), (0o100_660, false), (0o100_664, false)] {
        let told = read(mode, has_own_group).unwrap_err().to_string();
        assert_eq!(told, format!("/f.toml: others may write to it (mode {:o}); chmod go-w /f.toml", mode & 0o777));
    }
    for (mode, has_own_group) in [(0o100_644, false), (0o100_664, true), (0o100_660, true)] {
        assert_eq!(read(mode, has_own_group), Ok(()), "{mode:o}");
    }
}

#[test]
fn the_group_of_the_file_s_owner_may_write_to_it() {
    let place = Place::new();
    let path = place.write("config.toml", "", 0o664);
    let owner = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap();
    std::os::unix::fs::chown(&path, None, Some(owner.gid.as_raw())).unwrap();
    assert!(read(Some(&path), &environment(&[("HOME", "/home/me")])).is_ok());
}

#[test]
fn the_service_manager_s_credentials_win_over_the_file_and_lose_to_a_variable() {
    let place = Place::new();
    // systemd grants access by ACL, which shows up as bits of the group's.
    place.write("redis_password", "credential\n", 0o440);
    let directory = place.directory.path().to_str().unwrap();
    let credentials = ("CREDENTIALS_DIRECTORY", directory);
    let password = |text: &str, variables: &[(&str, &str)]| {
        redis_password(&place.read(text, variables).unwrap()).map(str::to_owned)
    };
    assert_eq!(password("", &[credentials]).as_deref(), Some("credential"));
    assert_eq!(password("[redis]\npassword = \"file\"", &[credentials]).as_deref(), Some("credential"));
    assert_eq!(password("[redis]\npassword_file = \"/no/such\"", &[credentials]).as_deref(), Some("credential"));
    assert_eq!(password("", &[credentials, ("REDIS_PASSWORD", "variable")]).as_deref(), Some("variable"));
}

#[test]
fn all_three_credentials_are_taken_and_a_missing_one_is_no_mistake() {
    let place = Place::new();
    let directory = place.directory.path().to_str().unwrap();
    let variables = [("CREDENTIALS_DIRECTORY", directory)];
    assert_eq!(redis_password(&place.read("", &variables).unwrap()), None);
    for name in ["redis_password", "influx_token", "influx_password"] {
        place.write(name, name, 0o400);
    }
    let config = place.read("", &variables).unwrap().config;
    assert_eq!(config.redis.password.unwrap().expose(), "redis_password");
    assert_eq!(config.influx.token.unwrap().expose(), "influx_token");
    assert_eq!(config.influx.password.unwrap().expose(), "influx_password");
}

#[test]
fn a_credential_that_cannot_be_used_is_a_mistake() {
    let place = Place::new();
    let path = place.write("redis_password", "", 0o400);
    let directory = place.directory.path().to_str().unwrap();
    assert_eq!(
        place.read("", &[("CREDENTIALS_DIRECTORY", directory)]).unwrap_err().to_string(),
        format!("{}: redis.password: empty; the secret as one line of text", path.display())
    );
}

#[test]
fn a_variable_with_a_password_replaces_the_file_that_the_configuration_names() {
    let loaded = loaded("[redis]\npassword_file = \"/no/such\"", &[("REDIS_PASSWORD", "hunter2")]).unwrap();
    assert_eq!(redis_password(&loaded), Some("hunter2"));
}

#[test]
fn a_login_in_the_url_of_redis_is_moved_out_of_it() {
    for (text, url) in [
        ("redis://me:p%40ss@h:1/2", "redis://h:1/2"),
        ("rediss://me:p%40ss@[::1]:1", "rediss://[::1]:1"),
        ("unix:///run/r.sock?user=me&pass=p%40ss", "unix:///run/r.sock"),
    ] {
        let redis = loaded("", &[("SECLYZER_REDIS_URL", text)]).unwrap().config.redis;
        assert_eq!((redis.url.as_str(), redis.username.as_deref()), (url, Some("me")));
        assert_eq!(redis.password.unwrap().expose(), "p@ss");
    }
}

/// What of a configuration can be seen: its error, or all forms in which it is shown.
fn seen(result: Result<Loaded, ConfigError>) -> String {
    match result {
        Err(error) => format!("{error} {error:?}"),
        Ok(loaded) => {
            let shown: Vec<_> =
                loaded.settings().map(|(_, setting)| format!("{} {setting:?}", setting.value.shown())).collect();
            format!("{loaded:?} {}", shown.join("\n"))
        }
    }
}

/// Every way to hand over a secret, right and wrong.
fn ways_to_tell(secret: &str) -> Vec<String> {
    let places = ["redis.password = ", "influx.token = ", "influx.password = "];
    let ends = ["", "\nredis.stream = 3", "\nredis.username = \"", "\nredis.password_file = \"/x\""];
    let values = [
        format!("{secret:?}"),
        format!("[{secret:?}]"),
        format!("{{ a = {secret:?} }}"),
        secret.to_owned(),
        format!("\"{secret}\\n\""),
    ];
    let urls = [
        format!("redis://:{secret}@h"),
        format!("redis://{secret}@h:99999"),
        format!("redis://me:{secret}@h/zero"),
        format!("ftp://me:{secret}@h"),
        format!("redis://h?pass={secret}"),
        format!("unix:///r.sock?pass={secret}"),
        format!("unix:///r.sock?{secret}"),
        format!("me:{secret}@h"),
    ];
    let mut texts = Vec::new();
    for place in places {
        for value in &values {
            texts.extend(ends.map(|end| format!("{place}{value}{end}")));
        }
    }
    texts.extend(
        urls.iter().flat_map(|url| {
            [format!("redis.url = \"{url}\""), format!("redis.url = \"{url}\"\nredis.password = \"x\"")]
        }),
    );
    texts.push(format!("[redis]\npassword = {secret}"));
    texts.push(format!("influx.url = \"http://me:{secret}@h\""));
    texts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // Begins with letters that stand in no key's name and in no message.
    #[test]
    fn a_secret_is_never_shown_and_in_no_error(secret in "qzjx[a-z0-9]{4,12}") {
        for text in ways_to_tell(&secret) {
            prop_assert!(!seen(loaded(&text, &[])).contains(&secret), "{}", text);
        }
        for name in ["REDIS_PASSWORD", "INFLUX_TOKEN", "SECLYZER_INFLUX_PASSWORD", "SECLYZER_REDIS_PASWORD",
                     "REDIS_PORT", "REDIS_HOST"] {
            let wrong = format!("{secret}\n");
            prop_assert!(!seen(loaded("", &[(name, &wrong)])).contains(&secret), "{}", name);
        }
        for url in [format!("redis://:{secret}@h"), format!("redis://:{secret}@h:x")] {
            prop_assert!(!seen(loaded("", &[("SECLYZER_REDIS_URL", &url)])).contains(&secret), "{}", url);
        }
    }
}

#[test]
fn a_secret_s_file_is_not_shown_when_it_is_refused() {
    let place = Place::new();
    place.write("secret", "hunter2\n\n", 0o600);
    assert!(!seen(place.read(NAMES_FILE, &[])).contains("hunter2"));
}
