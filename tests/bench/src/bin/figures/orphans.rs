//! Thousands of orphans that die at once: whether they are reaped in time, at what cost, and how much slower the server
//! answers meanwhile.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::bench::{Bench, YARDSTICK, of_each, once_each};
use crate::cgroup::Cgroup;
use crate::live::{Live, Mode};
use crate::proc;
use crate::program::Result;
use crate::rounds::Series;
use crate::table::Bound::AtMost;
use crate::table::{Row, Value, over};

pub(crate) const BURST_SIZE: usize = 5000;

/// The pause between two requests to the server.
const PAUSE: Duration = Duration::from_micros(500);

pub(crate) struct Burst {
    seconds: f64,
    left: f64,
    pub(crate) cpu_nanoseconds: f64,
    /// The times that the server took to answer, in microseconds.
    answers: Vec<f64>,
}

impl Bench {
    pub(crate) fn orphans(&self) -> Vec<Row> {
        let _group = Cgroup::enter();
        let rows = Mode::BOTH.map(|mode| self.orphans_in(mode));
        rows.into_iter().flatten().collect()
    }

    fn orphans_in(&self, mode: Mode) -> [Row; 8] {
        let figure = format!("orphans {mode}");
        let mut runs = of_each(&figure, &self.inits, |init| {
            let mut live = Live::start(mode, &init.server(mode, &[&self.load, "orphans"])?)?;
            // The memory that the first orphan needs can be used again for the others.
            burst(&mut live, 1)?;
            live.rest()?;
            let memory = proc::anonymous(live.pid())?;
            Ok((live, memory, Vec::new()))
        });
        for _ in 0..self.rounds / 125 {
            once_each(&figure, &mut runs, |(live, _, bursts)| {
                bursts.push(burst(live, BURST_SIZE)?);
                Ok(())
            });
        }
        let series = |values: fn(&Burst) -> Vec<f64>| {
            let of_run = |(name, (_, _, bursts)): &(String, (Live, u64, Vec<Burst>))| {
                (name.clone(), bursts.iter().flat_map(values).collect())
            };
            Series::new(runs.iter().map(of_run).collect())
        };
        let rate = series(|burst| vec![BURST_SIZE as f64 / burst.seconds]);
        let cpu = series(|burst| vec![burst.cpu_nanoseconds / 1e3 / BURST_SIZE as f64]);
        let cpu_ratio = cpu.compare("tini", |one, other| one / other);
        let most_left = series(|burst| vec![burst.left]).percentile(100);
        let growth = runs.iter().filter_map(|(name, (live, before, _))| {
            let growth = proc::anonymous(live.pid()).ok()? as f64 - *before as f64;
            Some((name.clone(), Value::one(growth)))
        });
        let answers = series(|burst| burst.answers.clone());
        let p99 = answers.percentile(99);
        let p99_ratio = over(&p99, YARDSTICK);
        let row = |what: &str, cells| Row::new(format!("{figure}: {what}"), cells);
        [
            row("reaped per second", rate.cells()),
            row("CPU time for one, µs", cpu.cells()),
            row("CPU time for one over tini's", cpu_ratio.cells()).bound(AtMost(1.0)),
            row("left 100 ms after a burst, at most", most_left).bound(AtMost(0.0)),
            row("growth of RssAnon, KB", growth.collect()).bound(AtMost(0.0)),
            row("the server's answer, µs", answers.cells()),
            row("its 99th percentile, µs", p99),
            row(
                &format!("its 99th percentile over {YARDSTICK}'s"),
                p99_ratio,
            ),
        ]
    }
}

pub(crate) fn burst(live: &mut Live, orphans: usize) -> Result<Burst> {
    let commands = live.output.get_mut();
    writeln!(commands, "{orphans}")?;
    let answer = live.line()?;
    if answer != "prepared" {
        return Err(answer.into());
    }
    let before = proc::cpu(live.pid())?;
    let over = AtomicBool::new(false);
    let mut socket = live.input.try_clone()?;
    let (answer, answers) = scope(|scope| {
        let pings = scope.spawn(|| ping(&mut socket, &over));
        let answer = writeln!(live.output.get_mut(), "begin")
            .map_err(Into::into)
            .and_then(|()| live.line());
        over.store(true, Ordering::Relaxed);
        (answer, pings.join())
    });
    let answer = answer?;
    let (nanoseconds, left) = answer.split_once(' ').ok_or("the server has ended")?;
    // After the last orphan is reaped the init still checks for others.
    sleep(Duration::from_millis(20));
    Ok(Burst {
        seconds: nanoseconds.parse::<f64>()? / 1e9,
        left: left.parse()?,
        cpu_nanoseconds: (proc::cpu(live.pid())? - before) as f64,
        answers: answers.map_err(|_| "a panic")??,
    })
}

/// Sends the server requests until the burst is over.
fn ping(server: &mut UnixStream, over: &AtomicBool) -> std::io::Result<Vec<f64>> {
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let start = Instant::now();
        server.write_all(&[0; 8])?;
        server.read_exact(&mut [0; 8])?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        sleep(PAUSE);
    }
    Ok(times)
}
