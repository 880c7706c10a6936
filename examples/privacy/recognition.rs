//! What recognition tells of a secret that is typed once a day for a year.

use crate::CANDIDATES;
use crate::bits::{Scores, by_distance, gain};
use crate::copies::{self, Usual};
use crate::judged::{self, Expected};
use crate::random::Random;
use crate::scenario::{SCENARIOS, Scenario};
use crate::typist::Typist;
use crate::words::Vocabulary;
use crate::year::{Copies, Day, Year};

const DAYS: usize = 365;
/// Whom the attacker watches to learn what text does without a secret.
const OTHERS: u64 = 6;
const DAYS_OF_OTHERS: usize = 60;

const ATTACKS: [&str; 7] = [
    "published scores and decisions",
    "stored model, day by day",
    "stored model, before and after",
    "not stored: all strokes taught, day by day",
    "not stored: the same, before and after",
    "not published: evidence at each interval's end",
    "not published: sum of the scores of the secret",
];

/// What each attack makes of each person, and what was seen on the days.
#[derive(Default)]
struct Attacked {
    scores: [Vec<Scores>; ATTACKS.len() - 1],
    sums: Vec<Scores>,
    days: Vec<Day>,
}

/// Prints the tables.
pub fn report(typists: &[Typist], vocabulary: &Vocabulary) {
    println!("| once a day for a year | {} |\n|---|---|---|---|---|---|---|---|", ATTACKS.join(" | "));
    let mut counts = format!("| days with | {} |\n|---|---|---|---|---|---|---|---|---|\n", COUNTS.join(" | "));
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.days > 1) {
        let attacked = attack(scenario, typists, vocabulary);
        let gains = attacked.scores.iter().map(|trials| gain(trials)).chain([gain(&by_distance(&attacked.sums))]);
        println!("{}", crate::row(scenario.secret_name(), gains.collect::<Vec<_>>().iter()));
        counts += &format!("| {} | {} |\n", scenario.secret_name(), attacked.counts().join(" | "));
    }
    println!("\n{counts}");
}

const COUNTS: [&str; 8] = [
    "the secret",
    "trust below 100 after it",
    "a change of state",
    "an interval that ends right after it",
    "another live state, if the secret is another one",
    "another stored model then",
    "the same, before there was a doubt",
    "other published records then",
];

impl Attacked {
    fn counts(&self) -> [String; COUNTS.len()] {
        let is: [fn(&Day) -> bool; COUNTS.len()] = [
            |_| true,
            |day| day.level > 0,
            |day| day.is_decided,
            |day| day.evidence.is_some(),
            |day| day.other.live,
            |day| day.other.stored,
            |day| day.other.stored && !day.other.is_doubted,
            |day| day.other.published,
        ];
        is.map(|is| self.days.iter().filter(|day| is(day)).count().to_string())
    }
}

fn attack(scenario: &Scenario, typists: &[Typist], vocabulary: &Vocabulary) -> Attacked {
    let [usual_stored, usual_all] = usual(scenario, vocabulary);
    let mut attacked = Attacked::default();
    for (person, typist) in typists.iter().enumerate() {
        let mut random = Random::new(person as u64 ^ 0x07ea_0000_0000);
        let secrets = scenario.draw(vocabulary, &mut random);
        // Another one of as many keys: that there is one, and how long it is, is no secret.
        let length = secrets[0].len();
        let other = secrets[1..].iter().min_by_key(|other| other.len().abs_diff(length)).expect("there are others");
        let year = Year::pass(scenario, typist, vocabulary, Some([&secrets[0], other]), DAYS, &mut random);
        let leaves: Vec<_> = secrets.iter().map(|secret| copies::leaves(scenario, secret)).collect();
        let expected: Vec<Expected> =
            secrets.iter().map(|secret| Expected::of(scenario, typist, &year.model, secret, &mut random)).collect();
        assert_eq!(expected.len(), CANDIDATES);
        let scores = [
            judged::by_level(&year.days, &expected),
            copies::day_by_day(&year.stored, &usual_stored, &leaves),
            copies::before_and_after(&year.stored, &usual_stored, &leaves),
            copies::day_by_day(&year.all_taught, &usual_all, &leaves),
            copies::before_and_after(&year.all_taught, &usual_all, &leaves),
            judged::by_evidence(&year.days, &expected),
        ];
        for (all, log_likelihoods) in attacked.scores.iter_mut().zip(scores) {
            all.push(Scores { person, log_likelihoods });
        }
        attacked.sums.push(Scores { person, log_likelihoods: judged::by_sum(&year.days, &expected) });
        attacked.days.extend(year.days);
    }
    attacked
}

/// How often text changes each leaf of what is stored, and of a model that all strokes teach.
fn usual(scenario: &Scenario, vocabulary: &Vocabulary) -> [Usual; 2] {
    let years = (0..OTHERS).map(|other| {
        let (typist, mut random) = (Typist::new(17_000 + other), Random::new(18_000 + other));
        Year::pass(scenario, &typist, vocabulary, None, DAYS_OF_OTHERS, &mut random)
    });
    let (stored, all_taught): (Vec<Copies>, Vec<Copies>) = years.map(|year| (year.stored, year.all_taught)).unzip();
    [Usual::of(stored), Usual::of(all_taught)]
}
