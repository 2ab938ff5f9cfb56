//! Compares many runs of several programs.

use crate::program::{Cost, Program, Result};
use crate::statistics::percentile;
use crate::table::{Cells, Value};

/// What the programs cost, round by round; the units are those of [`Cost`].
pub(crate) struct Costs {
    pub(crate) times: Series,
    pub(crate) cpu: Series,
    pub(crate) faults: Series,
}

/// Runs the programs in turn, A B C A B C, so that a change of the machine's speed affects all of them.
///
/// Each program runs twice, and the second run counts, because the first one depends on what the program before it left
/// in the caches, by up to 50 µs.
pub(crate) fn in_turn(programs: &[(String, Program)], rounds: usize) -> Result<Costs> {
    let mut costs: Vec<Vec<Cost>> = programs.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for ((_, program), costs) in programs.iter().zip(&mut costs) {
            program.run()?;
            costs.push(program.run()?);
        }
    }
    let series = |value: fn(&Cost) -> f64| {
        let names = programs.iter().map(|(name, _)| name.clone());
        let values = costs.iter().map(|costs| costs.iter().map(value).collect());
        Series(names.zip(values).collect())
    };
    Ok(Costs {
        times: series(|cost| cost.time),
        cpu: series(|cost| cost.cpu),
        faults: series(|cost| cost.faults),
    })
}

/// One value for each program and round.
pub(crate) struct Series(Vec<(String, Vec<f64>)>);

impl Series {
    pub(crate) fn new(values: Vec<(String, Vec<f64>)>) -> Self {
        Self(values)
    }

    /// Compares all other programs with one of them, round by round. Empty if that one was not measured.
    ///
    /// The median of the comparisons depends less on the machine's load than a comparison of the medians.
    pub(crate) fn compare(&self, with: &str, how: fn(f64, f64) -> f64) -> Self {
        let one = self.0.iter().find(|(name, _)| name == with);
        let one = one.map_or(&[][..], |(_, values)| values);
        let others = self
            .0
            .iter()
            .filter(|(name, _)| name != with && !one.is_empty());
        let compared = |values: &[f64]| {
            values
                .iter()
                .zip(one)
                .map(|(value, one)| how(*value, *one))
                .collect()
        };
        Self(
            others
                .map(|(name, values)| (name.clone(), compared(values)))
                .collect(),
        )
    }

    /// The program with the lowest median of those that `among` accepts.
    pub(crate) fn best(&self, among: impl Fn(&str) -> bool) -> Option<String> {
        let medians = self.percentile(50).into_iter();
        let best = medians
            .filter(|(name, _)| among(name))
            .min_by(|(_, one), (_, other)| one.median().total_cmp(&other.median()));
        best.map(|(name, _)| name)
    }

    pub(crate) fn percentile(&self, percent: usize) -> Cells {
        let one = |values: &[f64]| Value::one(percentile(values.iter().copied(), percent));
        self.0
            .iter()
            .map(|(name, values)| (name.clone(), one(values)))
            .collect()
    }

    pub(crate) fn cells(&self) -> Cells {
        self.0
            .iter()
            .map(|(name, values)| (name.clone(), Value::spread(values.iter().copied())))
            .collect()
    }
}
