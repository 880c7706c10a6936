//! The files that bring a dashboard into Grafana belong together, and the commands of the document put them there.

use crate::dashboard::{Dashboard, folder, text};
use std::path::Path;
use std::process::Command;
use yaml_rust2::{Yaml, YamlLoader};

fn yaml(path: &str) -> Yaml {
    let text =
        std::fs::read_to_string(folder().join("provisioning").join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let [document] = <[Yaml; 1]>::try_from(YamlLoader::load_from_str(&text).expect("YAML")).expect("one document");
    assert_eq!(document["apiVersion"].as_i64(), Some(1), "{path}");
    document
}

#[test]
fn the_data_source_of_each_dashboard_is_provisioned_under_the_name_that_the_dashboard_chooses() {
    for dashboard in Dashboard::all() {
        let document = yaml(&format!("datasources/seclyzer-{}.yaml", dashboard.language));
        let source = &document["datasources"][0];
        let chosen = dashboard.variable("datasource");
        assert_eq!(source["uid"].as_str(), chosen["current"]["value"].as_str());
        assert_eq!(source["name"].as_str(), chosen["current"]["text"].as_str());
        assert_eq!(source["type"].as_str(), chosen["query"].as_str());
        assert_eq!(source["access"].as_str(), Some("proxy"));
        assert!(source["url"].as_str().expect("a URL").starts_with("http://localhost:"));
        let settings: &[&str] = match dashboard.language {
            "influxql" => &["dbName", "httpMode", "version"],
            "flux" => &["organization", "defaultBucket", "version"],
            _ => &["httpMethod"],
        };
        for name in settings.iter().chain(&["timeInterval"]) {
            assert!(source["jsonData"][*name].as_str().is_some(), "{}: {name}", dashboard.language);
        }
        let secrets = source["secureJsonData"].as_hash().map_or(Vec::new(), |secrets| secrets.values().collect());
        assert!(secrets.iter().all(|secret| secret.as_str().is_some_and(|text| text.starts_with("$INFLUX_"))));
    }
}

/// The commands of the document, with other folders for those of the system and without `sudo`.
fn commands(package: &Path, system: &Path) -> String {
    let document = std::fs::read_to_string(folder().join("../../docs/grafana.md")).expect("the document");
    let block = document.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("commands");
    let group = Command::new("id").arg("-gn").output().expect("a group");
    let group = String::from_utf8(group.stdout).expect("UTF-8");
    let here = |path: &str| format!("{}{path}", system.display());
    block
        .replace("/usr/share/doc/seclyzer/grafana", package.to_str().expect("UTF-8"))
        .replace("/etc/", &here("/etc/"))
        .replace("/var/", &here("/var/"))
        .replace("-g grafana", &format!("-g {}", group.trim()))
        .replace("sudo systemctl restart grafana-server\n", "")
        .replace("sudo ", "")
}

#[test]
fn the_commands_of_the_document_put_each_file_where_grafana_finds_it() {
    for dashboard in Dashboard::all() {
        let system = tempfile::tempdir().expect("a folder");
        let commands = commands(&folder(), system.path());
        let commands = commands.replace("language=influxql", &format!("language={}", dashboard.language));
        let output = Command::new("bash").args(["-euc", &commands]).output().expect("bash");
        assert!(output.status.success(), "{commands}{}", String::from_utf8_lossy(&output.stderr));
        let provider = yaml("dashboards/seclyzer.yaml");
        let provider = &provider["providers"][0];
        assert_eq!((provider["type"].as_str(), provider["name"].as_str()), (Some("file"), Some("seclyzer")));
        let place = provider["options"]["path"].as_str().expect("a path");
        let placed = system.path().join(place.trim_start_matches('/')).join(format!("{}.json", dashboard.language));
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(placed).expect("a dashboard")).expect("JSON");
        assert_eq!(text(&json["uid"]), text(&dashboard.json["uid"]));
        let provisioning = system.path().join("etc/grafana/provisioning");
        assert!(provisioning.join("dashboards/seclyzer.yaml").exists());
        assert!(provisioning.join(format!("datasources/seclyzer-{}.yaml", dashboard.language)).exists());
    }
}
