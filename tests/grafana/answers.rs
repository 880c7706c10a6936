//! Real servers answer to every query after a replay: with data where there are some, and never with an error.

use crate::common;
use crate::dashboard::{Dashboard, Query, View, text};
use crate::support::LIMIT;
use crate::support::agent::Home;
use crate::support::servers::{Influx1, VictoriaMetrics};
use seclyzer::config;
use seclyzer::features::keystroke::Publish;
use seclyzer::features::names::{KEYSTROKE_COUNT, MOUSE_COUNT};
use seclyzer::pipeline::Output;
use seclyzer::record::{Body, Identity, Kind, Origin, Record};
use seclyzer::store::{Follower, Store};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Somebody whose name has all that is special in some language.
const USER: &str = "CORP\\ann.b (x)";
const HOST: &str = "desk-1";
/// Five whole hours around the records: 2026-09-21 from 11:00 to 16:00.
const DAY: View =
    View { users: &[], hosts: &[], origin: "devices", from_s: 1_789_988_400, to_s: 1_790_006_400, points: 1000 };
/// The exit code where another process has the database.
const IN_USE: i32 = 75;
/// A week before them.
const BEFORE: View = View { from_s: DAY.from_s - 604_800, to_s: DAY.to_s - 604_800, ..DAY };
/// In the hour of this time there are two records, degraded and without a value.
const EMPTY_HOUR_US: i64 = 1_789_990_000_000_000;

fn trace() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo.jsonl").display().to_string()
}

/// Records as devices give them: of typing and pointing, of recognition, and of an hour that gave no values.
fn own_records() -> Vec<Record> {
    let empty = [
        Body::Keystroke { strokes: Publish::Lines, total_keys: 0, features: Box::new([None; KEYSTROKE_COUNT]) },
        Body::Mouse { total_samples: 20, features: Box::new([None; MOUSE_COUNT]) },
    ];
    let empty = empty.map(|body| Record { window_end_us: EMPTY_HOUR_US, degraded: true, body });
    let events = common::parse(&std::fs::read_to_string(trace()).expect("a trace"));
    [common::replay(events), common::recognised(), empty.into()].concat()
}

/// A home whose database has these records, still to be delivered.
async fn home_with_own_records(influx_section: &str) -> Home {
    let home = Home::with_config(&format!("[redis]\nenabled = false\n{influx_section}"));
    let store = Store::open(&config::Store { path: home.database(), retention: None }).expect("a database");
    let identity = Arc::new(Identity { user: USER.into(), host: HOST.into(), dev_mode: false });
    for record in own_records() {
        assert!(store.append(&identity, Origin::Device, Output::Window(record)), "the queue is full");
    }
    store.set_mark(Follower::Influx, 0).await.expect("a mark");
    store.close(LIMIT).await.expect("closed");
    home
}

/// Replays a trace, which delivers it and what was there before.
async fn deliver(influx_section: &str) {
    let home = home_with_own_records(influx_section).await;
    let begun = Instant::now();
    let replay = || home.run(&["replay", &trace(), "--speed", "max", "--recognise", "--drain", "60"]);
    let mut output = replay();
    // A server that another test starts has this process's files, the database's lock among them, until it is executed.
    while output.status.code() == Some(IN_USE) && begun.elapsed() < LIMIT {
        output = replay();
    }
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(home.count_records() > 2 * own_records().len());
}

enum Server {
    Influx(Influx1),
    Victoria(VictoriaMetrics),
}

impl Server {
    async fn influx() -> (Server, Dashboard) {
        let server = Influx1::start(None).await;
        deliver(&format!("[influx]\nurl = \"{}\"\napi = \"v1\"\ndatabase = \"seclyzer\"\n", server.url())).await;
        (Server::Influx(server), Dashboard::read("influxql"))
    }

    async fn victoria() -> (Server, Dashboard) {
        let server = VictoriaMetrics::start().await;
        deliver(&format!("[influx]\nurl = \"{}\"\ntoken = \"t\"\norg = \"o\"\nbucket = \"b\"\n", server.url())).await;
        assert_eq!(server.invalid_rows().await, 0);
        (Server::Victoria(server), Dashboard::read("victoriametrics"))
    }

    /// What a query shows, each with its name; nulls are left out. Panics at an error.
    async fn ask(&self, dashboard: &Dashboard, query: &Query<'_>, view: &View<'_>) -> Answer {
        let filled = view.fill(dashboard, query);
        match self {
            Server::Influx(server) => influx_series(&filled, query, &server.query(&filled).await),
            Server::Victoria(server) => {
                let step = view.interval_s(query);
                let aligned = |time_s: i64| (time_s / step * step).to_string();
                let is_instant = query.target["instant"] == true;
                let answer = if is_instant {
                    server.query("query", &[("query", &filled), ("time", &view.to_s.to_string())]).await
                } else {
                    let (start, end, step) = (aligned(view.from_s), aligned(view.to_s), step.to_string());
                    let range = [("query", filled.as_str()), ("start", &start), ("end", &end), ("step", &step)];
                    server.query("query_range", &range).await
                };
                victoria_series(&filled, query, &answer)
            }
        }
    }

