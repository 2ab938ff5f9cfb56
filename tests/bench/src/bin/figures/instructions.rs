//! The number of instructions that hinit executes, counted by callgrind. Unlike times they repeat. The kernel's are not
//! counted.

use std::fs;
use std::process::ExitCode;

use pico_args::Arguments;

use crate::bench::{Bench, Init, row};
use crate::csv::{self, Figures, amount};
use crate::live::{Mode, Server};
use crate::program::{Program, Result, named};
use crate::table::{Row, Value};

/// The number of counts, of which the minimum is used. A signal in the middle of something can cost an extra poll.
const TRIES: usize = 5;

/// The ratio to the accepted number above which a count fails. The digits of a PID, and what else differs between runs,
/// account for a tenth of the margin.
const TOLERANCE: f64 = 1.03;

const ADVICE: &str = "to see where the instructions are spent, use a build with symbols (`docker/build --symbols`):
  valgrind --tool=callgrind --callgrind-out-file=/tmp/out hinit healthcheck && callgrind_annotate /tmp/out
to accept the new numbers: tests/bench/run --instructions --accept";

impl Bench {
    /// Counts what the init itself does in a launch: up to the exec, then the reaping of the no-op and the exit. The
    /// child's instructions before the exec are not counted.
    pub(crate) fn instructions(&self) -> Result<Vec<Row>> {
        // The instructions depend on the lengths of paths, so these are the same on every machine.
        let no_op = self.copy("noop", &self.no_op)?;
        let copy = |init: &Init| {
            let path = self.copy(&init.name, &init.path)?;
            Ok(Init {
                path,
                ..init.twin("counted")
            })
        };
        let inits = self.inits.iter().map(copy).collect::<Result<Vec<_>>>()?;
        let launch = row(
            "instructions of a launch with --user and its end",
            &inits,
            |init| {
                let program = if init.is_hinit() {
                    // --quiet, because the last line contains times, whose number of digits varies. --user, because
                    // the child is then a plain fork, and valgrind does not support one that shares hinit's memory.
                    init.program(&["--quiet", "--user", "0:0", "--", &no_op])?
                } else {
                    init.server(Mode::Subreaper, &[&no_op])?
                };
                self.minimum(&program)
            },
        );
        let hinits = inits.iter().filter(|init| init.is_hinit());
        let mut check = row("instructions of a health check", hinits, |init| {
            let check = init.program(&["healthcheck"])?;
            let server = init.program(&["--", "sleep", "infinity"])?;
            let _server = Server::start(&server, &check)?;
            self.minimum(&check)
        });
        for (name, program) in self.floors()? {
            match self.minimum(&program) {
                Ok(count) => check.cells.push((name, count)),
                Err(error) => println!("skipped: {} of {name}: {error}", check.figure),
            }
        }
        Ok(vec![launch, check])
    }

    fn copy(&self, name: &str, path: &str) -> Result<String> {
        let copy = format!("{}/{name}", self.directory);
        fs::copy(path, &copy)?;
        Ok(copy)
    }

    fn minimum(&self, program: &Program) -> Result<Value> {
        let counts = (0..TRIES).map(|_| program.instructions(&self.log()));
        let counts = counts.collect::<Result<Vec<_>>>()?;
        Ok(Value::one(counts.into_iter().fold(f64::INFINITY, f64::min)))
    }
}

/// Counts the instructions, and fails if there are more than a file allows; with `--accept` updates that file.
pub(crate) fn guard(mut arguments: Arguments) -> Result<ExitCode> {
    let accept = arguments.contains("--accept");
    let file: String = arguments.value_from_str("--csv")?;
    let mut bench = Bench::new(0, false)?;
    for (name, path) in named(arguments)? {
        bench.add(&name, &path);
    }
    let rows = bench.instructions()?;
    if accept {
        fs::write(&file, csv::write(rows.iter()))?;
    }
    let accepted = Figures::read(&fs::read_to_string(&file)?)?;
    let mut all_hold = true;
    for row in &rows {
        for init in bench.hinits() {
            let (line, holds) = compare(row, &init.name, &accepted)?;
            println!("{line}");
            all_hold &= holds;
        }
    }
    if all_hold {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{ADVICE}");
    Ok(ExitCode::FAILURE)
}

fn compare(row: &Row, program: &str, accepted: &Figures) -> Result<(String, bool)> {
    let what = format!("{} by {program}", row.figure);
    let count = row.cell(program).ok_or(format!("{what}: not counted"))?;
    let count = count.median();
    let accepted = accepted.get(&row.figure, program);
    let accepted = accepted.ok_or(format!("{what}: none accepted"))?.number();
    let ratio = count / accepted;
    let holds = ratio <= TOLERANCE;
    let line = format!(
        "{what}: {}, accepted {} ({:+.2} %){}",
        amount(count),
        amount(accepted),
        (ratio - 1.0) * 100.0,
        if holds { "" } else { " TOO MANY" },
    );
    Ok((line, holds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(count: f64) -> Row {
        Row::new(
            "instructions",
            vec![(String::from("hinit"), Value::one(count))],
        )
    }

    #[test]
    fn more_than_the_tolerance_is_too_many() {
        let accepted = Figures::read(&csv::write([row(10_000.0)].iter())).unwrap();
        let holds = |count| compare(&row(count), "hinit", &accepted).unwrap().1;
        assert!(holds(10_300.0) && holds(5_000.0));
        assert!(!holds(10_301.0));
        let (line, _) = compare(&row(11_000.0), "hinit", &accepted).unwrap();
        assert_eq!(
            line,
            "instructions by hinit: 11,000, accepted 10,000 (+10.00 %) TOO MANY"
        );
    }

    #[test]
    fn a_count_without_an_accepted_number_fails() {
        let accepted = Figures::read(&csv::write([row(1.0)].iter())).unwrap();
        assert!(compare(&row(1.0), "hinit-tiny", &accepted).is_err());
        let other = Row::new("others", vec![(String::from("hinit"), Value::one(1.0))]);
        assert!(compare(&other, "hinit", &accepted).is_err());
    }
}
