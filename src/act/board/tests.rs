use super::*;
use proptest::prelude::*;

const SECOND_US: Micros = 1_000_000;
const PAUSED: Info = Info::Paused { until_us: 7 };
const REDIS: Info = Info::Behind(Behind { redis: true, influx: false });
const NOBODY: Info = Info::Behind(Behind { redis: false, influx: false });

/// Takes what is to be shown now, all of it.
fn show(board: &mut Board, now_s: Micros) -> Vec<Info> {
    let now_us = now_s * SECOND_US;
    let next = |board: &mut Board| board.next(now_us).inspect(|info| board.shown(now_us, *info));
    std::iter::from_fn(|| next(board)).collect()
}

fn set(board: &mut Board, now_s: Micros, info: Info) -> Vec<Info> {
    board.set(now_s * SECOND_US, info);
    show(board, now_s)
}

#[test]
fn what_is_news_is_shown_at_once_and_once() {
    let mut board = Board::default();
    assert_eq!(set(&mut board, 0, PAUSED), [PAUSED]);
    assert_eq!(set(&mut board, 100, PAUSED), []);
    assert_eq!(set(&mut board, 200, Info::Resumed), [Info::Resumed]);
    assert_eq!(board.due_us(), None);
}

#[test]
fn what_is_as_everybody_supposes_is_no_news() {
    let mut board = Board::default();
    for info in [Info::Resumed, Info::GuestGone, Info::DevicesRead, Info::DatabaseWorks, NOBODY] {
        assert_eq!((set(&mut board, 0, info), board.due_us()), (vec![], None), "{info:?}");
    }
    for info in [Info::CaptureBegan, Info::CaptureWaits, Info::CaptureEnded] {
        assert_eq!(set(&mut Board::default(), 0, info), [info]);
    }
}

#[test]
fn of_what_happens_within_a_minute_the_newest_state_is_shown_after_it() {
    let mut board = Board::default();
    assert_eq!(set(&mut board, 0, PAUSED), [PAUSED]);
    assert_eq!(set(&mut board, 5, Info::Resumed), []);
    let longer = Info::Paused { until_us: 8 };
    assert_eq!(set(&mut board, 10, longer), []);
    assert_eq!(board.due_us(), Some(60 * SECOND_US));
    assert_eq!((show(&mut board, 59), show(&mut board, 60)), (vec![], vec![longer]));
}

#[test]
fn what_is_over_within_the_minute_is_not_shown() {
    let mut board = Board::default();
    assert_eq!(set(&mut board, 0, PAUSED), [PAUSED]);
    assert_eq!(set(&mut board, 5, Info::Resumed), []);
    assert_eq!(set(&mut board, 10, PAUSED), []);
    assert_eq!((board.due_us(), show(&mut board, 1_000)), (None, vec![]));
}

#[test]
fn topics_do_not_hold_up_one_another() {
    let mut board = Board::default();
    assert_eq!(set(&mut board, 0, PAUSED), [PAUSED]);
    let guest = Info::Guest { until_us: 9 };
    assert_eq!(set(&mut board, 1, guest), [guest]);
}

#[test]
fn a_failure_that_is_over_at_once_is_none_and_the_end_of_one_that_was_shown_is_news() {
    let mut board = Board::default();
    assert_eq!(set(&mut board, 0, Info::DatabaseFails), []);
    assert_eq!(set(&mut board, 9, Info::DatabaseWorks), []);
    assert_eq!(show(&mut board, 100), []);
    assert_eq!(set(&mut board, 100, Info::DatabaseFails), []);
    // As it is found again and again.
    assert_eq!(set(&mut board, 109, Info::DatabaseFails), []);
    assert_eq!(show(&mut board, 110), [Info::DatabaseFails]);
    assert_eq!(set(&mut board, 169, Info::DatabaseWorks), []);
    assert_eq!(show(&mut board, 170), [Info::DatabaseWorks]);
}

#[test]
fn what_changed_while_it_was_being_shown_is_shown_a_minute_later() {
    let mut board = Board::default();
    board.set(0, PAUSED);
    assert_eq!(board.next(0), Some(PAUSED));
    board.set(SECOND_US, Info::Resumed);
    board.shown(2 * SECOND_US, PAUSED);
    assert_eq!((show(&mut board, 61), show(&mut board, 62)), (vec![], vec![Info::Resumed]));
}

#[test]
fn a_sink_is_behind_once_its_oldest_undelivered_record_is_a_day_old_and_it_has_tried_for_an_hour() {
    const DAY_US: Micros = 86_400 * SECOND_US;
    const HOUR_US: Micros = 3_600 * SECOND_US;
    assert!(!is_behind(DAY_US, None, HOUR_US));
    assert!(!is_behind(DAY_US, Some(1), HOUR_US));
    assert!(is_behind(DAY_US, Some(0), HOUR_US));
    assert!(!is_behind(3 * DAY_US, Some(0), HOUR_US - 1), "the agent was off for a weekend");
    assert!(is_behind(Micros::MAX, Some(Micros::MIN), HOUR_US), "whatever the clock says");
    assert!(!is_behind(Micros::MIN, Some(Micros::MAX), HOUR_US));
    let mut board = Board::default();
    assert_eq!((set(&mut board, 0, REDIS), show(&mut board, 10)), (vec![], vec![REDIS]));
    let both = Info::Behind(Behind { redis: true, influx: true });
    assert_eq!((set(&mut board, 20, both), show(&mut board, 70)), (vec![], vec![both]));
    assert_eq!(set(&mut board, 500, NOBODY), [NOBODY]);
}

