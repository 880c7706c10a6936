//! A record as one line for people.

use super::json::iso8601;
use super::{Body, Record};
use crate::event::without_controls;
use crate::features::keystroke::tally::{Lines, Strokes, Tally};
use crate::features::names::{Feature, KEYSTROKE, MOUSE};

/// Stands for a feature without a value.
const NULL: &str = "-";

impl Record {
    /// Time of day (UTC), kind, and the few features that say most; for a keystroke record without values, why.
    pub fn summary(&self, tally: Option<&Tally>) -> String {
        let time = &iso8601(self.window_end_us)[11..19];
        let mark = if self.degraded { "  (degraded)" } else { "" };
        match &self.body {
            Body::Keystroke { total_keys, features, .. } => {
                let value = |name| named(&KEYSTROKE, &features[..], name);
                let [dwell, flight, speed] = ["dwell_mean", "flight_mean", "typing_speed_wpm"].map(value);
                let values = match tally {
                    Some(tally) if dwell == NULL => format!("no values: {}", reasons(tally)),
                    _ => format!("dwell {dwell} ms  flight {flight} ms  {speed} wpm"),
                };
                format!("{time}  keystroke  {total_keys:>4} keys     {values}{mark}")
            }
            Body::Mouse { total_samples, features } => {
                let value = |name| named(&MOUSE, &features[..], name);
                format!(
                    "{time}  mouse      {total_samples:>4} samples  speed {} counts/s  distance {} counts  \
                     {} left clicks{mark}",
                    value("speed_mean"),
                    value("distance_total"),
                    value("left_click_count"),
                )
            }
            Body::App(app) => {
                let seconds = app.duration_ms as f64 / 1000.0;
                format!(
                    "{time}  app        {} -> {} after {seconds:.1} s{mark}",
                    without_controls(&app.from_app),
                    without_controls(&app.to_app)
                )
            }
            Body::Score(score) => {
                let trust = score.trust.map_or_else(|| NULL.into(), |trust| trust.to_string());
                format!(
                    "{time}  score      {:<8}  trust {trust:<3}  learnt: {} keys, {} mouse actions, {} sittings{mark}",
                    score.state.name(),
                    score.learnt_keys,
                    score.learnt_actions,
                    score.sittings
                )
            }
            Body::Decision(decision) => {
                let modality = decision.modality.map(|modality| format!(" ({})", modality.name())).unwrap_or_default();
                format!(
                    "{time}  decision   {} -> {}: {}{modality}{mark}",
                    decision.from.name(),
                    decision.to.name(),
                    decision.reason.name()
                )
            }
        }
    }
}

/// What became of the window's strokes, and what has ended lines so far.
fn reasons(tally: &Tally) -> String {
    let strokes = listed(tally.strokes.shown(), &Strokes::KINDS).unwrap_or_else(|| "fewer than 10 of each kind".into());
    match listed(tally.lines.shown(), &Lines::CAUSES) {
        Some(lines) => format!("{strokes}; lines ended so far: {lines}"),
        None => strokes,
    }
}

/// Counts with their meanings; those of nothing are left out.
fn listed(counts: impl Iterator<Item = (&'static str, u64)>, meanings: &[(&str, &str)]) -> Option<String> {
    let counts = counts.zip(meanings).filter(|((_, count), _)| *count > 0);
    let parts: Vec<String> = counts.map(|((_, count), (_, meaning))| format!("{count} {meaning}")).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn named(features: &[Feature], values: &[Option<f64>], name: &str) -> String {
    let value = features.iter().position(|feature| feature.name == name).and_then(|i| values[i]);
    value.map_or_else(|| NULL.into(), |value| format!("{value:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognition::coarse::{Decision, Score};
    use crate::recognition::{Modality, Reason, State};

    fn shown(body: Body) -> String {
        Record { window_end_us: 1_790_000_015_000_001, degraded: false, body }.summary(None)
    }

    #[test]
    fn recognition_is_shown_in_words() {
        let score = Score { state: State::Owner, trust: Some(75), learnt_keys: 2100, learnt_actions: 450, sittings: 3 };
        let learnt = "learnt: 2100 keys, 450 mouse actions, 3 sittings";
        assert_eq!(shown(Body::Score(score)), format!("14:13:35  score      owner     trust 75   {learnt}"));
        let score = Score { state: State::Learning, trust: None, ..score };
        assert_eq!(shown(Body::Score(score)), format!("14:13:35  score      learning  trust -    {learnt}"));
        let decision = |reason, modality| {
            shown(Body::Decision(Decision { from: State::Owner, to: State::Doubtful, reason, modality }))
        };
        let decided = decision(Reason::Evidence, Some(Modality::Mouse));
        assert_eq!(decided, "14:13:35  decision   owner -> doubtful: evidence (mouse)");
        assert_eq!(decision(Reason::Unlock, None), "14:13:35  decision   owner -> doubtful: unlock");
    }
}
