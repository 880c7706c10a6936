use super::ports::{Evidence, Outcome, Step};
use super::*;
use crate::recognition::Modality;

const HOUR_US: Micros = 3_600_000_000;

/// What happens to the rules.
#[derive(Debug, Clone)]
enum Input {
    Decided(Decision),
    Judged(Micros),
    Heard(Heard),
    Locked(Locked),
    Guest(Micros),
    EndGuest,
    Pause(Micros),
    EndPause,
    Tick(Micros),
    ClockSet(Micros),
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
        Input::Judged(end_us) => act.judged(*end_us, out),
        Input::Heard(heard) => act.heard(*heard, out),
        Input::Locked(locked) => drop(act.locked(0, locked, out)),
        Input::Guest(until_us) => act.guest(0, *until_us, out),
        Input::EndGuest => drop(act.end_guest(0, out)),
        Input::Pause(until_us) => act.begin_pause(0, *until_us, out),
        Input::EndPause => drop(act.end_pause(out)),
        Input::Tick(now_us) => act.tick(*now_us, out),
        Input::ClockSet(now_us) => act.clock_set(*now_us, out),
    }
    deeds
}

/// The deeds of each input.
fn run(mode: Mode, inputs: &[Input]) -> Vec<Vec<Deed>> {
    let mut act = Act::new(mode);
    inputs.iter().map(|input| feed(&mut act, input)).collect()
}

const ASKS: Deed = Deed::Show(Notice::Alarm { contested: false, can_ask: true });

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
    assert_eq!(deeds[2], [Deed::Record(Reason::NotLocked), Deed::Show(Notice::NothingLocked { can_ask: true })]);
    assert_eq!(deeds[3..5], [vec![], vec![]]);
    assert_eq!(deeds[5..], [vec![Deed::Withdraw], vec![ASKS], vec![Deed::Lock]]);
}

#[test]
fn where_nothing_locked_it_is_tried_again_once_a_minute_while_there_is_input_and_without_a_word() {
    let inputs = [
        alarm(),
        Input::Judged(0),
        threshold(),
        Input::Judged(0),
        by(None),
        Input::Judged(RETRY_US - 1),
        Input::Judged(RETRY_US),
        by(None),
        Input::Judged(2 * RETRY_US),
        by(Some(Step::Command)),
    ];
    let deeds = run(Mode::Lock, &inputs);
    assert_eq!(deeds[..4], [vec![ASKS], vec![], vec![Deed::Lock], vec![]]);
    assert_eq!(deeds[4], [Deed::Record(Reason::NotLocked), Deed::Show(Notice::NothingLocked { can_ask: true })]);
    assert_eq!(deeds[5..9], [vec![], vec![Deed::Lock], vec![], vec![Deed::Lock]]);
    assert_eq!(deeds[9], [Deed::Record(Reason::Locked), Deed::Tell(Control::Lock), ASKS]);
}

#[test]
fn an_alarm_after_a_chain_that_failed_when_the_owner_had_answered_locks() {
    let deeds = run(Mode::Lock, &[alarm(), threshold(), answered(), by(None), alarm(), threshold()]);
    assert_eq!(deeds[2..], [vec![Deed::Withdraw], vec![], vec![ASKS], vec![Deed::Lock]]);
}

#[test]
fn an_alarm_that_finds_a_chain_under_way_is_locked_by_the_next_attempt() {
    let inputs = [alarm(), threshold(), answered(), alarm(), threshold(), by(None), Input::Judged(RETRY_US)];
    let deeds = run(Mode::Lock, &inputs);
    assert_eq!(deeds[4], []);
    assert_eq!(deeds[5], [Deed::Record(Reason::NotLocked), Deed::Show(Notice::NothingLocked { can_ask: true })]);
    assert_eq!(deeds[6], [Deed::Lock]);
}

