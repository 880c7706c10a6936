//! `seclyzer devices`

use super::Error;
use super::text::table;
use crate::config::Config;
use crate::sources::evdev::{self, Node, State};
use std::io::Write;

/// Told where there is none, and what helps.
pub const NO_DEVICE: &str = "there is no input device under /dev/input";
pub const PROVIDE_DEVICE: &str = "connect one; in a container or a virtual machine, pass one through";

/// List every input device: its kind, and whether it is read or why not
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer devices
  seclyzer devices --json | jq -r '.[] | select(.state == \"read\").path'
  SECLYZER_DEVICES_EXCLUDE='046d:c077' seclyzer devices

Exit codes: 0 at least one device is read; 69 no device is read.")]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, config: &Config, out: &mut impl Write) -> Result<(), Error> {
    let nodes = evdev::list(&config.devices)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &nodes).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else if !nodes.is_empty() {
        let rows: Vec<_> = nodes.iter().map(row).collect();
        write!(out, "{}", table(&["node", "id", "kind", "state", "name"], &rows))?;
    }
    if nodes.iter().any(|node| node.state == State::Read) { Ok(()) } else { Err(Error::Unavailable(none_read(&nodes))) }
}

fn row(node: &Node) -> [String; 5] {
    let kinds: Vec<&str> = node.kinds.iter().map(|kind| kind.name()).collect();
    let kinds = if node.is_virtual { format!("{} (virtual)", kinds.join(", ")) } else { kinds.join(", ") };
    let state = match &node.state {
        State::Read => "read".into(),
        State::Unread(reason) => format!("not read: {}", reason.words()),
        State::Refused(error) => format!("refused: {error}"),
    };
    let id = format!("{:04x}:{:04x}", node.vendor, node.product);
    [node.path.display().to_string(), id, kinds, state, node.name.clone()]
}

/// Why nothing is read, and what to do.
pub fn none_read(nodes: &[Node]) -> String {
    let refused = nodes.iter().filter(|node| matches!(node.state, State::Refused(_))).count();
    match (nodes.len(), refused) {
        (0, _) => format!("{NO_DEVICE}: {PROVIDE_DEVICE}"),
        (_, 0) => "no keyboard, mouse or touchpad is read: `seclyzer devices` lists the reasons".into(),
        (all, refused) => format!("{all} nodes, {refused} refused: run `seclyzer doctor`"),
    }
}
