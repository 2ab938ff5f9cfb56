//! How many SIGTERMs get lost that come while an init starts.
//!
//! What comes to a PID 1 before that blocks or handles it is dropped by the kernel, and a container told to stop just
//! then runs until it is killed. As an ordinary process an init would simply end by it.

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

/// So long after its exec an init gets its signal at the latest.
const WINDOW: Duration = Duration::from_millis(2);

/// Ends a server to which no SIGTERM came. Of two that wait in a process the kernel delivers the lower number first, so
/// that it never overtakes a SIGTERM that is only late.
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
            // It may end by the signal, but not live on.
            Mode::Subreaper => 0.0,
        };
        Row::new(&figure, cells.collect()).bound(AtMost(limit))
    }
}

/// Sends an init a SIGTERM `delay` after its exec. Lost is one that neither the init nor the server ends by.
fn is_lost(mode: Mode, init: &Program, mark: [&str; 3], delay: Duration) -> Result<bool> {
    let mut live = Live::spawn(mode, init, &mark)?;
    let [.., fifo] = mark;
    wait_for_exec(fifo)?;
    let exec = Instant::now();
    // No sleep ends as exactly.
    while exec.elapsed() < delay {
        spin_loop();
    }
    live.signal(Signal::SIGTERM)?;
    if live.line()? == "ready" {
        // This comes to a server that runs, by an init that has started it: it is not lost.
        let _ended_meanwhile = live.signal(MARKER);
    }
    let code = live.end()?.map(|status| status.code());
    Ok(code.is_none_or(|code| code == Some(128 + MARKER as i32)))
}

fn wait_for_exec(fifo: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    // Whoever will execute the init waits for a reader, and has it open until then.
    let file = File::options()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(fifo)?;
    let mut ends = [PollFd::new(file.as_fd(), PollFlags::empty())];
    while poll(&mut ends, PollTimeout::ZERO)? == 0 {
        if Instant::now() > deadline {
            return Err("it is not executed".into());
        }
    }
    Ok(())
}
