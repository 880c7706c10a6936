//! What an error of a Redis means: whether to come back later or to have the configuration mended, and in which words
//! that is told.

use super::super::sent::Sent;
use super::super::tls;
use crate::config;
use redis::{ErrorKind, RedisError, ServerError};

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// Trying again is in vain until somebody changes the configuration, here or there.
    Refusal,
    /// The server works and cannot take anything at present.
    Wait,
    /// No connection, no answer in time, or an answer that makes no sense.
    Unreachable,
}

/// An error as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub means: Means,
    /// Short, and without anything that we have sent.
    pub reason: String,
}

/// Codes with which a Redis begins its errors.
const CODES: [(&str, Means, &str); 18] = [
    ("NOAUTH", Means::Refusal, "it asks for a password"),
    ("WRONGPASS", Means::Refusal, "a wrong account or password"),
    ("NOPERM", Means::Refusal, "the account lacks a permission"),
    ("DENIED", Means::Refusal, "its protected mode lets nobody in from elsewhere"),
    ("READONLY", Means::Refusal, "a replica, which cannot be written to; redis.url must name the master"),
    ("WRONGTYPE", Means::Refusal, "a key is taken by another type"),
    ("MOVED", Means::Refusal, "a cluster, of which another node holds the stream; redis.url must name that node"),
    ("CROSSSLOT", Means::Refusal, "a cluster that does not keep the stream and its mark in one slot"),
    ("ASK", Means::Wait, "a cluster that is moving the stream to another node"),
    ("TRYAGAIN", Means::Wait, "a cluster that is moving the stream to another node"),
    ("CLUSTERDOWN", Means::Wait, "its cluster is down"),
    ("MASTERDOWN", Means::Wait, "a replica without its master"),
    ("NOREPLICAS", Means::Wait, "a master without its replicas"),
    ("OOM", Means::Wait, "its memory is full"),
    ("MISCONF", Means::Wait, "it cannot save to its disk, and takes no writes until it can"),
    ("LOADING", Means::Wait, "it is loading its data"),
    ("BUSY", Means::Wait, "a script keeps it busy"),
    ("EXECABORT", Means::Wait, "the transaction was not accepted"),
];

/// What the general code ERR is followed by where asking again would not help: the command or the database is not there,
/// or not for us, by its configuration or because a proxy stands before it.
const NOT_THERE: [&str; 11] = [
    "unknown command",
    "no permission",
    "index is out of range",
    "unsupported",
    "not supported",
    "not allowed",
    "disabled",
    "wrong number of arguments",
    "syntax error",
    "invalid password",
    "without any password",
];

/// What an error means, and what to tell of it. `command` is what it was the answer to, where that is known.
pub fn trouble(error: &RedisError, command: Option<&str>, settings: &config::Redis) -> Trouble {
    let sent = Sent::with_contents(["{\"type\":".to_owned(), "{\\\"type\\\":".to_owned()]);
    let sent = settings.password.iter().fold(sent, Sent::and_secret);
    let at = command.map(|command| format!("{command}: ")).unwrap_or_default();
    if let Some(answer) = first_answer(error) {
        let (means, what) = meaning(&answer);
        let (code, details) = (answer.code(), answer.details().unwrap_or_default());
        let said =
            if code.is_empty() || details.starts_with(code) { details.to_owned() } else { format!("{code} {details}") };
        return Trouble { means, reason: sent.reason(&format!("{at}{what}"), &said) };
    }
    let text = error.to_string();
    let said = error.detail().unwrap_or(&text);
    if let Some(what) = tls::refusal(&text, &settings.tls) {
        return Trouble { means: Means::Refusal, reason: sent.reason(&format!("{at}{what}"), said) };
    }
    let (means, what) = match error.kind() {
        // It answers like that to the first question, whichever it is.
        _ if said.contains("max number of clients") => (Means::Wait, "it has too many clients"),
        ErrorKind::AuthenticationFailed => (Means::Refusal, "a wrong account or password"),
        ErrorKind::Server(_) => by_text(said),
        // Our own texts.
        ErrorKind::InvalidClientConfig | ErrorKind::UnexpectedReturnType => (Means::Refusal, "it cannot be used"),
        ErrorKind::Io | ErrorKind::Parse => (Means::Unreachable, "no answer"),
        _ => (Means::Wait, "not delivered"),
    };
    Trouble { means, reason: sent.reason(&format!("{at}{what}"), said) }
}

fn meaning(answer: &ServerError) -> (Means, &'static str) {
    let details = answer.details().unwrap_or_default();
    // A transaction that is not carried out may say for which error.
    let code = match details.split_once("because of: ") {
        Some((_, cause)) if answer.code() == "EXECABORT" => cause.split(' ').next().unwrap_or_default(),
        _ => answer.code(),
    };
    match CODES.iter().find(|(known, ..)| *known == code) {
        Some(&(_, means, what)) => (means, what),
        None => by_text(details),
    }
}

