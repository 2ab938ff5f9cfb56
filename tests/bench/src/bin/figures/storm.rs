//! hinit under load while it answers probes: many connections together with the other work of a PID 1, and clients that
//! occupy connections.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{ScopedJoinHandle, scope};
use std::time::{Duration, Instant};

use crate::bench::{Bench, Init, of_each};
use crate::cgroup::Cgroup;
use crate::client::{Probes, free_address, send_slowly};
use crate::latency::latency;
use crate::live::{Live, Mode};
use crate::proc;
use crate::program::Result;
use crate::statistics::percentile;
use crate::table::Bound::{AtLeast, AtMost};
use crate::table::{Row, Value};

/// The number of threads that send probes, and the time between two probes. In the storm there are a little more than
/// 3,000 probes a second; next to slow clients there are few.
const STORM: (u32, Duration) = (4, Duration::from_micros(322));
const FEW: (u32, Duration) = (1, Duration::from_millis(2));

/// The time under load before the memory is measured.
const WARM_UP: Duration = Duration::from_secs(1);

struct Outcome {
    seconds: f64,
    probes: Probes,
    /// The latencies of signals to the server, in microseconds.
    signals: Vec<f64>,
    cpu_nanoseconds: f64,
    /// Orphans, or connections of slow clients.
    others: f64,
}

/// The outcome, and the state of the init after the load.
struct Storm {
    outcome: Outcome,
    orphans_left: f64,
    growth: f64,
}

type Load = fn(&mut Live, SocketAddr, Duration) -> Result<Outcome>;

impl Bench {
    /// Connections, orphans and signals, all at once.
    pub(crate) fn storm(&self) -> Vec<Row> {
        let others = |rows: &Rows| {
            let connections = rows.row("connections in a second", |storm| {
                storm.outcome.probes.times.len() as f64 / storm.outcome.seconds
            });
            let orphans = rows.row("orphans in a second", |storm| {
                storm.outcome.others / storm.outcome.seconds
            });
            let left = rows.row("orphans left", |storm| storm.orphans_left);
            vec![
                connections.bound(AtLeast(3000.0)),
                orphans.bound(AtLeast(1000.0)),
                left.bound(AtMost(0.0)),
            ]
        };
        self.under("a storm of probes, orphans and signals", storm, others)
    }

    /// Connections that each contain an incomplete request.
    pub(crate) fn slow_clients(&self) -> Vec<Row> {
        let others = |rows: &Rows| {
            vec![rows.row("their connections in a second", |storm| {
                storm.outcome.others / storm.outcome.seconds
            })]
        };
        self.under("1,000 slow clients", slow_clients, others)
    }

    fn under(&self, figure: &str, load: Load, others: fn(&Rows) -> Vec<Row>) -> Vec<Row> {
        let _group = Cgroup::enter();
        let time = Duration::from_millis(5 * self.rounds as u64);
        let storms = of_each(figure, self.hinits(), |init| {
            self.under_one(init, load, time)
        });
        let rows = Rows { figure, storms };
        others(&rows).into_iter().chain(rows.all()).collect()
    }

    fn under_one(&self, init: &Init, load: Load, time: Duration) -> Result<Storm> {
        let address = free_address()?;
        let program = init.listening(address, &[&self.load, "storm"])?;
        let mut live = Live::start(Mode::Pid1, &program)?;
        load(&mut live, address, WARM_UP)?;
        live.rest()?;
        let memory = proc::rss(live.pid())? as f64;
        let outcome = load(&mut live, address, time)?;
        if let Some(error) = outcome.probes.failures.first() {
            println!("a probe failed: {error}");
        }
        live.rest()?;
        Ok(Storm {
            outcome,
            // One child is the server.
            orphans_left: proc::children(live.pid())?.len() as f64 - 1.0,
            growth: proc::rss(live.pid())? as f64 - memory,
        })
    }
}

struct Rows<'a> {
    figure: &'a str,
    storms: Vec<(String, Storm)>,
}

