//! The list of all keys.

use super::{Key, Kind};

const fn key(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Key {
    Key { name, kind, default, aliases: &[], about }
}

impl Key {
    const fn or(self, aliases: &'static [&'static str]) -> Key {
        Key { aliases, ..self }
    }
}

/// Password managers, and the windows that ask for a password.
const EXCLUDED_APPS: &str = r#"["keepassxc", "keepassx", "keepass", "keepass2", "keeweb", "authpass", "bitwarden", "com.bitwarden.desktop", "goldwarden", "1password", "com.onepassword.OnePassword", "enpass", "dashlane", "nordpass", "Proton Pass", "proton-pass", "me.proton.Pass", "Keeper Password Manager", "keeperpasswordmanager", "buttercup", "padloc", "pwsafe", "qtpass", "revelation", "seahorse", "org.gnome.seahorse.Application", "org.gnome.World.Secrets", "org.gnome.PasswordSafe", "app.drey.KeyRack", "kwalletmanager", "kwalletmanager5", "kwalletd5", "kwalletd6", "ksecretd", "gcr-prompter", "pinentry", "pinentry-gtk", "pinentry-gtk-2", "pinentry-gnome3", "pinentry-qt", "pinentry-qt4", "pinentry-qt5", "pinentry-fltk", "pinentry-efl", "ssh-askpass", "x11-ssh-askpass", "gnome-ssh-askpass", "gcr-ssh-askpass", "gcr4-ssh-askpass", "ksshaskpass", "lxqt-openssh-askpass", "polkit-gnome-authentication-agent-1", "polkit-kde-authentication-agent-1", "polkit-mate-authentication-agent-1", "lxpolkit", "lxqt-policykit-agent", "xfce-polkit", "hyprpolkitagent", "soteria", "io.elementary.desktop.agent-polkit", "dde-polkit-agent", "kdesu", "lxqt-sudo", "qt-sudo", "veracrypt", "zulucrypt-gui", "cryptomator"]"#;

