use super::ports::{Evidence, Outcome, Step};
use super::*;
use crate::recognition::Modality;
use proptest::prelude::*;

const HOUR_US: Micros = 3_600_000_000;

/// What happens to the rules.
#[derive(Debug, Clone)]
enum Input {
    Decided(Decision),
    Heard(Heard),
    Locked(Locked),
    Guest(Micros),
    EndGuest,
    Pause(Micros),
    EndPause,
    Tick(Micros),
}

fn decided(from: State, to: State, reason: Reason) -> Input {
    Input::Decided(Decision { from, to, reason, modality: Some(Modality::Keys) })
}

fn alarm() -> Input {
    decided(State::Doubtful, State::Stranger, Reason::Evidence)
}

fn contested() -> Input {
    decided(State::Doubtful, State::Stranger, Reason::Contested)
}

fn threshold() -> Input {
    decided(State::Stranger, State::Stranger, Reason::Lock)
}

fn answered() -> Input {
    decided(State::Stranger, State::Owner, Reason::Unlock)
}

fn by(step: Option<Step>) -> Input {
    let evidence = step.map(|_| Evidence::Hint);
    let outcome = evidence.map_or(Outcome::Unverified, Outcome::Locked);
    Input::Locked(Locked { tried: vec![(step.unwrap_or(Step::Logind), outcome)], by: step, evidence })
}

fn feed(act: &mut Act, input: &Input) -> Vec<Deed> {
    let mut deeds = Vec::new();
    let out = |deed| deeds.push(deed);
    match input {
        Input::Decided(decision) => act.decided(decision, out),
        Input::Heard(heard) => act.heard(*heard, out),
        Input::Locked(locked) => act.locked(locked, out),
        Input::Guest(until_us) => act.guest(*until_us, out),
        Input::EndGuest => drop(act.end_guest(0, out)),
        Input::Pause(until_us) => act.pause(*until_us, out),
        Input::EndPause => drop(act.end_pause(out)),
        Input::Tick(now_us) => act.tick(*now_us, out),
    }
    deeds
}

/// The deeds of each input.
fn run(mode: Mode, inputs: &[Input]) -> Vec<Vec<Deed>> {
    let mut act = Act::new(mode);
    inputs.iter().map(|input| feed(&mut act, input)).collect()
}

const ASKS: Deed = Deed::Show(Notice::Alarm { contested: false });

#[test]
fn what_each_mode_does_at_an_alarm_and_at_the_lock_threshold() {
    let of = |mode| run(mode, &[alarm(), threshold()]);
    assert_eq!(of(Mode::Observe), [vec![], vec![]]);
    assert_eq!(of(Mode::Notify), [vec![ASKS], vec![]]);
    assert_eq!(of(Mode::Lock), [vec![ASKS], vec![Deed::Lock]]);
}

#[test]
fn an_unlock_answers_the_alarm_and_the_notice_goes() {
    let inputs = [
        alarm(),
        threshold(),
        by(Some(Step::Logind)),
        Input::Heard(Heard::Locked),
        Input::Heard(Heard::Unlocked),
        answered(),
    ];
    assert_eq!(
        run(Mode::Lock, &inputs)[2..],
        [
            vec![Deed::Record(Reason::Locked), Deed::Tell(Control::Lock)],
            vec![],
            vec![Deed::Tell(Control::Unlock)],
            vec![Deed::Withdraw],
        ]
    );
}

#[test]
fn that_nothing_locked_is_said_once_an_alarm() {
    let deeds =
        run(Mode::Lock, &[alarm(), threshold(), by(None), threshold(), by(None), answered(), alarm(), threshold()]);
    assert_eq!(deeds[2], [Deed::Record(Reason::NotLocked), Deed::Show(Notice::NothingLocked)]);
    assert_eq!(deeds[3..5], [vec![], vec![]]);
    assert_eq!(deeds[5..], [vec![Deed::Withdraw], vec![ASKS], vec![Deed::Lock]]);
}

#[test]
fn a_lock_by_the_user_ends_the_sitting_and_is_not_repeated() {
    let deeds = run(Mode::Lock, &[Input::Heard(Heard::Locked), Input::Heard(Heard::Locked), alarm(), threshold()]);
    assert_eq!(deeds, [vec![Deed::Tell(Control::Lock)], vec![], vec![ASKS], vec![]]);
}

