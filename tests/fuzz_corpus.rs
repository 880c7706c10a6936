//! Every fuzz target over its corpus and over mutations of it, the same ones each time.

mod fuzz;

use std::path::Path;
use std::time::{Duration, Instant};

/// For mutations of one target's corpus; those that are cheap come to tens of thousands.
const TIME: Duration = Duration::from_secs(2);
const MOST: usize = 20_000;

/// Xorshift (G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8, 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % limit.max(1)
    }

    /// A few changes such as a broken disk, a hostile server or a clumsy program makes.
    fn mutate(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        const TELLING: [&[u8]; 10] =
            [b"\0", b"\r\n", b"-1", b"18446744073709551615", b"\xff\xfe", b"\"", b"{", b"[", b"1e999", b"null"];
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(5) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 => bytes.truncate(at),
                2 => {
                    let end = (at + self.below(16)).min(bytes.len());
                    drop(bytes.drain(at..end));
                }
                3 => drop(bytes.splice(at..at, TELLING[self.below(TELLING.len())].iter().copied())),
                _ => {
                    let from = self.below(other.len() + 1);
                    let part = other[from..(from + self.below(64)).min(other.len())].to_vec();
                    drop(bytes.splice(at..at, part));
                }
            }
        }
    }
}

#[test]
fn no_input_of_the_corpus_nor_a_mutation_of_it_breaks_anything() {
    for (name, target) in fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut files: Vec<_> =
            std::fs::read_dir(&folder).expect("a corpus").map(|file| file.expect("a file").path()).collect();
        files.sort();
        let corpus: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("a file")).collect();
        assert!(!corpus.is_empty(), "{name} has no corpus");
        corpus.iter().for_each(|bytes| target(bytes));
        let mut random = Random(0x5eed);
        let begun = Instant::now();
        for i in (0..MOST).take_while(|_| begun.elapsed() < TIME) {
            let mut bytes = corpus[i % corpus.len()].clone();
            let other = &corpus[random.below(corpus.len())];
            random.mutate(&mut bytes, other);
            let panics = std::panic::catch_unwind(|| target(&bytes)).is_err();
            assert!(!panics, "{name}, mutation {i}: {:?}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn every_target_has_its_program() {
    for (name, _) in fuzz::TARGETS {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets").join(name).with_extension("rs");
        assert!(program.is_file(), "{}", program.display());
    }
}
