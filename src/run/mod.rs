//! The life of one server: claim, spawn, record, let go, watch, clear, remove, leave.

use std::ffi::CStr;
use std::os::fd::AsRawFd;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::libc::SIGCHLD;
use nix::sys::prctl::{set_child_subreaper, set_pdeathsig};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, chdir, getpid, getppid};

use crate::cli::{PidFile, Run};
use crate::error::Error;
use crate::output::Log;
use crate::pidfile::{self, Claim};
use crate::sys::{self, SignalSet};

mod children;
mod ending;
mod exec_error;
mod memory;
mod program;
mod server;
mod signals;
mod terminal;

use ending::Ending;
use memory::OomKills;
use server::Server;
use signals::{Received, SignalQueue};
use terminal::Terminal;

/// What the server is to find as hinit found it.
#[derive(Clone, Copy)]
struct Inherited {
    signal_mask: SignalSet,
    sigchld_ignored: bool,
    /// Whether sockets were passed to this very process, as `sd_listen_fds(3)` has it; they are the
    /// server's.
    listens: bool,
}

/// The environment variable that says whose the sockets are.
const LISTEN_PID: &CStr = c"LISTEN_PID";

/// Runs the server, from the claim of its PID file to its end. Returns the exit code.
pub(crate) fn run(options: &Run, signal_mask: SignalSet) -> u8 {
    let log = Log(options.verbosity);
    match launch(options, signal_mask, log) {
        Ok(life) => life.live(),
        Err(error) => {
            log.error(format_args!("{error}"));
            error.exit_code()
        }
    }
}

/// All that can fail and then ends hinit. On success the server runs.
fn launch(options: &Run, signal_mask: SignalSet, log: Log) -> Result<Life, Error> {
    let inherited = Inherited {
        signal_mask,
        // Ignored, as some callers leave it, the server's end would never show.
        sigchld_ignored: sys::ignore_sigchld(false),
        listens: sys::environment(LISTEN_PID)
            .is_some_and(|pid| pid.to_str() == Some(&getpid().to_string())),
    };
    let queue = SignalQueue::new()?;
    adopt_orphans(log);
    if let Some(signal) = options.parent_death {
        follow_parent(signal)?;
    }
    let claim = claim(options)?;
    let terminal = Terminal::if_in_foreground();
    match Server::spawn(options, terminal.as_ref(), inherited) {
        Ok(server) => Ok(Life {
            server,
            queue,
            claim,
            terminal,
            log,
        }),
        Err(error) => {
            if let Some(Err(left_behind)) = claim.map(Claim::remove) {
                log.warn(format_args!("{left_behind}"));
            }
            Err(error)
        }
    }
}

/// Makes orphans come to hinit. To PID 1 they come anyway.
fn adopt_orphans(log: Log) {
    if getpid() != Pid::from_raw(1)
        && let Err(errno) = set_child_subreaper(true)
    {
        log.verbose(format_args!("cannot become a subreaper: {}", errno.desc()));
    }
}

/// Has the kernel send hinit a signal when its parent dies. It waits in the queue, like any other.
fn follow_parent(signal: Signal) -> Result<(), Error> {
    let fail = |errno: Errno| Error::cannot("follow", "the parent process", errno.desc());
    let own = getpid();
    // PID 1 has no parent in its namespace, and must not end with one outside.
    if own == Pid::from_raw(1) {
        return Ok(());
    }
    let parent = getppid();
    set_pdeathsig(signal).map_err(fail)?;
    // Has it died already, in between? Then hinit is another's child by now.
    if getppid() != parent {
        kill(own, signal).map_err(fail)?;
    }
    Ok(())
}

fn claim(options: &Run) -> Result<Option<Claim>, Error> {
    let default;
    let path = match &options.pid_file {
        None => return Ok(None),
        Some(PidFile::At(path)) => path,
        Some(PidFile::Default) => {
            default = pidfile::default_path().ok_or_else(|| {
                let places = "/run, /tmp, /dev/shm";
                Error::cannot("claim a PID file in", places, "none of them is writable").remedy(
                    "mount one (--tmpfs /tmp, or an emptyDir), name a file with HINIT_PID_FILE, \
                     or keep none with --no-pid-file",
                )
            })?;
            &default
        }
    };
    Claim::new(path, options.mode).map(Some)
}