#[test]
fn an_unlock_without_a_lock_before_is_feigned() {
    assert_eq!(run(Mode::Lock, &[alarm(), Input::Heard(Heard::Unlocked)])[1], []);
}

#[test]
fn a_contested_alarm_notifies_and_locks_nothing() {
    let deeds = run(Mode::Lock, &[contested(), threshold()]);
    assert_eq!(deeds, [vec![Deed::Show(Notice::Alarm { contested: true })], vec![]]);
}

#[test]
fn the_buttons_confirm_with_a_password_where_it_locks_and_lock_at_once() {
    let me = [alarm(), Input::Heard(Heard::Answered(Answer::ItIsMe))];
    assert_eq!(run(Mode::Notify, &me)[1], [Deed::Confirm]);
    assert_eq!(run(Mode::Lock, &me)[1], [Deed::Prove]);
    let mut act = Act::new(Mode::Lock);
    me.iter().for_each(|input| drop(feed(&mut act, input)));
    let mut again = Vec::new();
    act.not_proved(|deed| again.push(deed));
    assert_eq!(again, [ASKS], "who cannot give the password is asked again");
    let lock = Input::Heard(Heard::Answered(Answer::Lock));
    assert_eq!(run(Mode::Notify, &[alarm(), lock.clone(), lock])[1..], [vec![Deed::Lock], vec![]]);
}

#[test]
fn a_guest_and_a_pause_are_shown_suppress_a_lock_and_end_in_time() {
    let deeds =
        run(Mode::Lock, &[alarm(), Input::Guest(HOUR_US), threshold(), Input::Tick(HOUR_US - 1), Input::Tick(HOUR_US)]);
    let told = Deed::Tell(Control::Guest { until_us: HOUR_US });
    assert_eq!(deeds[1], [told, Deed::Show(Notice::Guest { until_us: HOUR_US })]);
    assert_eq!(deeds[2..], [vec![], vec![], vec![Deed::EndGuest, Deed::Withdraw]]);

    let deeds = run(Mode::Lock, &[alarm(), Input::Pause(HOUR_US), threshold(), Input::Tick(HOUR_US)]);
    let shown = Deed::Show(Notice::Paused { until_us: HOUR_US });
    assert_eq!(deeds[1], [Deed::Pause, Deed::Record(Reason::Pause), shown]);
    assert_eq!(deeds[2], []);
    assert_eq!(deeds[3], [Deed::Resume, Deed::Record(Reason::PauseEnd), ASKS], "the alarm is still there");
}

#[test]
fn a_pause_can_be_made_longer_and_ended_early() {
    let mut act = Act::new(Mode::Observe);
    let first = feed(&mut act, &Input::Pause(HOUR_US));
    assert_eq!(first, [Deed::Pause, Deed::Record(Reason::Pause)]);
    assert_eq!(feed(&mut act, &Input::Pause(2 * HOUR_US)), [Deed::Record(Reason::Pause)]);
    assert_eq!((act.due_us(), feed(&mut act, &Input::Tick(HOUR_US))), (Some(2 * HOUR_US), vec![]));
    assert!(act.end_pause(|_| {}) && !act.end_pause(|_| {}));
    assert_eq!(act.due_us(), None);
}

#[test]
fn the_next_process_goes_on_with_the_alarm_the_guest_and_the_pause() {
    let resume = |state, guest, paused| {
        let (mut act, mut deeds) = (Act::new(Mode::Notify), Vec::new());
        act.resume(state, guest, paused, |deed| deeds.push(deed));
        deeds
    };
    assert_eq!(resume(State::Stranger, Some(7), None), [ASKS]);
    assert_eq!(resume(State::Guest, Some(7), None), [Deed::Show(Notice::Guest { until_us: 7 })]);
    assert_eq!(resume(State::Owner, None, Some(7)), [Deed::Pause, Deed::Show(Notice::Paused { until_us: 7 })]);
    assert_eq!(resume(State::Owner, None, None), []);
}

#[test]
fn a_span_has_an_end_to_come_and_lasts_twelve_hours_at_most() {
    assert_eq!(span::check(5, 5), Err(span::BadEnd::Past));
    assert_eq!(span::check(5, 6), Ok(()));
    assert_eq!(span::check(0, span::LONGEST_US), Ok(()));
    assert_eq!(span::check(0, span::LONGEST_US + 1), Err(span::BadEnd::TooFar));
    assert_eq!(span::check(Micros::MIN, Micros::MAX), Err(span::BadEnd::TooFar));
}