#[test]
fn a_button_that_locked_nothing_is_answered_each_time() {
    let lock = Input::Heard(Heard::Answered(Answer::Lock));
    let deeds = run(Mode::Notify, &[alarm(), lock.clone(), by(None), lock, by(None)]);
    let failed = [Deed::Record(Reason::NotLocked), Deed::Show(Notice::NothingLocked { can_ask: true })];
    assert_eq!(deeds[1..], [vec![Deed::Lock], failed.to_vec(), vec![Deed::Lock, ASKS], failed.to_vec()]);
}

#[test]
fn a_lock_that_was_only_heard_ends_the_sitting_and_does_not_prevent_a_request() {
    let locked = || Input::Heard(Heard::Locked);
    let deeds = run(Mode::Lock, &[locked(), locked(), alarm(), threshold(), by(Some(Step::Logind)), threshold()]);
    assert_eq!(deeds[..4], [vec![Deed::Tell(Control::Lock)], vec![], vec![ASKS], vec![Deed::Lock]]);
    assert_eq!(deeds[4..], [vec![Deed::Record(Reason::Locked)], vec![]], "a real lock is not repeated");
}

#[test]
fn a_locker_that_was_slower_than_it_was_waited_for_counts() {
    let inputs = [alarm(), threshold(), by(None), Input::Heard(Heard::Locked), Input::Judged(RETRY_US)];
    let deeds = run(Mode::Lock, &inputs);
    assert_eq!(deeds[3], [Deed::Record(Reason::Locked), Deed::Tell(Control::Lock), ASKS]);
    assert_eq!(deeds[4], []);
    let meanwhile = run(Mode::Lock, &[alarm(), threshold(), Input::Heard(Heard::Locked), by(None)]);
    assert_eq!(meanwhile[2..], [vec![Deed::Record(Reason::Locked), Deed::Tell(Control::Lock)], vec![]]);
}

#[test]
fn an_unlock_answers_an_alarm_that_began_before_the_user_locked() {
    let deeds = run(Mode::Lock, &[alarm(), Input::Heard(Heard::Locked), Input::Heard(Heard::Unlocked)]);
    assert_eq!(deeds[1..], [vec![Deed::Tell(Control::Lock)], vec![Deed::Tell(Control::Unlock)]]);
}

#[test]
fn a_locked_session_that_ends_answers_nothing_and_the_next_is_locked() {
    let ended = || Input::Heard(Heard::Ended);
    let deeds = run(Mode::Lock, &[alarm(), threshold(), by(Some(Step::Logind)), ended(), Input::Judged(0), ended()]);
    assert_eq!(deeds[3..], [vec![], vec![Deed::Lock], vec![]]);
}

#[test]
fn an_unlock_without_a_lock_before_is_feigned() {
    assert_eq!(run(Mode::Lock, &[alarm(), Input::Heard(Heard::Unlocked)])[1], []);
}

#[test]
fn a_contested_alarm_notifies_and_locks_nothing() {
    let deeds = run(Mode::Lock, &[contested(), threshold()]);
    assert_eq!(deeds, [vec![Deed::Show(Notice::Alarm { contested: true, can_ask: true })], vec![]]);
}

#[test]
fn the_buttons_confirm_with_a_password_where_it_locks_and_lock_at_once() {
    let me = [alarm(), Input::Heard(Heard::Answered(Answer::ItIsMe))];
    assert_eq!(run(Mode::Notify, &me)[1], [Deed::Confirm]);
    assert_eq!(run(Mode::Lock, &me)[1], [Deed::Prove]);
    let mut act = Act::new(Mode::Lock);
    me.iter().for_each(|input| drop(feed(&mut act, input)));
    let mut again = Vec::new();
    act.not_proved(false, |deed| again.push(deed));
    assert_eq!(again, [ASKS], "who cannot give the password is asked again");
    let lock = Input::Heard(Heard::Answered(Answer::Lock));
    assert_eq!(run(Mode::Notify, &[alarm(), lock.clone(), lock])[1..], [vec![Deed::Lock], vec![]]);
}

