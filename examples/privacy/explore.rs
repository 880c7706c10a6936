use crate::random::Random;
use crate::scenario::SCENARIOS;
use crate::typist::{Stroke, Typist, events};
use crate::words::Vocabulary;
use seclyzer::recognition::{Recognition, Settings, Told};

const DAY_US: i64 = 86_400_000_000;

struct Run {
    recognition: Recognition,
    decisions: Vec<(i64, String)>,
    scores: Vec<(i64, seclyzer::recognition::coarse::Score)>,
}

impl Run {
    fn push(&mut self, strokes: &[Stroke], day: i64) {
        for mut event in events(strokes) {
            event.ts_us += day * DAY_US;
            self.recognition.push(&event, |told| match told {
                Told::Decision(change) => self.decisions.push((change.ts_us, format!("{:?} {:?}", change.to, change.reason))),
                Told::Score(score) => self.scores.push((score.window_end_us, score.coarse)),
            });
        }
        self.recognition.finish(|told| if let Told::Score(score) = told { self.scores.push((score.window_end_us, score.coarse)) });
    }
}

pub fn explore(persons: std::ops::Range<usize>, days: usize, which: usize) {
    let vocabulary = Vocabulary::new();
    for scenario in SCENARIOS.iter().filter(|s| s.days > 1).skip(which).take(1) {
        let begun = std::time::Instant::now();
        let (mut stored_differ, mut published_differ, mut doubts, mut doubt_days, mut strokes_n) = (0, 0, 0, 0, 0);
        let mut skipped = 0;
        let (mut level_differ, mut keys_differ) = (0, 0);
        for person in persons.clone() {
            let typist = Typist::new(7000 + person as u64);
            let mut random = Random::new(person as u64 ^ 0x0517_0000);
            let secrets = scenario.draw(&vocabulary, &mut random);
            // Another of as many keys.
            let other = secrets.iter().skip(1).find(|s| s.len() == secrets[0].len() && **s != secrets[0]).unwrap().clone();
            let mut runs = [0, 1].map(|_| Run { recognition: Recognition::new(Settings::default(), None).unwrap(), decisions: vec![], scores: vec![] });
            let mut was_same = true;
            for day in 0..days {
                let (strokes, range) = scenario.day(&typist, &vocabulary, &secrets[0], &mut random);
                let mut swapped = strokes.clone();
                let keys: Vec<char> = other.chars().collect();
                for (i, s) in swapped[range.clone()].iter_mut().enumerate() { if i < keys.len() { s.key = keys[i]; } }
                let overlap = |all: &[Stroke]| (0..all.len()).any(|i| all[i.saturating_sub(8)..i].iter().any(|b| b.key == all[i].key && b.release_us >= all[i].press_us));
                if overlap(&swapped) { skipped += 1; swapped = strokes.clone(); }
                let mut last_doubt = [0, 0];
                for (i, (run, strokes)) in runs.iter_mut().zip([&strokes, &swapped]).enumerate() {
                    let before = run.decisions.len();
                    run.scores.clear();
                    run.push(strokes, day as i64);
                    last_doubt[i] = run.decisions.len() - before;
                    doubts += last_doubt[i];
                }
                doubt_days += usize::from(last_doubt != [0, 0]);
                strokes_n += strokes.len();
                let [a, b] = runs.each_ref().map(|run| serde_json::to_string(&run.recognition.stored().keys).unwrap());
                let same = a == b;
                stored_differ += usize::from(!same);
                let first = std::mem::replace(&mut was_same, same) && !same;
                if first { println!("first: person {person} day {day}: {:?} vs {:?}, kept {:?}, today {last_doubt:?}: {:?}", runs[0].recognition.stored().strokes(), runs[1].recognition.stored().strokes(), runs.each_ref().map(|r| r.recognition.saved().strokes()), runs.each_ref().map(|r| r.decisions.iter().map(|d| d.1.clone()).collect::<Vec<_>>())); }
                let p: usize = runs[0].scores.iter().zip(&runs[1].scores).filter(|(a, b)| a != b).count();
                published_differ += usize::from(p > 0);
                level_differ += usize::from(runs[0].scores.iter().zip(&runs[1].scores).any(|(a, b)| (a.1.state, a.1.trust) != (b.1.state, b.1.trust)));
                keys_differ += usize::from(runs[0].scores.iter().zip(&runs[1].scores).any(|(a, b)| a.1.learnt_keys != b.1.learnt_keys));
            }
            println!("  person {person}: {:?}", runs[0].decisions.iter().map(|d| d.1.as_str()).collect::<Vec<_>>());
        }
        println!("{}: {persons:?} x {days} days, {strokes_n} strokes, stored differ on {stored_differ}, published on {published_differ} (level {level_differ}, keys {keys_differ}), skipped {skipped} decisions {doubts} on {doubt_days} days, {:?}", scenario.name, begun.elapsed());
    }
}