fn any_input() -> impl Strategy<Value = Input> {
    let state = || prop::sample::select(&State::ALL[..]);
    let any_decision = (state(), state(), prop::sample::select(&Reason::ALL[..]));
    let heard = [
        Heard::Locked,
        Heard::Unlocked,
        Heard::Answered(Answer::ItIsMe),
        Heard::Answered(Answer::Lock),
        Heard::Sleep,
        Heard::Woke,
    ];
    prop_oneof![
        3 => prop::sample::select(vec![alarm(), contested(), answered()]),
        3 => Just(threshold()),
        1 => any_decision.prop_map(|(from, to, reason)| decided(from, to, reason)),
        4 => prop::sample::select(heard.to_vec()).prop_map(Input::Heard),
        2 => prop::sample::select(vec![by(None), by(Some(Step::Gnome))]),
        1 => (1..5_i64).prop_map(Input::Guest),
        1 => (1..5_i64).prop_map(Input::Pause),
        1 => prop::sample::select(vec![Input::EndGuest, Input::EndPause]),
        1 => (0..6_i64).prop_map(Input::Tick),
    ]
}

/// What an onlooker knows of it all.
#[derive(Default)]
struct Onlooker {
    /// The session is locked, or that was asked for, and neither an unlock nor a failure was heard since.
    is_locked: bool,
    is_contested: bool,
    has_failed: bool,
    is_shown: bool,
    is_paused: bool,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_rules_hold_whatever_happens(
        mode in prop::sample::select(&Mode::ALL[..]),
        inputs in prop::collection::vec(any_input(), 1..60),
    ) {
        let (mut act, mut seen) = (Act::new(mode), Onlooker::default());
        for input in &inputs {
            let by_button = matches!(input, Input::Heard(Heard::Answered(Answer::Lock)));
            let (guest, paused) = (act.guest_until_us(), act.paused_until_us());
            if let Input::Decided(Decision { from, to, reason, .. }) = input
                && from != to
            {
                seen.is_contested = *to == State::Stranger && *reason == Reason::Contested;
                seen.has_failed &= *from != State::Stranger;
            }
            if let Input::Guest(_) = input {
                (seen.has_failed, seen.is_contested) = (false, false);
            }
            for deed in feed(&mut act, input) {
                match deed {
                    Deed::Lock => {
                        prop_assert!(!seen.is_locked, "locked twice without an unlock between");
                        if !by_button {
                            prop_assert!(mode == Mode::Lock && !seen.is_contested);
                            prop_assert!(guest.is_none() && paused.is_none());
                            prop_assert!(!seen.has_failed, "tried again within an alarm");
                        }
                        seen.is_locked = true;
                    }
                    Deed::Record(Reason::NotLocked) => {
                        prop_assert!(seen.is_locked, "it was asked for");
                        (seen.has_failed, seen.is_locked) = (true, false);
                    }
                    Deed::Tell(Control::Lock) => seen.is_locked = true,
                    Deed::Tell(Control::Unlock) => {
                        prop_assert!(seen.is_locked, "an unlock without a lock answers nothing");
                        (seen.is_locked, seen.has_failed) = (false, false);
                    }
                    Deed::Show(_) => {
                        prop_assert!(mode != Mode::Observe);
                        seen.is_shown = true;
                    }
                    Deed::Withdraw => prop_assert!(std::mem::replace(&mut seen.is_shown, false)),
                    Deed::Pause => prop_assert!(!std::mem::replace(&mut seen.is_paused, true)),
                    Deed::Resume => prop_assert!(std::mem::replace(&mut seen.is_paused, false)),
                    Deed::Confirm => prop_assert!(mode != Mode::Lock, "no proof where it locks"),
                    _ => {}
                }
            }
            prop_assert_eq!(seen.is_paused, act.paused_until_us().is_some());
        }
    }

    #[test]
    fn whatever_is_suppressed_has_an_end(inputs in prop::collection::vec(any_input(), 1..40)) {
        let mut act = Act::new(Mode::Lock);
        for input in &inputs {
            feed(&mut act, input);
        }
        while let Some(due_us) = act.due_us() {
            feed(&mut act, &Input::Tick(due_us));
            prop_assert!(act.due_us().is_none_or(|later_us| later_us > due_us));
        }
        prop_assert!(act.guest_until_us().is_none() && act.paused_until_us().is_none());
    }
}
