//! The table of figures, as Markdown: a row for each figure, a column for each program. `csv` writes them for programs.

use std::fmt::{self, Display};

use crate::bench::{HINIT, TINY};
use crate::statistics::percentile;

#[derive(Clone)]
pub(crate) enum Value {
    Spread {
        low: f64,
        median: f64,
        high: f64,
        samples: usize,
    },
    Word(String),
}

/// What a figure must be.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Is(&'static str),
}

/// The values, with the names of their programs.
pub(crate) type Cells = Vec<(String, Value)>;

pub(crate) struct Row {
    pub(crate) figure: String,
    pub(crate) unit: String,
    pub(crate) cells: Cells,
    bounds: Vec<(&'static str, Bound)>,
}

impl Value {
    pub(crate) fn one(value: f64) -> Self {
        Self::spread([value])
    }

    pub(crate) fn spread(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().collect();
        let at = |percent| percentile(values.iter().copied(), percent);
        Self::Spread {
            low: at(10),
            median: at(50),
            high: at(90),
            samples: values.len(),
        }
    }

    /// NaN for a word.
    pub(crate) fn median(&self) -> f64 {
        match self {
            Self::Spread { median, .. } => *median,
            Self::Word(_) => f64::NAN,
        }
    }
}

impl Bound {
    pub(crate) fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (Self::AtMost(limit), value) => value.median() <= limit,
            (Self::AtLeast(limit), value) => value.median() >= limit,
            (Self::Is(wanted), Value::Word(word)) => word == wanted,
            (Self::Is(_), _) => false,
        }
    }
}

impl Row {
    /// `figure`: what it is and, behind a comma, the unit, if it has one.
    pub(crate) fn new(figure: impl AsRef<str>, cells: Cells) -> Self {
        let (figure, unit) = split_unit(figure.as_ref());
        Self {
            figure: figure.to_string(),
            unit: unit.to_string(),
            cells,
            bounds: Vec::new(),
        }
    }

    /// Holds both of hinit's builds to one bound.
    pub(crate) fn bound(self, bound: Bound) -> Self {
        self.bound_of_each(&[HINIT, TINY], bound)
    }

    pub(crate) fn bounds(mut self, stable: Bound, tiny: Bound) -> Self {
        self.bounds.extend([(HINIT, stable), (TINY, tiny)]);
        self
    }

    /// Holds each of these builds to one bound.
    pub(crate) fn bound_of_each(mut self, builds: &[&'static str], bound: Bound) -> Self {
        self.bounds
            .extend(builds.iter().map(|build| (*build, bound)));
        self
    }

    pub(crate) fn bound_of(&self, program: &str) -> Option<Bound> {
        let mut bounds = self.bounds.iter();
        bounds.find_map(|(name, bound)| (*name == program).then_some(*bound))
    }

    /// The programs for which a bound does not hold. It does not hold for a program that was not measured.
    pub(crate) fn failures(&self) -> Vec<&'static str> {
        let fails = |(program, bound): &&(&str, Bound)| {
            !self.cell(program).is_some_and(|value| bound.holds(value))
        };
        self.bounds
            .iter()
            .filter(fails)
            .map(|(program, _)| *program)
            .collect()
    }

    pub(crate) fn cell(&self, program: &str) -> Option<&Value> {
        self.cells
            .iter()
            .find(|(name, _)| name == program)
            .map(|(_, value)| value)
    }

    fn bounds_in_words(&self) -> String {
        match *self.bounds.as_slice() {
            [(_, one)] => one.to_string(),
            [(_, stable), (_, tiny)] if stable == tiny => stable.to_string(),
            [(_, stable), (name, tiny)] => format!("{stable}, {name} {tiny}"),
            _ => String::new(),
        }
    }

    fn verdict(&self) -> String {
        let failures = self.failures();
        match (self.bounds.is_empty(), failures.is_empty()) {
            (true, _) => String::new(),
            (false, true) => String::from("yes"),
            (false, false) => format!("NO: {}", failures.join(", ")),
        }
    }
}

