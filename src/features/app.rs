//! Application features: one record for each change of focus, and what is learnt of a person's ways with applications.

use super::stats::Sum;
use crate::event::Micros;
use std::collections::{HashMap, VecDeque};

/// The switch rate is taken over the last five minutes.
const RATE_US: Micros = 300_000_000;
/// More switches than anybody makes in five minutes; beyond, the oldest go.
const MOST_SWITCHES: usize = 4096;
/// Beyond so many applications the one with the least time in focus is forgotten: names come from strangers.
pub const MOST_APPS: usize = 512;
const HOUR_US: Micros = 3_600_000_000;

/// One change of the focused application.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    pub from_app: Box<str>,
    pub to_app: Box<str>,
    /// Time in `from_app`.
    pub duration_ms: i64,
    /// How often `to_app` has followed `from_app` so far.
    pub transition_count: u64,
    /// Of all changes away from `from_app`.
    pub transition_probability: f64,
    /// Changes a minute over the last five minutes.
    pub switch_rate_per_min: f64,
    pub distinct_apps: u32,
    /// Entropy of the time in focus over all applications so far.
    pub focus_entropy_bits: f64,
    /// Hour of the day, UTC.
    pub hour: u8,
    /// Of this hour, for `to_app`.
    pub hour_probability: f64,
}

/// What one change of focus has taught; whoever keeps it can make the core anew from the sum of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Learnt {
    /// Microseconds that an application had the focus.
    pub focus_us: Option<(Box<str>, Micros)>,
    /// An application that followed another.
    pub transition: Option<(Box<str>, Box<str>)>,
    /// An application that got the focus in this hour of the day (UTC).
    pub hour: Option<(Box<str>, u8)>,
    /// An application of which all is forgotten, before the above.
    pub forgotten: Option<Box<str>>,
}

/// The sum of all that was learnt.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    pub focus_us: Vec<(Box<str>, Micros)>,
    pub transitions: Vec<(Box<str>, Box<str>, u64)>,
    pub hours: Vec<(Box<str>, u8, u64)>,
}

#[derive(Debug, Default)]
struct App {
    /// `None` until it has lost the focus for the first time.
    focus_us: Option<Micros>,
    hours: [u64; 24],
    /// How often each application followed this one.
    followers: HashMap<Box<str>, u64>,
}

/// The current focus and all that was learnt.
#[derive(Debug, Default)]
pub struct AppCore {
    apps: HashMap<Box<str>, App>,
    current: Option<(Box<str>, Micros)>,
    switches: VecDeque<Micros>,
}

impl AppCore {
    pub fn new(history: History) -> AppCore {
        let mut core = AppCore::default();
        for (app, focus_us) in history.focus_us {
            core.app(app).focus_us = Some(focus_us);
        }
        for (from, to, count) in history.transitions {
            core.app(from).followers.insert(to, count);
        }
        for (app, hour, count) in history.hours {
            core.app(app).hours[usize::from(hour % 24)] = count;
        }
        core
    }

    fn app(&mut self, name: Box<str>) -> &mut App {
        self.apps.entry(name).or_default()
    }

    /// A gap: the current focus is forgotten, what was learnt is not.
    pub fn reset(&mut self) {
        self.current = None;
        self.switches.clear();
    }

    /// Takes the application that has the focus from now on; `None`: nothing focused, or unknown. A record comes of a
    /// change from one application to another.
    pub fn push(&mut self, ts_us: Micros, app: Option<Box<str>>) -> (Learnt, Option<Transition>) {
        let mut learnt = Learnt::default();
        if app.as_deref() == self.current.as_ref().map(|(name, _)| &**name) {
            return (learnt, None);
        }
        learnt.forgotten = app.as_deref().and_then(|name| self.make_room(name));
        let before = self.current.take();
        if let Some((from, since_us)) = &before {
            let focus_us = ts_us - since_us;
            *self.app(from.clone()).focus_us.get_or_insert(0) += focus_us;
            learnt.focus_us = Some((from.clone(), focus_us));
        }
        let Some(to) = app else { return (learnt, None) };
        let hour = (ts_us / HOUR_US % 24) as u8;
        let hours = &mut self.app(to.clone()).hours;
        hours[usize::from(hour)] += 1;
        let hour_probability = hours[usize::from(hour)] as f64 / hours.iter().sum::<u64>() as f64;
        learnt.hour = Some((to.clone(), hour));
        let transition = before.map(|(from, since_us)| {
            self.count_switch(ts_us);
            let followers = &mut self.app(from.clone()).followers;
            let count = followers.entry(to.clone()).or_default();
            *count += 1;
            let transition_count = *count;
            let transition_probability = transition_count as f64 / followers.values().sum::<u64>() as f64;
            learnt.transition = Some((from.clone(), to.clone()));
            Transition {
                from_app: from,
                to_app: to.clone(),
                duration_ms: (ts_us - since_us) / 1000,
                transition_count,
                transition_probability,
                switch_rate_per_min: self.switches.len() as f64 / (RATE_US as f64 / 60e6),
                distinct_apps: self.apps.values().filter(|app| app.focus_us.is_some()).count() as u32,
                focus_entropy_bits: self.focus_entropy_bits(),
                hour,
                hour_probability,
            }
        });
        self.current = Some((to, ts_us));
        (learnt, transition)
    }

