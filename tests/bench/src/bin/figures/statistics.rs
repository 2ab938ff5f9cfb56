//! Percentiles, confidence intervals, random numbers.

/// The smallest value that `percent` of the values do not exceed; NaN if there are none.
pub(crate) fn percentile(values: impl IntoIterator<Item = f64>, percent: usize) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values
        .get(last * percent / 100)
        .copied()
        .unwrap_or(f64::NAN)
}

/// The 95 % confidence interval of a count in a number of tries: Wilson's score interval, which also holds for counts
/// near zero and near all.
pub(crate) fn interval(count: f64, tries: f64) -> (f64, f64) {
    const Z: f64 = 1.96;
    let share = count / tries;
    let scale = 1.0 + Z * Z / tries;
    let middle = (share + Z * Z / (2.0 * tries)) / scale;
    let half = Z / scale * (share * (1.0 - share) / tries + (Z / (2.0 * tries)).powi(2)).sqrt();
    (((middle - half) * tries).max(0.0), (middle + half) * tries)
}

/// Pseudo-random numbers of 64 bits, the same in every run (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number from 0 to below 1, uniformly distributed.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
