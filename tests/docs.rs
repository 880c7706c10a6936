//! The documents are true: their queries run, their tables are the code's, what they name exists.

mod common;
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
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

#[test]
fn every_query_of_the_documents_runs_and_answers() {
    let home = Home::with_config("[redis]\nenabled = true\nurl = \"redis://127.0.0.1:9\"\n");
    let trace = root().join("tests/golden/desk.jsonl").display().to_string();
    // Nobody listens there, so the replay leaves a follower behind, which one query asks for.
    assert_eq!(home.run(&["replay", &trace, "--speed", "max", "--drain", "0"]).status.code(), Some(75));
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
                .map(|entry| Path::new("docs").join(entry.expect("an entry").file_name())),
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
