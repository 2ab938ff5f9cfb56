//! The figures as a file of comma-separated values, with a line for each figure and program. The chart and the README's
//! section are made from this file alone, so that they can be made again without measuring.

use crate::program::Result;
use crate::table::{Row, Value};

const HEAD: &str = "figure,unit,program,value,low,high,samples,bound,holds";

/// One line; its texts are as in the file.
pub(crate) struct Record {
    figure: String,
    program: String,
    pub(crate) unit: String,
    pub(crate) value: String,
    pub(crate) bound: String,
    pub(crate) holds: bool,
}

pub(crate) struct Figures(Vec<Record>);

impl Record {
    pub(crate) fn number(&self) -> f64 {
        self.value.parse().unwrap_or(f64::NAN)
    }
}

impl Figures {
    pub(crate) fn read(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(HEAD) {
            return Err(format!("the first line is not `{HEAD}`").into());
        }
        let record = |line| record(line).ok_or_else(|| format!("not a figure: `{line}`").into());
        Ok(Self(lines.map(record).collect::<Result<_>>()?))
    }

    pub(crate) fn get(&self, figure: &str, program: &str) -> Option<&Record> {
        let mut records = self.0.iter();
        records.find(|record| record.figure == figure && record.program == program)
    }

    /// A text that is the same for all programs, such as the date.
    pub(crate) fn word(&self, figure: &str) -> Result<&str> {
        let record = self.get(figure, "");
        Ok(&record
            .ok_or(format!("no `{figure}` among the figures"))?
            .value)
    }

    /// The figures of one kind, of one program: the number that the figure's name ends with, and the value.
    pub(crate) fn steps(&self, kind: &str, program: &str) -> Vec<(f64, f64)> {
        let step = |record: &Record| {
            let count = record.figure.strip_prefix(kind)?.trim().parse().ok()?;
            Some((count, record.number()))
        };
        let records = self.0.iter().filter(|record| record.program == program);
        records.filter_map(step).collect()
    }
}

fn record(line: &str) -> Option<Record> {
    let fields = fields(line);
    let [figure, unit, program, value, _, _, _, bound, holds] = fields.as_slice() else {
        return None;
    };
    Some(Record {
        figure: figure.clone(),
        program: program.clone(),
        unit: unit.clone(),
        value: value.clone(),
        bound: bound.clone(),
        holds: holds != "NO",
    })
}

/// A field in quotation marks may contain commas. No field contains quotation marks or line ends.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match (c, fields.last_mut()) {
            ('"', _) => is_quoted = !is_quoted,
            (',', _) if !is_quoted => fields.push(String::new()),
            (_, Some(field)) => field.push(c),
            (_, None) => {}
        }
    }
    fields
}

pub(crate) fn write<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut lines = vec![HEAD.to_string()];
    for row in rows {
        for (program, value) in &row.cells {
            let values = match value {
                Value::Spread {
                    low,
                    median,
                    high,
                    samples,
                } => format!("{median:.3},{low:.3},{high:.3},{samples}"),
                Value::Word(word) => format!("\"{word}\",,,"),
            };
            let bound = row.bound_of(program);
            let bound = bound.map_or(String::from(","), |bound| {
                let holds = if bound.holds(value) { "yes" } else { "NO" };
                format!("{bound},{holds}")
            });
            let Row { figure, unit, .. } = row;
            lines.push(format!(
                "\"{figure}\",\"{unit}\",{program},{values},{bound}"
            ));
        }
    }
    lines.join("\n") + "\n"
}

/// A number for people, with few digits, and commas between the thousands.
pub(crate) fn amount(value: f64) -> String {
    let is_round = (value - value.round()).abs() < 1e-9;
    let decimals = match value.abs() {
        _ if is_round => 0,
        10.0.. => 0,
        1.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && left % 3 == 0 && whole.len() > 3 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Bound::AtMost;

    #[test]
    fn a_written_file_reads_back() {
        let cell = |name: &str, value| (name.to_string(), value);
        let rows = [
            Row::new(
                "machine",
                vec![cell("", Value::Word("x86_64, 2 cores".into()))],
            ),
            Row::new(
                "forwarding, listening: latency, µs",
                vec![
                    cell("hinit", Value::spread([3.0, 1.0, 2.0])),
                    cell("tini", Value::one(0.5)),
                ],
            )
            .bound(AtMost(1.5)),
        ];
        let figures = Figures::read(&write(rows.iter())).unwrap();
        assert_eq!(figures.word("machine").unwrap(), "x86_64, 2 cores");
        let get = |program| {
            figures
                .get("forwarding, listening: latency", program)
                .unwrap()
        };
        assert_eq!((get("hinit").number(), get("hinit").holds), (2.0, false));
        assert_eq!(get("hinit").bound, "at most 1.5");
        assert_eq!((get("tini").unit.as_str(), get("tini").holds), ("µs", true));
    }

    #[test]
    fn a_file_with_another_header_or_half_a_line_is_refused() {
        assert!(Figures::read("figure,program,median,p10,p90,bound,holds\n").is_err());
        assert!(Figures::read(&format!("{HEAD}\nhalf,a line\n")).is_err());
    }

    #[test]
    fn steps_are_read_from_the_figures_names() {
        let cell = |value| vec![(String::from("hinit"), Value::one(value))];
        let rows = [("1", 4.0), ("1000", 7.0)]
            .map(|(step, kb)| Row::new(format!("idle {step}, KB"), cell(kb)));
        let figures = Figures::read(&write(rows.iter())).unwrap();
        assert_eq!(figures.steps("idle ", "hinit"), [(1.0, 4.0), (1000.0, 7.0)]);
        assert_eq!(figures.steps("idle ", "tini"), []);
    }

    #[test]
    fn amounts_are_short() {
        let shown = [
            0.0,
            0.256,
            1.51,
            8.94,
            12.3,
            451.7,
            1000.0,
            57588.4,
            1_234_567.0,
        ]
        .map(amount);
        let expected = [
            "0",
            "0.26",
            "1.5",
            "8.9",
            "12",
            "452",
            "1,000",
            "57,588",
            "1,234,567",
        ];
        assert_eq!(shown, expected);
    }
}
