//! The focused application and the keyboard's layout, followed on real X servers.

#[path = "x11/focus.rs"]
mod focus;
#[path = "x11/follower.rs"]
mod follower;
#[path = "x11/layout.rs"]
mod layout;
#[path = "support/log.rs"]
mod log;
#[path = "x11/names.rs"]
mod names;
#[path = "x11/quiet.rs"]
mod quiet;
#[path = "x11/server.rs"]
mod server;
#[path = "x11/window_managers.rs"]
mod window_managers;
#[path = "support/xproxy.rs"]
mod xproxy;
#[path = "support/xserver.rs"]
mod xserver;
#[path = "support/xwindows.rs"]
mod xwindows;
