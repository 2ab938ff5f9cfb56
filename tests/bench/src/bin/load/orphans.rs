//! Leaves orphans in bursts and measures how they are reaped, and is at the same time a server whose answers can be
//! timed.

use std::fmt::{self, Display};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, stdin, stdout};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, close, pipe2, read, write};

use crate::{Result, fork, report_ready_to_orphan};

/// The time after a burst in which all orphans must be reaped.
const GRACE: Duration = Duration::from_millis(100);

/// The time limit of the wait for an orphan that is left.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between two polls: long enough not to disturb the init, short enough for a burst of some 100 ms.
const PAUSE: Duration = Duration::from_micros(200);

/// The server echoes what it reads from its standard input, on the same socket. A child of it reads the size of a burst
/// from the socket on standard output, and answers there, so that a burst does not keep the server from answering.
pub(crate) fn orphans() -> Result<()> {
    report_ready_to_orphan()?;
    let bursts = fork::child(make_bursts)?;
    let mut socket = UnixStream::from(stdin().as_fd().try_clone_to_owned()?);
    let mut ping = [0; 8];
    while socket.read_exact(&mut ping).is_ok() {
        socket.write_all(&ping)?;
    }
    kill(bursts, Signal::SIGKILL)?;
    Ok(())
}

fn make_bursts() -> Result<()> {
    let mut socket = UnixStream::from(stdout().as_fd().try_clone_to_owned()?);
    let mut lines = BufReader::new(socket.try_clone()?).lines();
    while let Some(line) = lines.next() {
        match Burst::prepare(line?.parse()?) {
            Err(error) => writeln!(socket, "{error}")?,
            Ok(burst) => {
                writeln!(socket, "prepared")?;
                // `figures` sends another line once it has begun to time the server, or has stopped the init.
                let announces = matches!(lines.next(), Some(Ok(line)) if line == "announce");
                let outcome = burst.end(|| {
                    if announces {
                        writeln!(socket, "dead")?;
                    }
                    Ok(())
                })?;
                writeln!(socket, "{outcome}")?;
            }
        }
    }
    Ok(())
}

/// Orphans of the init that will die all at once.
struct Burst {
    pids: Vec<Pid>,
    /// The orphans live until it is closed.
    gate: OwnedFd,
    /// The other end closes when the last orphan is dead.
    lives: OwnedFd,
}

/// The time from the closing of the gate until the last orphan was reaped, and the number that was left too long.
struct Outcome {
    reaped: Duration,
    left: usize,
}

impl Burst {
    fn prepare(count: usize) -> Result<Self> {
        let (at_gate, gate) = pipe2(OFlag::O_CLOEXEC)?;
        let (lives, life) = pipe2(OFlag::O_CLOEXEC)?;
        let (born, report_born) = pipe2(OFlag::O_CLOEXEC)?;
        let not_inherited = [gate.as_raw_fd(), lives.as_raw_fd()];
        let parent = fork::child(move || {
            // The closure owns the descriptors of the orphans. These two belong to the process that measures them.
            not_inherited.into_iter().try_for_each(close)?;
            let not_inherited = report_born.as_raw_fd();
            for _ in 0..count {
                let orphan = fork::child(|| {
                    close(not_inherited)?;
                    let _lives = &life;
                    read(&at_gate, &mut [0])?;
                    Ok(())
                })?;
                write(&report_born, &orphan.as_raw().to_ne_bytes())?;
            }
            Ok(())
        })?;
        let mut pids = Vec::new();
        let mut pid = [0; 4];
        let mut born = File::from(born);
        while born.read_exact(&mut pid).is_ok() {
            pids.push(Pid::from_raw(i32::from_ne_bytes(pid)));
        }
        waitpid(parent, None)?;
        if pids.len() < count {
            return Err(format!("cannot fork more than {} processes", pids.len()).into());
        }
        Ok(Self { pids, gate, lives })
    }

    /// Calls `on_death` when all are dead.
    fn end(self, on_death: impl FnOnce() -> Result<()>) -> Result<Outcome> {
        let Self {
            mut pids,
            gate,
            lives,
        } = self;
        let start = Instant::now();
        drop(gate);
        let mut all_dead = None;
        let mut on_death = Some(on_death);
        let mut left = None;
        loop {
            // From the end, because the last one born is among the last to be reaped, which saves system calls.
            while pids.last().is_some_and(|pid| kill(*pid, None).is_err()) {
                pids.pop();
            }
            let now = start.elapsed();
            if pids.is_empty() || now > TIMEOUT {
                return Ok(Outcome {
                    reaped: now,
                    left: left.unwrap_or(pids.len()),
                });
            }
            if all_dead.is_none() && is_closed(&lives) {
                all_dead = Some(now);
                on_death.take().map_or(Ok(()), |on_death| on_death())?;
            }
            if left.is_none() && all_dead.is_some_and(|then| now > then + GRACE) {
                pids.retain(|pid| kill(*pid, None).is_ok());
                left = Some(pids.len());
            }
            sleep(PAUSE);
        }
    }
}

fn is_closed(pipe: &OwnedFd) -> bool {
    let mut ends = [PollFd::new(pipe.as_fd(), PollFlags::empty())];
    poll(&mut ends, PollTimeout::ZERO).is_ok_and(|ended| ended > 0)
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.reaped.as_nanos(), self.left)
    }
}
