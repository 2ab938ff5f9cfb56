//! The life of a server that runs. From here on nothing ends hinit but the server's end: no step
//! returns an error.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::{SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, c_int};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, chdir, getpid};

use super::ending::{Ending, ServerEnd, Survivor};
use super::health::Health;
use super::leftovers::Leftovers;
use super::memory::OomKills;
use super::pause::{PauseDetector, watchdog_look_interval};
use super::server::Server;
use super::shutdown::{Action, Happened, Shutdown};
use super::signals::{Event, Received, SignalQueue};
use super::sockets::Sockets;
use super::start::Start;
use super::terminal::Terminal;
use crate::cli::Run;
use crate::error::{Error, exit_code};
use crate::file;
use crate::output::Log;
use crate::pidfile::Claim;
use crate::process::{self, Process};
use crate::sys::{self, SignalSet};
use crate::time::Rounded;

mod children;
mod hearing;

/// How long after its start a server has come to stay. Code that hinit has unmapped before that would
/// have to be mapped again for one that ends at once.
const SETTLED: Duration = Duration::from_millis(20);

/// A server that runs, and what hinit holds for it.
pub(super) struct Life<'a> {
    options: &'a Run,
    log: Log,
    /// The server, or the child that is about to become it.
    server: Server,
    /// Until the server's exec.
    start: Option<Start>,
    queue: SignalQueue,
    claim: Option<Claim>,
    terminal: Option<Terminal>,
    /// The server's process group at its end, which had the terminal.
    last_group: Option<Pid>,
    sockets: Option<Sockets>,
    health: Health,
    oom_kills: OomKills,
    /// Who takes the server's place when it ends, and whether it was said that it did not at once.
    successor: Option<Process>,
    is_told_of_main_pid: bool,
    /// The PID files that name a successor, by their absolute paths.
    follow: Vec<PathBuf>,
    /// Whose place the server has taken.
    former: Option<Pid>,
    shutdown: Shutdown,
    pause_detector: PauseDetector,
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
    /// Whether it was already logged that a signal cannot be passed on.
    warned_refusal: bool,
    leftovers: Leftovers,
}

impl<'a> Life<'a> {
    pub(super) fn new(
        options: &'a Run,
        start: Start,
        queue: SignalQueue,
        claim: Option<Claim>,
        terminal: Option<Terminal>,
        sockets: Option<Sockets>,
    ) -> Self {
        let now = Instant::now();
        let server = Server::new(start.child(), options.group);
        let health = Health::new(server.pid(), options.notify.as_ref(), now);
        // hinit itself leaves the server's directory.
        let from = start.directory().unwrap_or(Path::new(""));
        let mut follow = Vec::new();
        for path in &options.follow {
            follow.push(absolute(&from.join(path)));
        }
        Self {
            options,
            log: Log(options.verbosity),
            server,
            start: Some(start),
            queue,
            claim,
            terminal,
            last_group: None,
            sockets,
            health,
            oom_kills: OomKills::NONE,
            successor: None,
            is_told_of_main_pid: false,
            follow,
            former: None,
            shutdown: Shutdown::new(options.stop),
            pause_detector: PauseDetector::default(),
            settle_at: None,
            asked: None,
            delayed: None,
            passed_on: SignalSet::NONE,
            server_end: None,
            overdue: false,
            warned_refusal: false,
            leftovers: Leftovers::new(),
        }
    }

    /// Returns the exit code.
    pub(super) fn live(mut self) -> u8 {
        match self.watch() {
            Ok(server_end) => self.leave(server_end),
            Err(error) => self.give_up(&error),
        }
    }

    /// The child has executed the server, or could not.
    fn finish_start(&mut self) -> Result<(), Error> {
        let Some(start) = self.start.take() else {
            return Ok(());
        };
        start.finish()?;
        self.server.has_started();
        self.health.has_started();
        self.keep_pid_file(&|claim| claim.record(self.server.pid()));
        self.oom_kills = OomKills::so_far();
        self.let_go();
        self.queue.open();
        self.settle_at = Some(Instant::now() + SETTLED);
        Ok(())
    }

    /// Holds on to nothing of the place where hinit was started, nor to what it was given for the
    /// server: a file system could not be unmounted, a pipe would not end.
    fn let_go(&self) {
        let mut kept = vec![self.queue.as_fd().as_raw_fd()];
        let mut keep = |fd: BorrowedFd| kept.push(fd.as_raw_fd());
        if let Some(counter) = self.oom_kills.as_fd() {
            keep(counter);
        }
        if let Some(claim) = &self.claim {
            claim.keep(&mut keep);
        }
        if let Some(terminal) = &self.terminal {
            keep(terminal.as_fd());
        }
        if let Some(sockets) = &self.sockets {
            sockets.keep(&mut keep);
        }
        if let Err(errno) = sys::close_all_but(kept) {
            self.log.warn(format_args!(
                "cannot close what hinit was given for the server: {}; a pipe among it does not end \
                 before hinit does",
                sys::describe(errno)
            ));
        }
        if let Err(errno) = chdir(c"/") {
            self.log.verbose(format_args!(
                "cannot change to `/`: {}",
                sys::describe(errno)
            ));
        }
    }

