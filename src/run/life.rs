//! The life of a server that runs. From here on nothing ends hinit but the server's end: no step
//! returns an error.

use std::os::fd::AsRawFd;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::libc::{SIGCHLD, SIGCONT};
use nix::unistd::chdir;

use super::ending::Ending;
use super::memory::OomKills;
use super::server::Server;
use super::signals::{Received, SignalQueue};
use super::terminal::{Stop, Terminal};
use crate::error::Error;
use crate::output::Log;
use crate::pidfile::Claim;
use crate::sys;

/// A server that runs, and what hinit holds for it.
pub(super) struct Life {
    pub(super) server: Server,
    pub(super) queue: SignalQueue,
    pub(super) claim: Option<Claim>,
    pub(super) terminal: Option<Terminal>,
    pub(super) log: Log,
}

impl Life {
    /// Returns the exit code.
    pub(super) fn live(mut self) -> u8 {
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
                None => self.queue.next(),
                Some(waiting) => match self.queue.next_standard() {
                    None => {
                        held = self.pass_on(waiting);
                        continue;
                    }
                    Some(standard) => {
                        held = Some(waiting);
                        standard
                    }
                },
            };
            if signal.number() == SIGCHLD {
                if let Some(status) = self.reap() {
                    return status;
                }
                self.follow_stop();
            } else {
                self.log.verbose(format_args!("{signal}"));
                held = self.pass_on(signal).or(held);
            }
        }
    }

    /// Passes a signal on. Returns it where the server's queue has no room for it.
    fn pass_on(&self, signal: Received) -> Option<Received> {
        let result = match &self.terminal {
            // As the shell that sent it means it: for the whole job, with the terminal if that is
            // in the foreground.
            Some(terminal) if signal.number() == SIGCONT => {
                if terminal.is_ours() {
                    terminal.give_to(self.server.pid());
                }
                self.server.signal_group(SIGCONT)
            }
            _ => self.server.signal(&signal),
        };
        match result {
            Ok(()) => None,
            Err(Errno::EAGAIN) => Some(signal),
            Err(errno) => {
                let why = errno.desc();
                self.log
                    .warn(format_args!("cannot pass on {signal}: {why}"));
                None
            }
        }
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

    /// On a terminal a server that stops is a job that stops: hinit stops with it, so that the shell
    /// learns of it, or lets it go on.
    fn follow_stop(&self) {
        let Some(terminal) = &self.terminal else {
            return;
        };
        let Some(signal) = self.server.stopped() else {
            return;
        };
        let then = terminal.follow_stop(signal, self.server.pid());
        if matches!(then, Stop::Continue | Stop::ContinueAlone) {
            let _has_just_been_there = self.server.signal_group(SIGCONT);
        }
        match then {
            Stop::Wait => {}
            Stop::Continue => self.log.verbose(format_args!(
                "the server was stopped by {signal}, and has the terminal now"
            )),
            Stop::ContinueAlone => self.log.warn(format_args!(
                "the server was stopped by {signal}, and continued at once: nobody else could"
            )),
            Stop::Leave => self
                .log
                .warn(format_args!("the server was stopped by {signal}")),
        }
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