/// A server that runs, and what hinit holds for it.
struct Life {
    server: Server,
    queue: SignalQueue,
    claim: Option<Claim>,
    terminal: Option<Terminal>,
    log: Log,
}

impl Life {
    /// From here on nothing ends hinit but the server's end: no step returns an error.
    fn live(mut self) -> u8 {
        self.keep_pid_file(|claim| claim.record(self.server.pid()));
        let oom_kills = OomKills::so_far();
        self.let_go(&oom_kills);
        let status = self.watch();
        let ending = Ending::new(status, self.server.age(), &oom_kills);
        self.log.warn(format_args!("{ending}"));
        self.leave();
        ending.exit_code()
    }

    /// Holds on to nothing of the place where hinit was started, nor to what it was given for the
    /// server: a file system could not be unmounted, a pipe would not end.
    fn let_go(&self, oom_kills: &OomKills) {
        let own = [Some(self.queue.as_fd()), oom_kills.as_fd()];
        let claimed = self.claim.iter().flat_map(Claim::as_fds);
        let terminal = self.terminal.as_ref().map(Terminal::as_fd);
        let kept = own.into_iter().flatten().chain(claimed).chain(terminal);
        sys::close_all_but(kept.map(|fd| fd.as_raw_fd()).collect());
        if let Err(errno) = chdir("/") {
            self.log
                .verbose(format_args!("cannot change to `/`: {}", errno.desc()));
        }
        sys::release_code();
    }

    /// Passes signals on and reaps orphans until the server ends.
    fn watch(&mut self) -> ExitStatus {
        // A real-time signal that the server's queue has no room for. Those behind it wait with it;
        // standard ones, which always have room, pass it.
        let mut held: Option<Received> = None;
        loop {
            let signal = match held.take() {
                None => {
                    let signal = self.queue.next();
                    self.told(signal)
                }
                Some(waiting) => match self.queue.next_standard() {
                    None => waiting,
                    Some(standard) => {
                        held = Some(waiting);
                        self.told(standard)
                    }
                },
            };
            if signal.number() == SIGCHLD {
                if let Some(status) = self.reap() {
                    return status;
                }
                continue;
            }
            match self.server.signal(&signal) {
                Ok(()) => {}
                Err(Errno::EAGAIN) => held = Some(signal),
                Err(errno) => {
                    let why = errno.desc();
                    self.log
                        .warn(format_args!("cannot pass on {signal}: {why}"));
                }
            }
        }
    }

    fn told(&self, signal: Received) -> Received {
        if signal.number() != SIGCHLD {
            self.log.verbose(format_args!("{signal}"));
        }
        signal
    }

    /// Reaps every child that has ended: one SIGCHLD can stand for many. Returns how the server
    /// ended, if it did.
    fn reap(&self) -> Option<ExitStatus> {
        while let Ok(Some(pid)) = sys::ended_child() {
            let is_server = pid == self.server.pid();
            if is_server {
                // First the file, then the zombie: no file ever names a PID that is free.
                self.keep_pid_file(Claim::clear);
            }
            match sys::reap(pid) {
                Ok(status) if is_server => return Some(status),
                Ok(status) => self
                    .log
                    .verbose(format_args!("reaped orphan {pid}: {status}")),
                Err(errno) => {
                    self.log
                        .warn(format_args!("cannot reap process {pid}: {}", errno.desc()));
                    break;
                }
            }
        }
        None
    }

    /// Gives back what was taken.
    fn leave(self) {
        if let Some(Err(error)) = self.claim.map(Claim::remove) {
            self.log.warn(format_args!("{error}"));
        }
        if let Some(terminal) = self.terminal {
            terminal.take_back(self.server.pid());
        }
    }

    fn keep_pid_file(&self, step: impl Fn(&Claim) -> Result<(), Error>) {
        if let Some(Err(error)) = self.claim.as_ref().map(step) {
            self.log.warn(format_args!("{error}"));
        }
    }
}
