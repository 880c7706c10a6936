//! Can text be rebuilt from records? Simulated typists type secrets, the agent's own pipeline makes records of it, and
//! an attacker who holds them all picks out of 400 candidates. `make privacy` runs it; docs/privacy.md explains it.

mod attack;
mod bits;
mod copies;
mod coverage;
mod differences;
mod identify;
mod judged;
mod profile;
mod random;
mod recognition;
mod scenario;
mod typist;
mod words;
mod year;

use bits::{Gain, gain, likelihoods, together};
use profile::Profile;
use random::Random;
use scenario::{SCENARIOS, Trials};
use typist::Typist;
use words::Vocabulary;

const PERSONS: usize = 22;
pub const CANDIDATES: usize = 400;

fn main() {
    match std::env::args().nth(1).as_deref() {
        None => attack(),
        Some("coverage") => coverage::report(),
        Some("recognition") => recognition::report(&typists(), &Vocabulary::new()),
        Some(other) => panic!("`{other}` is no measurement: `coverage`, `recognition`, or nothing for the attacks"),
    }
}

fn attack() {
    let vocabulary = Vocabulary::new();
    let typists = typists();
    let profiles: Vec<Profile<'_>> = (0..PERSONS)
        .map(|person| Profile::learn(&typists[person], &vocabulary, &mut Random::new(9000 + person as u64)))
        .collect();
    println!(
        "Bits gained over chance, of {:.2} to be had; 95 % confidence over {PERSONS} typists.\n",
        (CANDIDATES as f64).log2()
    );
    println!("| secret | {} |\n|---|---|---|---|---|---|---|---|---|---|---|", ATTACKS.join(" | "));
    let mut strongest = String::from("| secret | `lines` | `words` | `all` |\n|---|---|---|---|\n");
    for scenario in &SCENARIOS {
        let gains = gains(&scenario::run(scenario, &profiles, &vocabulary));
        println!("{}", row(scenario.name, gains.iter()));
        let strongest_of =
            |attacks: &[usize]| attacks.iter().map(|&i| &gains[i]).max_by(|a, b| a.bits.total_cmp(&b.bits));
        let of_setting = OF_SETTING.map(strongest_of);
        strongest += &row(scenario.name, of_setting.into_iter().flatten());
        strongest.push('\n');
    }
    println!("\nThe strongest of the attacks on what each setting publishes:\n\n{strongest}");
    differences::report(&typists, &vocabulary);
    println!();
    identify::report(&typists, &vocabulary);
    println!();
    recognition::report(&typists, &vocabulary);
}

fn typists() -> Vec<Typist> {
    (0..PERSONS).map(|person| Typist::new(7000 + person as u64)).collect()
}

const ATTACKS: [&str; 10] = [
    "not published: pairs window by window",
    "not published: every time in order",
    "by finger, `lines`",
    "sums, `lines`",
    "both, `lines`",
    "by finger, `words`",
    "sums, `words`",
    "both, `words`",
    "sums, `all`",
    "both, `all`",
];
/// Which of them apply to each setting. By finger `all` publishes what `words` does.
const OF_SETTING: [&[usize]; 3] = [&[2, 3, 4], &[5, 6, 7], &[5, 8, 9]];

fn gains(trials: &Trials) -> [Gain; ATTACKS.len()] {
    let [of_lines, of_words] = &trials.by_epoch;
    let [lines, words, all] = trials.by_slice.each_ref().map(|distances| likelihoods(distances));
    [
        gain(&trials.by_window),
        gain(&trials.by_all_times),
        gain(of_lines),
        gain(&lines),
        gain(&together(of_lines, &lines)),
        gain(of_words),
        gain(&words),
        gain(&together(of_words, &words)),
        gain(&all),
        gain(&together(of_words, &all)),
    ]
}

pub fn row<'a>(name: &str, gains: impl Iterator<Item = &'a Gain>) -> String {
    // Adding zero leaves no zero with a sign.
    let rounded = |bits: f64| (bits * 100.0).round() / 100.0 + 0.0;
    let cell = |Gain { bits, half_interval }: &Gain| format!("{:.2} ± {half_interval:.2}", rounded(*bits));
    format!("| {name} | {} |", gains.map(cell).collect::<Vec<_>>().join(" | "))
}
