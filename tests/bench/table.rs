//! The figures: a row each, a column for each program; as Markdown for people, as CSV for programs.

use std::fmt::{self, Display};

use crate::statistics::percentile;

#[derive(Clone)]
pub(crate) enum Value {
    Spread { p10: f64, median: f64, p90: f64 },
    Word(String),
}

/// What a figure must be.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Is(&'static str),
}

/// The values of those programs that have one.
pub(crate) type Cells = Vec<(String, Value)>;

pub(crate) struct Row {
    figure: String,
    cells: Cells,
    bounds: Vec<(&'static str, Bound)>,
}

impl Value {
    pub(crate) fn one(value: f64) -> Self {
        Self::Spread {
            p10: value,
            median: value,
            p90: value,
        }
    }

    pub(crate) fn spread(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().collect();
        let at = |percent| percentile(values.iter().copied(), percent);
        Self::Spread {
            p10: at(10),
            median: at(50),
            p90: at(90),
        }
    }

    /// A word has none.
    pub(crate) fn median(&self) -> f64 {
        match self {
            Self::Spread { median, .. } => *median,
            Self::Word(_) => f64::NAN,
        }
    }
}

impl Bound {
    fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (Self::AtMost(limit), value) => value.median() <= limit,
            (Self::AtLeast(limit), value) => value.median() >= limit,
            (Self::Is(wanted), Value::Word(word)) => word == wanted,
            (Self::Is(_), _) => false,
        }
    }
}

impl Row {
    pub(crate) fn new(figure: impl Into<String>, cells: Cells) -> Self {
        Self {
            figure: figure.into(),
            cells,
            bounds: Vec::new(),
        }
    }

    /// Holds one program to a bound.
    pub(crate) fn bound(mut self, program: &'static str, bound: Bound) -> Self {
        self.bounds.push((program, bound));
        self
    }

    /// What was not measured does not hold.
    pub(crate) fn holds(&self) -> bool {
        self.bounds
            .iter()
            .all(|(program, bound)| self.cell(program).is_some_and(|value| bound.holds(value)))
    }

    fn cell(&self, program: &str) -> Option<&Value> {
        self.cells
            .iter()
            .find(|(name, _)| name == program)
            .map(|(_, value)| value)
    }
}

/// The medians of the other programs over that of one, if that has one.
pub(crate) fn over(cells: &Cells, one: &str) -> Cells {
    let Some((_, base)) = cells.iter().find(|(name, _)| name == one) else {
        return Cells::new();
    };
    let others = cells.iter().filter(|(name, _)| name != one);
    others
        .map(|(name, value)| (name.clone(), Value::one(value.median() / base.median())))
        .collect()
}

/// These, and then whichever else some row has.
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
        let mut line = vec![row.figure.clone()];
        line.extend(
            programs
                .iter()
                .map(|program| row.cell(program).map_or(String::new(), Value::to_string)),
        );
        let bounds: Vec<String> = row
            .bounds
            .iter()
            .map(|(_, bound)| bound.to_string())
            .collect();
        let holds = if bounds.is_empty() {
            ""
        } else {
            yes_or_no(row.holds())
        };
        line.extend([bounds.join(", "), holds.to_string()]);
        lines.push(line.join(" | "));
    }
    format!("| {} |\n", lines.join(" |\n| "))
}

pub(crate) fn csv<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut lines = vec![String::from("figure,program,median,p10,p90,bound,holds")];
    for row in rows {
        for (program, value) in &row.cells {
            let values = match value {
                Value::Spread { p10, median, p90 } => format!("{median:.3},{p10:.3},{p90:.3}"),
                Value::Word(word) => format!("\"{word}\",,"),
            };
            let bound = row.bounds.iter().find(|(name, _)| name == program);
            let bound = bound.map_or(String::from(","), |(_, bound)| {
                format!("{bound},{}", yes_or_no(bound.holds(value)))
            });
            lines.push(format!("\"{}\",{program},{values},{bound}", row.figure));
        }
    }
    lines.join("\n") + "\n"
}

fn yes_or_no(holds: bool) -> &'static str {
    if holds { "yes" } else { "NO" }
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
            Self::Spread { p10, median, p90 } => {
                let counts = [p10, median, p90].iter().all(|value| value.fract() == 0.0);
                let decimals = if counts || *median >= 10.0 { 0 } else { 2 };
                write!(f, "{median:.decimals$}")?;
                if p10 < p90 {
                    write!(f, " ({p10:.decimals$}–{p90:.decimals$})")?;
                }
                Ok(())
            }
            Self::Word(word) => f.write_str(word),
        }
    }
}
