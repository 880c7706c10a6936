//! Recognition as the agent runs it, on an owner's stream and on takeovers of it.

use super::person::{Person, Sitting};
use super::random::Random;
use super::takeover::{Notice, OwnStream, Takeover};
use crate::event::{Action, Control, Event, Micros, Stamped};
use crate::recognition::{BadState, Recognition, Settings, State, Told};

/// How much of a pause counts as input time, before a key and before the mouse.
const KEY_PAUSE_US: Micros = 2_000_000;
const MOUSE_PAUSE_US: Micros = 5_000_000;
/// A takeover that has not been noticed by then (input time) is taken to be never noticed.
const LIMIT_US: Micros = 300_000_000;
/// Until somebody else goes on, and between sittings of which the times are not in order.
const CHANGE_US: Micros = 1_000_000;
const APART_US: Micros = 3_600_000_000;
const SEED: u64 = 2_611;

/// Judges what is left of an owner's stream after what he is given to learn, and as many takeovers at random moments of
/// it. An alarm in his own stream is answered at once, as with a password. `None` if he never learns enough.
///
/// # Errors
/// The live state could not be copied.
pub fn watch(
    owner: usize,
    people: &[Person],
    settings: Settings,
    takeovers: usize,
) -> Result<Option<(OwnStream, Vec<Takeover>)>, BadState> {
    let mut random = Random::new(SEED + owner as u64);
    let person = &people[owner];
    let mut stream = Stream::new(settings)?;
    for sitting in &person.learn {
        stream.begin(sitting, APART_US);
        for stamped in sitting {
            stream.push_own(stamped);
        }
    }
    let events: usize = person.genuine.iter().map(Vec::len).sum();
    let mut moments: Vec<usize> = (0..takeovers).map(|_| random.below(events.max(1))).collect();
    moments.sort_unstable();
    let mut moments = moments.into_iter().peekable();
    let mut own = OwnStream { owner: owner as u32, input_us: 0, alarms: 0 };
    let mut taken = Vec::new();
    let mut number = 0;
    for sitting in &person.genuine {
        stream.begin(sitting, APART_US);
        for stamped in sitting {
            while moments.next_if(|&moment| moment == number).is_some() {
                let other = Other::choose(owner, people, &mut random);
                if let Some(other) = other.filter(|_| stream.is_judging()) {
                    let noticed = stream.copy().noticed(&other);
                    taken.push(Takeover { owner: owner as u32, noticed });
                }
            }
            number += 1;
            let was_judging = stream.is_judging();
            let (input_us, is_alarm) = stream.push_own(stamped);
            if was_judging {
                own.input_us += input_us;
                own.alarms += u32::from(is_alarm);
            }
        }
    }
    Ok((own.input_us > 0).then_some((own, taken)))
}

/// Recognition, with events of several sittings as one stream whose time does not go back.
struct Stream {
    recognition: Recognition,
    state: State,
    /// Added to the sitting's times.
    shift_us: Micros,
    last_us: Option<Micros>,
}

impl Stream {
    fn new(settings: Settings) -> Result<Stream, BadState> {
        let recognition = Recognition::new(settings, None)?;
        Ok(Stream { recognition, state: State::Learning, shift_us: 0, last_us: None })
    }

    /// The same in the same state; events between the two are a gap.
    fn copy(&self) -> Stream {
        let mut recognition = self.recognition.clone();
        recognition.suspend(drop);
        Stream { recognition, ..*self }
    }

    /// A sitting whose times lie before what was seen comes `pause_us` after it.
    fn begin(&mut self, sitting: &[Stamped], pause_us: Micros) {
        self.shift_us = match (self.last_us, sitting.first()) {
            (Some(last_us), Some(first)) if first.ts_us <= last_us => last_us + pause_us - first.ts_us,
            _ => 0,
        };
    }

    fn is_judging(&self) -> bool {
        matches!(self.state, State::Owner | State::Doubtful)
    }

    /// How much input time the event adds, and whether the owner would be told of a stranger.
    fn push(&mut self, stamped: &Stamped) -> (Micros, bool) {
        let ts_us = stamped.ts_us + self.shift_us;
        let most_us = if matches!(stamped.event, Event::Key { .. }) { KEY_PAUSE_US } else { MOUSE_PAUSE_US };
        let pause_us = self.last_us.map_or(0, |last_us| ts_us - last_us).clamp(0, most_us);
        self.last_us = self.last_us.max(Some(ts_us));
        (pause_us, self.tell(&Stamped { ts_us, event: stamped.event.clone() }))
    }

    /// Whether there is an alarm.
    fn tell(&mut self, stamped: &Stamped) -> bool {
        let (state, mut is_alarm) = (&mut self.state, false);
        self.recognition.push(stamped, |told| {
            if let Told::Decision(change) = told {
                *state = change.to;
                is_alarm |= change.from != State::Stranger && change.to == State::Stranger;
            }
        });
        is_alarm
    }

    /// The same, and an alarm is answered.
    fn push_own(&mut self, stamped: &Stamped) -> (Micros, bool) {
        let (input_us, is_alarm) = self.push(stamped);
        if is_alarm {
            let ts_us = stamped.ts_us + self.shift_us;
            self.tell(&Stamped { ts_us, event: Event::Control(Control::Unlock) });
        }
        (input_us, is_alarm)
    }

