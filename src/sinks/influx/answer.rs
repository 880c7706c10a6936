//! What an answer of a write API means, and in which words that is told.
//!
//! InfluxDB 1 answers 400 to a record that it does not take, InfluxDB 2 mostly 422 (its first versions 500), InfluxDB 3
//! 400. Neither number says whether the record is too old for the server's retention, which concerns that record alone,
//! or of another type than what is stored, which may concern every record to come: the text does.

use super::super::Failure;
use crate::remote::sent::Sent;
use reqwest::StatusCode;
use serde_json::Value;
use std::time::Duration;

/// An answer other than "written".
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub retry_after: Option<Duration>,
    pub body: String,
}

/// Of a time that the server no longer keeps. Newer versions add the retention policy's name to every error, so that
/// its mention alone says nothing.
const TOO_OLD: [&str; 4] = [
    "beyond retention policy",
    "outside retention policy",
    "outside of retention period",
    "retention policy lower bound",
];
/// A value of another type than what is stored under its name.
const CONFLICT: [&str; 4] = ["field type conflict", "invalid column type", "column type mismatch", "unable to insert"];
/// Settings that are wrong, where the number would blame the record.
const MISPLACED: [&str; 8] = [
    "retention policy not found",
    "orgid or org",
    "organization name",
    "organization not found",
    "database is required",
    "database name",
    "https server",
    "https port",
];
/// A request without a record in it: it was let in, and read.
const EMPTY: [&str; 3] = ["incoming write was empty", "writing requires points", "no points"];

impl Answer {
    /// What follows from it for the batch.
    pub fn judge(&self, sent: &Sent) -> Failure {
        let said = self.message();
        let lower = said.to_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
        let reason = |what: &str| sent.reason(&format!("{}, {what}", self.status), &said);
        let is_about_records = matches!(self.status.as_u16(), 400 | 422) || self.status.as_u16() == 500;
        match self.status.as_u16() {
            _ if is_about_records && says(&CONFLICT) => Failure::Rejected(reason("a field type conflict")),
            _ if is_about_records && says(&TOO_OLD) => Failure::Outdated(reason("beyond the retention policy")),
            _ if is_about_records && says(&MISPLACED) => Failure::Refused(reason("the configuration does not fit")),
            _ if is_about_records && lower.contains("partial write") => Failure::Rejected(reason("not stored")),
            400 | 422 => Failure::Rejected(reason("a record that it does not take")),
            413 => Failure::Rejected(reason("too large")),
            429 | 503 => Failure::Busy { reason: reason("too busy"), retry_after: self.retry_after },
            408 | 500..=599 => Failure::Unreachable(reason("a fault of the server's")),
            401 => Failure::Refused(reason("a wrong or missing login")),
            403 => Failure::Refused(reason("the login may not write there")),
            404 => Failure::Refused(reason("no such database, bucket or organisation")),
            _ => Failure::Refused(reason("no answer of an InfluxDB")),
        }
    }

    /// Whether it only minds that there was no record in the request.
    pub fn is_empty_request(&self) -> bool {
        let lower = self.message().to_lowercase();
        self.status == StatusCode::BAD_REQUEST && EMPTY.iter().any(|phrase| lower.contains(phrase))
    }

