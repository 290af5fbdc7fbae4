//! Numbers that follow from a seed.

/// SplitMix64 (Steele, Lea, Flood 2014): every seed gives another row, and the row is the same on any machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The row of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`, which is not 0. The bias is one in 2^64 / `limit`, and of no matter here.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// Whether the next lot, one in so many of which wins, does; of 0 none does.
    pub fn is_one_in(&mut self, many: u64) -> bool {
        many > 0 && self.below(many) == 0
    }
}
