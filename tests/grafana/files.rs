//! A dashboard's file is one that Grafana imports, and that a person can read.

use crate::dashboard::{Dashboard, text};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Panels that are part of Grafana itself, and the options that each needs.
const PANELS: [(&str, &[&str]); 5] = [
    ("timeseries", &["legend", "tooltip"]),
    ("stat", &["reduceOptions", "colorMode", "graphMode"]),
    ("bargauge", &["reduceOptions", "displayMode"]),
    ("table", &["showHeader"]),
    ("state-timeline", &["legend", "tooltip", "showValue"]),
];
/// Units that Grafana knows by these names; others are a text of our own.
const UNITS: [&str; 3] = ["ms", "percentunit", "none"];

fn plugin(language: &str) -> &'static str {
    if language == "victoriametrics" { "prometheus" } else { "influxdb" }
}

#[test]
fn a_dashboard_has_what_an_import_needs() {
    let mut titles = BTreeSet::new();
    for Dashboard { language, json } in Dashboard::all() {
        assert_eq!(json["id"], Value::Null, "{language}: a number is Grafana's to give");
        assert_eq!(json["uid"], format!("seclyzer-{language}"));
        assert!(titles.insert(text(&json["title"]).to_owned()), "a title of its own");
        // Of Grafana 10.4; newer ones bring it up to theirs.
        assert_eq!(json["schemaVersion"], 39);
        assert_eq!(json["tags"], json!(["seclyzer"]));
        assert_eq!(json["time"], json!({"from": "now-24h", "to": "now"}));
        assert_eq!(json["annotations"], json!({"list": []}));
        assert!(json.get("__inputs").is_none(), "{language}: the data source is a variable");
    }
}

#[test]
fn every_panel_has_a_number_a_place_and_an_explanation_of_its_own() {
    for dashboard in Dashboard::all() {
        let (mut ids, mut cells, mut titles) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for panel in dashboard.panels() {
            let title = text(&panel["title"]);
            assert!(ids.insert(panel["id"].as_u64().expect("a number")), "{title}");
            assert!(titles.insert(title), "{title}");
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().expect("a number"));
            assert!(w > 0 && h > 0 && x + w <= 24, "{title} is wider than the page");
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(cells.insert(cell), "{}: {title} covers another panel", dashboard.language);
            }
            if panel["type"] != "row" {
                check_looks(panel);
            }
        }
        assert!(ids.len() > 30, "{ids:?}");
    }
}

fn check_looks(panel: &Value) {
    let title = text(&panel["title"]);
    let (_, options) = PANELS.iter().find(|(name, _)| panel["type"] == *name).unwrap_or_else(|| panic!("{title}"));
    assert!(options.iter().all(|option| panel["options"].get(option).is_some()), "{title} lacks one of {options:?}");
    let description = text(&panel["description"]);
    assert!(description.len() > 20 && description.ends_with('.'), "{title}: {description}");
    let defaults = &panel["fieldConfig"]["defaults"];
    let unit = text(&defaults["unit"]);
    assert!(UNITS.contains(&unit) || unit.starts_with("suffix: "), "{title}: {unit}");
    let steps = defaults["thresholds"]["steps"].as_array().expect("thresholds");
    assert_eq!(steps[0]["value"], Value::Null, "{title}: the first threshold is the lowest of all");
    let values: Vec<f64> = steps[1..].iter().map(|step| step["value"].as_f64().expect("a number")).collect();
    assert!(values.is_sorted(), "{title}: {values:?}");
}

#[test]
fn every_query_goes_to_the_chosen_data_source() {
    for dashboard in Dashboard::all() {
        let expected = json!({"type": plugin(dashboard.language), "uid": "${datasource}"});
        let mut letters = BTreeSet::new();
        for query in dashboard.queries() {
            assert_eq!((&query.panel["datasource"], &query.target["datasource"]), (&expected, &expected));
            let letter = (query.panel["id"].as_u64(), text(&query.target["refId"]));
            assert!(letters.insert((letter.0, letter.1.to_owned())), "{}: {letter:?}", query.title());
            let is_marked = match dashboard.language {
                "influxql" => query.target["rawQuery"] == true,
                "flux" => query.target.get("rawQuery").is_none(),
                _ => query.target["instant"].as_bool() != query.target["range"].as_bool(),
            };
            assert!(is_marked, "{}", query.title());
        }
        let without = dashboard.panels().iter().filter(|panel| panel["type"] != "row" && panel["targets"] == json!([]));
        assert_eq!(without.count(), 0);
        for variable in dashboard.variables().iter().filter(|variable| variable["type"] == "query") {
            assert_eq!(variable["datasource"], expected);
        }
    }
}

#[test]
fn source_user_host_and_origin_are_chosen_at_the_top() {
    for dashboard in Dashboard::all() {
        let names: Vec<&str> = dashboard.variables().iter().map(|variable| text(&variable["name"])).collect();
        assert_eq!(names, ["datasource", "user", "host", "origin"]);
        let source = dashboard.variable("datasource");
        assert_eq!((&source["type"], text(&source["query"])), (&json!("datasource"), plugin(dashboard.language)));
        for name in ["user", "host"] {
            let variable = dashboard.variable(name);
            assert_eq!(
                (&variable["type"], &variable["multi"], &variable["includeAll"]),
                (&json!("query"), &json!(true), &json!(true))
            );
            assert_eq!(variable["definition"], variable["query"]);
        }
        let origin = dashboard.variable("origin");
        let options = origin["options"].as_array().expect("options");
        let written = options.iter().map(|option| format!("{} : {}", text(&option["text"]), text(&option["value"])));
        assert_eq!(text(&origin["query"]), written.collect::<Vec<_>>().join(", "), "Grafana makes the options of this");
        assert_eq!(origin["current"]["text"], "devices", "one's own records at first");
        assert_eq!(origin["current"]["value"], options[0]["value"]);
    }
}

#[test]
fn all_dashboards_show_the_same_and_victoriametrics_what_is_not_text() {
    let [influxql, flux, victoria] = Dashboard::all();
    let looks = |dashboard: &Dashboard| -> Vec<Value> {
        let look = |panel: &Value| {
            let mut look = json!([
                panel["title"],
                panel["type"],
                panel["description"],
                panel["interval"],
                panel["options"],
                panel["fieldConfig"]
            ]);
            // In Flux the name is a label.
            look[5]["defaults"].as_object_mut().map(|defaults| defaults.remove("displayName"));
            look
        };
        dashboard.panels().iter().map(look).collect()
    };
    let places = |dashboard: &Dashboard| -> Vec<Value> {
        dashboard.panels().iter().map(|panel| panel["gridPos"].clone()).collect()
    };
    assert_eq!(looks(&influxql), looks(&flux));
    assert_eq!(places(&influxql), places(&flux));
    let of_text = ["State", "Who was at the machine", "Decisions"];
    let mut numbers = looks(&influxql);
    numbers.retain(|look| !of_text.contains(&text(&look[0])));
    assert_eq!(numbers, looks(&victoria));
    assert_eq!(influxql.panels().len(), victoria.panels().len() + of_text.len());
}