impl Rows<'_> {
    fn row(&self, what: &str, value: impl Fn(&Storm) -> f64) -> Row {
        self.of_values(what, |storm| Value::one(value(storm)))
    }

    fn of_values(&self, what: &str, value: impl Fn(&Storm) -> Value) -> Row {
        let cells = self
            .storms
            .iter()
            .map(|(name, storm)| (name.clone(), value(storm)));
        Row::new(format!("{}: {what}", self.figure), cells.collect())
    }

    fn of_times(&self, what: &str, times: fn(&Outcome) -> &Vec<f64>) -> [Row; 2] {
        let times = |storm: &Storm| times(&storm.outcome).clone();
        [
            self.of_values(&format!("{what}, µs"), |storm| Value::spread(times(storm))),
            self.row(&format!("99th percentile of {what}, µs"), |storm| {
                percentile(times(storm), 99)
            }),
        ]
    }

    fn all(&self) -> [Row; 7] {
        let failures = self.row("probes failed", |storm| {
            storm.outcome.probes.failures.len() as f64
        });
        let [probe, slowest_probe] =
            self.of_times("a probe's time", |outcome| &outcome.probes.times);
        let [signal, slowest_signal] = self.of_times("a signal's time", |outcome| &outcome.signals);
        let cpu = self.row("CPU time in a second, ms", |storm| {
            storm.outcome.cpu_nanoseconds / 1e6 / storm.outcome.seconds
        });
        let growth = self.row("growth of RSS, KB", |storm| storm.growth);
        [
            failures.bound(AtMost(0.0)),
            probe,
            slowest_probe,
            signal,
            slowest_signal.bound(AtMost(1000.0)),
            cpu,
            growth.bound(AtMost(0.0)),
        ]
    }
}

fn storm(live: &mut Live, address: SocketAddr, time: Duration) -> Result<Outcome> {
    writeln!(live.input, "start")?;
    let outcome = load(live, address, STORM, time, |_| 0)?;
    writeln!(live.input, "stop")?;
    let mut orphans = [0; 8];
    live.output.read_exact(&mut orphans)?;
    let others = u64::from_ne_bytes(orphans) as f64;
    Ok(Outcome { others, ..outcome })
}

fn slow_clients(live: &mut Live, address: SocketAddr, time: Duration) -> Result<Outcome> {
    load(live, address, FEW, time, |is_over| {
        send_slowly(address, is_over)
    })
}

/// Has an init forward signals and answer probes for `time`, while `others` runs.
fn load(
    live: &mut Live,
    address: SocketAddr,
    (threads, pause): (u32, Duration),
    time: Duration,
    others: impl FnOnce(&AtomicBool) -> usize + Send,
) -> Result<Outcome> {
    let is_over = &AtomicBool::new(false);
    let before = proc::cpu(live.pid())?;
    let start = Instant::now();
    scope(|scope| {
        let others = scope.spawn(move || others(is_over));
        // The threads take turns.
        let send = |number| {
            let first = start + pause * number;
            scope.spawn(move || Probes::send(address, first, pause * threads, is_over))
        };
        let probes: Vec<_> = (0..threads).map(send).collect();
        let mut signals = Vec::new();
        let mut signalled = Ok(());
        while start.elapsed() < time && signalled.is_ok() {
            signalled = latency(live).map(|time| signals.push(time));
        }
        is_over.store(true, Ordering::Relaxed);
        let seconds = start.elapsed().as_secs_f64();
        let cpu_nanoseconds = (proc::cpu(live.pid())? - before) as f64;
        let probes = probes.into_iter().map(ScopedJoinHandle::join);
        let probes: std::thread::Result<Vec<_>> = probes.collect();
        let probes = probes.map_err(|_| "a panic")?;
        signalled?;
        Ok(Outcome {
            seconds,
            probes: probes.into_iter().fold(Probes::default(), Probes::and),
            signals,
            cpu_nanoseconds,
            others: others.join().map_err(|_| "a panic")? as f64,
        })
    })
}
