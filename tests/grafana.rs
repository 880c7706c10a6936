//! The dashboards for Grafana: what is in their files, and what servers answer to their queries.

mod common;
mod support;

#[path = "grafana/answers.rs"]
mod answers;
#[path = "grafana/dashboard.rs"]
mod dashboard;
#[path = "grafana/files.rs"]
mod files;
#[path = "grafana/names.rs"]
mod names;
#[path = "grafana/provisioning.rs"]
mod provisioning;
