//! Leaves orphans in bursts and watches how they go: at the same time a server whose answers can be timed.

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

use crate::{Result, fork, say_ready_to_orphan};

/// How long after a burst an orphan may be left.
const GRACE: Duration = Duration::from_millis(100);

/// How long one that is left is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Seldom enough to disturb nobody, often enough for a burst of some 100 ms.
const PAUSE: Duration = Duration::from_micros(200);

/// The server echoes what comes on its standard input, by the same socket. A child of it takes the size of a burst from
/// the socket on standard output, and answers there: no burst must keep the server itself from answering.
pub(crate) fn orphans() -> Result<()> {
    say_ready_to_orphan()?;
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
                // The bench times the server now; another line says that it has begun.
                let _begun = lines.next();
                writeln!(socket, "{}", burst.end())?;
            }
        }
    }
    Ok(())
}

/// Orphans of the init that will die all at once.
struct Burst {
    pids: Vec<Pid>,
    /// They live until it is closed.
    gate: OwnedFd,
    /// It is closed when the last of them is dead.
    lives: OwnedFd,
}

/// The time from the opening of the gate until the last one was reaped, and how many were left too long.
struct Outcome {
    reaped: Duration,
    left: usize,
}

impl Burst {
    fn prepare(count: usize) -> Result<Self> {
        let (at_gate, gate) = pipe2(OFlag::O_CLOEXEC)?;
        let (lives, life) = pipe2(OFlag::O_CLOEXEC)?;
        let (born, tell_born) = pipe2(OFlag::O_CLOEXEC)?;
        let not_theirs = [gate.as_raw_fd(), lives.as_raw_fd()];
        let parent = fork::child(move || {
            // What they have moves with this closure; this belongs to the one who watches them.
            not_theirs.into_iter().try_for_each(close)?;
            let not_theirs = tell_born.as_raw_fd();
            for _ in 0..count {
                let orphan = fork::child(|| {
                    close(not_theirs)?;
                    let _lives = &life;
                    read(&at_gate, &mut [0])?;
                    Ok(())
                })?;
                write(&tell_born, &orphan.as_raw().to_ne_bytes())?;
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

    fn end(self) -> Outcome {
        let Self {
            mut pids,
            gate,
            lives,
        } = self;
        let start = Instant::now();
        drop(gate);
        let mut all_dead = None;
        let mut left = None;
        loop {
            // From the end: the last one born is among the last to be reaped, so that this asks seldom.
            while pids.last().is_some_and(|pid| kill(*pid, None).is_err()) {
                pids.pop();
            }
            let now = start.elapsed();
            if pids.is_empty() || now > PATIENCE {
                return Outcome {
                    reaped: now,
                    left: left.unwrap_or(pids.len()),
                };
            }
            if all_dead.is_none() && is_closed(&lives) {
                all_dead = Some(now);
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
