//! Whether rectangles cover another one.

/// What a cover may leave at each edge: xsecurelock leaves one pixel, so that no program takes its window for one in full
/// screen.
const EDGE: i32 = 2;

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    left: i32,
    top: i32,
    /// The first column and row beyond it.
    right: i32,
    bottom: i32,
}

impl Area {
    pub fn new(x: i16, y: i16, width: u16, height: u16) -> Area {
        let (left, top) = (i32::from(x), i32::from(y));
        Area { left, top, right: left + i32::from(width), bottom: top + i32::from(height) }
    }

    fn is_empty(self) -> bool {
        self.left >= self.right || self.top >= self.bottom
    }

    /// What of it another one leaves.
    fn without(self, other: Area) -> [Area; 4] {
        let (top, bottom) = (other.top.clamp(self.top, self.bottom), other.bottom.clamp(self.top, self.bottom));
        let (left, right) = (other.left.clamp(self.left, self.right), other.right.clamp(self.left, self.right));
        [
            Area { bottom: top, ..self },
            Area { top: bottom, ..self },
            Area { top, bottom, right: left, ..self },
            Area { top, bottom, left: right, ..self },
        ]
    }

    fn meets(self, other: Area) -> bool {
        let is_apart = other.right <= self.left
            || other.left >= self.right
            || other.bottom <= self.top
            || other.top >= self.bottom;
        !is_apart && !other.is_empty()
    }
}

/// Whether these areas cover a monitor together, but for its edges.
pub(super) fn covers(monitor: Area, areas: &[Area]) -> bool {
    let Area { left, top, right, bottom } = monitor;
    let inner = Area { left: left + EDGE, top: top + EDGE, right: right - EDGE, bottom: bottom - EDGE };
    let mut open = vec![if inner.is_empty() { monitor } else { inner }];
    for &area in areas {
        // Each piece that is left is apart from the others.
        open = open
            .into_iter()
            .flat_map(|piece| if piece.meets(area) { piece.without(area).to_vec() } else { vec![piece] })
            .filter(|piece| !piece.is_empty())
            .collect();
    }
    open.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCREEN: Area = Area { left: 0, top: 0, right: 640, bottom: 480 };

    #[test]
    fn a_locker_s_window_covers_the_screen_and_a_menu_s_does_not() {
        assert!(covers(SCREEN, &[Area::new(0, 0, 640, 480)]));
        assert!(covers(SCREEN, &[Area::new(1, 1, 638, 478)]), "as xsecurelock has it");
        assert!(covers(SCREEN, &[Area::new(-10, -10, 700, 600)]));
        assert!(!covers(SCREEN, &[Area::new(0, 0, 640, 19)]), "as dmenu has it");
        assert!(!covers(SCREEN, &[Area::new(100, 100, 440, 280)]), "as rofi has it");
        assert!(!covers(SCREEN, &[Area::new(0, 0, 640, 460)]), "a panel is to be seen");
        assert!(!covers(SCREEN, &[]));
    }

    #[test]
    fn several_windows_cover_it_together() {
        assert!(covers(SCREEN, &[Area::new(0, 0, 320, 480), Area::new(320, 0, 320, 480)]));
        assert!(!covers(SCREEN, &[Area::new(0, 0, 320, 480), Area::new(330, 0, 310, 480)]));
    }

    proptest! {
        #[test]
        fn it_is_covered_where_each_of_its_pixels_is(
            areas in proptest::collection::vec((-4i16..14, -4i16..14, 0u16..16, 0u16..16), 0..6),
        ) {
            let areas: Vec<_> = areas.into_iter().map(|(x, y, width, height)| Area::new(x, y, width, height)).collect();
            let has = |area: &Area, x, y| area.left <= x && x < area.right && area.top <= y && y < area.bottom;
            let all = (EDGE..12 - EDGE)
                .all(|x| (EDGE..10 - EDGE).all(|y| areas.iter().any(|area| has(area, x, y))));
            prop_assert_eq!(covers(Area::new(0, 0, 12, 10), &areas), all);
        }
    }
}
