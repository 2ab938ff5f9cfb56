//! Signals at full speed from several senders, while orphans die: whether all arrive, and whether the init is idle
//! afterwards.

use std::ptr::without_provenance_mut;
use std::thread::{ScopedJoinHandle, scope, sleep};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::{Bench, of_each};
use crate::csv::amount;
use crate::live::{Live, Mode, now};
use crate::proc;
use crate::program::{Program, Result};
use crate::table::Bound::AtMost;
use crate::table::{Cells, Row, Value};

/// The signal that is counted. All senders use the same one, because the kernel delivers the lowest pending number
/// first, and with several numbers it searches a full queue for each signal.
const SIGNAL: i32 = 40;

const SENDERS: usize = 4;

/// The number of signals that may be queued. It is smaller than the number that is sent, so that the queue is full at
/// times, and small enough for the kernel, which searches the queue for each standard signal.
const QUEUE: u64 = 8192;

/// The pause after the kernel had no room for a signal. An immediate retry would keep the processor from the init.
const RETRY: Duration = Duration::from_millis(1);

/// The time after which the senders stop.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// What happened to the signals, and what the init did in the second after them.
struct Flood {
    /// The kernel accepted these, and refused those until the end.
    taken: f64,
    refused: f64,
    arrived: f64,
    /// Arrived out of order or without their value.
    wrong: f64,
    seconds: f64,
    orphans_left: f64,
    idle_microseconds: f64,
    idle_switches: f64,
}

impl Bench {
    pub(crate) fn flood(&self) -> Result<Vec<Row>> {
        // The inits and their servers inherit the limit.
        let (limit, max) = getrlimit(Resource::RLIMIT_SIGPENDING)?;
        setrlimit(Resource::RLIMIT_SIGPENDING, QUEUE.min(limit), max)?;
        let rows = Mode::BOTH.map(|mode| self.flood_in(mode));
        setrlimit(Resource::RLIMIT_SIGPENDING, limit, max)?;
        Ok(rows.into_iter().flatten().collect())
    }

    fn flood_in(&self, mode: Mode) -> Vec<Row> {
        let signals = self.rounds * 100;
        let figure = format!("signals at full speed {mode}");
        let of_all = format!("of {}", amount(signals as f64));
        // One after the other, because the kernel counts queued signals by user.
        let floods = of_each(&figure, &self.inits, |init| {
            let program = init.server(mode, &[&self.load, "count"])?;
            flood(mode, &program, signals)
        });
        let row = |what: &str, value: fn(&Flood) -> f64| {
            let cell = |(name, flood): &(String, Flood)| (name.clone(), Value::one(value(flood)));
            let cells: Cells = floods.iter().map(cell).collect();
            Row::new(format!("{figure}: {what}"), cells)
        };
        let none = AtMost(0.0);
        vec![
            row(
                &format!("real-time ones not taken in time, {of_all}"),
                |flood| flood.refused,
            )
            .bound(none),
            row(&format!("lost of those taken, {of_all}"), |flood| {
                flood.taken - flood.arrived
            })
            .bound(none),
            row("out of order or without their value", |flood| flood.wrong).bound(none),
            row("time for all, s", |flood| flood.seconds),
            row("orphans left", |flood| flood.orphans_left).bound(none),
            row("CPU time in an idle second after, µs", |flood| {
                flood.idle_microseconds
            })
            .bound(none),
            row("wake-ups in an idle second after", |flood| {
                flood.idle_switches
            })
            .bound(none),
        ]
    }
}

fn flood(mode: Mode, init: &Program, signals: usize) -> Result<Flood> {
    let mut live = Live::start(mode, init)?;
    live.ask("start")?;
    let start = now()?;
    let deadline = Instant::now() + SEND_TIMEOUT;
    let each = signals / SENDERS;
    let pid = live.pid();
    let taken: usize = scope(|scope| {
        let sender = |number| scope.spawn(move || send(pid, number, each, deadline));
        let senders: Vec<_> = (0..SENDERS).map(sender).collect();
        let taken = senders.into_iter().map(ScopedJoinHandle::join);
        taken.map(std::thread::Result::unwrap_or_default).sum()
    });
    let answer = live.ask(&taken.to_string())?;
    let numbers: Result<Vec<f64>, _> = answer.split(' ').map(str::parse).collect();
    let Ok([arrived, wrong, last]) = numbers.as_deref() else {
        return Err("the server has ended".into());
    };
    // If it does not become idle, the values below show it.
    let _ = live.rest();
    let before = (proc::cpu(live.pid())?, proc::switches(live.pid())?);
    sleep(Duration::from_secs(1));
    Ok(Flood {
        refused: (signals - taken) as f64,
        taken: taken as f64,
        arrived: *arrived,
        wrong: *wrong,
        seconds: (last - start as f64) / 1e9,
        // One child is the server.
        orphans_left: proc::children(live.pid())?.len() as f64 - 1.0,
        idle_microseconds: (proc::cpu(live.pid())? - before.0) as f64 / 1e3,
        idle_switches: (proc::switches(live.pid())? - before.1) as f64,
    })
}

/// Sends signals with values: the number of the sender in the upper half, and 0, 1, 2... in the lower half. Sends a
/// standard signal now and then. A signal for which the kernel had no room is sent again. Returns the number of signals
/// with values that the kernel accepted.
fn send(pid: Pid, sender: usize, count: usize, deadline: Instant) -> usize {
    for value in 0..count {
        let standard = match value % 32 {
            0 => Some(Signal::SIGUSR1),
            16 => Some(Signal::SIGHUP),
            _ => None,
        };
        if standard.is_some() {
            let _merged_with_others = kill(pid, standard);
        }
        while let Err(errno) = queue(pid, sender << 32 | value) {
            if errno != Errno::EAGAIN || Instant::now() > deadline {
                return value;
            }
            sleep(RETRY);
        }
    }
    count
}

#[allow(unsafe_code, reason = "nix has no sigqueue")]
fn queue(pid: Pid, value: usize) -> nix::Result<()> {
    let value = libc::sigval {
        sival_ptr: without_provenance_mut(value),
    };
    // SAFETY: the value is a number, and no code dereferences it.
    Errno::result(unsafe { libc::sigqueue(pid.as_raw(), SIGNAL, value) }).map(drop)
}
