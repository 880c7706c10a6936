//! Can text be rebuilt from records? Simulated typists type secrets, the agent's own pipeline makes records of it, and
//! an attacker who holds them all picks out of 400 candidates. `make privacy` runs it; docs/privacy.md explains it.

mod attack;
mod bits;
mod differences;
mod identify;
mod profile;
mod random;
mod scenario;
mod typist;
mod words;

use bits::{Gain, gain, likelihoods, together};
use profile::Profile;
use random::Random;
use scenario::{SCENARIOS, Scenario, Trials};
use typist::Typist;
use words::Vocabulary;

const PERSONS: usize = 22;
pub const CANDIDATES: usize = 400;

fn main() {
    let vocabulary = Vocabulary::new();
    let typists: Vec<Typist> = (0..PERSONS).map(|person| Typist::new(7000 + person as u64)).collect();
    let profiles: Vec<Profile<'_>> = (0..PERSONS)
        .map(|person| Profile::learn(&typists[person], &vocabulary, &mut Random::new(9000 + person as u64)))
        .collect();
    println!(
        "Bits gained over chance, of {:.2} to be had; 95 % confidence over {PERSONS} typists.\n",
        (CANDIDATES as f64).log2()
    );
    println!(
        "| secret | pairs told window by window | sums of all strokes | by finger, as shipped | \
         sums of what counts, as shipped | both, as shipped | every time in order |"
    );
    println!("|---|---|---|---|---|---|---|");
    for scenario in &SCENARIOS {
        let trials = scenario::run(scenario, &profiles, &vocabulary);
        println!("{}", row(scenario, &trials));
    }
    println!();
    differences::report(&typists, &vocabulary);
    println!();
    identify::report(&typists, &vocabulary);
}

fn row(scenario: &Scenario, trials: &Trials) -> String {
    let counting_slices = likelihoods(&trials.by_counting_slice);
    let gains = [
        gain(&trials.by_window),
        gain(&likelihoods(&trials.by_slice)),
        gain(&trials.by_epoch),
        gain(&counting_slices),
        gain(&together(&trials.by_epoch, &counting_slices)),
        gain(&trials.by_all_times),
    ];
    let cells = gains.map(|Gain { bits, half_interval }| format!("{bits:.2} ± {half_interval:.2}"));
    format!("| {} | {} |", scenario.name, cells.join(" | "))
}
