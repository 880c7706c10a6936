//! Asks whoever runs a command whether it shall be done.

use super::Error;
use std::io::{self, IsTerminal};

/// Whether they agree to this, in a terminal; `false` where there is none.
pub fn is_agreed(what: &str) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("This {what}. Continue? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(Error::Output)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
