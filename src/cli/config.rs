//! `seclyzer config`: is the configuration right, and what does it come to?

use super::Error;
use crate::config::{self, Environment, Key, Loaded, Setting};
use serde_json::json;
use std::io::{self, Write};
use std::path::Path;

/// Check or show the configuration
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  seclyzer config check --config /etc/seclyzer/config.toml
  seclyzer config show
  SECLYZER_WINDOW_SECONDS=60 seclyzer config show --json

Exit codes: 0 done; 78 the configuration has a mistake."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check the configuration and report a mistake; exit code 78 if there is one
    Check,
    /// Show every key, its value and its source; secrets are masked
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command; its output goes to `out`. Fails if the configuration has a mistake or `out` cannot be written.
pub fn run(args: &Args, explicit: Option<&Path>, out: &mut impl Write) -> Result<(), Error> {
    run_in(&config::process_environment(), args, explicit, out)
}

fn run_in(environment: &Environment, args: &Args, explicit: Option<&Path>, out: &mut impl Write) -> Result<(), Error> {
    let loaded = config::read(explicit, environment)?;
    match args.command {
        Command::Check => check(&loaded, out)?,
        Command::Show { json: false } => show(&loaded, out)?,
        Command::Show { json: true } => show_json(&loaded, out)?,
    }
    Ok(())
}

fn check(loaded: &Loaded, out: &mut impl Write) -> io::Result<()> {
    match &loaded.source {
        Some(path) => writeln!(out, "ok: {}", path.display()),
        None => writeln!(out, "ok: no configuration file, defaults and environment"),
    }
}

/// In the form of a configuration file.
fn show(loaded: &Loaded, out: &mut impl Write) -> io::Result<()> {
    match &loaded.source {
        Some(path) => writeln!(out, "# {}", path.display())?,
        None => writeln!(out, "# no configuration file")?,
    }
    let mut section = "";
    for (key, Setting { value, origin }) in loaded.settings() {
        if key.section() != section {
            section = key.section();
            writeln!(out, "\n[{section}]")?;
        }
        writeln!(out, "{} = {}  # {origin}", key.short_name(), value.shown())?;
    }
    Ok(())
}

fn show_json(loaded: &Loaded, out: &mut impl Write) -> io::Result<()> {
    let entry = |(key, Setting { value, origin }): (&Key, &Setting)| json!({ "key": key.name, "value": value.shown(), "origin": origin.kind(), "place": origin.to_string() });
    let settings: Vec<_> = loaded.settings().map(entry).collect();
    let source = loaded.source.as_ref().map(|path| path.display().to_string());
    serde_json::to_writer_pretty(&mut *out, &json!({ "source": source, "settings": settings }))?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::path::Path;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    /// Runs `seclyzer config` with these arguments on a file of that text.
    fn config(arguments: &[&str], text: &str) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        make_private(&path);
        let path_text = path.to_str().unwrap();
        let arguments = [&["config"], arguments].concat();
        let mut out = Vec::new();
        let args = Cli::try_parse_from(arguments).unwrap().args;
        let environment = Environment::from([("HOME".into(), directory.path().into())]);
        let told = run_in(&environment, &args, Some(&path), &mut out);
        let here = |text: String| text.replace(path_text, "FILE");
        told.map(|()| here(String::from_utf8(out).unwrap())).map_err(|error| here(error.to_string()))
    }

    fn make_private(path: &Path) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn check_says_which_file_is_right() {
        assert_eq!(config(&["check"], "[window]\nseconds = 60\n").unwrap(), "ok: FILE\n");
    }

    #[test]
    fn check_says_what_is_wrong_and_where() {
        assert_eq!(
            config(&["check"], "[window]\nseconds = 0\n").unwrap_err(),
            "FILE:2: window.seconds: 0 is too small; a whole number of seconds from 5 to 600"
        );
    }

    #[test]
    fn show_tells_every_key_and_where_its_value_came_from() {
        let shown = config(&["show"], "[window]\nseconds = 60\n").unwrap();
        assert!(shown.starts_with("# FILE\n\n[identity]\n"), "{shown}");
        assert!(shown.contains("seconds = 60  # FILE:2\nupdate_interval = 5  # default\n"), "{shown}");
        for key in &config::keys::KEYS {
            assert!(shown.contains(&format!("\n{} = ", key.short_name())), "{}", key.name);
        }
    }

    #[test]
    fn what_show_prints_is_itself_a_right_configuration() {
        let shown = config(&["show"], "[redis]\npassword = \"hunter2\"\n").unwrap();
        assert_eq!(config(&["check"], &shown).unwrap(), "ok: FILE\n");
    }

    #[test]
    fn show_masks_a_secret_in_both_forms() {
        for arguments in [&["show"][..], &["show", "--json"]] {
            let shown = config(arguments, "[redis]\nurl = \"redis://:hunter2@h:1\"\n").unwrap();
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("\"***\"") && shown.contains("redis://h:1"), "{shown}");
        }
    }

    #[test]
    fn show_as_json_gives_values_their_types() {
        let shown: serde_json::Value =
            serde_json::from_str(&config(&["show", "--json"], "[redis]\nenabled = false\n").unwrap()).unwrap();
        let of = |name: &str| {
            shown["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == name).unwrap().clone()
        };
        assert_eq!(shown["source"], "FILE");
        assert_eq!(
            of("redis.enabled"),
            json!({ "key": "redis.enabled", "value": false, "origin": "file", "place": "FILE:2" })
        );
        assert_eq!(of("window.seconds")["value"], 30);
        assert_eq!(of("devices.include")["value"], json!([]));
    }
}
