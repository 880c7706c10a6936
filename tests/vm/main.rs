//! Tests against the input devices of a real kernel and on a desktop, in virtual machines. tests/vm/prepare.sh and
//! tests/vm/prepare-desktop.sh come first.

mod agent;
mod alice;
mod archive;
mod desktop;
mod desktop_attempts;
mod desktop_canary;
mod desktop_disk;
mod desktop_install;
mod desktop_lock;
mod desktop_package;
mod desktop_recognition;
mod desktop_secrets;
mod desktop_service;
mod desktop_session;
mod desktop_sinks;
mod devices;
mod guest_itself;
mod harness;
mod hotplug;
mod kinds;
#[path = "../support/leaks.rs"]
mod leaks;
#[cfg(feature = "long-tests")]
mod long;
mod machine;
mod overrun;
mod qmp;
mod records;
mod remapper;
mod snapshot;
mod surfaces;
#[path = "../support/typists.rs"]
mod typists;
mod unmounted;
