//! Fault injection: every system call that hinit makes fails once, with each error that the kernel may give
//! there. Whatever fails, hinit says in one line why it did not launch, or goes on, with a warning where
//! anything is lost by it: never a hang, a panic, a dead PID 1, a lost exit code, a lost PID file, nor a dead
//! server that is healthy.
//!
//! Each scenario is recorded once by a tracer of this test's own, and then played again for each call and error.
//! The lives of a server are played as a subreaper and as PID 1. The matrix is printed, and all results are in
//! target/faults.txt.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr
)]
#![allow(clippy::wildcard_imports, reason = "the support of the tests is one")]

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
    reason = "tests/it needs more of it"
)]
mod support;
mod tracer;
mod world;

/// How many are played at the same time. They wait more than they work.
const WORKERS: usize = 4;

/// What hinit made of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It did not launch, or did not do what it was called for, and said why in one line.
    Refused,
    /// It went on, and said what was lost.
    Warned,
    /// It went on, and nothing was lost.
    WentOn,
    /// The call did not come, three times: what is called depends on who is faster.
    NotReached,
    Failed,
}

/// The columns of the matrix.
const COLUMNS: [(Outcome, &str); 5] = [
    (Outcome::Refused, "refused"),
    (Outcome::Warned, "warned"),
    (Outcome::WentOn, "went on"),
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
    print!("{}", report.matrix());
    let failed = report.failures();
    assert_eq!(failed, 0, "see target/faults.txt");
    ExitCode::SUCCESS
}

/// Records a scenario, and plays it with each fault.
fn play_all(scenario: &Scenario, name: &str, mode: Mode, world: &World, report: &mut Report) {
    let stage = Stage::new(world, mode, None);
    let expected = if scenario.is_well {
        Outcome::WentOn
    } else {
        Outcome::Refused
    };
    let result = (scenario.play)(&stage);
    let is_so = result
        .as_ref()
        .is_ok_and(|(outcome, _)| *outcome == expected);
    assert!(is_so, "{name} without any fault: {result:?}");
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
        let (outcome, said) = result.unwrap_or_else(|why| (Outcome::Failed, why));
        let whose = match fault.process {
            0 => String::new(),
            number => format!("child {number}'s "),
        };
        let call = format!("{whose}{} {}", fault.call, fault.nth);
        if outcome == Outcome::Failed {
            eprintln!("FAILED {scenario}: {call}: {}: {said}", fault.errno);
        }
        let what = format!("{scenario:<20} {call:<24} {:<16}", fault.errno);
        self.results
            .push((scenario.to_owned(), what, outcome, said));
    }

    fn failures(&self) -> usize {
        let failed = |(.., outcome, _): &&(_, _, Outcome, _)| *outcome == Outcome::Failed;
        self.results.iter().filter(failed).count()
    }

    /// A row for each scenario.
    fn matrix(&self) -> String {
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
        let mut matrix = row("faults", &COLUMNS.map(|(_, title)| title.to_owned()));
        for (name, counts) in &rows {
            matrix += &row(name, &numbers(counts));
        }
        matrix + &row("all", &numbers(&all))
    }

    /// The matrix, and every result.
    fn text(&self) -> String {
        let mut text = self.matrix();
        for (_, what, outcome, said) in &self.results {
            let (_, title) = COLUMNS.iter().find(|(of, _)| of == outcome).unwrap();
            writeln!(text, "{what} {title:<12} {said}").unwrap();
        }
        text
    }
}
