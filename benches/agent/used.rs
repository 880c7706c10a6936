//! Which functions of the program a running agent calls. `make order` writes them down for the linker, which puts them
//! side by side (`build.rs`): the kernel maps code in pieces of 64 KiB, used or not.

use crate::dbus::Daemon;
use crate::session::Session;
use crate::support::agent::Home;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

const ORDER: &str = "link/used.ld";
/// The program with its symbols.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/order/seclyzer");
const HEAD: &str =
    "/* The functions that a running agent calls, by the names of their sections. Made by `make order`. */
SECTIONS
{
  .text_used :
  {
";
const FOOT: &str = "  }
}
INSERT AFTER .text;
";

/// Nearly all of these is called sooner or later, so they are listed as a whole, and what changes in them is, too.
const WHOLE: [&str; 12] = [
    "_ZN8seclyzer3act*",
    "_ZN8seclyzer5agent*",
    "_ZN8seclyzer8features*",
    "_ZN8seclyzer8pipeline*",
    "_ZN8seclyzer11recognition*",
    "_ZN8seclyzer6remote*",
    "_ZN8seclyzer5sinks*",
    "_ZN8seclyzer7sources5evdev*",
    "_ZN8seclyzer7sources7capture*",
    "_ZN8seclyzer5store*",
    "_ZN5hyper*",
    "_ZN5redis*",
];

/// By then the model has been stored, which it is every 5 min of use.
const STORED_AFTER: Duration = Duration::from_secs(330);

/// With every source and sink, until the servers are stopped; a bus; recognition, which stores what it has learnt at the end.
/// What was in the file stays in its place, as callgrind does not follow everything, such as memory that is locked; what is
/// new comes after it. To begin anew, delete the file.
pub fn write_order(runtime: &tokio::runtime::Runtime) {
    let bus = runtime.block_on(Daemon::start());
    let under_callgrind = |command: Command, home: &Home| {
        let mut command = under_callgrind(&command, home);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", bus.address()).env("DBUS_SESSION_BUS_ADDRESS", bus.address());
        command
    };
    let mut session = Session::start_as(runtime, "", under_callgrind).expect("root, for devices of its own");
    session.work(crate::HASTY, STORED_AFTER);
    session.stop_servers();
    session.work(crate::HASTY, Duration::from_secs(30));
    let home = session.stop();
    let seen = fs::read_to_string(seen_by_callgrind(&home)).expect("what callgrind has seen");
    let before = fs::read_to_string(ORDER).unwrap_or_default();
    let known = before.lines().filter_map(|line| line.trim().strip_prefix("*(.text*.")?.split([' ', ')']).next());
    let new: BTreeSet<String> = called(&seen).into_iter().map(pattern).collect();
    let mut names = WHOLE.map(str::to_owned).to_vec();
    for name in known.map(str::to_owned).chain(new) {
        if !names.contains(&name) && !WHOLE.iter().any(|module| name.starts_with(module.trim_end_matches('*'))) {
            names.push(name);
        }
    }
    let lines: String = names.iter().map(|name| format!("    *({})\n", sections(name))).collect();
    fs::write(ORDER, format!("{HEAD}{lines}{FOOT}")).expect("a file of this repository");
    println!("{} functions in {ORDER}", names.len());
}

/// A command under callgrind. Its file is beside the database: the agent lets itself write nowhere else.
fn under_callgrind(command: &Command, home: &Home) -> Command {
    let mut under = Command::new("valgrind");
    under.args(["--tool=callgrind", "--demangle=no"]);
    under.arg(format!("--callgrind-out-file={}", seen_by_callgrind(home).display()));
    under.arg(PROGRAM).args(command.get_args()).env_clear();
    under.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    under.current_dir(home.path()).stdin(Stdio::null());
    under
}

fn seen_by_callgrind(home: &Home) -> PathBuf {
    home.database().with_file_name("callgrind.out")
}

/// The program's functions in callgrind's file. It numbers objects and functions, and says a name only at first: `fn=(7) main`.
fn called(text: &str) -> BTreeSet<&str> {
    let (mut objects, mut functions) = (HashMap::new(), HashMap::new());
    let (mut is_program, mut called) = (false, BTreeSet::new());
    for line in text.lines() {
        let Some((what, (number, name))) =
            line.split_once('=').and_then(|(what, is)| Some((what, is.split_once(')')?)))
        else {
            continue;
        };
        let names = if what.ends_with("ob") { &mut objects } else { &mut functions };
        match what {
            "ob" | "cob" | "fn" | "cfn" if !name.is_empty() => names.insert(number, name.trim_start()),
            _ => None,
        };
        match what {
            "ob" => is_program = objects.get(number).is_some_and(|object: &&str| object.ends_with("/seclyzer")),
            "fn" if is_program => called.extend(functions.get(number).filter(|name| is_symbol(name))),
            _ => {}
        }
    }
    called
}

/// Not an address, nor a description such as `(below main)`.
fn is_symbol(name: &str) -> bool {
    name.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic())
}

/// The sections of the functions with such a name: what the compiler takes for unlikely is in `.text.unlikely`, and of C a
/// part may have become a function of its own.
fn sections(name: &str) -> String {
    if name.starts_with('_') { format!(".text*.{name}") } else { format!(".text*.{name} .text.{name}.*") }
}

/// A function's name, whatever the compiler's hashes are: one that has been compiled for several types is called the same for
/// each.
fn pattern(function: &str) -> String {
    // Callgrind counts recursion, LLVM its own copies.
    let function = function.split('\'').next().unwrap_or_default();
    let function = function.split(".llvm.").next().unwrap_or_default();
    match function.rfind("17h") {
        Some(hash) if function.starts_with("_ZN") => format!("{}17h*", &function[..hash]),
        _ if function.starts_with("_R") => format!("{}*", without_crate_hashes(function)),
        _ => function.split('.').next().unwrap_or_default().into(),
    }
}

/// In the newer form of names a crate is `Cs1a2B3c_4name`.
fn without_crate_hashes(name: &str) -> String {
    let mut parts = name.split("Cs");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('_') {
            Some((hash, rest)) if hash.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                text += "Cs*_";
                text += rest;
            }
            _ => {
                text += "Cs";
                text += part;
            }
        }
    }
    text
}
