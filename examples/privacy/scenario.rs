//! What is attacked: a secret, how it is typed, and how often.

use crate::CANDIDATES;
use crate::attack::{Candidate, Observed, by_all_times, by_epoch, by_slice, by_window};
use crate::bits::{Distances, Scores};
use crate::profile::{Profile, SUMS};
use crate::random::Random;
use crate::typist::{Session, Stroke, Typist, events};
use crate::words::{Vocabulary, password};
use seclyzer::features::app::History;
use seclyzer::features::keystroke::Publish;
use seclyzer::pipeline::{Output, Pipeline, Windows};
use seclyzer::record::Record;
use std::ops::Range;

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
const LETTERS_AND_DIGITS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const START_US: i64 = 1_790_000_000_000_000;
const STEP_US: usize = 5_000_000;

type Attack = fn(&Observed<'_>, &Profile<'_>, &[Candidate]) -> Vec<f64>;

enum Secret {
    /// Ten letters and digits.
    Password,
    Word,
    /// So many words.
    Passphrase(usize),
    /// Ten letters.
    Letters,
    /// Five letters, a space, five letters.
    LettersWithSpace,
}

enum Place {
    /// After Enter and a pause of three seconds, ended by Enter and another.
    Alone,
    /// Right after a word and its space, ended by Enter.
    AfterWord,
    /// Between two spaces.
    InText,
}

pub struct Scenario {
    pub name: &'static str,
    secret: Secret,
    place: Place,
    /// On so many days the same.
    pub days: usize,
    trials_a_person: usize,
}

pub const SCENARIOS: [Scenario; 10] = [
    Scenario {
        name: "a random password + Enter",
        secret: Secret::Password,
        place: Place::Alone,
        days: 1,
        trials_a_person: 30,
    },
    Scenario {
        name: "the same, once a day for a year",
        secret: Secret::Password,
        place: Place::Alone,
        days: 365,
        trials_a_person: 2,
    },
    Scenario {
        name: "a password right after a word",
        secret: Secret::Letters,
        place: Place::AfterWord,
        days: 1,
        trials_a_person: 30,
    },
    Scenario {
        name: "one with a space in it, right after a word",
        secret: Secret::LettersWithSpace,
        place: Place::AfterWord,
        days: 1,
        trials_a_person: 30,
    },
    Scenario {
        name: "the same, once a day for a year",
        secret: Secret::LettersWithSpace,
        place: Place::AfterWord,
        days: 365,
        trials_a_person: 2,
    },
    Scenario {
        name: "a word in running text",
        secret: Secret::Word,
        place: Place::InText,
        days: 1,
        trials_a_person: 40,
    },
    Scenario {
        name: "a passphrase of four words + Enter",
        secret: Secret::Passphrase(4),
        place: Place::Alone,
        days: 1,
        trials_a_person: 30,
    },
    Scenario {
        name: "the same, once a day for a year",
        secret: Secret::Passphrase(4),
        place: Place::Alone,
        days: 365,
        trials_a_person: 2,
    },
    Scenario {
        name: "a passphrase of eight words + Enter",
        secret: Secret::Passphrase(8),
        place: Place::Alone,
        days: 1,
        trials_a_person: 30,
    },
    Scenario {
        name: "the same, once a day for a year",
        secret: Secret::Passphrase(8),
        place: Place::Alone,
        days: 365,
        trials_a_person: 2,
    },
];

/// What each attack makes of each trial.
#[derive(Default)]
pub struct Trials {
    pub by_window: Vec<Scores>,
    pub by_all_times: Vec<Scores>,
    /// From the features by finger of plain words in lines, and of all plain words.
    pub by_epoch: [Vec<Scores>; 2],
    /// By setting, in the order of [`Publish::ALL`].
    pub by_slice: [Vec<Distances>; 3],
}

