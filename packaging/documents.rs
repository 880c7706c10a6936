//! Writes what a package brings along besides the program: man pages and shell completions, made from the commands'
//! own descriptions.
//!
//! usage: cargo run --example packaging -- FOLDER

use clap_complete::Shell;
use std::io;
use std::path::PathBuf;

fn main() -> io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or(io::ErrorKind::InvalidInput)?);
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    std::fs::create_dir_all(&man)?;
    std::fs::create_dir_all(&completions)?;
    let mut command = seclyzer::cli::command().disable_help_subcommand(true);
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, "seclyzer", &completions)?;
    }
    // seclyzer(1), and a page for each command: seclyzer-run(1) and so on.
    clap_mangen::generate_to(command, &man)?;
    // What `seclyzer top`, `report` and `export` run: its arguments are theirs.
    std::fs::write(man.join("seclyzer-view.1"), ".so man1/seclyzer.1\n")
}
