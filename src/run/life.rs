//! The life of a server that runs. From here on nothing ends hinit but the server's end: no step
//! returns an error.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::{SIGCHLD, SIGCONT, c_int};
use nix::unistd::chdir;

use super::descendants::Leftovers;
use super::ending::{Ending, ServerEnd};
use super::memory::OomKills;
use super::server::Server;
use super::shutdown::{Action, Happened, Shutdown, is_stop_signal};
use super::signals::{Event, Received, SignalQueue};
use super::terminal::{Stop, Terminal};
use crate::cli::Run;
use crate::error::Error;
use crate::output::Log;
use crate::pidfile::Claim;
use crate::sys::{self, SignalSet};

/// How long after its start a server has come to stay. Code that hinit has unmapped before that would
/// have to be mapped again for one that ends at once.
const SETTLED: Duration = Duration::from_millis(20);

/// A server that runs, and what hinit holds for it.
pub(super) struct Life<'a> {
    options: &'a Run,
    log: Log,
    server: Server,
    queue: SignalQueue,
    claim: Option<Claim>,
    terminal: Option<Terminal>,
    shutdown: Shutdown,
    /// When to unmap the code that only the start has needed, if that is still to be done.
    settle_at: Option<Instant>,
    /// The first stop signal, and who sent it.
    asked: Option<(c_int, u32)>,
    /// The stop signal that waits for the end of the delay.
    delayed: Option<Received>,
    passed_on: SignalSet,
    server_end: Option<ServerEnd>,
    /// hinit had to kill the server.
    overdue: bool,
    leftovers: Leftovers,
}

impl<'a> Life<'a> {
    pub(super) fn new(
        options: &'a Run,
        server: Server,
        queue: SignalQueue,
        claim: Option<Claim>,
        terminal: Option<Terminal>,
    ) -> Self {
        Self {
            options,
            log: Log(options.verbosity),
            server,
            queue,
            claim,
            terminal,
            shutdown: Shutdown::new(options.stop),
            settle_at: Some(Instant::now() + SETTLED),
            asked: None,
            delayed: None,
            passed_on: SignalSet::NONE,
            server_end: None,
            overdue: false,
            leftovers: Leftovers::new(),
        }
    }

    /// Returns the exit code.
    pub(super) fn live(mut self) -> u8 {
        self.keep_pid_file(|claim| claim.record(self.server.pid()));
        let oom_kills = OomKills::so_far();
        self.let_go(&oom_kills);
        let server_end = self.watch();
        self.leave(server_end, &oom_kills)
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
    }

    /// Passes signals on and reaps orphans until the server has ended, and then, as the timetable
    /// has it, all that it left.
    fn watch(&mut self) -> ServerEnd {
        loop {
            let deadlines = self.settle_at.into_iter().chain(self.shutdown.deadline());
            let (happened, signal) = match self.queue.wait(deadlines.min()) {
                Event::Deadline => {
                    if self.settle_at.is_some_and(|at| at <= Instant::now()) {
                        self.settle_at = None;
                        sys::release_code();
                    }
                    (Happened::Deadline, None)
                }
                Event::Again(signal) => {
                    self.pass_on(signal);
                    continue;
                }
                Event::Signal(signal) if signal.number() == SIGCHLD => match self.reap() {
                    Some(happened) => (happened, None),
                    None => continue,
                },
                Event::Signal(signal) => match self.receive(signal) {
                    Some(signal) => (Happened::Signal(signal.number()), Some(signal)),
                    None => continue,
                },
            };
            let is_over = match self.shutdown.on(happened, Instant::now()) {
                Action::Leave => true,
                Action::Terminate => !self.terminate(),
                other => {
                    self.act(other, signal);
                    false
                }
            };
            if is_over && let Some(end) = self.server_end.take() {
                return end;
            }
        }
    }