pub fn run(scenario: &Scenario, profiles: &[Profile<'_>], vocabulary: &Vocabulary) -> Trials {
    let mut trials = Trials::default();
    for (person, profile) in profiles.iter().enumerate() {
        for trial in 0..scenario.trials_a_person {
            let mut random = Random::new((person * 1000 + trial) as u64 ^ 0x5eed_0000_0000);
            scenario.attack(person, profile, vocabulary, &mut random, &mut trials);
        }
    }
    trials
}

impl Scenario {
    /// What the secret is.
    pub fn secret_name(&self) -> &'static str {
        match (&self.secret, self.is_alone()) {
            (Secret::Password, _) => "a random password + Enter",
            (Secret::Word, _) => "a word",
            (Secret::Passphrase(4), _) => "a passphrase of four words + Enter",
            (Secret::Passphrase(_), _) => "a passphrase of eight words + Enter",
            (Secret::Letters, _) => "a password right after a word",
            (Secret::LettersWithSpace, _) => "a password with a space in it, right after a word",
        }
    }

    fn attack(
        &self,
        person: usize,
        profile: &Profile<'_>,
        vocabulary: &Vocabulary,
        random: &mut Random,
        trials: &mut Trials,
    ) {
        let secrets = self.draw(vocabulary, random);
        let candidates: Vec<Candidate> = secrets.iter().map(|secret| self.candidate(profile, secret)).collect();
        let mut scores: [Vec<f64>; 4] = std::array::from_fn(|_| vec![0.0; CANDIDATES]);
        let mut means: [Vec<[f64; SUMS]>; 3] = std::array::from_fn(|_| vec![[0.0; SUMS]; CANDIDATES]);
        for _ in 0..self.days {
            let (strokes, secret) = self.day(profile.typist, vocabulary, &secrets[0], random);
            let published = Publish::ALL.map(|publish| records(&strokes, publish));
            let observed: [Observed<'_>; 3] = std::array::from_fn(|i| Observed {
                publish: Publish::ALL[i],
                strokes: &strokes,
                secret: secret.clone(),
                records: &published[i],
            });
            let [lines, words, _] = &observed;
            let attacks = [(by_window as Attack, lines), (by_all_times, lines), (by_epoch, lines), (by_epoch, words)];
            for (sum, (attack, observed)) in scores.iter_mut().zip(attacks) {
                sum.iter_mut().zip(attack(observed, profile, &candidates)).for_each(|(sum, score)| *sum += score);
            }
            for (mean, observed) in means.iter_mut().zip(&observed) {
                for (mean, distance) in mean.iter_mut().zip(by_slice(observed, profile, &candidates)) {
                    crate::profile::add(mean, distance, 1.0 / self.days as f64);
                }
            }
        }
        let [by_window, by_all_times, by_lines, by_words] =
            scores.map(|log_likelihoods| Scores { person, log_likelihoods });
        trials.by_window.push(by_window);
        trials.by_all_times.push(by_all_times);
        trials.by_epoch[0].push(by_lines);
        trials.by_epoch[1].push(by_words);
        for (all, of_candidates) in trials.by_slice.iter_mut().zip(means) {
            all.push(Distances { person, of_candidates });
        }
    }

    /// The secret and 399 others that it might have been.
    pub fn draw(&self, vocabulary: &Vocabulary, random: &mut Random) -> Vec<String> {
        if matches!(self.secret, Secret::Word) {
            let mut words = vocabulary.words.clone();
            random.shuffle(&mut words);
            return words.into_iter().take(CANDIDATES).map(str::to_owned).collect();
        }
        let mut one = || match self.secret {
            Secret::Password => password(random, LETTERS_AND_DIGITS, 10),
            Secret::Letters => password(random, LETTERS, 10),
            Secret::LettersWithSpace => password(random, LETTERS, 5) + " " + &password(random, LETTERS, 5),
            Secret::Passphrase(words) => (0..words).map(|_| vocabulary.any(random)).collect::<Vec<_>>().join(" "),
            Secret::Word => unreachable!("drawn above"),
        };
        (0..CANDIDATES).map(|_| one()).collect()
    }

    fn candidate(&self, profile: &Profile<'_>, secret: &str) -> Candidate {
        let (before, secret) = self.with_ends(secret);
        Candidate::new(profile, before, &secret)
    }

    /// What is typed right before a secret, and the secret with what ends it.
    pub fn with_ends(&self, secret: &str) -> (char, String) {
        match self.place {
            Place::Alone => ('\n', format!("{secret}\n")),
            Place::AfterWord => (' ', format!("{secret}\n")),
            Place::InText => (' ', format!("{secret} ")),
        }
    }

    /// Whether a pause comes before the secret.
    pub fn is_alone(&self) -> bool {
        matches!(self.place, Place::Alone)
    }

    /// What is typed on one day, and which strokes of it are the secret and what ends it.
    pub fn day(
        &self,
        typist: &Typist,
        vocabulary: &Vocabulary,
        secret: &str,
        random: &mut Random,
    ) -> (Vec<Stroke>, Range<usize>) {
        let start_us = START_US + random.below(STEP_US) as i64;
        let mut session = Session::new(typist, Typist::mood(random), start_us);
        let before = 300 + random.below(150);
        let text = vocabulary.text(random, before);
        session.type_text(random, &text);
        let end = match self.place {
            Place::Alone => {
                session.type_text(random, "\n");
                session.pause(2500.0 + 1000.0 * random.unit());
                "\n"
            }
            Place::AfterWord => "\n",
            Place::InText => " ",
        };
        if !matches!(self.place, Place::Alone) {
            let word = vocabulary.frequent(random);
            session.type_text(random, &format!("{word} "));
        }
        let range = session.type_secret(random, &format!("{secret}{end}"));
        if !matches!(self.place, Place::InText) {
            session.pause(2500.0 + 1000.0 * random.unit());
        }
        let text = vocabulary.text(random, 250);
        session.type_text(random, &text);
        (session.strokes, range)
    }
}

/// What the agent makes of it.
pub fn records(strokes: &[Stroke], publish: Publish) -> Vec<Record> {
    let mut pipeline = Pipeline::new(Windows::CONTRACT, History::default()).publishing(publish);
    let mut records = Vec::new();
    let mut keep = |output: Output| records.extend(output.record().cloned());
    for event in events(strokes) {
        pipeline.push(event, &mut keep);
    }
    pipeline.finish(&mut keep);
    records
}
