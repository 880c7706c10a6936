//! The example file and the documentation say what the code says.

use crate::support::loaded;
use seclyzer::config::Key;
use seclyzer::config::keys::{KEYS, Kind};
use std::collections::BTreeSet;

const EXAMPLE: &str = include_str!("../../config/seclyzer.toml");
const DOCUMENT: &str = include_str!("../../docs/configuration.md");

#[test]
fn the_example_file_names_every_key_once_with_its_default() {
    let example: toml::Table = EXAMPLE.parse().unwrap();
    let named: BTreeSet<String> = example
        .iter()
        .flat_map(|(section, keys)| keys.as_table().unwrap().keys().map(move |key| format!("{section}.{key}")))
        .collect();
    assert_eq!(named, KEYS.iter().map(|key| key.name.to_owned()).collect());
    for key in &KEYS {
        let default: toml::Table = format!("default = {}", key.default).parse().unwrap();
        assert_eq!(example[key.section()][key.short_name()], default["default"], "{}", key.name);
    }
}

#[test]
fn the_example_file_comes_to_the_defaults() {
    let shown = |text| -> Vec<_> { loaded(text, &[]).unwrap().settings().map(|(_, s)| s.value.clone()).collect() };
    assert_eq!(shown(EXAMPLE), shown(""));
}

#[test]
fn the_example_file_explains_every_key_right_above_it() {
    let mut above = "";
    for line in EXAMPLE.lines() {
        let is_key = KEYS.iter().any(|key| line.starts_with(&format!("{} = ", key.short_name())));
        assert!(!is_key || above.starts_with("# "), "{line}");
        above = line;
    }
}

/// A key's row in docs/configuration.md.
fn row(key: &Key) -> String {
    let variables: Vec<_> = key.aliases.iter().map(|alias| format!("`{alias}`")).collect();
    let default = match key.kind {
        Kind::List if key.default.len() > 20 => "see `config/seclyzer.toml`".to_owned(),
        _ => format!("`{}`", key.default),
    };
    format!("| `{}` | {} | {default} | {} | {} |", key.name, key.kind.expects(), variables.join(" "), key.about)
}

#[test]
fn the_documentation_s_table_is_the_code_s() {
    let told: Vec<&str> = DOCUMENT.lines().filter(|line| line.starts_with("| `")).collect();
    let right: Vec<String> = KEYS.iter().map(row).collect();
    let diff: Vec<String> = told
        .iter()
        .filter(|line| !right.iter().any(|row| row == *line))
        .map(|line| format!("- {line}"))
        .chain(right.iter().filter(|row| !told.contains(&row.as_str())).map(|row| format!("+ {row}")))
        .collect();
    assert!(diff.is_empty(), "docs/configuration.md differs from the code:\n{}", diff.join("\n"));
    assert_eq!(told, right, "the rows of docs/configuration.md are in another order");
}
