//! Dashboards as Grafana reads them, and their queries filled in as Grafana does it.

use serde_json::Value;
use std::path::{Path, PathBuf};

/// What is delivered for Grafana.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/grafana")
}

/// A dashboard's file, by the language of its queries.
pub struct Dashboard {
    pub language: &'static str,
    pub json: Value,
}

/// A query of a panel.
pub struct Query<'a> {
    pub panel: &'a Value,
    pub target: &'a Value,
}

impl Dashboard {
    pub const LANGUAGES: [&'static str; 3] = ["influxql", "flux", "victoriametrics"];

    pub fn read(language: &'static str) -> Dashboard {
        let path = folder().join(format!("dashboards/{language}.json"));
        let text = std::fs::read_to_string(path).expect("a dashboard");
        Dashboard { language, json: serde_json::from_str(&text).expect("JSON") }
    }

    pub fn all() -> [Dashboard; 3] {
        Dashboard::LANGUAGES.map(Dashboard::read)
    }

    /// With the rows, which are headings.
    pub fn panels(&self) -> &[Value] {
        self.json["panels"].as_array().expect("panels")
    }

    pub fn queries(&self) -> Vec<Query<'_>> {
        let targets = |panel: &'_ Value| panel["targets"].as_array().cloned().unwrap_or_default().len();
        let of = |panel| (0..targets(panel)).map(move |i| Query { panel, target: &panel["targets"][i] });
        self.panels().iter().flat_map(of).collect()
    }

    pub fn variables(&self) -> &[Value] {
        self.json["templating"]["list"].as_array().expect("variables")
    }

    pub fn variable(&self, name: &str) -> &Value {
        self.variables().iter().find(|variable| variable["name"] == name).unwrap_or_else(|| panic!("{name}"))
    }

    /// What stands for a choice of the variable `origin`.
    fn origin(&self, choice: &str) -> &str {
        let options = self.variable("origin")["options"].as_array().expect("options");
        let option = options.iter().find(|option| option["text"] == choice);
        option.and_then(|option| option["value"].as_str()).unwrap_or_else(|| panic!("no origin {choice}"))
    }
}

impl Query<'_> {
    pub fn title(&self) -> &str {
        text(&self.panel["title"])
    }

    /// As it stands in the file.
    pub fn text(&self) -> &str {
        text(self.target.get("query").unwrap_or(&self.target["expr"]))
    }

    pub fn is_table(&self) -> bool {
        self.panel["type"] == "table"
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}"))
}

/// What somebody has chosen at the top of a dashboard.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// None: all.
    pub users: &'a [&'a str],
    pub hosts: &'a [&'a str],
    pub origin: &'a str,
    pub from_s: i64,
    pub to_s: i64,
    /// How many values a panel has room for.
    pub points: i64,
}

impl View<'_> {
    /// The time between two values of a panel: what there is room for, but not less than the panel, or the query, wants.
    pub fn interval_s(&self, query: &Query) -> i64 {
        let least = query.target.get("interval").or(query.panel.get("interval")).map_or("5s", text);
        let least_s = match least.split_at(least.len() - 1) {
            (count, "s") => count.parse::<i64>().expect("a number"),
            (count, "h") => 3600 * count.parse::<i64>().expect("a number"),
            _ => panic!("{least}"),
        };
        least_s.max((self.to_s - self.from_s) / self.points)
    }

    /// A panel's query with its variables and macros replaced.
    pub fn fill(&self, dashboard: &Dashboard, query: &Query) -> String {
        let interval = format!("{}s", self.interval_s(query));
        self.fill_text(dashboard, query.text())
            .replace("$__interval", &interval)
            .replace("v.windowPeriod", &interval)
            .replace("$__range", &format!("{}s", self.to_s - self.from_s))
    }

    /// The same of a variable's query, which has no interval.
    pub fn fill_text(&self, dashboard: &Dashboard, query: &str) -> String {
        let time_filter = format!("time >= {}ms and time <= {}ms", self.from_s * 1000, self.to_s * 1000);
        let mut query = query
            .replace("${origin:raw}", dashboard.origin(self.origin))
            .replace("$timeFilter", &time_filter)
            .replace("v.timeRangeStart", &format!("{}", self.from_s))
            .replace("v.timeRangeStop", &format!("{}", self.to_s))
            .replace("v.defaultBucket", "\"seclyzer\"");
        for (name, chosen) in [("user", self.users), ("host", self.hosts)] {
            let all = text(&dashboard.variable(name)["allValue"]);
            query = query
                .replace(&format!("${{{name}:regex}}"), &choice(chosen, all, escape_regex))
                .replace(&format!("${name}"), &choice(chosen, all, escape_in_prometheus));
        }
        query
    }
}

/// Several values of one variable are an alternative of a regular expression; that for all of them is put in as it is.
fn choice(chosen: &[&str], all: &str, escape: fn(&str) -> String) -> String {
    match chosen {
        [] => all.to_owned(),
        [one] => escape(one),
        several => format!("({})", several.iter().map(|value| escape(value)).collect::<Vec<_>>().join("|")),
    }
}

/// Grafana's format `regex`.
fn escape_regex(value: &str) -> String {
    escape(value, "\\^$*+?.()|[]{}/", "\\", "\\\\")
}

/// What Grafana does by itself for Prometheus, where the regular expression stands in a text with escapes of its own.
fn escape_in_prometheus(value: &str) -> String {
    escape(value, "\\$^*{}[]'+?.()|", "\\\\", "\\\\\\\\")
}

fn escape(value: &str, special: &str, prefix: &str, backslash: &str) -> String {
    let mut escaped = String::new();
    for character in value.chars() {
        match character {
            '\\' => escaped += backslash,
            c if special.contains(c) => {
                escaped += prefix;
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}
