//! Invariants of the architecture that a look at the source can check.

use std::path::{Path, PathBuf};

fn sources_under(place: &str) -> Vec<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(place);
    if place.is_file() {
        return vec![place];
    }
    let entries = std::fs::read_dir(&place).expect("a folder of the source");
    entries
        .flat_map(|entry| {
            let path = entry.expect("an entry").path();
            let relative = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("below it");
            sources_under(relative.to_str().expect("UTF-8"))
        })
        .collect()
}

/// What stands before the unit tests of a file.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a source file");
    text.split("#[cfg(test)]\nmod tests").next().expect("at least the whole").to_owned()
}

#[test]
fn the_pure_rooms_name_no_clock_file_socket_thread_runtime_or_device() {
    const OUTSIDE: [&str; 12] = [
        "std::fs",
        "std::net",
        "std::io",
        "std::time",
        "std::thread",
        "std::process",
        "std::env",
        "tokio",
        "evdev::",
        "rusqlite",
        "redis::",
        "unsafe",
    ];
    let rooms = [
        "act.rs",
        "act",
        "event.rs",
        "event",
        "evaluate.rs",
        "evaluate",
        "features.rs",
        "features",
        "pipeline.rs",
        "recognition.rs",
        "recognition",
        "record.rs",
        "record",
    ];
    let files: Vec<PathBuf> = rooms.into_iter().flat_map(sources_under).collect();
    assert!(files.len() > 12, "the rooms have moved: {files:?}");
    for path in files {
        let code = code(&path);
        for outside in OUTSIDE {
            assert!(!code.contains(outside), "{} names {outside}", path.display());
        }
    }
}

#[test]
fn each_room_knows_only_those_it_may_know() {
    let rooms: [(&[&str], &[&str]); 11] = [
        (&["act.rs", "act"], &["act", "event", "recognition"]),
        (&["bus.rs", "bus"], &["act", "dbus", "event", "remote", "sources"]),
        (&["dbus.rs", "dbus"], &[]),
        (&["event.rs", "event"], &[]),
        (&["sources.rs", "sources"], &["config", "dbus", "event", "remote", "sources"]),
        (&["features.rs", "features"], &["event", "features"]),
        (&["recognition.rs", "recognition"], &["event", "features", "recognition"]),
        (&["evaluate.rs", "evaluate"], &["evaluate", "event", "recognition"]),
        (&["record.rs", "record"], &["event", "features", "recognition", "record"]),
        (&["pipeline.rs"], &["event", "features", "record"]),
        (
            &["store.rs", "store"],
            &["config", "event", "features", "now_us", "pipeline", "recognition", "record", "store"],
        ),
    ];
    for (places, known) in rooms {
        for path in places.iter().copied().flat_map(sources_under) {
            for (_, rest) in code(&path).match_indices("crate::").map(|(i, _)| (i, code(&path)[i + 7..].to_owned())) {
                let room = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().expect("a name");
                assert!(known.contains(&room), "{} knows {room}", path.display());
            }
        }
    }
}

#[test]
fn only_the_second_program_has_what_draws_and_exports_and_it_has_nothing_of_devices_and_sinks() {
    let is_of_view =
        |path: &Path| path.strip_prefix(env!("CARGO_MANIFEST_DIR")).is_ok_and(|p| p.starts_with("src/view"));
    let (view, agent): (Vec<_>, Vec<_>) = sources_under("").into_iter().partition(|path| is_of_view(path));
    assert!(view.len() > 5 && agent.len() > 100, "the rooms have moved");
    for path in agent {
        for library in ["maud::", "parquet::", "plotters::", "ratatui::"] {
            assert!(!code(&path).contains(library), "{} names {library}", path.display());
        }
    }
    for path in view {
        // Of the database it has what `store::read_only` opens.
        for other in ["evdev", "seclyzer::sources", "seclyzer::sinks", "seclyzer::bus", "Connection::open", "unsafe {"]
        {
            assert!(!code(&path).contains(other), "{} names {other}", path.display());
        }
    }
}

#[test]
fn unsafe_code_stands_only_at_system_calls_and_says_why_it_is_sound() {
    for path in sources_under("") {
        let lines: Vec<String> = code(&path).lines().map(str::to_owned).collect();
        for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("unsafe {")) {
            let before = lines[i.saturating_sub(4)..i].join("\n");
            assert!(before.contains("SAFETY:"), "{}:{}: {line}", path.display(), i + 1);
        }
    }
}

#[test]
fn the_document_on_reliability_lists_every_unsafe_block() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("docs/reliability.md")).expect("the document");
    for path in sources_under("").into_iter().filter(|path| !path.ends_with("tests.rs")) {
        let blocks = code(&path).matches("unsafe {").count();
        let name = path.strip_prefix(root.join("src")).expect("below it").display().to_string();
        let listed = document.matches(&format!("| `{name}` |")).count();
        assert_eq!(listed, blocks, "{name}: so many are listed, so many there are");
    }
}