fn split_unit(figure: &str) -> (&str, &str) {
    match figure.rsplit_once(", ") {
        Some((what, unit)) if UNITS.contains(&unit) || unit.starts_with("of ") => (what, unit),
        _ => (figure, ""),
    }
}

const UNITS: [&str; 5] = ["µs", "ms", "s", "KB", "KiB"];

/// The ratios of the other programs' medians to that of one program, if that was measured.
pub(crate) fn over(cells: &Cells, one: &str) -> Cells {
    let Some((_, base)) = cells.iter().find(|(name, _)| name == one) else {
        return Cells::new();
    };
    let others = cells.iter().filter(|(name, _)| name != one);
    others
        .map(|(name, value)| (name.clone(), Value::one(value.median() / base.median())))
        .collect()
}

/// The programs in `first`, and then the others of the rows.
pub(crate) fn programs<'a>(first: &[&'a str], rows: &'a [Row]) -> Vec<&'a str> {
    let mut programs = first.to_vec();
    for (name, _) in rows.iter().flat_map(|row| &row.cells) {
        if !programs.contains(&name.as_str()) {
            programs.push(name);
        }
    }
    programs
}

pub(crate) fn markdown(programs: &[&str], rows: &[Row]) -> String {
    let head = [&["figure"], programs, &["bound", "holds"]].concat();
    let mut lines = vec![head.join(" | "), vec!["---"; head.len()].join(" | ")];
    for row in rows {
        let comma = if row.unit.is_empty() { "" } else { ", " };
        let mut line = vec![format!("{}{comma}{}", row.figure, row.unit)];
        line.extend(
            programs
                .iter()
                .map(|program| row.cell(program).map_or(String::new(), Value::to_string)),
        );
        line.extend([row.bounds_in_words(), row.verdict()]);
        lines.push(line.join(" | "));
    }
    format!("| {} |\n", lines.join(" |\n| "))
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let cells = self
            .cells
            .iter()
            .map(|(program, value)| format!("{program} {value}"));
        f.write_str(cells.collect::<Vec<_>>().join(", ").trim())
    }
}

impl Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "at most {limit}"),
            Self::AtLeast(limit) => write!(f, "at least {limit}"),
            Self::Is(word) => f.write_str(word),
        }
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Spread {
                low, median, high, ..
            } => {
                let counts = [low, median, high].iter().all(|value| value.fract() == 0.0);
                let decimals = if counts || *median >= 10.0 { 0 } else { 2 };
                write!(f, "{median:.decimals$}")?;
                if low < high {
                    write!(f, " ({low:.decimals$}–{high:.decimals$})")?;
                }
                Ok(())
            }
            Self::Word(word) => f.write_str(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(stable: f64, tiny: f64) -> Row {
        let cell = |name: &str, value| (name.to_string(), Value::one(value));
        Row::new("time, µs", vec![cell(HINIT, stable), cell(TINY, tiny)])
    }

    #[test]
    fn the_unit_follows_the_last_comma() {
        assert_eq!(split_unit("idle: PSS, KB"), ("idle: PSS", "KB"));
        assert_eq!(split_unit("lost, of 125"), ("lost", "of 125"));
        assert_eq!(split_unit("idle, listening"), ("idle, listening", ""));
    }

    #[test]
    fn each_build_has_its_own_bound() {
        let bounds = |row: Row| row.bounds(Bound::AtMost(0.6), Bound::AtMost(0.4));
        assert!(bounds(row(0.6, 0.4)).failures().is_empty());
        assert_eq!(bounds(row(0.6, 0.5)).failures(), [TINY]);
        assert_eq!(bounds(row(0.7, 0.3)).failures(), [HINIT]);
    }

    #[test]
    fn a_bound_does_not_hold_without_a_measurement() {
        let row = Row::new("time, µs", Cells::new()).bound(Bound::AtMost(1.0));
        assert_eq!(row.failures(), [HINIT, TINY]);
        assert!(!Bound::AtMost(1.0).holds(&Value::one(f64::NAN)));
    }
}