#[test]
fn a_button_that_cannot_ask_says_what_to_do_until_the_next_alarm() {
    let mut act = Act::new(Mode::Lock);
    let not_proved = |act: &mut Act| {
        let mut deeds = Vec::new();
        act.not_proved(true, |deed| deeds.push(deed));
        deeds
    };
    feed(&mut act, &alarm());
    let says = Deed::Show(Notice::Alarm { contested: false, can_ask: false });
    assert_eq!([not_proved(&mut act), not_proved(&mut act)], [[says], [says]]);
    let failed = [threshold(), by(None)].map(|input| feed(&mut act, &input));
    assert_eq!(failed[1][1], Deed::Show(Notice::NothingLocked { can_ask: false }));
    feed(&mut act, &answered());
    assert_eq!(feed(&mut act, &alarm()), [ASKS], "somebody may be able to ask by now");
}

#[test]
fn a_guest_and_a_pause_are_shown_suppress_a_lock_and_end_in_time() {
    let deeds =
        run(Mode::Lock, &[alarm(), Input::Guest(HOUR_US), threshold(), Input::Tick(HOUR_US - 1), Input::Tick(HOUR_US)]);
    let told = Deed::Tell(Control::Guest { until_us: HOUR_US });
    assert_eq!(deeds[1], [told, Deed::Inform(Info::Guest { until_us: HOUR_US }), Deed::Withdraw]);
    assert_eq!(deeds[2..], [vec![], vec![], vec![Deed::EndGuest, Deed::Inform(Info::GuestGone)]]);

    let deeds = run(Mode::Lock, &[alarm(), Input::Pause(HOUR_US), threshold(), Input::Tick(HOUR_US)]);
    let said = Deed::Inform(Info::Paused { until_us: HOUR_US });
    assert_eq!(deeds[1], [Deed::Pause, Deed::Record(Reason::Pause), said, Deed::Withdraw]);
    assert_eq!(deeds[2], []);
    let resumed = [Deed::Resume, Deed::Record(Reason::PauseEnd), Deed::Inform(Info::Resumed), ASKS];
    assert_eq!(deeds[3], resumed, "the alarm is still there");
}

#[test]
fn a_guest_s_time_that_is_changed_is_recorded_and_an_unlock_ends_it() {
    let inputs = [
        Input::Guest(HOUR_US),
        Input::Guest(2 * HOUR_US),
        Input::Heard(Heard::Locked),
        Input::Heard(Heard::Unlocked),
        decided(State::Guest, State::Owner, Reason::Unlock),
    ];
    let deeds = run(Mode::Notify, &inputs);
    let until_us = 2 * HOUR_US;
    let said = Deed::Inform(Info::Guest { until_us });
    assert_eq!(deeds[1], [Deed::Tell(Control::Guest { until_us }), Deed::Record(Reason::Guest), said]);
    assert_eq!(deeds[3..], [vec![Deed::Tell(Control::Unlock)], vec![Deed::Inform(Info::GuestGone)]]);
}

#[test]
fn a_pause_can_be_made_longer_and_ended_early() {
    let mut act = Act::new(Mode::Observe);
    let said = |hours| Deed::Inform(Info::Paused { until_us: hours * HOUR_US });
    let first = feed(&mut act, &Input::Pause(HOUR_US));
    assert_eq!(first, [Deed::Pause, Deed::Record(Reason::Pause), said(1)]);
    assert_eq!(feed(&mut act, &Input::Pause(2 * HOUR_US)), [Deed::Record(Reason::Pause), said(2)]);
    assert_eq!((act.due_us(), feed(&mut act, &Input::Tick(HOUR_US))), (Some(2 * HOUR_US), vec![]));
    assert!(act.end_pause(|_| {}) && !act.end_pause(|_| {}));
    assert_eq!(act.due_us(), None);
}

