//! Chance that is the same in every run.

/// Steele, Lea and Flood's SplitMix64: one addition and a mixing function a number.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform below `limit`, which must not be 0; biased by less than limit / 2^64.
    pub fn below(&mut self, limit: usize) -> usize {
        let scaled = u128::from(self.draw()) * limit as u128;
        (scaled >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_published_ones_of_the_generator() {
        let mut random = Random::new(1_234_567);
        assert_eq!(
            [(); 3].map(|()| random.draw()),
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn every_number_below_a_limit_comes_about_equally_often() {
        let mut random = Random::new(1);
        let mut seen = [0_u32; 7];
        (0..70_000).for_each(|_| seen[random.below(7)] += 1);
        assert!(seen.iter().all(|count| (9_600..10_400).contains(count)), "{seen:?}");
    }
}
