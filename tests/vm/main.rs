//! Tests against the input devices of a real kernel, in a small virtual machine; tests/vm/prepare.sh comes first.

mod agent;
mod archive;
mod desktop;
mod desktop_install;
mod desktop_session;
mod devices;
mod guest_itself;
mod harness;
mod hotplug;
mod kinds;
mod machine;
mod overrun;
mod qmp;
mod records;
mod remapper;
