//! What takes longer than a test may: `make test-long`. Its figures are in docs/recognition.md.

use std::time::Duration;

use crate::alice::USER_WAY;
use crate::desktop_lock::{desk_that_locks, locks, type_until_locked};
use crate::desktop_recognition::owner;
use crate::kinds::hear_a_fast_mouse;
use crate::leaks::MARKER;
use crate::typists::Person;

const STRANGERS: u32 = 10;
const MOST_ON_AVERAGE: Duration = Duration::from_secs(60);
const WORK_US: i64 = 3_600_000_000;

/// Of these people nobody types quite like the owner, and some type as fast.
fn stranger(number: u32) -> Person {
    let (tempo_ms, dwell_ms) = (90.0 + 12.0 * f64::from(number % 5), 60.0 + 8.0 * f64::from(number % 4));
    Person::new(200 + u64::from(number), tempo_ms, dwell_ms, 0)
}

#[test]
fn ten_strangers_are_locked_out_within_a_minute_of_typing_on_average() {
    let times: Vec<Duration> = (0..STRANGERS)
        .map(|number| {
            let mut work = desk_that_locks(USER_WAY, &[], "lock_command = \"i3lock\"");
            let typed = type_until_locked(&mut work, &mut stranger(number));
            println!("stranger {number}: locked after {:.1} s of typing", typed.as_secs_f64());
            typed
        })
        .collect();
    let mean = times.iter().sum::<Duration>() / STRANGERS;
    println!("on average {:.1} s", mean.as_secs_f64());
    assert!(mean <= MOST_ON_AVERAGE, "{times:?}");
}

#[test]
fn ten_minutes_of_an_8_khz_mouse_and_a_keyboard_in_use_lose_no_event() {
    let (.., rate) = hear_a_fast_mouse(125, 600);
    println!("{:.0} % of the rate", 100.0 * rate);
}

#[test]
fn an_owner_who_types_for_an_hour_is_never_locked_out() {
    let mut work = desk_that_locks(USER_WAY, &[], "lock_command = \"i3lock\"");
    let mut owner = owner();
    let (begin_us, mut strokes) = (owner.now_us(), 0);
    while owner.now_us() - begin_us < WORK_US {
        let typed = owner.type_lines(4, MARKER);
        strokes += typed.len();
        work.put_strokes(&typed);
    }
    let decisions = work.decisions();
    println!("{strokes} strokes in an hour: {decisions:?}");
    assert_eq!(locks(&mut work), 0, "{decisions:?}");
}
