//! The guide's page of figures and the few that the README shows, made from figures.csv.

use crate::bench::HINIT;
use crate::csv::{Figures, Record, amount};
use crate::program::Result;
use crate::selection::{HIGHLIGHTS, TABLES, Table};

const BEGIN: &str = "<!-- From here on `tests/bench/run --readme` writes, -->\n";
const END: &str = "<!-- up to here. -->\n";

/// Follows a value that misses its bound.
const MISSED: &str = "✗";

/// Replaces the part of the page of figures that shows them.
pub(crate) fn update_guide(page: &str, figures: &Figures) -> Result<String> {
    update(page, &section(figures)?)
}

/// Replaces the part of the README that shows figures.
pub(crate) fn update_readme(readme: &str, figures: &Figures) -> Result<String> {
    update(readme, &highlights(figures))
}

fn update(page: &str, part: &str) -> Result<String> {
    let missing = "the page has no part for the figures";
    let (before, rest) = page.split_once(BEGIN).ok_or(missing)?;
    let (_, after) = rest.split_once(END).ok_or(missing)?;
    Ok(format!("{before}{BEGIN}{part}{END}{after}"))
}

fn highlights(figures: &Figures) -> String {
    let tables = HIGHLIGHTS
        .iter()
        .map(|table| markdown(table, figures, false));
    format!("\n{}\n", tables.collect::<Vec<_>>().join("\n"))
}

fn section(figures: &Figures) -> Result<String> {
    let version = |peer| {
        let record = figures.get("version", peer);
        record.map_or("unknown", |record| &record.value)
    };
    let mut text = format!(
        "
![Time, memory, size and lost signals of hinit's two builds and of its peers](../../tests/bench/figures.svg)

Medians of one run of `tests/bench/run --readme --full --rounds {}` on {},
{} (Debian's tini {}, dumb-init {}, catatonit {});
[figures.csv](../../tests/bench/figures.csv) has all of them. `hinit` is the stable build, `hinit-tiny` that of
`docker/build --tiny`, `hinit-tls` that of `docker/build --tls`; {MISSED} marks a value that misses its bound. tini and
dumb-init are linked dynamically: they need a libc in the image, and share its memory with other processes; the other
inits are static. Times vary from run to run, those for orphans most. The floor makes each system call that a promise of
these guides needs, and nothing else ([tests/bench](../../tests/bench/README.md) says what it takes and what hinit takes
more). pidcheck reads a PID and checks that its process exists; the no-op does nothing. Over TLS, the server is OpenSSL's, with
TLS 1.3, X25519 and an RSA key.
",
        figures.word("rounds")?,
        figures.word("date")?,
        figures.word("machine")?,
        version("tini"),
        version("dumb-init"),
        version("catatonit"),
    );
    for table in &TABLES {
        text.push('\n');
        text.push_str(&markdown(table, figures, true));
    }
    Ok(text + "\n")
}

/// Omits the rows for which there is no figure.
fn markdown(table: &Table, figures: &Figures, has_bounds: bool) -> String {
    let bound: &[&str] = if has_bounds { &["bound"] } else { &[] };
    let head = [&[table.about], table.programs, bound].concat();
    let mut lines = vec![head.join(" | "), vec!["---"; head.len()].join(" | ")];
    for (name, figure) in table.rows {
        let of = |program: &&str| figures.get(figure, program);
        let records: Vec<_> = table.programs.iter().map(of).collect();
        if records.iter().all(Option::is_none) {
            continue;
        }
        let mut line = vec![(*name).to_string()];
        line.extend(
            records
                .into_iter()
                .map(|record| record.map_or(String::new(), cell)),
        );
        if has_bounds {
            line.push(bounds(table, figure, figures));
        }
        lines.push(line.join(" | "));
    }
    format!("| {} |\n", lines.join(" |\n| "))
}

/// A number without a unit is a count or a ratio. A ratio has two decimals.
fn cell(record: &Record) -> String {
    let number = record.number();
    let value = if record.unit.is_empty() && number.fract() != 0.0 && number < 100.0 {
        format!("{number:.2}")
    } else {
        amount(number)
    };
    let missed = if record.holds { "" } else { MISSED };
    let words = [&value, record.unit.as_str(), missed];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn bounds(table: &Table, figure: &str, figures: &Figures) -> String {
    let of = |program: &&str| match figures.get(figure, program) {
        Some(record) if !record.bound.is_empty() => Some(record.bound.as_str()),
        _ => None,
    };
    // The names of other builds begin with that of the first.
    let builds = table.programs.iter().filter(|name| name.starts_with(HINIT));
    let bounds: Vec<&str> = builds.filter_map(of).collect();
    let text = match bounds.as_slice() {
        [] => String::new(),
        [stable, tiny] if stable != tiny => format!("{stable}, tiny {tiny}"),
        [first, ..] => (*first).to_string(),
    };
    text.replace("at most", "≤").replace("at least", "≥")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::TINY;
    use crate::table::Bound::AtMost;
    use crate::table::{Row, Value};
    use crate::{chart, csv};

    const CSV: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/figures.csv"));
    const SVG: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/figures.svg"));
    const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md"));
    const GUIDE: &str = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docker/guide/figures.md"
    ));

    #[test]
    fn the_readme_and_the_guide_show_the_figures() {
        let figures = Figures::read(CSV).unwrap();
        let again = "tests/bench/run --redraw writes them anew";
        assert!(
            update_readme(README, &figures).unwrap() == README,
            "{again}"
        );
        assert!(update_guide(GUIDE, &figures).unwrap() == GUIDE, "{again}");
        assert!(chart::draw(&figures).unwrap() == SVG, "{again}");
    }

    #[test]
    fn every_row_of_the_tables_is_a_figure() {
        let figures = Figures::read(CSV).unwrap();
        for table in TABLES.iter().chain(&HIGHLIGHTS) {
            for (_, figure) in table.rows {
                assert!(figures.get(figure, table.programs[0]).is_some(), "{figure}");
            }
        }
    }

    #[test]
    fn a_value_that_misses_its_bound_is_marked() {
        let cell = |name: &str, value| (name.to_string(), Value::one(value));
        let row = Row::new(
            "file: size, KiB",
            vec![cell(HINIT, 325.0), cell(TINY, 271.0), cell("tini", 27.0)],
        );
        let rows = [row.bounds(AtMost(560.0), AtMost(192.0))];
        let figures = Figures::read(&csv::write(rows.iter())).unwrap();
        let [table, ..] = TABLES;
        let text = markdown(&table, &figures, true);
        let lines: Vec<&str> = text.lines().collect();
        let expected =
            "| size of the binary | 325 KiB | 271 KiB ✗ |  |  | 27 KiB |  |  | ≤ 560, tiny ≤ 192 |";
        assert_eq!(lines[2..], [expected]);
    }

    #[test]
    fn only_the_section_is_rewritten() {
        let figures = Figures::read(CSV).unwrap();
        let new = update_guide(&format!("before\n{BEGIN}old\n{END}after\n"), &figures).unwrap();
        assert!(
            new.starts_with(&format!("before\n{BEGIN}")) && new.ends_with(&format!("{END}after\n"))
        );
        assert!(!new.contains("old\n"));
        assert!(update_guide("no marks", &figures).is_err());
    }
}
