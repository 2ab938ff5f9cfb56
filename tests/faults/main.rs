//! Fault injection: every system call that hinit makes fails once, with each error that the kernel may return
//! there. Then hinit either logs in one line why it did not launch, or continues, with a warning if anything is
//! lost. It never hangs or panics, PID 1 never dies, no exit code and no PID file is lost, and no dead server is
//! reported as healthy.
//!
//! A tracer, which is part of this test, records each scenario once. Then the scenario is played again for each
//! call and error. Those that run a server are played as a subreaper and as PID 1. The table of results is printed,
//! and every result is in target/faults.txt.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr
)]
#![allow(
    clippy::wildcard_imports,
    reason = "the tests share one support module"
)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use faults::{Fault, faults, has_injected};
use scenarios::{SCENARIOS, Scenario, Stage};
use support::{Mode, can_be_root};
use world::World;

mod calls;
mod errnos;
mod faults;
mod judge;
mod ptrace;
mod scenarios;
#[path = "../it/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "tests/it uses the rest of it"
)]
mod support;
mod tracer;
mod world;

/// The number of scenarios that are played at the same time. They wait most of the time.
const WORKERS: usize = 4;

/// How hinit handled a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It did not launch, or did not do what the command is for, and printed why in one line.
    Refused,
    /// It continued, and logged what was lost.
    Warned,
    /// It continued, and nothing was lost.
    Continued,
    /// The call was not made in three tries: which calls are made depends on timing.
    NotReached,
    Failed,
}

/// The columns of the table.
const COLUMNS: [(Outcome, &str); 5] = [
    (Outcome::Refused, "refused"),
    (Outcome::Warned, "warned"),
    (Outcome::Continued, "continued"),
    (Outcome::NotReached, "not reached"),
    (Outcome::Failed, "FAILED"),
];

type Result = std::result::Result<(Outcome, String), String>;

fn main() -> ExitCode {
    if std::env::args()
        .nth(1)
        .is_some_and(|word| word == "--trace")
    {
        return u8::try_from(tracer::main()).unwrap().into();
    }
    if !can_be_root("PID namespaces and other users") {
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let (world, _servers) = World::new();
    let mut report = Report::default();
    for scenario in SCENARIOS {
        for &mode in scenario.modes {
            let name = match mode {
                Mode::Subreaper => scenario.name.to_owned(),
                Mode::Pid1 => format!("{}, PID 1", scenario.name),
            };
            if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
                play_all(scenario, &name, mode, &world, &mut report);
            }
        }
    }
    fs::write("target/faults.txt", report.text()).unwrap();
    print!("{}", report.table());
    let failed = report.failures();
    assert_eq!(failed, 0, "see target/faults.txt");
    ExitCode::SUCCESS
}

/// Records a scenario, and plays it with each fault.
fn play_all(scenario: &Scenario, name: &str, mode: Mode, world: &World, report: &mut Report) {
    let stage = Stage::new(world, mode, None);
    let expected = if scenario.succeeds {
        Outcome::Continued
    } else {
        Outcome::Refused
    };
    let result = (scenario.play)(&stage);
    let is_expected = result
        .as_ref()
        .is_ok_and(|(outcome, _)| *outcome == expected);
    assert!(is_expected, "{name} without any fault: {result:?}");
    let queue = Mutex::new(faults(&stage.trace).into_iter());
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(fault) = { queue.lock().unwrap().next() } {
                    let result = play(scenario, mode, world, &fault);
                    results.lock().unwrap().push((fault, result));
                }
            });
        }
    });
    for (fault, result) in results.into_inner().unwrap() {
        report.add(name, &fault, result);
    }
}

fn play(scenario: &Scenario, mode: Mode, world: &World, fault: &Fault) -> Result {
    for _ in 0..3 {
        let stage = Stage::new(world, mode, Some(fault));
        let result = (scenario.play)(&stage);
        if result.is_err() || has_injected(&stage.trace) {
            return result;
        }
    }
    Ok((Outcome::NotReached, String::new()))
}

/// The results, by scenario, call and error.
#[derive(Default)]
struct Report {
    results: Vec<(String, String, Outcome, String)>,
}

impl Report {
    fn add(&mut self, scenario: &str, fault: &Fault, result: Result) {
        let (outcome, output) = result.unwrap_or_else(|why| (Outcome::Failed, why));
        let prefix = match fault.process {
            0 => String::new(),
            number => format!("child {number}'s "),
        };
        let call = format!("{prefix}{} {}", fault.call, fault.nth);
        if outcome == Outcome::Failed {
            eprintln!("FAILED {scenario}: {call}: {}: {output}", fault.errno);
        }
        let what = format!("{scenario:<20} {call:<24} {:<16}", fault.errno);
        self.results
            .push((scenario.to_owned(), what, outcome, output));
    }

    fn failures(&self) -> usize {
        let failed = |(.., outcome, _): &&(_, _, Outcome, _)| *outcome == Outcome::Failed;
        self.results.iter().filter(failed).count()
    }

    /// A row for each scenario.
    fn table(&self) -> String {
        let mut rows: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
        let mut all = [0; 5];
        for (scenario, _, outcome, _) in &self.results {
            let column = COLUMNS.iter().position(|(of, _)| of == outcome).unwrap();
            rows.entry(scenario).or_default()[column] += 1;
            all[column] += 1;
        }
        let row = |name: &str, cells: &[String]| {
            let start = format!("{name:<20}");
            cells
                .iter()
                .fold(start, |row, cell| format!("{row} {cell:>11}"))
                + "\n"
        };
        let numbers = |counts: &[usize; 5]| counts.map(|count| count.to_string());
        let mut table = row("faults", &COLUMNS.map(|(_, title)| title.to_owned()));
        for (name, counts) in &rows {
            table += &row(name, &numbers(counts));
        }
        table + &row("all", &numbers(&all))
    }

    /// The table, and every result.
    fn text(&self) -> String {
        let mut text = self.table();
        for (_, what, outcome, output) in &self.results {
            let (_, title) = COLUMNS.iter().find(|(of, _)| of == outcome).unwrap();
            writeln!(text, "{what} {title:<12} {output}").unwrap();
        }
        text
    }
}
