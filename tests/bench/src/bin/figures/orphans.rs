//! Thousands of orphans that die at once: whether they are reaped in time, at what cost, and how much slower the server
//! answers meanwhile.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::bench::{Bench, HINIT, YARDSTICK, of_each, once_each};
use crate::cgroup::Cgroup;
use crate::floor::{self, FLOOR};
use crate::live::{Live, Mode, eventually};
use crate::proc;
use crate::program::{Program, Result};
use crate::rounds::Series;
use crate::table::Bound::AtMost;
use crate::table::{Row, Value, over};

pub(crate) const BURST_SIZE: usize = 5000;

/// The number of orphans that die while the init is stopped.
const STOPPED_SIZE: usize = 3000;

/// How often, at least: the time of the first ones is often longer.
const MIN_ROUNDS: usize = 9;

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

    fn orphans_in(&self, mode: Mode) -> [Row; 6] {
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

impl Bench {
    /// The processor time of an init for orphans that have all died before it sees the first. In a burst it would also
    /// depend on how many have died each time that the init wakes up.
    pub(crate) fn orphans_at_once(&self) -> Vec<Row> {
        let _group = Cgroup::enter();
        let figure = "orphans of a stopped init";
        let servers = self.inits.iter().map(|init| {
            let server = init.server(Mode::Pid1, &[&self.load, "orphans"]);
            (init.name.clone(), server)
        });
        let floor = floor::launch(&self.directory, &[&self.load, "orphans"]);
        let mut runs = Vec::new();
        for (name, server) in servers.chain([(FLOOR.to_string(), floor)]) {
            match server.and_then(|server| start(&server)) {
                Ok(live) => runs.push((name, (live, Vec::new()))),
                Err(error) => println!("skipped: {figure} of {name}: {error}"),
            }
        }
        for _ in 0..(self.rounds / 125).max(MIN_ROUNDS) {
            once_each(figure, &mut runs, |(live, times)| {
                let nanoseconds = reap_at_once(live, STOPPED_SIZE)? as f64;
                times.push(nanoseconds / 1e3 / STOPPED_SIZE as f64);
                Ok(())
            });
        }
        let times = runs.into_iter().map(|(name, (_, times))| (name, times));
        let times = Series::new(times.collect());
        let is_peer = |name: &str| !name.starts_with(HINIT) && name != FLOOR;
        let best = times.best(is_peer).unwrap_or_default();
        let over_best = times.compare(&best, |one, other| one / other).cells();
        let over_floor = times.compare(FLOOR, |one, floor| one / floor).cells();
        let row = |what: &str, cells| Row::new(format!("{figure}: {what}"), cells);
        vec![
            row("CPU time for one, µs", times.cells()),
            // The goal is 1.
            row("CPU time for one over the best peer's", over_best).bound(AtMost(1.5)),
            row("CPU time for one over the floor's", over_floor).bound(AtMost(1.2)),
        ]
    }
}

/// Starts an init whose first orphan has ended already: the memory which that needs can be used again for the others.
fn start(server: &Program) -> Result<Live> {
    let mut live = Live::start(Mode::Pid1, server)?;
    burst(&mut live, 1)?;
    live.rest()?;
    Ok(live)
}

/// Stops the init while this number of orphans die; returns the processor time that it then takes for them, in
/// nanoseconds.
fn reap_at_once(live: &mut Live, orphans: usize) -> Result<u64> {
    prepare(live, orphans)?;
    live.signal(Signal::SIGSTOP)?;
    let is_stopped = || (proc::state(live.pid()).ok()? == 'T').then_some(());
    eventually(is_stopped).ok_or("the init was not stopped")?;
    let before = proc::cpu(live.pid())?;
    writeln!(live.output.get_mut(), "announce")?;
    let dead = live.line();
    // Whatever has failed, the init must be able to end.
    live.signal(Signal::SIGCONT)?;
    if dead? != "dead" {
        return Err("the orphans did not die".into());
    }
    let answer = live.line()?;
    answer.split_once(' ').ok_or("the server has ended")?;
    // After the last orphan is reaped the init still checks for others.
    live.rest()?;
    Ok(proc::cpu(live.pid())? - before)
}

/// Has the server make orphans, which then wait for `begin` or `announce`.
fn prepare(live: &mut Live, orphans: usize) -> Result<()> {
    writeln!(live.output.get_mut(), "{orphans}")?;
    match live.line()?.as_str() {
        "prepared" => Ok(()),
        problem => Err(problem.into()),
    }
}

pub(crate) fn burst(live: &mut Live, orphans: usize) -> Result<Burst> {
    prepare(live, orphans)?;
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
