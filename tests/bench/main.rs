//! Measures hinit and its peers in one run and prints one table. `tests/bench/run` sets up and calls it.
//!
//!     figures [--check] [--rounds N] [--only WORD] --csv FILE NAME=PATH...
//!
//! NAME is the column of the init at PATH; the names of hinit's builds begin with "hinit".
//! `--check`: the exit status is 1 if a bound does not hold. `--rounds` scales all counts; 2000 gives those that the
//! figures are meant for. `--only`: of the measurements, those with WORD in their names.

#![allow(clippy::cast_precision_loss)] // small counts
#![allow(clippy::print_stdout)] // no PID 1 here

mod bench;
mod cgroup;
mod client;
mod early;
mod engine;
mod flood;
mod http;
mod latency;
mod listening;
mod live;
mod orphans;
mod program;
mod rounds;
mod statistics;
mod storm;
mod table;
mod throughput;

use std::process::ExitCode;
use std::thread::available_parallelism;
use std::{env, fs};

use crate::bench::Bench;
use crate::program::Result;
use crate::table::{Row, Value};

type Measure = fn(&Bench) -> Result<Vec<Row>>;

const MEASUREMENTS: [(&str, Measure); 16] = [
    ("launch", |bench| bench.launch("launch", &[])),
    ("launch-no-pid-file", |bench| {
        bench.launch("launch with --no-pid-file", &["--no-pid-file"])
    }),
    ("calls", |bench| Ok(vec![bench.calls_until_exec()])),
    ("health-check", Bench::health_check),
    ("http", Bench::http),
    ("idle", Bench::idle),
    ("early", Bench::early_terms),
    ("latency", Bench::latency),
    ("orphans", |bench| Ok(bench.orphans())),
    ("flood", Bench::flood),
    ("probes-none", |bench| Ok(bench.listening())),
    ("probes-cpu", |bench| Ok(bench.probe_cpu())),
    ("probes-kept", |bench| Ok(bench.throughput())),
    ("probes-storm", |bench| Ok(bench.storm())),
    ("probes-slow", |bench| Ok(bench.slow_clients())),
    ("file", |bench| Ok(bench.file())),
];

fn main() -> Result<ExitCode> {
    let mut arguments = pico_args::Arguments::from_env();
    let check = arguments.contains("--check");
    let rounds = arguments.opt_value_from_str("--rounds")?.unwrap_or(2000);
    let only: String = arguments.opt_value_from_str("--only")?.unwrap_or_default();
    let file: String = arguments.value_from_str("--csv")?;
    let mut bench = Bench::new(rounds)?;
    for word in arguments.finish() {
        let word = word.to_string_lossy();
        let (name, path) = word
            .split_once('=')
            .ok_or(format!("`{word}` is not NAME=PATH"))?;
        bench.add(name, path);
    }

    let machine = Row::new("machine", vec![(String::new(), Value::Word(machine()?))]);
    let versions = bench.versions();
    println!("{machine}\n{versions}");

    let mut rows = Vec::new();
    for (_, measure) in MEASUREMENTS.iter().filter(|(name, _)| name.contains(&only)) {
        rows.extend(measure(&bench)?);
    }

    let programs = table::programs(&bench.columns(), &rows);
    print!("\n{}", table::markdown(&programs, &rows));
    fs::write(
        &file,
        table::csv([&machine, &versions].into_iter().chain(&rows)),
    )?;

    let all_hold = rows.iter().all(Row::holds);
    Ok(if check && !all_hold {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn machine() -> Result<String> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!(
        "{}, kernel {}, {} cores",
        env::consts::ARCH,
        kernel.trim(),
        available_parallelism()?
    ))
}