    fn act(&mut self, action: Action, signal: Option<Received>) {
        match action {
            Action::PassOn => self.pass_on_as_told(signal),
            Action::Delay => {
                self.delayed = signal;
                self.keep_pid_file(Claim::mark_stopping);
            }
            Action::PassOnDelayed => {
                let delayed = self.delayed.take();
                self.pass_on_as_told(delayed);
            }
            Action::Kill => self.kill(),
            Action::Nothing | Action::Terminate | Action::Leave => {}
        }
    }

    /// Takes note of a signal. None, if it is one to be dropped.
    fn receive(&mut self, signal: Received) -> Option<Received> {
        self.log.verbose(format_args!("{signal}"));
        self.options.rewrites.apply(signal.number())?;
        if is_stop_signal(signal.number()) {
            self.asked.get_or_insert((signal.number(), signal.sender()));
        }
        Some(signal)
    }

    fn pass_on_as_told(&mut self, signal: Option<Received>) {
        if let Some(signal) = signal
            && let Some(number) = self.options.rewrites.apply(signal.number())
        {
            self.pass_on(signal.rewritten(number));
        }
    }

    fn pass_on(&mut self, signal: Received) {
        if self.server_end.is_some() {
            return;
        }
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
            Ok(()) => self.passed_on = self.passed_on.with(signal.number()),
            Err(Errno::EAGAIN) => self.queue.put_back(signal),
            Err(errno) => {
                let why = errno.desc();
                self.log
                    .warn(format_args!("cannot pass on {signal}: {why}"));
            }
        }
    }

    /// Reaps every child that has ended: one SIGCHLD can stand for many.
    fn reap(&mut self) -> Option<Happened> {
        let mut happened = None;
        while let Ok(Some(pid)) = sys::ended_child() {
            let is_server = pid == self.server.pid() && self.server_end.is_none();
            if is_server {
                // First the file, then the zombie: no file ever names a PID that is free.
                self.keep_pid_file(Claim::clear);
            }
            match sys::reap(pid) {
                Ok(status) if is_server => {
                    let end = ServerEnd::new(status, self.server.age(), self.overdue);
                    self.server_end = Some(end);
                    happened = Some(Happened::ServerEnded);
                }
                Ok(status) => {
                    self.log
                        .verbose(format_args!("reaped orphan {pid}: {status}"));
                    happened = happened.or(Some(Happened::ChildEnded));
                }
                Err(errno) => {
                    self.log
                        .warn(format_args!("cannot reap process {pid}: {}", errno.desc()));
                    break;
                }
            }
        }
        if self.server_end.is_none() {
            self.follow_stop();
        } else if sys::ended_child() == Err(Errno::ECHILD) {
            happened = Some(Happened::NoneLeft);
        }
        happened
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

    /// Tells all that is left to end. False, if hinit cannot know who that is.
    fn terminate(&mut self) -> bool {
        let can_tell = self.leftovers.terminate();
        if !can_tell {
            self.log.warn(format_args!(
                "cannot tell what the server has left: /proc is not this PID namespace's"
            ));
        }
        can_tell
    }

    fn kill(&mut self) {
        let server = self.server_end.is_none().then(|| self.server.pid());
        self.overdue |= self.leftovers.kill(server);
    }

    /// Gives back what was taken, tells how it went, and returns the exit code.
    fn leave(self, server: ServerEnd, oom_kills: &OomKills) -> u8 {
        let code = server.exit_code(&self.options.exit, self.passed_on);
        let (killed, remaining) = self.leftovers.at_the_end();
        let ending = Ending {
            server,
            asked: self.asked,
            oom_kills: oom_kills.since(),
            killed,
            remaining,
        };
        self.log.warn(format_args!("{ending}"));
        if let Some(Err(error)) = self.claim.map(Claim::remove) {
            self.log.warn(format_args!("{error}"));
        }
        if let Some(terminal) = self.terminal {
            terminal.take_back(self.server.pid());
        }
        code
    }

    fn keep_pid_file(&self, step: impl Fn(&Claim) -> Result<(), Error>) {
        if let Some(Err(error)) = self.claim.as_ref().map(step) {
            self.log.warn(format_args!("{error}"));
        }
    }
}
