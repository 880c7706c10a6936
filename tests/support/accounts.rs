//! Accounts of a Redis with few permissions.

use super::redis_settings;
use super::servers::Redis;
use seclyzer::config::{self, Secret};

pub fn settings(url: &str, with_stream: bool) -> config::Redis {
    config::Redis { stream: with_stream, ..redis_settings(url) }
}

/// The settings of the account `seclyzer`, for which these rules are set.
pub async fn account(redis: &Redis, rules: &str, with_stream: bool) -> config::Redis {
    redis.tell(&format!("ACL SETUSER seclyzer reset on >secret {rules}")).await;
    let mut settings = settings(&redis.url(), with_stream);
    (settings.username, settings.password) = (Some("seclyzer".into()), Some(Secret::new("secret")));
    settings
}

/// The rules of the documentation for that use.
pub fn documented(title: &str) -> String {
    let document = include_str!("../../docs/configuration.md");
    let (_, row) = document.split_once(&format!("| {title} | `")).unwrap_or_else(|| panic!("no account for {title}"));
    row.split('`').next().expect("a rule").to_owned()
}
