//! The queries name what the agent sends: measurements, fields and tags of the contract, the same in every language.

use crate::common;
use crate::dashboard::{Dashboard, Query, View, text};
use crate::support;
use influxdb_line_protocol::parse_lines;
use seclyzer::record::{Entry, Origin};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
struct Measurement {
    fields: BTreeSet<String>,
    tags: BTreeSet<String>,
}

/// What stands in the lines of records that have a value for everything.
fn contract() -> BTreeMap<String, Measurement> {
    let full = (0..3).map(|number| support::record(support::an_hour_ago_us(), number));
    let mut contract: BTreeMap<String, Measurement> = BTreeMap::new();
    for record in full.chain(common::recognised()) {
        let mut line = String::new();
        Entry::new(common::someone(), Origin::Trace, record).write_line(&mut line);
        let point = parse_lines(&line).next().expect("a line").expect("a good one");
        let measurement = contract.entry(point.series.measurement.to_string()).or_default();
        measurement.fields.extend(point.field_set.iter().map(|(name, _)| name.to_string()));
        measurement.tags.extend(point.series.tag_set.iter().flatten().map(|(name, _)| name.to_string()));
    }
    assert_eq!(contract.len(), 5, "{:?}", contract.keys());
    contract
}

/// What stands between each pair of quotation marks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

/// The name that a text begins with.
fn name(text: &str) -> &str {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).next().expect("a first part")
}

/// The names that follow these words in a text.
fn names_after<'a>(text: &'a str, words: &str) -> Vec<&'a str> {
    text.split(words).skip(1).map(name).collect()
}

/// Measurements, and pairs of measurement and field, that a query reads.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reads {
    fields: BTreeSet<(String, String)>,
}

impl Reads {
    fn add(&mut self, contract: &BTreeMap<String, Measurement>, measurement: &str, field: &str) {
        let known = contract.get(measurement).unwrap_or_else(|| panic!("no measurement {measurement}"));
        assert!(known.fields.contains(field), "{measurement} has no field {field}");
        self.fields.insert((measurement.to_owned(), field.to_owned()));
    }
}

fn check_tag(contract: &BTreeMap<String, Measurement>, measurement: &str, tag: &str) {
    assert!(contract[measurement].tags.contains(tag), "{measurement} has no tag {tag}");
}

fn influxql(contract: &BTreeMap<String, Measurement>, query: &str) -> Reads {
    let mut reads = Reads::default();
    let measurements: BTreeSet<&str> = query.split("FROM \"").skip(1).map(name).collect();
    assert_eq!(measurements.len(), 1, "{query}");
    let measurement = measurements.into_iter().next().expect("one");
    let own: BTreeSet<&str> = query.split(" AS \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for word in quoted(query).into_iter().filter(|word| *word != measurement && !own.contains(word)) {
        if !contract[measurement].tags.contains(word) {
            reads.add(contract, measurement, word);
        }
    }
    // That of the share of degraded records is only a number to count with.
    if query.contains("\"degraded\" =") {
        reads.fields.remove(&(measurement.to_owned(), "schema".to_owned()));
    }
    reads
}

fn flux(contract: &BTreeMap<String, Measurement>, query: &str) -> Reads {
    let mut reads = Reads::default();
    let filter = query.lines().find(|line| line.contains("r._measurement ==")).expect("a filter");
    let of = |column: &str| -> Vec<&str> { quoted_after(filter, &format!("r.{column} == ")) };
    for measurement in of("_measurement") {
        of("_field").into_iter().for_each(|field| reads.add(contract, measurement, field));
        let columns = ["_time", "_value", "_field", "_measurement"];
        let fields: BTreeSet<&str> = of("_field").into_iter().collect();
        let known = |name: &&str| columns.contains(name) || fields.contains(name);
        names_after(query, "r.")
            .into_iter()
            .filter(|name| !known(name))
            .for_each(|tag| check_tag(contract, measurement, tag));
        let groups = query.lines().filter(|line| line.contains("group(columns:")).flat_map(quoted);
        let made = ["series", "_field", "_measurement"];
        groups.filter(|name| !made.contains(name)).for_each(|tag| check_tag(contract, measurement, tag));
    }
    assert!(
        query
            .starts_with("from(bucket: v.defaultBucket)\n  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n")
    );
    assert_eq!(["()", "{}", "[]"].map(|pair| balance(query, pair)), [0; 3], "{query}");
    reads
}

