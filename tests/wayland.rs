//! The focused application, followed on real Wayland compositors.

mod support;

use support::compositor::{Compositor, LABWC, SWAY};

#[test]
fn two_compositors_run_side_by_side_and_come_back_after_a_crash() {
    let mut sway = Compositor::start(&SWAY);
    let labwc = Compositor::start(&LABWC);
    let _one = sway.sway_window("one");
    let _two = sway.sway_window("two");
    sway.sway_focus("one");
    let _three = labwc.window("three");
    sway.kill();
    sway.start_again();
    let _four = sway.sway_window("four");
}