    /// What all queries of a panel show.
    async fn show(&self, dashboard: &Dashboard, title: &str, view: &View<'_>) -> Answer {
        let mut all = Answer::new();
        for query in dashboard.queries().iter().filter(|query| query.title() == title) {
            all.extend(self.ask(dashboard, query, view).await);
        }
        all
    }

    /// The values that may be chosen for a variable.
    async fn choices(&self, dashboard: &Dashboard, name: &str, view: &View<'_>) -> Vec<String> {
        let query = view.fill_text(dashboard, text(&dashboard.variable(name)["query"]));
        let mut choices = match self {
            Server::Influx(server) => {
                let answer = server.query(&query).await;
                let series = answer["results"][0]["series"].as_array().unwrap_or_else(|| panic!("{query}: {answer}"));
                let rows = series.iter().flat_map(|series| series["values"].as_array().expect("rows"));
                rows.map(|row| text(&row[1]).to_owned()).collect::<Vec<_>>()
            }
            Server::Victoria(server) => {
                let inner =
                    query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).expect("its form");
                let (selector, label) = inner.rsplit_once(", ").expect("a selector and a label");
                let range = [view.from_s, view.to_s].map(|time_s| time_s.to_string());
                let parameters = [("match[]", selector), ("start", &range[0]), ("end", &range[1])];
                let answer = server.query("series", &parameters).await;
                let series = answer["data"].as_array().unwrap_or_else(|| panic!("{query}: {answer}"));
                series.iter().filter_map(|series| series[label].as_str().map(str::to_owned)).collect()
            }
        };
        choices.sort();
        choices.dedup();
        choices
    }
}

/// Series by name: their values in order of time.
type Answer = BTreeMap<String, Vec<Value>>;

fn influx_series(filled: &str, query: &Query, answer: &Value) -> Answer {
    let result = &answer["results"][0];
    assert!(answer.get("error").or(result.get("error")).is_none(), "{filled}: {answer}");
    let mut all = Answer::new();
    for series in result["series"].as_array().unwrap_or(&Vec::new()) {
        let columns = series["columns"].as_array().expect("columns");
        for (at, column) in columns.iter().enumerate().skip(1) {
            let rows = series["values"].as_array().expect("rows");
            let values = rows.iter().map(|row| row[at].clone()).filter(|value| !value.is_null()).collect();
            all.insert(influx_name(query, series, text(column)), values);
        }
    }
    all
}

/// The alias of the query; in a table the tags make the row.
fn influx_name(query: &Query, series: &Value, column: &str) -> String {
    let tags = series["tags"].as_object();
    if query.target["resultFormat"] == "table" {
        return tags.map_or(column.to_owned(), |tags| tags.values().map(text).collect::<Vec<_>>().join(" "));
    }
    let mut name = text(&query.target["alias"]).replace("$col", column);
    for (tag, value) in tags.into_iter().flatten() {
        name = name.replace(&format!("$tag_{tag}"), text(value));
    }
    name
}

fn victoria_series(filled: &str, query: &Query, answer: &Value) -> Answer {
    assert_eq!(answer["status"], "success", "{filled}: {answer}");
    let mut all = Answer::new();
    for series in answer["data"]["result"].as_array().expect("series") {
        let labels = series["metric"].as_object().expect("labels");
        let mut name = query.target["legendFormat"].as_str().unwrap_or_default().to_owned();
        for (label, value) in labels {
            name = name.replace(&format!("{{{{{label}}}}}"), text(value));
        }
        if query.is_table() {
            name = labels.values().map(text).collect::<Vec<_>>().join(" ");
        }
        let points = series["values"].as_array().cloned().unwrap_or_else(|| vec![series["value"].clone()]);
        let number = |point: &Value| text(&point[1]).parse::<f64>().expect("a number").into();
        all.insert(name, points.iter().map(number).collect());
    }
    all
}

fn numbers(answer: &Answer, name: &str) -> Vec<f64> {
    let values = answer.get(name).unwrap_or_else(|| panic!("no {name}: {answer:?}"));
    values.iter().map(|value| value.as_f64().expect("a number")).collect()
}

fn sum(answer: &Answer, name: &str) -> f64 {
    numbers(answer, name).iter().sum()
}

/// Every query has data of the chosen user's devices, and none of another user; a coarse view is no other than a fine one.
async fn every_panel_answers(server: &Server, dashboard: &Dashboard) {
    let (users, nobody) = (["x", USER], ["nobody"]);
    let views = [
        DAY,
        View { points: 20, ..DAY },
        View { users: &users[1..], hosts: &[HOST], ..DAY },
        View { users: &users, hosts: &[HOST, "other"], origin: "all", ..DAY },
    ];
    for query in dashboard.queries() {
        for view in &views {
            let answer = server.ask(dashboard, &query, view).await;
            let has_data = !answer.is_empty() && answer.values().all(|values| !values.is_empty());
            assert!(has_data, "{}: {} {view:?}: {answer:?}", query.title(), query.text());
        }
        let of_nobody = View { users: &nobody, origin: "all", ..DAY };
        for view in [&BEFORE, &View { origin: "all", ..BEFORE }, &of_nobody] {
            let answer = server.ask(dashboard, &query, view).await;
            assert!(answer.is_empty(), "{}: {view:?}: {answer:?}", query.title());
        }
    }
}