/// The texts in quotation marks that follow these words.
fn quoted_after<'a>(text: &'a str, words: &str) -> Vec<&'a str> {
    text.split(words).skip(1).filter_map(|rest| quoted(rest).first().copied()).collect()
}

/// How many more brackets open than close outside of regular expressions.
fn balance(query: &str, pair: &str) -> i64 {
    let outside = query.replace("/^(_start|_stop|_measurement|origin)$/", "");
    let count = |c: &str| outside.matches(c).count() as i64;
    count(&pair[..1]) - count(&pair[1..])
}

fn metricsql(contract: &BTreeMap<String, Measurement>, query: &str) -> Reads {
    let mut reads = Reads::default();
    let query = query.replace("${origin:raw}", "$origin");
    for (before, selector) in query.split('{').zip(query.split('{').skip(1)) {
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        let metric = &before[start..];
        let measurement = contract.keys().find(|measurement| metric.starts_with(&format!("{measurement}_")));
        let measurement = measurement.unwrap_or_else(|| panic!("no measurement for {metric}"));
        reads.add(contract, measurement, &metric[measurement.len() + 1..]);
        let labels = selector.split("\"}").next().expect("labels").split("\",").map(name);
        labels.for_each(|label| check_tag(contract, measurement, label));
        let by =
            query.split(" by (").skip(1).filter_map(|rest| rest.split(')').next()).flat_map(|list| list.split(", "));
        by.for_each(|label| check_tag(contract, measurement, label));
    }
    reads
}

fn reads(contract: &BTreeMap<String, Measurement>, language: &str, query: &str) -> Reads {
    match language {
        "influxql" => influxql(contract, query),
        "flux" => flux(contract, query),
        _ => metricsql(contract, query),
    }
}

#[test]
fn every_query_names_measurements_fields_and_tags_of_the_contract_and_each_language_the_same() {
    let contract = contract();
    let panels = Dashboard::all().map(|dashboard| {
        let mut panels: BTreeMap<String, Reads> = BTreeMap::new();
        for query in dashboard.queries() {
            let read = reads(&contract, dashboard.language, query.text());
            assert!(!read.fields.is_empty(), "{}", query.title());
            panels.entry(query.title().to_owned()).or_default().fields.extend(read.fields);
        }
        panels
    });
    let [influxql, flux, victoria] = panels;
    assert_eq!(influxql, flux);
    for (title, read) in victoria {
        assert_eq!(influxql[&title], read, "{title}");
    }
}

/// How a query in InfluxQL or Flux computes: functions, the time between two values, the tags that separate series.
fn shape(contract: &BTreeMap<String, Measurement>, language: &str, query: &str) -> BTreeSet<String> {
    let is_flux = language == "flux";
    // What InfluxQL sums up there it has counted in an inner query.
    let is_nested = query.contains("FROM (SELECT count(");
    let functions = ["count", "last", "max", "mean", "min", "sum"].into_iter().filter(|name| match is_flux {
        true => [format!("fn: {name},"), format!("|> {name}()")].iter().any(|call| query.contains(call)),
        false => query.contains(&format!("{name}(\"")) && !(is_nested && *name == "sum"),
    });
    let [hour, interval] =
        if is_flux { ["every: 1h", "every: v.windowPeriod"] } else { ["time(1h)", "time($__interval)"] };
    let steps = [("an hour", hour), ("an interval", interval)].into_iter().filter(|(_, text)| query.contains(text));
    let groups: Vec<&str> = match is_flux {
        true => query.lines().filter(|line| line.contains("group(columns:")).collect(),
        false => query.split("GROUP BY").skip(1).collect(),
    };
    let tags: BTreeSet<&str> =
        contract.values().flat_map(|measurement| &measurement.tags).map(String::as_str).collect();
    let groups = groups.into_iter().flat_map(quoted).filter(|name| tags.contains(name));
    functions.chain(steps.map(|(name, _)| name)).chain(groups).map(str::to_owned).collect()
}

