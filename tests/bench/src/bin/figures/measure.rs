//! One run of the measurements.

use std::process::{Command, ExitCode};
use std::thread::available_parallelism;
use std::{env, fs};

use pico_args::Arguments;

use crate::bench::Bench;
use crate::program::Result;
use crate::table::{self, Row, Value};
use crate::{csv, program};

type Measure = fn(&mut Bench) -> Result<Vec<Row>>;

const MEASUREMENTS: [(&str, Measure); 27] = [
    // First, while there is no other init that would share its pages.
    ("idle-memory", |bench| Ok(bench.memory())),
    ("idle-crowd", |bench| Ok(bench.crowd())),
    ("idle-start", |bench| {
        bench.idle_inits = Some(bench.start_idle());
        Ok(Vec::new())
    }),
    ("launch", |bench| bench.launch("launch", &[])),
    ("launch-no-pid-file", |bench| {
        bench.launch("launch with --no-pid-file", &["--no-pid-file"])
    }),
    ("launch-floor", |bench| bench.launch_over_floor()),
    ("calls", |bench| Ok(vec![bench.calls_until_exec()])),
    ("health-check", |bench| bench.health_check()),
    ("instructions", |bench| bench.instructions()),
    ("http", |bench| bench.http()),
    ("redis", |bench| bench.redis()),
    ("php-fpm", |bench| bench.php_fpm()),
    ("tls", |bench| bench.https()),
    ("early", |bench| bench.early_terms()),
    ("latency", |bench| bench.latency()),
    ("orphans", |bench| Ok(bench.orphans())),
    ("orphans-at-once", |bench| Ok(bench.orphans_at_once())),
    ("orphans-more-and-more", |bench| Ok(bench.work())),
    ("flood", |bench| bench.flood()),
    ("probes-none", |bench| Ok(bench.listening())),
    ("probes-cpu", |bench| Ok(bench.probe_cpu())),
    ("probes-kept", |bench| Ok(bench.throughput())),
    ("waits", |bench| Ok(bench.waits())),
    ("probes-storm", |bench| Ok(bench.storm())),
    ("probes-slow", |bench| Ok(bench.slow_clients())),
    ("idle-end", |bench| {
        let idle_inits = bench.idle_inits.take();
        idle_inits.ok_or("no idle inits were started")?.wake_ups()
    }),
    ("file", |bench| Ok(bench.file())),
];

pub(crate) fn measure(mut arguments: Arguments) -> Result<ExitCode> {
    let check = arguments.contains("--check");
    let full = arguments.contains("--full");
    let rounds = arguments.opt_value_from_str("--rounds")?.unwrap_or(2000);
    let only: String = arguments.opt_value_from_str("--only")?.unwrap_or_default();
    let file: String = arguments.value_from_str("--csv")?;
    let mut bench = Bench::new(rounds, full)?;
    for (name, path) in program::named(arguments)? {
        bench.add(&name, &path);
    }

    let all = |what, word: String| Row::new(what, vec![(String::new(), Value::Word(word))]);
    let machine = all("machine", machine()?);
    let date = all("date", today()?);
    let rounds = all("rounds", rounds.to_string());
    let versions = bench.versions();
    println!("{machine}\n{versions}");

    let mut rows = Vec::new();
    for (name, measure) in MEASUREMENTS {
        if name.contains(&only) {
            rows.extend(measure(&mut bench)?);
        }
    }

    let programs = table::programs(&bench.columns(), &rows);
    print!("\n{}", table::markdown(&programs, &rows));
    let about = [&machine, &date, &rounds, &versions];
    fs::write(&file, csv::write(about.into_iter().chain(&rows)))?;

    let all_hold = rows.iter().all(|row| row.failures().is_empty());
    Ok(if check && !all_hold {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The kind of machine, without anything that would identify this one.
fn machine() -> Result<String> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let (version, _) = kernel.trim().split_once('-').unwrap_or((kernel.trim(), ""));
    Ok(format!(
        "{}, kernel {version}, {} cores",
        env::consts::ARCH,
        available_parallelism()?
    ))
}

fn today() -> Result<String> {
    let date = Command::new("date").args(["-u", "+%F"]).output()?;
    Ok(String::from_utf8(date.stdout)?.trim().to_string())
}