    /// The error's text, without the JSON around it and without the lines that InfluxDB 3 repeats beside it.
    fn message(&self) -> String {
        let Ok(json) = serde_json::from_str::<Value>(&self.body) else { return self.body.clone() };
        let text = |name: &str| json[name].as_str();
        let Some(message) = text("message").or(text("error")) else { return self.body.clone() };
        let lines = match &json["data"] {
            Value::Array(lines) => lines.iter().collect(),
            Value::Null => Vec::new(),
            line => vec![line],
        };
        // One is enough: the batch is halved until there is one.
        match lines.iter().find_map(|line| line["error_message"].as_str()) {
            Some(detail) => format!("{message}: {detail}"),
            None => message.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Failure {
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = Answer { status, retry_after: None, body: body.into() };
        answer.judge(&Sent::with_contents(["mouse_features,".to_owned()]))
    }

    fn of_two(status: u16, message: &str) -> Failure {
        judged(status, &serde_json::json!({"code": "unprocessable entity", "message": message}).to_string())
    }

    const CONFLICT_2: &str = "failure writing points to database: partial write: field type conflict: input field \
                              \"speed_mean\" on measurement \"mouse_features\" is type float, already exists as type \
                              integer dropped=3";

    #[test]
    fn only_an_answer_that_says_beyond_the_retention_policy_means_too_old() {
        for (status, body) in [
            (400, r#"{"error":"partial write: points beyond retention policy dropped=24"}"#),
            (
                422,
                r#"{"code":"unprocessable entity","message":"failure writing points to database: partial write: points beyond retention policy dropped=1"}"#,
            ),
            (
                422,
                r#"{"code":"unprocessable entity","message":"failure writing points to database: partial write: dropped 4 points outside retention policy of duration 24h0m0s - oldest point mouse_features,host=h at 2022-01-01T00:00:00Z dropped because it violates a Retention Policy Lower Bound at 2025-05-20T19:06:17Z dropped=4 for database: 9f28 for retention policy: autogen"}"#,
            ),
            (
                500,
                r#"{"code":"internal error","message":"unexpected error writing points to database: partial write: points beyond retention policy dropped=1"}"#,
            ),
            (
                400,
                r#"{"code":"invalid","line":1,"message":"data in table mouse_features is outside of retention period: minimum acceptable timestamp is 2026-01-01"}"#,
            ),
        ] {
            assert!(
                matches!(judged(status, body), Failure::Outdated(_)),
                "{status} {body}: {:?}",
                judged(status, body)
            );
        }
    }

    #[test]
    fn a_conflict_of_types_is_a_rejection_whatever_the_number_and_whatever_else_is_mentioned() {
        for failure in [
            of_two(422, CONFLICT_2),
            of_two(422, &format!("{CONFLICT_2} for database: 9f28 for retention policy: autogen")),
            of_two(500, &format!("unexpected error writing points to database: {CONFLICT_2}")),
            judged(
                400,
                r#"{"error":"partial write: field type conflict: input field \"x\" on measurement \"mouse_features\" is type float, already exists as type string dropped=1"}"#,
            ),
            judged(
                400,
                r#"{"error":"partial write of line protocol occurred","data":[{"original_line":"mouse_features,host=h speed_mean=1 1","line_number":1,"error_message":"invalid column type for column 'speed_mean', expected iox::column_type::field::string, got iox::column_type::field::float"}]}"#,
            ),
            judged(
                400,
                r#"{"error":"parsing failed for write_lp endpoint","data":{"original_line":"mouse_features,host=h","line_number":1,"error_message":"invalid column type for column 'speed_mean', expected tag, got field::float"}}"#,
            ),
        ] {
            let Failure::Rejected(text) = &failure else { panic!("{failure:?}") };
            assert!(text.contains("a field type conflict: "), "the server's words are shown: {text}");
        }
    }

    #[test]
    fn every_other_422_and_400_is_a_rejection_too_or_a_matter_of_configuration() {
        for (status, body) in [
            (422, ""),
            (400, ""),
            (422, "Unprocessable"),
            (400, r#"{"error":"partial write: max-series-per-database limit exceeded: (1000) dropped=1"}"#),
            (400, r#"{"error":"unable to parse 'mouse_features,host=h x': invalid field format"}"#),
            (422, r#"{"error":"Update to schema would exceed number of columns per table limit of 200 columns"}"#),
            (
                500,
                r#"{"code":"internal error","message":"unexpected error writing points to database: partial write: something dropped=1"}"#,
            ),
            (413, "request entity too large"),
        ] {
            assert!(
                matches!(judged(status, body), Failure::Rejected(_)),
                "{status} {body}: {:?}",
                judged(status, body)
            );
        }
        for (status, body) in [
            (400, r#"{"code":"invalid","message":"Please provide either orgID or org"}"#),
            (500, r#"{"error":"retention policy not found: rp"}"#),
            (400, "Client sent an HTTP request to an HTTPS server."),
        ] {
            assert!(matches!(judged(status, body), Failure::Refused(_)), "{status} {body}: {:?}", judged(status, body));
        }
    }

    #[test]
    fn an_answer_says_whether_to_come_back_or_to_mend_the_configuration() {
        for status in [429, 503] {
            assert!(matches!(judged(status, ""), Failure::Busy { .. }), "{status}");
        }
        for status in [408, 500, 502, 504] {
            assert!(matches!(judged(status, ""), Failure::Unreachable(_)), "{status}");
        }
        // Also 200: InfluxDB says 204, so this is something else that answers to everything.
        for status in [200, 301, 401, 403, 404, 405] {
            assert!(matches!(judged(status, ""), Failure::Refused(_)), "{status}");
        }
    }

    #[test]
    fn a_line_that_the_server_repeats_is_not_told() {
        for body in [
            r#"{"error":"unable to parse 'mouse_features,host=h,user_id=ann x': invalid field format"}"#,
            r#"{"error":"partial write of line protocol occurred","data":[{"original_line":"mouse_features,user_id=ann x","line_number":1,"error_message":"No fields were provided"}]}"#,
        ] {
            let text = judged(400, body).to_string();
            assert!(!text.contains("ann") && text.starts_with("400 Bad Request, "), "{text}");
        }
    }
}