/// All keys, in the order in which they are shown.
pub static KEYS: [Key; 55] = [
    key("identity.user", Kind::Text, "\"\"", "The user that the records belong to. Empty: the account's login name."),
    key("identity.host", Kind::Text, "\"\"", "The machine's name in the records. Empty: the host name."),
    key("identity.dev_mode", Kind::Flag, "false", "Marks every record as made during development.")
        .or(&["SECLYZER_DEV_MODE"]),
    key(
        "window.seconds",
        Kind::Whole { unit: "seconds", min: 5, max: 600 },
        "30",
        "Length of a window; at least `window.update_interval`.",
    )
    .or(&["WINDOW_SECONDS"]),
    key(
        "window.update_interval",
        Kind::Whole { unit: "seconds", min: 1, max: 60 },
        "5",
        "Time between the ends of successive windows.",
    )
    .or(&["UPDATE_INTERVAL"]),
    key(
        "devices.include",
        Kind::List,
        "[]",
        "Devices to read: a name (`*` is any text), `vendor:product` in hexadecimal, or a path under /dev/. Empty: every \
         keyboard, mouse, touchpad and absolute pointer.",
    ),
    key("devices.exclude", Kind::List, "[]", "Devices not to read, in the same form; wins over `devices.include`."),
    key(
        "keystroke.publish",
        Kind::Choice(&["lines", "words", "all"]),
        "\"lines\"",
        "Which strokes features are computed from: `lines` (plain words in lines of more than eight words), `words` (each \
         plain word that is followed by another one, in lines of any length) or `all`. How much `words` and `all` give away is in [privacy.md](privacy.md).",
    ),
    key(
        "keyboard.letters",
        Kind::List,
        "[]",
        "Keys that write letters, with and without Shift, by their names in events (`KEY_A`, `KeyA` or `a`: the key in that place \
         of a US keyboard). Empty: those of the layout that X11 reports, else of a US keyboard.",
    ),
    key(
        "recognition.enabled",
        Kind::Flag,
        "true",
        "Whether the agent learns how its owner types and points, and judges whether somebody else is at the machine.",
    ),
    key(
        "recognition.doubt",
        Kind::Whole { unit: "points", min: 1, max: 1000 },
        "6",
        "Evidence against the owner from which the state is `doubtful`; less than `recognition.notify`. With 6 there is \
         about one such episode an hour of input; nobody is notified, and nothing that raised it is learnt.",
    ),
    key(
        "recognition.notify",
        Kind::Whole { unit: "points", min: 1, max: 1000 },
        "12",
        "Evidence from which the state is `stranger`; less than `recognition.lock`. What other values cost is in \
         `config/seclyzer.toml`.",
    ),
    key(
        "recognition.lock",
        Kind::Whole { unit: "points", min: 1, max: 1000 },
        "20",
        "Evidence from which a decision with the reason `lock` is recorded, once an alarm; with `decision.mode = \"lock\"` \
         the session is locked then.",
    ),
    key(
        "recognition.ready_strokes",
        Kind::Whole { unit: "strokes", min: 500, max: 1_000_000 },
        "2000",
        "Strokes to learn before keys are judged.",
    ),
    key(
        "recognition.ready_actions",
        Kind::Whole { unit: "actions", min: 100, max: 1_000_000 },
        "400",
        "Actions of the mouse (movements, clicks, drags, turns of the wheel) to learn before they are judged.",
    ),
    key(
        "recognition.ready_sittings",
        Kind::Whole { unit: "sittings", min: 1, max: 1000 },
        "3",
        "Sittings in which the mouse was learnt from before it is judged; 15 minutes without input end one.",
    ),
    key(
        "decision.mode",
        Kind::Choice(&["observe", "notify", "lock"]),
        "\"observe\"",
        "What the agent does at an alarm: `observe` (records and publishes it), `notify` (also asks \"Is it you?\" in a \
         notice) or `lock` (also locks the session at `recognition.lock`). In the user way no mode keeps whoever uses the \
         account from stopping its own service; the hardened way does.",
    ),
    key(
        "decision.lock_command",
        Kind::Text,
        "\"\"",
        "Command that locks the screen where neither logind nor the desktop does; run by a unit of its own, because the \
         agent executes nothing. Empty: none.",
    ),
    key(
        "notify.capture",
        Kind::Flag,
        "false",
        "Notices on the desktop: capture has begun or ended. Off: it does so with every session.",
    ),
    key(
        "notify.pause",
        Kind::Flag,
        "true",
        "Notices: a pause or a guest's time has begun or ended, whoever ordered it.",
    ),
    key(
        "notify.failures",
        Kind::Flag,
        "true",
        "Notices: no device may be read, or the database takes no records, for more than 10 s; and the end of it.",
    ),
    key(
        "notify.sinks",
        Kind::Flag,
        "true",
        "Notices: records have waited for Redis or InfluxDB for a day, because it cannot be reached or refuses; and the end \
         of it.",
    ),
    key(
        "notify.decisions",
        Kind::Flag,
        "true",
        "Notices of `decision.mode` at `notify` and `lock`: \"Is it you?\", and that nothing locked the screen. Without them \
         `notify` does no more than `observe`, and `lock` locks without asking.",
    ),
    key(
        "x11.enabled",
        Kind::Flag,
        "true",
        "Whether changes of the focused application are observed, on X11 and on Wayland; without it no application is \
         excluded, and no password field or prompt of the desktop is noticed. The section has its name from the first of \
         these.",
    ),
    key(
        "x11.excluded_apps",
        Kind::List,
        EXCLUDED_APPS,
        "Applications in which no keystroke is captured, by either half of WM_CLASS or by the application id, ignoring case; \
         `keepassxc` is also `org.keepassxc.KeePassXC` ([how](#excluded-applications)). The default names password managers \
         and password prompts.",
    ),
    key(
        "store.path",
        Kind::Path,
        "\"\"",
        "The SQLite database. Empty: `seclyzer.db` in `$STATE_DIRECTORY` (a system service), else \
         in `/var/lib/seclyzer/USER/` if the hardened service is installed, else `$XDG_DATA_HOME/seclyzer/`, else `~/.local/share/seclyzer/`.",
    ),
    key(
        "store.retention_days",
        Kind::Whole { unit: "days", min: 0, max: 36_500 },
        "30",
        "How long records are kept; 0: for ever.",
    ),
    key(
        "redis.enabled",
        Kind::Switch,
        "\"auto\"",
        "Whether records are sent to Redis. Auto: once a server answers at `redis.url`, else on loopback.",
    ),
    key(
        "redis.url",
        Kind::Text,
        "\"redis://127.0.0.1:6379\"",
        "`redis://host:port/db`, `rediss://host:port/db` (TLS) or `unix:///path?db=0`. A login in it is \
         never shown. `REDIS_HOST` and `REDIS_PORT` replace these parts of it.",
    )
    .or(&["REDIS_HOST", "REDIS_PORT"]),
    key("redis.username", Kind::Text, "\"\"", "Redis account (ACL). Empty: the default account."),
    key("redis.password", Kind::Secret, "\"\"", "Redis password.").or(&["REDIS_PASSWORD"]),
    key("redis.password_file", Kind::Path, "\"\"", "File with the Redis password, instead of `redis.password`."),
    key(
        "redis.tls_ca",
        Kind::Path,
        "\"\"",
        "PEM file with the authorities to trust (`rediss://`). Empty: the system's.",
    ),
    key(
        "redis.tls_cert",
        Kind::Path,
        "\"\"",
        "PEM file with the client certificate, if the server asks for one (`rediss://`); its chain may follow.",
    ),
    key("redis.tls_key", Kind::Path, "\"\"", "PEM file with the private key of `redis.tls_cert`; mode 600."),
    key(
        "redis.stream",
        Kind::Flag,
        "false",
        "Whether records are also appended to the streams `seclyzer:stream:features` and `seclyzer:stream:decisions`.",
    ),
    key(
        "redis.stream_max_len",
        Kind::Whole { unit: "records", min: 1, max: 1_000_000_000 },
        "100000",
        "Approximate number of records that each stream keeps.",
    ),
    key(
        "redis.accept_events",
        Kind::Flag,
        "false",
        "Whether events are accepted from the channel `seclyzer:events`. Whoever may publish there can add records.",
    ),
    key(
        "redis.events_publish",
        Kind::Choice(&["lines", "words", "all"]),
        "\"all\"",
        "The same as `keystroke.publish`, for these events: whoever published the keys has shown them already.",
    ),
    key(
        "influx.enabled",
        Kind::Switch,
        "\"auto\"",
        "Whether records are sent to InfluxDB. Auto: once the URL and what the API needs are set (v2: token, bucket; v1: \
         database).",
    ),
    key("influx.api", Kind::Choice(&["v1", "v2"]), "\"v2\"", "Write API: v1 is InfluxDB 1.x, v2 is 2.x and later."),
    key(
        "influx.url",
        Kind::Text,
        "\"\"",
        "`http://host:8086` or `https://…`, without a login; with v1 a path may follow.",
    )
    .or(&["INFLUX_URL"]),
    key("influx.token", Kind::Secret, "\"\"", "Token (v2).").or(&["INFLUX_TOKEN"]),
    key("influx.token_file", Kind::Path, "\"\"", "File with the token, instead of `influx.token`."),
    key("influx.org", Kind::Text, "\"\"", "Organisation (v2). InfluxDB 2 needs it, InfluxDB 3 does not.")
        .or(&["INFLUX_ORG"]),
    key("influx.bucket", Kind::Text, "\"\"", "Bucket (v2); with v1 the database.").or(&["INFLUX_BUCKET"]),
    key("influx.database", Kind::Text, "\"\"", "Database (v1); the same as `influx.bucket`."),
    key("influx.username", Kind::Text, "\"\"", "Account (v1). Empty: no login."),
    key("influx.password", Kind::Secret, "\"\"", "Password (v1)."),
    key("influx.password_file", Kind::Path, "\"\"", "File with the password, instead of `influx.password`."),
    key(
        "influx.tls_ca",
        Kind::Path,
        "\"\"",
        "PEM file with the authorities to trust (`https://`). Empty: the system's.",
    ),
    key(
        "influx.tls_cert",
        Kind::Path,
        "\"\"",
        "PEM file with the client certificate, if the server asks for one (`https://`); its chain may follow.",
    ),
    key("influx.tls_key", Kind::Path, "\"\"", "PEM file with the private key of `influx.tls_cert`; mode 600."),
    key(
        "log.level",
        Kind::Text,
        "\"info\"",
        "`off`, `error`, `warn`, `info`, `debug` or `trace`; for one part of the agent as in \
         `info,seclyzer::sinks=debug`.",
    ),
    key("log.file", Kind::Path, "\"\"", "File to which the log is written besides standard error. Empty: none."),
];