#[test]
fn queries_in_flux_compute_the_same_as_those_in_influxql() {
    let contract = contract();
    let [influxql, flux] = ["influxql", "flux"].map(|language| {
        let dashboard = Dashboard::read(language);
        let mut panels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for query in dashboard.queries() {
            panels.entry(query.title().to_owned()).or_default().extend(shape(&contract, language, query.text()));
        }
        panels
    });
    assert_eq!(influxql, flux);
    let trust = ["an interval", "host", "min", "user_id"].map(str::to_owned);
    assert_eq!(flux["Trust"], BTreeSet::from(trust));
}

#[test]
fn users_and_hosts_to_choose_from_are_values_of_their_tags() {
    let all = ["user", "host"]
        .map(|name| Dashboard::all().map(|dashboard| text(&dashboard.variable(name)["query"]).to_owned()));
    for ([influxql, flux, victoria], tag) in all.iter().zip(["user_id", "host"]) {
        assert!(influxql.starts_with(&format!("SHOW TAG VALUES WITH KEY = \"{tag}\"")), "{influxql}");
        assert!(flux.contains(&format!("schema.tagValues(bucket: v.defaultBucket, tag: \"{tag}\", ")), "{flux}");
        assert!(victoria.starts_with("label_values(") && victoria.ends_with(&format!(", {tag})")), "{victoria}");
    }
    let [influxql, flux, victoria] = &all[1];
    assert!(influxql.ends_with(" WHERE \"user_id\" =~ /^${user:regex}$/"), "hosts of the chosen users");
    assert!(flux.contains("predicate: (r) => r.user_id =~ /^${user:regex}$/"));
    assert!(victoria.contains("user_id=~\"$user\""));
}

#[test]
fn every_query_asks_for_the_chosen_user_host_and_origin() {
    for dashboard in Dashboard::all() {
        let wanted = match dashboard.language {
            "victoriametrics" => ["user_id=~\"$user\"", "host=~\"$host\"", "origin=~\"${origin:raw}\""],
            "flux" => {
                ["r.user_id =~ /^${user:regex}$/", "r.host =~ /^${host:regex}$/", "filter(fn: (r) => ${origin:raw})"]
            }
            _ => ["\"user_id\" =~ /^${user:regex}$/", "\"host\" =~ /^${host:regex}$/", "\"origin\" =~ /${origin:raw}/"],
        };
        for query in dashboard.queries() {
            let sources = match dashboard.language {
                "victoriametrics" => query.text().matches("{user_id").count(),
                "flux" => query.text().matches("from(bucket").count(),
                _ => query.text().matches("FROM \"").count(),
            };
            for part in wanted {
                assert_eq!(query.text().matches(part).count(), sources, "{}: {part}", query.title());
            }
        }
    }
}

#[test]
fn nothing_of_grafana_s_own_language_is_left_in_a_query_that_was_filled_in() {
    let view = View {
        users: &["ann"],
        hosts: &["a", "b"],
        origin: "all",
        from_s: 1_790_000_000,
        to_s: 1_790_003_600,
        points: 100,
    };
    for dashboard in Dashboard::all() {
        let filled = dashboard.queries().into_iter().map(|query: Query| view.fill(&dashboard, &query));
        let variables = dashboard.variables().iter().filter(|variable| variable["type"] == "query");
        let asked = variables.map(|variable| view.fill_text(&dashboard, text(&variable["query"])));
        for query in filled.chain(asked) {
            let rest = query.replace("$/", "").replace("^$", "");
            assert!(!rest.contains('$') && !rest.contains("v."), "{query}");
        }
    }
}

#[test]
fn a_chosen_name_is_escaped_as_grafana_does_it() {
    let view = View { users: &["CORP\\ann.b"], hosts: &["a/b", "c"], origin: "devices", from_s: 0, to_s: 1, points: 1 };
    let [influxql, _, victoria] = Dashboard::all();
    assert_eq!(view.fill_text(&influxql, "/^${user:regex}$/ /^${host:regex}$/"), r"/^CORP\\ann\.b$/ /^(a\/b|c)$/");
    assert_eq!(view.fill_text(&victoria, r#""$user" "$host""#), r#""CORP\\\\ann\\.b" "(a/b|c)""#);
}
