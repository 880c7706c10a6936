//! The documents are true: their queries run, their tables are the code's, what they name exists.

mod common;
mod support;

use rusqlite::types::Value;
use seclyzer::config;
use seclyzer::pipeline::Output;
use seclyzer::record::Origin;
use seclyzer::store::Store;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use support::LIMIT;
use support::agent::Home;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The blocks of a document that are marked as of this language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    document.split(&begin).skip(1).map(|rest| rest.split("```").next().expect("a first part").to_owned()).collect()
}

#[test]
fn the_tables_of_features_are_those_of_the_code() {
    let output = Home::with_config("").run(&["features", "--markdown"]);
    let tables = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(read("docs/features.md").ends_with(&tables), "run `seclyzer features --markdown` and put it in");
}

/// What `make run` shows and stores where it can read no device: the lines, and a home with the records.
fn demonstration() -> (String, Home) {
    let home = Home::with_config("[redis]\nenabled = true\nurl = \"redis://127.0.0.1:9\"\n");
    let script = read("scripts/run.sh");
    let trace = script.split(" replay ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a trace");
    let trace = root().join(trace).display().to_string();
    // Nobody listens there, so the replay leaves a follower behind, which one query asks for.
    let output = home.run(&["replay", &trace, "--speed", "max", "--show", "--drain", "0"]);
    assert_eq!(output.status.code(), Some(75));
    (String::from_utf8(output.stdout).expect("UTF-8"), home)
}

#[test]
fn most_keystroke_records_of_the_demonstration_contain_values() {
    let (shown, _) = demonstration();
    let keystrokes: Vec<&str> = shown.lines().filter(|line| line.contains("  keystroke  ")).collect();
    let empty = keystrokes.iter().filter(|line| line.contains("no values: ")).count();
    assert!(keystrokes.len() >= 40 && 10 * empty <= keystrokes.len(), "{shown}");
}

#[test]
fn the_readme_quotes_how_the_demonstration_begins() {
    let (shown, _) = demonstration();
    let readme = read("README.md");
    let is_record = |line: &&str| line.get(2..3) == Some(":") && line.get(5..6) == Some(":");
    let quoted: Vec<&str> = readme.lines().filter(is_record).collect();
    assert!(quoted.len() >= 4, "{quoted:?}");
    assert!(shown.starts_with(&quoted.join("\n")), "{quoted:?} is not how this begins:\n{shown}");
}

#[test]
fn the_commands_that_show_the_demonstration_are_the_same_in_the_readme_and_work() {
    let (_, home) = demonstration();
    let script = read("scripts/run.sh");
    let commands: Vec<&str> = script.lines().filter_map(|line| line.strip_prefix("   $seclyzer ")).collect();
    assert_eq!(commands.len(), 2);
    std::fs::create_dir_all(home.path().join("target/demo")).expect("a folder");
    for command in commands {
        assert!(read("README.md").contains(&format!("\ntarget/quick/seclyzer {command}\n")), "{command}");
        let output = home.run(&command.split(' ').collect::<Vec<_>>());
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for file in ["report.html", "seclyzer-keystroke.csv"] {
        assert!(home.path().join("target/demo").join(file).exists(), "{file}");
    }
}

#[test]
fn the_readme_prints_what_its_queries_answer() {
    let (_, home) = demonstration();
    let readme = read("README.md");
    let queries: Vec<&str> = readme.split("```sql\n").skip(1).collect();
    assert!(queries.len() >= 5, "{}", queries.len());
    for part in queries {
        let (query, rest) = part.split_once("```\n").expect("the query's end");
        let answer = rest.strip_prefix("```\n").and_then(|rest| rest.split("```").next()).expect("its answer");
        let rows = answer.lines().filter(|line| line.starts_with('│')).skip(1);
        let printed: Vec<Vec<&str>> =
            rows.map(|row| row.trim_matches('│').split('│').map(str::trim).collect()).collect();
        assert_eq!(printed, rows_of(&home, query), "{query}");
    }
}

/// The rows that answer a query, each cell as the client `sqlite3` prints it.
fn rows_of(home: &Home, query: &str) -> Vec<Vec<String>> {
    let connection = seclyzer::store::read_only(&home.database()).expect("a database");
    let mut statement = connection.prepare(query).expect("a query");
    let columns = statement.column_count();
    let cell = |row: &rusqlite::Row<'_>, i| {
        Ok(match row.get(i)? {
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => format!("{number:?}"),
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        })
    };
    let rows = statement.query_map([], |row| (0..columns).map(|i| cell(row, i)).collect()).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// Adds what recognition makes, which the demonstration does not run.
fn recognise(home: &Home) {
    let store = Store::open(&config::Store { path: home.database(), retention: None }).expect("a database");
    for record in common::recognised() {
        assert!(store.append(&common::someone(), Origin::Trace, Output::Recognised(record)), "the queue is full");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(store.close(LIMIT)).expect("closed");
}

#[test]
fn every_query_of_the_documents_runs_and_answers() {
    let (_, home) = demonstration();
    recognise(&home);
    let queries = [blocks(&read("README.md"), "sql"), blocks(&read("docs/queries.md"), "sql")].concat();
    assert!(queries.len() >= 14, "{}", queries.len());
    for query in queries {
        let query = query.replace("origin = 'device'", "origin = 'trace'");
        assert!(!home.query(&query).is_empty(), "no answer to {query}");
    }
}

#[test]
fn the_advisories_that_are_explained_are_those_of_the_versions_in_use_and_those_that_the_audit_passes_over() {
    let (document, lock) = (read("SECURITY.md"), read("Cargo.lock"));
    let rows = document.lines().filter(|line| line.starts_with("| RUSTSEC-"));
    let mut explained = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (name, version) = cells[2].split_once(' ').expect("a crate and its version");
        let package = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&package), "{} is of the past: {name} {version}", cells[1]);
        explained.push(cells[1].to_owned());
    }
    let audit: toml::Table = read(".cargo/audit.toml").parse().expect("TOML");
    let ignored = audit["advisories"]["ignore"].as_array().expect("a list");
    assert_eq!(ignored.iter().map(|id| id.as_str().expect("a text")).collect::<Vec<_>>(), explained);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let documents: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
        .into_iter()
        .map(PathBuf::from)
        .chain(
            std::fs::read_dir(root().join("docs"))
                .expect("documents")
                .map(|entry| Path::new("docs").join(entry.expect("an entry").file_name()))
                .filter(|path| path.extension().is_some_and(|extension| extension == "md")),
        )
        .collect();
    let mut seen = BTreeSet::new();
    for document in &documents {
        let text = read(document.to_str().expect("UTF-8"));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().expect("a first part");
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = root().join(document.parent().expect("a folder")).join(target);
            assert!(path.exists(), "{}: {link} leads nowhere", document.display());
            seen.insert(link.to_owned());
        }
    }
    assert!(seen.len() >= 5, "the documents are linked: {seen:?}");
}
