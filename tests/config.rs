//! The configuration through its public face: what wins over what, every mistake's exact error, and that no secret shows.

#[path = "config/documents.rs"]
mod documents;
#[path = "config/mistakes.rs"]
mod mistakes;
#[path = "config/secrets.rs"]
mod secrets;
#[path = "config/sources.rs"]
mod sources;
#[path = "config/support.rs"]
mod support;
#[path = "config/tls.rs"]
mod tls;