    /// Passes signals on and reaps orphans until the server has ended, and then, as the timetable
    /// has it, all that it left. None, where the server could not be killed. An error, if it could not be
    /// started.
    fn watch(&mut self) -> Result<Option<ServerEnd>, Error> {
        loop {
            let deadline = self.wake_up_at();
            let start = self.start.as_ref().map(AsFd::as_fd);
            let sockets = self.sockets.as_ref().map(AsFd::as_fd);
            let event = self.queue.wait(deadline, start, sockets);
            if let Some(pause) = self.pause_detector.pause(Instant::now) {
                self.make_up_for(pause);
            }
            let (happened, signal) = match event {
                Event::Deadline => (self.look_at_the_clock(), None),
                Event::Sockets => {
                    self.attend();
                    continue;
                }
                Event::Again(signal) => {
                    self.pass_on(signal);
                    continue;
                }
                Event::Started => {
                    self.finish_start()?;
                    continue;
                }
                Event::Signal(signal) if signal.number() == SIGCHLD => match self.reap()? {
                    Some(happened) => (happened, None),
                    None => continue,
                },
                Event::Signal(signal) => match self.receive(signal) {
                    Some(signal) => (Happened::Signal(signal.number()), Some(signal)),
                    None => continue,
                },
            };
            match self.shutdown.on(happened, Instant::now()) {
                Action::Leave => return Ok(self.server_end.take()),
                other => self.act(other, signal),
            }
        }
    }

    /// When to come back at the latest, if nothing else happens.
    fn wake_up_at(&mut self) -> Option<Instant> {
        let watchdog = self.health.deadline();
        let probes = self.sockets.as_ref().and_then(Sockets::deadline);
        let others = self.shutdown.deadline().into_iter().chain(probes).min();
        let interval = match (others, self.options.notify) {
            (None, Some(_)) => self.health.watchdog().map(watchdog_look_interval),
            _ => None,
        };
        let deadline = watchdog.into_iter().chain(others).min();
        let look = self
            .pause_detector
            .wake_up_at(deadline, interval, Instant::now);
        self.settle_at.into_iter().chain(look).min()
    }

    /// hinit stood still, and with it the server: every deadline that runs moves by that time.
    fn make_up_for(&mut self, pause: Duration) {
        self.log.verbose(format_args!(
            "stood still for {}: the deadlines are that much later",
            Rounded(pause)
        ));
        self.shutdown.postpone(pause);
        self.health.postpone(pause, Instant::now());
        if let Some(sockets) = &mut self.sockets {
            sockets.postpone(pause);
        }
    }

    fn look_at_the_clock(&mut self) -> Happened {
        // Before hinit leaves somebody behind. The end of a child that was made with another exit signal
        // than SIGCHLD may even send no signal at all.
        if self.shutdown.is_ending()
            // The server has started by then: nothing can fail.
            && let Ok(Some(happened)) = self.reap()
        {
            return happened;
        }
        let now = Instant::now();
        if self.settle_at.is_some_and(|at| at <= now) {
            self.settle_at = None;
            sys::release_code();
        }
        if let Some(sockets) = &mut self.sockets {
            sockets.expire(&self.health, now);
        }
        if self.is_to_abort(now) {
            Happened::Silent
        } else {
            Happened::Deadline
        }
    }

    fn act(&mut self, action: Action, signal: Option<Received>) {
        match action {
            Action::PassOn => self.pass_on_as_told(signal),
            Action::Delay => {
                self.delayed = signal;
                self.keep_pid_file(&Claim::mark_stopping);
            }
            Action::PassOnDelayed => {
                let delayed = self.delayed.take();
                self.pass_on_as_told(delayed);
            }
            Action::Abort => self.abort(),
            Action::Terminate => self.terminate(),
            Action::Kill => self.kill(),
            Action::Nothing | Action::Leave => {}
        }
    }

    /// Takes note of a signal. None, if it is one to be dropped.
    fn receive(&mut self, signal: Received) -> Option<Received> {
        self.log.verbose(format_args!("{signal}"));
        if self.options.rewrites.apply(signal.number()).is_none() {
            self.stop_along(signal.number());
            return None;
        }
        if self.options.stop.signals.contains(signal.number()) {
            self.asked.get_or_insert((signal.number(), signal.sender()));
            self.health.stop();
        }
        Some(signal)
    }

