//! The number of probes that hinit answers in a second on kept connections, without other work; measured by wrk.

use std::process::Command;

use crate::bench::{Bench, Init, of_each};
use crate::client::free_address;
use crate::live::{Live, Mode};
use crate::proc;
use crate::program::Result;
use crate::table::Bound::{AtLeast, AtMost};
use crate::table::{Row, Value};

struct Throughput {
    per_second: f64,
    errors: f64,
    cpu_microseconds: f64,
}

impl Bench {
    pub(crate) fn throughput(&self) -> Vec<Row> {
        let seconds = (self.rounds / 200).max(1);
        let figure = "kept-alive probes";
        let runs = of_each(figure, self.hinits(), |init| self.ask(init, seconds));
        let row = |what, value: fn(&Throughput) -> f64| {
            let cell = |(name, run): &(String, Throughput)| (name.clone(), Value::one(value(run)));
            Row::new(format!("{figure}: {what}"), runs.iter().map(cell).collect())
        };
        vec![
            row("answered in a second", |run| run.per_second).bound(AtLeast(20_000.0)),
            row("errors", |run| run.errors).bound(AtMost(0.0)),
            row("CPU time for one, µs", |run| run.cpu_microseconds),
        ]
    }

    fn ask(&self, init: &Init, seconds: usize) -> Result<Throughput> {
        let address = free_address()?;
        let live = Live::start(Mode::Pid1, &init.listening(address, &[&self.load, "wait"])?)?;
        let before = proc::cpu(live.pid())?;
        let wrk = Command::new("wrk")
            .args(["-t1", "-c8", &format!("-d{seconds}s")])
            .arg(format!("http://{address}/livez"))
            .output()
            .map_err(|error| format!("cannot run wrk: {error}"))?;
        let cpu_nanoseconds = (proc::cpu(live.pid())? - before) as f64;
        let output = String::from_utf8(wrk.stdout)?;
        let (requests, per_second, errors) = read(&output).ok_or(output.as_str())?;
        Ok(Throughput {
            per_second,
            errors,
            cpu_microseconds: cpu_nanoseconds / 1e3 / requests,
        })
    }
}

/// Parses the output of wrk: the number of answered requests, of those in a second, and of errors, which include other
/// codes than 2xx and 3xx.
fn read(output: &str) -> Option<(f64, f64, f64)> {
    let (mut requests, mut per_second, mut errors) = (None, None, 0.0);
    for line in output.lines().map(str::trim) {
        if let Some(rate) = line.strip_prefix("Requests/sec:") {
            per_second = rate.trim().parse().ok();
        } else if let Some((count, _)) = line.split_once(" requests in ") {
            requests = count.parse().ok();
        } else if line.starts_with("Socket errors:") || line.starts_with("Non-2xx") {
            let numbers = line.split([' ', ',']).flat_map(str::parse::<f64>);
            errors += numbers.sum::<f64>();
        }
    }
    Some((requests?, per_second?, errors))
}
