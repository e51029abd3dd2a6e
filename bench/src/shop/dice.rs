//! Chance that is the same on every machine and in every version.

/// A stream of numbers: SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.
pub struct Dice(u64);

impl Dice {
    /// Of a seed; every stream of it is another one.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut mixed = Self(seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        Self(mixed.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to but not including 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From 0 up to but not including `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.share() * end as f64) as usize
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// Places of which the first is drawn twice as often as the second, three times as often as the third, and so on (Zipf's
/// law): how words, makers and kinds of product are spread.
pub struct Zipf(Vec<f64>);

impl Zipf {
    /// Over `places` places.
    pub fn new(places: usize) -> Self {
        let mut sum = 0.0;
        let sums: Vec<f64> = (1..=places)
            .map(|place| {
                sum += 1.0 / place as f64;
                sum
            })
            .collect();
        Self(sums.into_iter().map(|part| part / sum).collect())
    }

    /// A place, from 0.
    pub fn draw(&self, dice: &mut Dice) -> usize {
        let share = dice.share();
        self.0.partition_point(|&sum| sum <= share).min(self.0.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_is_drawn_twice_as_often_as_the_second() {
        let (zipf, mut dice) = (Zipf::new(100), Dice::new(1, 2));
        let mut counts = [0u32; 100];
        for _ in 0..100_000 {
            counts[zipf.draw(&mut dice)] += 1;
        }
        let ratio = f64::from(counts[0]) / f64::from(counts[1]);
        assert!((1.9..2.1).contains(&ratio), "{ratio}");
        assert!(counts[99] > 0);
    }

    #[test]
    fn a_seed_and_a_stream_always_give_the_same_numbers() {
        let mut dice = Dice::new(1, 1);
        assert_eq!([dice.below(1000), dice.below(1000), dice.below(1000)], EXPECTED);
        assert_ne!(Dice::new(1, 2).next(), Dice::new(1, 1).next());
        assert_ne!(Dice::new(2, 1).next(), Dice::new(1, 1).next());
    }

    const EXPECTED: [usize; 3] = [573, 452, 935];
}