    fn count_switch(&mut self, ts_us: Micros) {
        if self.switches.len() == MOST_SWITCHES {
            self.switches.pop_front();
        }
        self.switches.push_back(ts_us);
        while self.switches.front().is_some_and(|&t| t <= ts_us - RATE_US) {
            self.switches.pop_front();
        }
    }

    /// Forgets the application with the least time in focus if a new one has no room.
    fn make_room(&mut self, newcomer: &str) -> Option<Box<str>> {
        if self.apps.len() < MOST_APPS || self.apps.contains_key(newcomer) {
            return None;
        }
        let current = self.current.as_ref().map(|(name, _)| name);
        // By name among equals, so that a trace always gives the same records.
        let least = self.apps.iter().filter(|&(name, _)| Some(name) != current);
        let (name, _) = least.min_by_key(|&(name, app)| (app.focus_us, name))?;
        let name = name.clone();
        self.apps.remove(&name);
        for app in self.apps.values_mut() {
            app.followers.remove(&name);
        }
        Some(name)
    }

    /// Shannon entropy of the time in focus.
    fn focus_entropy_bits(&self) -> f64 {
        let weights = || self.apps.values().filter_map(|app| app.focus_us).filter(|&us| us > 0);
        let total = weights().sum::<Micros>() as f64;
        // Sorted, so that the sum does not depend on the order of a hash map.
        let mut terms: Vec<f64> = weights().map(|us| us as f64 / total).map(|p| -p * p.log2()).collect();
        terms.sort_unstable_by(f64::total_cmp);
        terms.into_iter().collect::<Sum>().total()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    fn name(i: usize) -> Option<Box<str>> {
        Some(format!("app{i}").into())
    }

    #[test]
    fn a_moment_without_focus_makes_no_record_and_loses_no_time() {
        let mut core = AppCore::default();
        core.push(10 * SECOND, name(1));
        let (learnt, record) = core.push(14 * SECOND, None);
        assert_eq!((learnt.focus_us, record), (Some(("app1".into(), 4 * SECOND)), None));
        let (learnt, record) = core.push(15 * SECOND, name(2));
        assert_eq!((learnt.transition, record), (None, None));
    }

    #[test]
    fn the_sum_of_what_was_learnt_makes_the_same_core_again() {
        let mut core = AppCore::default();
        let mut history = History::default();
        for i in 0..200 {
            let (learnt, _) = core.push(i as Micros * 7 * SECOND, (i % 11 != 0).then(|| name(i % 5).expect("a name")));
            add(&mut history, learnt);
        }
        let (_, expected) = core.push(1400 * SECOND, name(7));
        let expected = expected.expect("a change of focus");
        let mut again = AppCore::new(history);
        again.push(1393 * SECOND, Some(expected.from_app.clone()));
        let (_, got) = again.push(1400 * SECOND, name(7));
        let got = got.expect("a change of focus");
        assert_eq!(got.focus_entropy_bits, expected.focus_entropy_bits);
        assert_eq!((got.distinct_apps, got.transition_count), (expected.distinct_apps, expected.transition_count));
        assert_eq!(got.transition_probability, expected.transition_probability);
    }

    fn add(history: &mut History, learnt: Learnt) {
        if let Some((app, us)) = learnt.focus_us {
            match history.focus_us.iter_mut().find(|(a, _)| *a == app) {
                Some((_, sum)) => *sum += us,
                None => history.focus_us.push((app, us)),
            }
        }
        if let Some((from, to)) = learnt.transition {
            match history.transitions.iter_mut().find(|(a, b, _)| *a == from && *b == to) {
                Some((_, _, n)) => *n += 1,
                None => history.transitions.push((from, to, 1)),
            }
        }
    }

    #[test]
    fn names_from_strangers_do_not_fill_the_memory() {
        let mut core = AppCore::default();
        let forgotten = (0..10 * MOST_APPS).filter(|&i| core.push(i as Micros, name(i)).0.forgotten.is_some()).count();
        assert_eq!((core.apps.len(), forgotten), (MOST_APPS, 9 * MOST_APPS));
    }
}
