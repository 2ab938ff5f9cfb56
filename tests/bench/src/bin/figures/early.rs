//! How many SIGTERMs are lost that arrive while an init starts.
//!
//! The kernel drops a signal to a PID 1 that does not block or handle it yet (`pid_namespaces(7)`). A container that is
//! told to stop at that moment runs until it is killed. An ordinary process is ended by the signal.

use std::fs::File;
use std::hint::spin_loop;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode as Permissions;
use nix::unistd::mkfifo;

use crate::bench::{Bench, HINIT, of_each, once_each};
use crate::live::{Live, Mode};
use crate::program::{Program, Result};
use crate::statistics::{Random, interval};
use crate::table::Bound::AtMost;
use crate::table::{Row, Value};

/// The longest time between the exec of an init and its signal.
const WINDOW: Duration = Duration::from_millis(2);

/// Ends a server that received no SIGTERM. The kernel delivers the lower of two pending numbers first, so the marker
/// never overtakes a SIGTERM that is only late.
const MARKER: Signal = Signal::SIGVTALRM;

impl Bench {
    pub(crate) fn early_terms(&self) -> Result<Vec<Row>> {
        let fifo = format!("{}/exec", self.directory);
        mkfifo(fifo.as_str(), Permissions::S_IRWXU)?;
        let rows = Mode::BOTH.map(|mode| self.early_terms_in(mode, &fifo));
        Ok(rows.into())
    }

    fn early_terms_in(&self, mode: Mode, fifo: &str) -> Row {
        let tries = self.rounds / 4;
        let figure = format!("early SIGTERM {mode}: lost (95 % interval), of {tries}");
        let mut programs = of_each(&figure, &self.inits, |init| {
            Ok((init.server(mode, &[&self.load, "wait"])?, 0.0))
        });
        let mut random = Random(1);
        for _ in 0..tries {
            let delay = WINDOW.mul_f64(random.share());
            once_each(&figure, &mut programs, |(program, lost)| {
                if is_lost(mode, program, [&self.load, "mark", fifo], delay)? {
                    *lost += 1.0;
                }
                Ok(())
            });
        }
        let peers = programs.iter().filter(|(name, _)| !name.starts_with(HINIT));
        let best = peers.map(|(_, (_, lost))| *lost).fold(f64::NAN, f64::min);
        let cells = programs.iter().map(|(name, (_, lost))| {
            let (low, high) = interval(*lost, tries as f64);
            let value = Value::Spread {
                low: low.round(),
                median: *lost,
                high: high.round(),
                samples: tries,
            };
            (name.clone(), value)
        });
        let limit = match mode {
            Mode::Pid1 => (best / 3.0).floor(),
            // The signal may end it, but it may not survive the signal.
            Mode::Subreaper => 0.0,
        };
        Row::new(&figure, cells.collect()).bound(AtMost(limit))
    }
}

/// Sends an init a SIGTERM `delay` after its exec. The signal is lost if it ends neither the init nor the server.
fn is_lost(mode: Mode, init: &Program, mark: [&str; 3], delay: Duration) -> Result<bool> {
    let mut live = Live::spawn(mode, init, &mark)?;
    let [.., fifo] = mark;
    wait_for_exec(fifo)?;
    let exec = Instant::now();
    // A sleep is not as exact.
    while exec.elapsed() < delay {
        spin_loop();
    }
    live.signal(Signal::SIGTERM)?;
    if live.line()? == "ready" {
        // The server runs and the init has started it, so the marker is not lost.
        let _ended_meanwhile = live.signal(MARKER);
    }
    let code = live.end()?.map(|status| status.code());
    Ok(code.is_none_or(|code| code == Some(128 + MARKER as i32)))
}

fn wait_for_exec(fifo: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    // `load mark` waits for a reader, and has the FIFO open until its exec.
    let file = File::options()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(fifo)?;
    let mut ends = [PollFd::new(file.as_fd(), PollFlags::empty())];
    while poll(&mut ends, PollTimeout::ZERO)? == 0 {
        if Instant::now() > deadline {
            return Err("the init was not executed within 10 s".into());
        }
    }
    Ok(())
}
