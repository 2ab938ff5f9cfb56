//! Inits that live while something is measured.

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

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an init is in its PID namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The first process of a namespace of its own.
    Pid1,
    /// An ordinary process, to which orphans come if it asks for them.
    Subreaper,
}

impl Mode {
    pub(crate) const BOTH: [Self; 2] = [Self::Pid1, Self::Subreaper];

    /// Starts `init` so, by `wrapper`, a command that executes it, if there are words of one.
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
    /// It, or what has unshared its namespace.
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
            socket.set_read_timeout(Some(PATIENCE))?;
        }
        // With the command go its ends of the sockets, so that the last of its processes closes them.
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

    /// Starts an init of a server that says when it is ready.
    pub(crate) fn start(mode: Mode, init: &Program) -> Result<Self> {
        let mut live = Self::spawn(mode, init, &[])?;
        match live.line()?.as_str() {
            "ready" => live.rest()?,
            "" => return Err(format!("{init} did not start its server {mode}").into()),
            problem => return Err(problem.into()),
        }
        Ok(live)
    }

    /// Starts an init of `sleep` as PID 1.
    pub(crate) fn idle(init: &Program) -> Result<Self> {
        let live = Self::spawn(Mode::Pid1, init, &[])?;
        let runs = || proc::has_sleep(live.init).ok()?.then_some(());
        eventually(runs).ok_or(format!("{init} did not start its server as PID 1"))?;
        live.rest()?;
        Ok(live)
    }

    /// Waits until the init has nothing left to do.
    pub(crate) fn rest(&self) -> Result<()> {
        let rests = || {
            let before = proc::switches(self.init).ok()?;
            sleep(Duration::from_millis(50));
            (proc::switches(self.init).ok()? == before).then_some(())
        };
        Ok(eventually(rests).ok_or("it does not come to rest")?)
    }

    /// What the server says next; nothing if it has ended, and its init with it.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_string())
    }

    /// Says something to the server, and waits for the answer.
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

    /// How it ended; None if it does not.
    pub(crate) fn end(mut self) -> Result<Option<ExitStatus>> {
        match self.output.read_to_end(&mut Vec::new()) {
            Ok(_) => Ok(Some(self.outer.wait()?)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Live {
    /// PID 1 first, and `unshare` ends with it: the other way round PID 1 would live on for a moment,
    /// and refuse its PID file to the next.
    fn drop(&mut self) {
        // Once it is waited for, the PID can be another's.
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

/// The nanoseconds of the monotonic clock, which is the same one for all processes.
pub(crate) fn now() -> Result<i64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(now.tv_sec() * 1_000_000_000 + now.tv_nsec())
}

pub(crate) fn eventually<T>(condition: impl Fn() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let value = condition();
        if value.is_some() {
            return value;
        }
        sleep(Duration::from_millis(1));
    }
    None
}
