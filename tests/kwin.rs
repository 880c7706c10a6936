//! The focused application, followed on a real KWin.

mod support;

use support::compositor::{Compositor, KWIN};

#[test]
fn a_compositor_comes_back_after_a_crash() {
    let mut compositor = Compositor::start(&KWIN);
    let _one = compositor.window("one");
    compositor.kill();
    compositor.start_again();
}