    /// When somebody else goes on here.
    fn noticed(&mut self, other: &Other<'_>) -> Option<Notice> {
        let (mut after_us, mut keys) = (0, 0);
        for part in &other.parts {
            let first_us = part.first()?.ts_us;
            self.shift_us = self.last_us? + CHANGE_US - first_us;
            for stamped in *part {
                keys += u32::from(matches!(stamped.event, Event::Key { action: Action::Press, .. }));
                let (input_us, is_alarm) = self.push(stamped);
                after_us += input_us;
                if is_alarm {
                    return Some(Notice { after_us, keys });
                }
                if after_us > LIMIT_US {
                    return None;
                }
            }
        }
        None
    }
}

/// What somebody else does after a takeover.
struct Other<'a> {
    parts: Vec<&'a [Stamped]>,
}

impl Other<'_> {
    /// One of the impostors' sittings at this account, if there are such; else somebody's from a random place in the first
    /// half of what is judged of him.
    fn choose<'a>(owner: usize, people: &'a [Person], random: &mut Random) -> Option<Other<'a>> {
        if let Some(sittings) = &people[owner].impostor {
            let sitting = sittings.get(random.below(sittings.len().max(1)))?;
            return Some(Other { parts: vec![sitting] });
        }
        let i = random.below(people.len().checked_sub(1).filter(|&others| others > 0)?);
        let other = &people[if i < owner { i } else { i + 1 }];
        let events: usize = other.genuine.iter().map(Vec::len).sum();
        Some(Other { parts: parts_after(&other.genuine, random.below((events / 2).max(1))) })
    }
}

/// The sittings without their first so many events.
fn parts_after(sittings: &[Sitting], mut skipped: usize) -> Vec<&[Stamped]> {
    let mut parts = Vec::new();
    for sitting in sittings {
        let (_, rest) = sitting.split_at(skipped.min(sitting.len()));
        skipped -= sitting.len() - rest.len();
        parts.extend(Some(rest).filter(|rest| !rest.is_empty()));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Key;
    use crate::recognition::Readiness;

    /// Somebody who types words of letters in an order of his own, `step_us` from press to press.
    fn typist(name: &str, step_us: Micros, seed: u64) -> Person {
        let mut random = Random::new(seed);
        let mut sitting = |strokes: i64, begin_us: Micros| -> Sitting {
            let mut ts_us = begin_us;
            let mut events = Vec::new();
            for _ in 0..strokes {
                let key = Key::named(&"etaoinshrdlu ".chars().nth(random.below(13)).expect("a letter").to_string());
                let key = key.expect("a key");
                ts_us += step_us + random.below(step_us as usize / 4) as Micros;
                let held_us = step_us / 2 + random.below(step_us as usize / 8) as Micros;
                events.push(Stamped { ts_us, event: Event::Key { key, action: Action::Press } });
                events.push(Stamped { ts_us: ts_us + held_us, event: Event::Key { key, action: Action::Release } });
            }
            events
        };
        Person {
            name: name.to_owned(),
            learn: vec![sitting(1_500, 1_000_000_000)],
            genuine: vec![sitting(800, 2_000_000_000)],
            impostor: None,
            is_cases: false,
        }
    }

    fn watched(owner: usize, people: &[Person], ready: u64, takeovers: usize) -> Option<(OwnStream, Vec<Takeover>)> {
        let readiness = Readiness { strokes: ready, ..Readiness::default() };
        watch(owner, people, Settings { readiness, ..Settings::default() }, takeovers).expect("copies of our own")
    }

    #[test]
    fn another_hand_is_noticed_within_seconds_and_the_owner_never() {
        let people = [typist("fast", 120_000, 1), typist("slow", 280_000, 2)];
        let (own, takeovers) = watched(0, &people, 1_000, 6).expect("enough to learn");
        assert_eq!(own.alarms, 0);
        assert!((80_000_000..180_000_000).contains(&own.input_us), "{own:?}");
        assert_eq!(takeovers.len(), 6);
        for Takeover { noticed, .. } in takeovers {
            let notice = noticed.expect("a notice");
            assert!(notice.after_us < 60_000_000 && notice.keys < 200 && notice.keys > 5, "{notice:?}");
        }
    }

    #[test]
    fn whoever_has_not_learnt_enough_is_not_judged() {
        let people = [typist("fast", 120_000, 1), typist("slow", 280_000, 2)];
        assert_eq!(watched(0, &people, 10_000, 6), None);
    }

    #[test]
    fn the_same_traces_give_the_same_takeovers() {
        let people = [typist("fast", 120_000, 1), typist("slow", 280_000, 2)];
        assert_eq!(watched(1, &people, 1_000, 4), watched(1, &people, 1_000, 4));
    }

    #[test]
    fn where_impostors_are_labelled_nobody_else_takes_over() {
        let [mut fast, slow] = [typist("fast", 120_000, 1), typist("slow", 280_000, 2)];
        fast.impostor = Some(Vec::new());
        let (_, takeovers) = watched(0, &[fast, slow], 1_000, 3).expect("enough to learn");
        assert_eq!(takeovers, []);
    }
}