/// The records of a replay are shown where they are asked for only.
async fn origins_are_told_apart(server: &Server, dashboard: &Dashboard) {
    let mut counts = Vec::new();
    for origin in ["devices", "traces and Redis", "all"] {
        let shown = server.show(dashboard, "Records an hour", &View { origin, ..DAY }).await;
        counts.push(["typing", "mouse", "applications"].map(|kind| sum(&shown, kind) as usize));
    }
    let own =
        [Kind::Keystroke, Kind::Mouse, Kind::App].map(|kind| own_records().iter().filter(|r| r.kind() == kind).count());
    assert_eq!(counts[0], own);
    let replayed = [own[0] - 1, own[1] - 1, own[2]];
    assert_eq!(counts[1], replayed);
    assert_eq!(counts[2], [0, 1, 2].map(|kind| own[kind] + replayed[kind]));
}

async fn numbers_are_those_of_the_records(server: &Server, dashboard: &Dashboard) {
    for (title, kinds) in
        [("Records without values", &["typing", "mouse"][..]), ("Degraded records", &["typing", "mouse"][..])]
    {
        let shown = server.show(dashboard, title, &DAY).await;
        for kind in kinds {
            let shares = numbers(&shown, kind);
            assert_eq!((shares.len(), shares[0]), (2, 1.0), "{title}, {kind}: {shares:?}");
            assert!((0.0..0.3).contains(&shares[1]), "{title}, {kind}: {shares:?}");
        }
    }
    let mut by_app: BTreeMap<String, f64> = BTreeMap::new();
    let mut by_change: BTreeMap<String, f64> = BTreeMap::new();
    for record in own_records() {
        if let Body::App(app) = record.body {
            *by_app.entry(app.from_app.to_string()).or_default() += app.duration_ms as f64;
            *by_change.entry(format!("{} {}", app.from_app, app.to_app)).or_default() += 1.0;
        }
    }
    for (title, expected) in [("Time in focus before a change", by_app), ("Most frequent changes", by_change)] {
        let shown = server.show(dashboard, title, &DAY).await;
        let shown: BTreeMap<String, f64> = shown.keys().map(|name| (name.clone(), sum(&shown, name))).collect();
        assert_eq!(shown, expected, "{title}");
    }
    let name = format!("{USER} on {HOST}");
    let trust = server.show(dashboard, "Trust over time", &DAY).await;
    assert_eq!(numbers(&trust, &name).last(), Some(&0.0), "the lowest of half a minute");
    let decisions = server.show(dashboard, "Decisions an hour", &DAY).await;
    assert_eq!(numbers(&decisions, "decisions"), [4.0]);
    let fingers = server.show(dashboard, "Dwell by finger", &DAY).await;
    assert_eq!(fingers.len(), 9, "{fingers:?}");
    assert!(fingers.keys().all(|finger| (50.0..200.0).contains(&numbers(&fingers, finger)[0])), "{fingers:?}");
}

async fn users_and_hosts_can_be_chosen(server: &Server, dashboard: &Dashboard) {
    let users = server.choices(dashboard, "user", &DAY).await;
    assert!(users.len() == 2 && users.contains(&USER.to_owned()), "{users:?}");
    assert_eq!(server.choices(dashboard, "host", &View { users: &[USER], ..DAY }).await, [HOST]);
}

#[tokio::test]
async fn influxdb_1_answers_to_every_query_in_influxql() {
    let (server, dashboard) = Server::influx().await;
    every_panel_answers(&server, &dashboard).await;
    origins_are_told_apart(&server, &dashboard).await;
    numbers_are_those_of_the_records(&server, &dashboard).await;
    users_and_hosts_can_be_chosen(&server, &dashboard).await;
    let states = server.show(&dashboard, "Who was at the machine", &DAY).await;
    assert_eq!(states[&format!("{USER} on {HOST}")], ["owner", "stranger"], "the last of each half minute");
    let decisions = server.show(&dashboard, "Decisions", &DAY).await;
    assert_eq!(decisions["to"], ["owner", "stranger", "doubtful", "owner"], "the newest first");
    assert_eq!(decisions["modality"], ["mouse", "both", "keys"]);
}

#[tokio::test]
async fn victoriametrics_answers_to_every_query_in_metricsql() {
    let (server, dashboard) = Server::victoria().await;
    every_panel_answers(&server, &dashboard).await;
    origins_are_told_apart(&server, &dashboard).await;
    numbers_are_those_of_the_records(&server, &dashboard).await;
    users_and_hosts_can_be_chosen(&server, &dashboard).await;
}