    fn pass_on_as_told(&mut self, signal: Option<Received>) {
        if let Some(signal) = signal
            && let Some(number) = self.options.rewrites.apply(signal.number())
        {
            let received = signal.number();
            self.pass_on(signal.rewritten(number));
            self.stop_along(received);
        }
    }

    /// Whoever sent this could not see the server stop. (With a terminal: see `follow_stop`.)
    fn stop_along(&self, received: c_int) {
        let is_job_control = [SIGTSTP, SIGTTIN, SIGTTOU].contains(&received);
        let is_pid_1 = getpid() == Pid::from_raw(1);
        if is_job_control && self.options.manners.stops && self.terminal.is_none() && !is_pid_1 {
            let _goes_on_at_sigcont = kill(getpid(), Signal::SIGSTOP);
        }
    }

    fn pass_on(&mut self, signal: Received) {
        if self.server_end.is_some() {
            return;
        }
        let is_stop = self.options.stop.signals.contains(signal.received_as());
        let result = match &self.terminal {
            // As the shell that sent it means it: for the whole job, with the terminal if that is
            // in the foreground.
            Some(terminal) if signal.number() == SIGCONT => {
                if terminal.is_ours()
                    && let Some(group) = self.server.group()
                {
                    terminal.give_to(group);
                }
                self.server.signal_group(SIGCONT)
            }
            _ => self.server.signal(&signal),
        };
        match result {
            Ok(()) => {
                self.passed_on = self.passed_on.with(signal.number());
                if is_stop {
                    self.wake_stopped_server();
                }
            }
            Err(Errno::EAGAIN) => self.queue.put_back(signal),
            Err(errno) => self.warn_of_refusal(&signal, errno),
        }
    }

    /// Names the server once; a server that hinit may not signal gets none of the next ones either.
    fn warn_of_refusal(&mut self, signal: &Received, errno: Errno) {
        let pid = self.server.pid();
        let name = process::name(pid).unwrap_or_default();
        let why = sys::describe(errno);
        let line = format_args!("cannot pass on {signal} to the server {name} (PID {pid}): {why}");
        if std::mem::replace(&mut self.warned_refusal, true) {
            self.log.verbose(line);
        } else {
            self.log.warn(line);
        }
    }

    /// A server that is stopped would get to its stop signal only when it is killed.
    fn wake_stopped_server(&mut self) {
        self.follow_changes();
        if self.server.is_stopped()
            && let Err(errno) = self.server.signal_as_told(SIGCONT)
        {
            let why = sys::describe(errno);
            self.log
                .warn(format_args!("cannot continue the stopped server: {why}"));
        }
    }

    /// Tells how it went, gives back what was taken, and returns the exit code.
    fn leave(mut self, server: Option<ServerEnd>) -> u8 {
        let pid = self.server.pid();
        let (server, code) = if let Some(end) = server {
            let code = end.exit_code(&self.options.exit, self.passed_on);
            (Ok(end), code)
        } else {
            // No file may name a PID that hinit does not hold.
            self.keep_pid_file(&Claim::clear);
            (Err(Survivor::new(pid)), exit_code::HINIT_FAILED)
        };
        let leftovers = std::mem::replace(&mut self.leftovers, Leftovers::new());
        let (killed, mut remaining) = leftovers.at_the_end();
        remaining.retain(|process| process.pid != pid);
        let ending = Ending {
            server,
            asked: self.asked,
            oom_kills: self.oom_kills.since(),
            killed,
            remaining,
        };
        match ending.server {
            Ok(_) => self.log.tell(format_args!("{ending}")),
            Err(_) => self.log.error(format_args!("{ending}")),
        }
        self.give_back();
        code
    }

    /// Says why there is no server, gives back what was taken, and returns the exit code.
    fn give_up(mut self, error: &Error) -> u8 {
        let (log, code) = (self.log, self.options.manners.exit_codes.of(error));
        // The child may have had the terminal, for the group that hinit made for it.
        self.last_group = Some(self.server.pid());
        self.give_back();
        log.error(format_args!("{error}"));
        code
    }

    fn give_back(self) {
        // Before the lock goes: the next hinit is to find its socket's name free.
        drop(self.sockets);
        if let Some(Err(error)) = self.claim.map(Claim::remove) {
            self.log.warn(format_args!("{error}"));
        }
        if let Some((terminal, group)) = self.terminal.zip(self.last_group) {
            terminal.take_back(group);
        }
    }

    fn keep_pid_file(&self, step: &dyn Fn(&Claim) -> Result<(), Error>) {
        if let Some(Err(error)) = self.claim.as_ref().map(step) {
            self.log.warn(format_args!("{error}"));
        }
    }
}

/// Where the working directory is gone, a relative path leads to nothing.
fn absolute(path: &Path) -> PathBuf {
    file::absolute(path).unwrap_or_else(|_| path.to_owned())
}
