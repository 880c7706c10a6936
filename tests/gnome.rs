//! The focused application, followed on a real GNOME Shell.

mod support;

use support::compositor::{Compositor, GNOME_SHELL};

#[test]
fn a_compositor_comes_back_after_a_crash() {
    let mut compositor = Compositor::start(&GNOME_SHELL);
    let _one = compositor.window("one");
    compositor.kill();
    compositor.start_again();
}
