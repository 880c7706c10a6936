//! The command `seclyzer`. All it does is turn an error into a message and an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    seclyzer::cli::main()
}