fn by_text(details: &str) -> (Means, &'static str) {
    let details = details.to_lowercase();
    match NOT_THERE.iter().any(|phrase| details.contains(phrase)) {
        true => (Means::Refusal, "not there, or not allowed"),
        false => (Means::Wait, "an error of the server's"),
    }
}

/// The error that the server answered, for several commands at once the first one.
fn first_answer(error: &RedisError) -> Option<ServerError> {
    let answers = error.clone().into_server_errors()?;
    answers.first().map(|(_, answer)| answer.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Secret, Switch, Tls};

    fn told(answer: &str, password: &str) -> Trouble {
        let value = redis::parse_redis_value(format!("-{answer}\r\n").as_bytes()).expect("an answer");
        let error = value.extract_error().expect_err("an error");
        trouble(&error, Some("MULTI"), &settings(password))
    }

    fn settings(password: &str) -> config::Redis {
        config::Redis {
            enabled: Switch::On,
            url: "redis://127.0.0.1".into(),
            username: None,
            password: Some(Secret::new(password)),
            tls: Tls::default(),
            stream: true,
            stream_max_len: 1,
            accept_events: false,
            events_publish: crate::features::keystroke::Publish::All,
        }
    }

    #[test]
    fn each_error_is_told_as_what_it_is_with_the_servers_own_words() {
        for (answer, means) in [
            ("MOVED 11501 127.0.0.1:7001", Means::Refusal),
            ("CROSSSLOT Keys in request don't hash to the same slot", Means::Refusal),
            ("NOPERM User pub has no permissions to run the 'multi' command", Means::Refusal),
            ("NOAUTH Authentication required.", Means::Refusal),
            ("WRONGPASS invalid username-password pair or user is disabled.", Means::Refusal),
            ("READONLY You can't write against a read only replica.", Means::Refusal),
            ("ERR unknown command 'MULTI', with args beginning with: ", Means::Refusal),
            ("ERR Command 'MULTI' not supported by the proxy", Means::Refusal),
            ("EXECABORT Transaction discarded because of: NOPERM ACL rules changed", Means::Refusal),
            ("EXECABORT Transaction discarded because of previous errors.", Means::Wait),
            ("CLUSTERDOWN Hash slot not served", Means::Wait),
            ("OOM command not allowed when used memory > 'maxmemory'.", Means::Wait),
            ("MISCONF Redis is configured to save RDB snapshots", Means::Wait),
            ("LOADING Redis is loading the dataset in memory", Means::Wait),
            ("BUSY Redis is busy running a script.", Means::Wait),
            ("ERR max number of clients reached", Means::Wait),
            ("EXOTIC something new", Means::Wait),
        ] {
            let trouble = told(answer, "hunter2");
            assert_eq!(trouble.means, means, "{answer}: {trouble:?}");
            assert!(
                trouble.reason.starts_with("MULTI: ") && trouble.reason.ends_with(answer.trim_end()),
                "{trouble:?}"
            );
        }
    }

    #[test]
    fn what_goes_wrong_at_the_login_is_told_as_what_it_is() {
        let at_login = |kind, text: &str| {
            let error = RedisError::from((kind, "Redis server refused", text.to_owned()));
            trouble(&error, None, &settings("hunter2"))
        };
        let response = ErrorKind::Server(redis::ServerErrorKind::ResponseError);
        for (kind, text, means) in [
            (response, "SELECT is not allowed in cluster mode", Means::Refusal),
            (response, "DB index is out of range", Means::Refusal),
            (response, "User pub has no permissions to run the 'select' command", Means::Refusal),
            (ErrorKind::AuthenticationFailed, "invalid username-password pair or user is disabled.", Means::Refusal),
            (ErrorKind::AuthenticationFailed, "max number of clients reached", Means::Wait),
        ] {
            let trouble = at_login(kind, text);
            assert!(trouble.means == means && trouble.reason.ends_with(text), "{trouble:?}");
        }
    }

    #[test]
    fn a_server_that_repeats_the_password_does_not_get_it_into_the_log() {
        for password in ["a", "write", "hunter2", "p%ss w0rd!"] {
            let answer = format!("ERR unknown command 'AUTH', with args beginning with: 'default' '{password}'");
            let trouble = told(&answer, password);
            assert_eq!(trouble.means, Means::Refusal);
            let expected = "MULTI: not there, or not allowed (details are left out, for they repeat what was sent)";
            assert_eq!(trouble.reason, expected);
        }
    }

    #[test]
    fn neither_does_a_record() {
        let answer = "ERR unknown command 'PUBLISH', with args beginning with: 'features' '{\"type\":\"mouse\",\"user\":\"ann\"'";
        assert!(!told(answer, "hunter2").reason.contains("ann"));
    }
}
