//! Inits that run while something is measured.

use std::fmt::{self, Display};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{Pid, Uid};

use crate::proc;
use crate::program::{Program, Result};

/// The time limit of all waits.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What an init is in its PID namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The first process of a new PID namespace.
    Pid1,
    /// An ordinary process, which is a subreaper if it makes itself one.
    Subreaper,
}

impl Mode {
    pub(crate) const BOTH: [Self; 2] = [Self::Pid1, Self::Subreaper];

    /// The command that starts `init` in this mode, by `wrapper`, a command line that executes it, unless that is empty.
    fn command(self, init: &Program, wrapper: &[&str]) -> Command {
        if self == Self::Subreaper {
            return init.under("env", wrapper);
        }
        let mut options = vec!["--pid", "--fork", "--kill-child", "--mount-proc"];
        if !Uid::effective().is_root() {
            options.extend(["--user", "--map-root-user"]);
        }
        init.under("unshare", &[&options, wrapper].concat())
    }
}

impl Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Pid1 => "as PID 1",
            Self::Subreaper => "as a subreaper",
        })
    }
}

/// An init, seen from outside.
pub(crate) struct Live {
    /// The init, or the `unshare` above it.
    outer: Child,
    init: Pid,
    /// The server's standard input and output.
    pub(crate) input: UnixStream,
    pub(crate) output: BufReader<UnixStream>,
}

impl Live {
    /// Starts an init, or the wrapper that will execute it under the same PID.
    pub(crate) fn spawn(mode: Mode, init: &Program, wrapper: &[&str]) -> Result<Self> {
        let (input, theirs) = UnixStream::pair()?;
        let (output, their_output) = UnixStream::pair()?;
        for socket in [&input, &output] {
            socket.set_read_timeout(Some(TIMEOUT))?;
        }
        // The command owns their ends of the sockets and is dropped, so they close with the last of the processes.
        let outer = mode
            .command(init, wrapper)
            .stdin(OwnedFd::from(theirs))
            .stdout(OwnedFd::from(their_output))
            .spawn()?;
        let pid = Pid::from_raw(outer.id().cast_signed());
        let mut live = Self {
            outer,
            init: pid,
            input,
            output: BufReader::new(output),
        };
        if mode == Mode::Pid1 {
            live.init = eventually(|| proc::children(pid).ok()?.first().copied())
                .ok_or(format!("{init} did not start as PID 1"))?;
        }
        Ok(live)
    }

    /// Starts an init with a server that prints when it is ready.
    pub(crate) fn start(mode: Mode, init: &Program) -> Result<Self> {
        let mut live = Self::spawn(mode, init, &[])?;
        match live.line()?.as_str() {
            "ready" => live.rest()?,
            "" => return Err(format!("{init} did not start its server {mode}").into()),
            problem => return Err(problem.into()),
        }
        Ok(live)
    }

    /// Starts an init as PID 1, with `sleep` as its server.
    pub(crate) fn idle(init: &Program) -> Result<Self> {
        let live = Self::spawn(Mode::Pid1, init, &[])?;
        let runs = || proc::runs_sleep(live.init).ok()?.then_some(());
        eventually(runs).ok_or(format!("{init} did not start its server as PID 1"))?;
        live.rest()?;
        Ok(live)
    }

    /// Waits until the init is idle.
    pub(crate) fn rest(&self) -> Result<()> {
        let rests = || {
            let before = proc::switches(self.init).ok()?;
            sleep(Duration::from_millis(50));
            (proc::switches(self.init).ok()? == before).then_some(())
        };
        Ok(eventually(rests).ok_or("the init does not become idle")?)
    }

    /// The next line that the server prints; empty if it and its init have ended.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_string())
    }

    /// Sends the server a line, and waits for its answer.
    pub(crate) fn ask(&mut self, question: &str) -> Result<String> {
        writeln!(self.input, "{question}")?;
        self.line()
    }

    pub(crate) fn pid(&self) -> Pid {
        self.init
    }

    pub(crate) fn signal(&self, signal: Signal) -> nix::Result<()> {
        kill(self.init, signal)
    }

    /// The exit status of the init; None if it does not end within the time limit.
    pub(crate) fn end(mut self) -> Result<Option<ExitStatus>> {
        match self.output.read_to_end(&mut Vec::new()) {
            Ok(_) => Ok(Some(self.outer.wait()?)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Live {
    /// Kills PID 1 first, with which `unshare` ends. If `unshare` ended first, PID 1 would still hold its PID file for a
    /// moment, and the next init could not use it.
    fn drop(&mut self) {
        // After it was waited for, its PID can belong to another process.
        if let Ok(None) = self.outer.try_wait() {
            if self.signal(Signal::SIGKILL).is_err() {
                let _ = self.outer.kill();
            }
            let _ = self.outer.wait();
        }
    }
}

/// An init with a server that a health check finds alive.
pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn start(init: &Program, check: &Program) -> Result<Self> {
        let server = Self(init.under("env", &[]).spawn()?);
        eventually(|| check.run().ok()).ok_or(format!("{check} found no live server"))?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// The nanoseconds of the monotonic clock, which is the same for all processes.
pub(crate) fn now() -> Result<i64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(now.tv_sec() * 1_000_000_000 + now.tv_nsec())
}

pub(crate) fn eventually<T>(condition: impl Fn() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + TIMEOUT;
    while Instant::now() < deadline {
        let value = condition();
        if value.is_some() {
            return value;
        }
        sleep(Duration::from_millis(1));
    }
    None
}