#[test]
fn the_next_process_goes_on_with_the_alarm_the_guest_and_the_pause() {
    let resume = |state, guest, paused| {
        let (mut act, mut deeds) = (Act::new(Mode::Notify), Vec::new());
        act.resume(0, Known { state, is_due: true, guest_until_us: guest }, paused, |deed| deeds.push(deed));
        deeds.extend(feed(&mut act, &Input::Tick(7)));
        deeds
    };
    assert_eq!(resume(State::Stranger, Some(7), None), [ASKS]);
    let gone = Deed::Inform(Info::GuestGone);
    assert_eq!(resume(State::Guest, Some(7), None), [Deed::EndGuest, gone], "that it is there was said before");
    let resumed = [Deed::Resume, Deed::Record(Reason::PauseEnd), Deed::Inform(Info::Resumed)];
    assert_eq!(resume(State::Owner, None, Some(7)), [&[Deed::Pause][..], &resumed].concat(), "so was the pause");
    assert_eq!(resume(State::Owner, None, None), []);
}

#[test]
fn a_pause_that_is_farther_away_than_any_is_held_for_twelve_hours_or_until_the_clock_is_set_right() {
    let until_us = 100 * HOUR_US;
    let resumed = |now_us| {
        let mut act = Act::new(Mode::Observe);
        let known = Known { state: State::Learning, is_due: false, guest_until_us: None };
        act.resume(now_us, known, Some(until_us), |_| {});
        act
    };
    let mut act = resumed(0);
    assert_eq!(act.paused_until_us(), Some(span::LONGEST_US));
    let set = feed(&mut act, &Input::ClockSet(99 * HOUR_US));
    assert_eq!((act.paused_until_us(), set), (Some(until_us), vec![Deed::Inform(Info::Paused { until_us })]));
    let mut act = resumed(0);
    let ended = feed(&mut act, &Input::Tick(span::LONGEST_US));
    assert_eq!(ended[..2], [Deed::Resume, Deed::Record(Reason::PauseEnd)]);
    let mut act = resumed(0);
    assert_eq!(feed(&mut act, &Input::ClockSet(until_us))[0], Deed::Resume, "it is over by the clock that is right");
}

#[test]
fn a_clock_that_is_set_back_makes_neither_a_guest_nor_a_pause_last_longer_than_any() {
    let mut act = Act::new(Mode::Observe);
    feed(&mut act, &Input::Guest(HOUR_US));
    feed(&mut act, &Input::Pause(2 * HOUR_US));
    let now_us = -1_000 * HOUR_US;
    feed(&mut act, &Input::ClockSet(now_us));
    let latest_us = now_us + span::LONGEST_US;
    assert_eq!((act.guest_until_us(), act.paused_until_us()), (Some(latest_us), Some(latest_us)));
    let ended = feed(&mut act, &Input::Tick(latest_us));
    let told = Deed::Tell(Control::Guest { until_us: latest_us });
    assert_eq!(ended[..4], [told, Deed::EndGuest, Deed::Resume, Deed::Record(Reason::PauseEnd)]);
}

#[test]
fn the_next_process_locks_where_the_lock_threshold_was_reached() {
    let resume = |is_due, paused| {
        let (mut act, mut deeds) = (Act::new(Mode::Lock), Vec::new());
        let known = Known { state: State::Stranger, is_due, guest_until_us: None };
        act.resume(0, known, paused, |deed| deeds.push(deed));
        deeds
    };
    assert_eq!(resume(true, None), [Deed::Lock, ASKS]);
    assert_eq!(resume(false, None), [ASKS]);
    assert_eq!(resume(true, Some(7)), [Deed::Pause]);
}

#[test]
fn a_span_has_an_end_to_come_and_lasts_twelve_hours_at_most() {
    assert_eq!(span::check(5, 5), Err(span::BadEnd::Past));
    assert_eq!(span::check(5, 6), Ok(()));
    assert_eq!(span::check(0, span::LONGEST_US), Ok(()));
    assert_eq!(span::check(0, span::LONGEST_US + 1), Err(span::BadEnd::TooFar));
    assert_eq!(span::check(Micros::MIN, Micros::MAX), Err(span::BadEnd::TooFar));
}

mod rules;
