//! What holds whatever happens.

use super::*;
use crate::act::board::Topic;
use proptest::prelude::*;

fn any_input() -> impl Strategy<Value = Input> {
    let state = || prop::sample::select(&State::ALL[..]);
    let any_decision = (state(), state(), prop::sample::select(&Reason::ALL[..]));
    let heard =
        [Heard::Locked, Heard::Unlocked, Heard::Ended, Heard::Answered(Answer::ItIsMe), Heard::Answered(Answer::Lock)];
    prop_oneof![
        3 => prop::sample::select(vec![alarm(), contested(), answered()]),
        3 => Just(threshold()),
        2 => (0..4_i64).prop_map(|minute| Input::Judged(minute * RETRY_US)),
        1 => any_decision.prop_map(|(from, to, reason)| decided(from, to, reason)),
        4 => prop::sample::select(heard.to_vec()).prop_map(Input::Heard),
        2 => prop::sample::select(vec![by(None), by(Some(Step::Gnome))]),
        1 => (1..5_i64).prop_map(Input::Guest),
        1 => (1..5_i64).prop_map(Input::Pause),
        1 => prop::sample::select(vec![Input::EndGuest, Input::EndPause]),
        1 => (0..6_i64).prop_map(Input::Tick),
        1 => (-3..6_i64).prop_map(|days| Input::ClockSet(days * 24 * HOUR_US)),
    ]
}

/// What an onlooker knows of it all.
struct Onlooker {
    /// The session was heard to be locked, and not to be unlocked since.
    is_locked: bool,
    /// A request to lock is not answered yet.
    is_asked: bool,
    /// The session was verifiably locked in this alarm, and not heard to be unlocked since.
    is_verified: bool,
    /// There is an alarm, and whether it is contested.
    alarm: Option<bool>,
    has_failed: bool,
    is_shown: bool,
    is_paused: bool,
    /// Of pauses and guests.
    said: [Info; 2],
}

impl Onlooker {
    fn new() -> Onlooker {
        Onlooker {
            is_locked: false,
            is_asked: false,
            is_verified: false,
            alarm: None,
            has_failed: false,
            is_shown: false,
            is_paused: false,
            said: [Info::Resumed, Info::GuestGone],
        }
    }

    fn see(&mut self, input: &Input) {
        match input {
            Input::Decided(Decision { from, to, reason, .. }) if from != to => {
                if *to == State::Stranger {
                    self.alarm = Some(*reason == Reason::Contested);
                    (self.has_failed, self.is_verified) = (false, false);
                } else if *from == State::Stranger {
                    (self.alarm, self.has_failed) = (None, false);
                }
            }
            Input::Heard(Heard::Ended) if self.is_locked => {
                (self.is_locked, self.is_asked, self.is_verified, self.has_failed) = (false, false, false, false);
            }
            Input::Guest(_) => (self.alarm, self.has_failed) = (None, false),
            Input::Heard(Heard::Answered(Answer::Lock)) if !self.is_asked => self.has_failed = false,
            Input::Locked(_) => self.is_asked = false,
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_rules_hold_whatever_happens(
        mode in prop::sample::select(&Mode::ALL[..]),
        inputs in prop::collection::vec(any_input(), 1..60),
    ) {
        let (mut act, mut seen) = (Act::new(mode), Onlooker::new());
        for input in &inputs {
            let by_button = matches!(input, Input::Heard(Heard::Answered(Answer::Lock)));
            seen.see(input);
            let is_open = act.guest_until_us().is_none() && act.paused_until_us().is_none();
            let may_lock = mode == Mode::Lock && seen.alarm == Some(false) && is_open;
            let was_idle = !seen.is_asked && !seen.is_verified && !seen.has_failed;
            let deeds = feed(&mut act, input);
            let lock = Decision { from: State::Stranger, to: State::Stranger, reason: Reason::Lock, modality: None };
            if matches!(input, Input::Decided(decision) if Decision { modality: None, ..*decision } == lock)
                && may_lock && was_idle
            {
                prop_assert!(deeds.contains(&Deed::Lock), "the lock threshold, and nothing was done");
            }
            for deed in deeds {
                match deed {
                    Deed::Lock => {
                        prop_assert!(!seen.is_asked, "asked for twice at a time");
                        prop_assert!(by_button || may_lock);
                        prop_assert!(by_button || !seen.is_verified, "locked twice without an unlock between");
                        seen.is_asked = true;
                    }
                    Deed::Record(Reason::NotLocked) => {
                        prop_assert!(!std::mem::replace(&mut seen.has_failed, true), "reported twice in an alarm");
                        // Of a session that was locked before: the button's attempt has found it open.
                        seen.is_verified = false;
                    }
                    Deed::Record(Reason::Locked) => {
                        (seen.is_verified, seen.is_asked, seen.has_failed) = (true, false, false);
                    }
                    Deed::Tell(Control::Lock) => seen.is_locked = true,
                    Deed::Tell(Control::Unlock) => {
                        prop_assert!(seen.is_locked, "an unlock without a lock answers nothing");
                        seen = Onlooker { is_locked: false, is_asked: false, is_verified: false, has_failed: false, ..seen };
                    }
                    Deed::Show(_) => {
                        prop_assert!(mode != Mode::Observe);
                        prop_assert!(act.guest_until_us().is_none() && act.paused_until_us().is_none());
                        seen.is_shown = true;
                    }
                    Deed::Withdraw => prop_assert!(std::mem::replace(&mut seen.is_shown, false)),
                    Deed::Pause => prop_assert!(!std::mem::replace(&mut seen.is_paused, true)),
                    Deed::Resume => prop_assert!(std::mem::replace(&mut seen.is_paused, false)),
                    Deed::Inform(info) => seen.said[usize::from(info.topic() == Topic::Guest)] = info,
                    Deed::Confirm => prop_assert!(mode != Mode::Lock, "no proof where it locks"),
                    _ => {}
                }
            }
            prop_assert_eq!(act.has_failed(), seen.has_failed);
            prop_assert_eq!(seen.is_paused, act.paused_until_us().is_some());
            let paused = act.paused_until_us().map_or(Info::Resumed, |until_us| Info::Paused { until_us });
            let guest = act.guest_until_us().map_or(Info::GuestGone, |until_us| Info::Guest { until_us });
            prop_assert_eq!(seen.said, [paused, guest]);
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

    #[test]
    fn however_the_clock_is_set_a_pause_ends_as_ordered_or_twelve_hours_later_at_the_latest(
        until_us in 1..=span::LONGEST_US,
        clocks_us in prop::collection::vec(-1_000 * HOUR_US..1_000 * HOUR_US, 1..20),
    ) {
        let mut act = Act::new(Mode::Observe);
        act.guest(0, until_us, |_| {});
        act.begin_pause(0, until_us, |_| {});
        let mut is_over = false;
        for now_us in clocks_us {
            act.clock_set(now_us, |_| {});
            is_over |= now_us >= until_us;
            let end_us = (!is_over).then(|| until_us.min(now_us + span::LONGEST_US));
            prop_assert_eq!((act.guest_until_us(), act.paused_until_us()), (end_us, end_us));
        }
    }
}