#[test]
fn every_topic_has_its_own_place() {
    for (place, topic) in Topic::ALL.into_iter().enumerate() {
        assert_eq!(topic as usize, place);
    }
}

#[test]
fn what_nobody_could_show_is_shown_once_somebody_can_as_far_as_it_is_still_so() {
    let mut board = Board::default();
    board.set(0, PAUSED);
    board.begin(0, PAUSED);
    assert!(!board.is_settled(0));
    board.not_shown(PAUSED);
    assert_eq!(board.next(SECOND_US), Some(PAUSED));
    board.set(SECOND_US, Info::Resumed);
    assert!(board.is_settled(SECOND_US));
    // One that was shown before counts all the same.
    assert_eq!(set(&mut board, 10, PAUSED), [PAUSED]);
    board.set(80 * SECOND_US, Info::Resumed);
    board.begin(80 * SECOND_US, Info::Resumed);
    board.not_shown(Info::Resumed);
    assert_eq!(set(&mut board, 81, PAUSED), [], "it is what is on the screen");
    assert_eq!(set(&mut board, 81, Info::Resumed), [Info::Resumed]);
}

#[test]
fn what_may_have_been_shown_is_tried_again_in_a_minute() {
    let mut board = Board::default();
    board.set(0, PAUSED);
    board.begin(0, PAUSED);
    assert_eq!((board.next(59 * SECOND_US), board.next(60 * SECOND_US)), (None, Some(PAUSED)));
}

fn any_info() -> impl Strategy<Value = Info> {
    prop_oneof![
        prop::sample::select(vec![Info::CaptureBegan, Info::CaptureEnded, Info::Resumed, Info::GuestGone]),
        prop::sample::select(vec![Info::DevicesRefused, Info::DevicesRead, Info::DatabaseFails, Info::DatabaseWorks]),
        (1..3_i64).prop_map(|until_us| Info::Paused { until_us }),
        (1..3_i64).prop_map(|until_us| Info::Guest { until_us }),
        any::<(bool, bool)>().prop_map(|(redis, influx)| Info::Behind(Behind { redis, influx })),
    ]
}

/// What passes before something becomes so.
fn any_pause() -> impl Strategy<Value = Micros> {
    prop_oneof![3 => 0..15 * SECOND_US, 1 => 0..200 * SECOND_US]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_happens_no_topic_is_shown_twice_a_minute_and_the_newest_state_is_what_was_shown_last(
        happenings in prop::collection::vec((any_pause(), any_info(), prop::bool::weighted(0.8)), 1..60),
    ) {
        let mut board = Board::default();
        let mut shown: Vec<(Info, Micros)> = Vec::new();
        let mut newest: [Option<Info>; Topic::ALL.len()] = Default::default();
        let mut now_us = 0;
        let last = |shown: &[(Info, Micros)], topic| shown.iter().rfind(|(info, _)| info.topic() == topic).copied();
        // At the end nothing more happens, and time goes on.
        let happenings = happenings.into_iter().map(|(pause_us, info, is_there)| (pause_us, Some(info), is_there));
        for (pause_us, happening, is_there) in happenings.chain([(200 * SECOND_US, None, true)]) {
            let until_us = now_us + pause_us;
            while let Some(due_us) = board.due_us().filter(|due_us| *due_us <= until_us) {
                now_us = due_us.max(now_us);
                let info = board.next(now_us).expect("it is due");
                prop_assert_eq!(newest[info.topic() as usize], Some(info), "what is shown is so");
                if let Some((before, before_us)) = last(&shown, info.topic()) {
                    prop_assert!(now_us - before_us >= Pace::default().apart_us, "{:?} after {:?}", info, before);
                    prop_assert!(before != info, "{:?} twice", info);
                }
                board.begin(now_us, info);
                if is_there {
                    board.shown(now_us, info);
                    shown.push((info, now_us));
                } else {
                    // Until somebody comes nothing is tried.
                    board.not_shown(info);
                    break;
                }
            }
            now_us = until_us;
            if let Some(info) = happening {
                board.set(now_us, info);
                newest[info.topic() as usize] = Some(info);
            }
        }
        for (topic, newest) in Topic::ALL.into_iter().zip(newest) {
            let last = last(&shown, topic).map(|(info, _)| info);
            let is_left_out = last.is_none() && newest.is_none_or(Info::is_usual);
            prop_assert!(is_left_out || last == newest, "{:?}: {:?} is so, {:?} is shown", topic, newest, last);
        }
    }
}
