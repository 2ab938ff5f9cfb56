//! The life of a server that runs. From here on nothing ends hinit but the server's end: no step
//! returns an error.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::libc::SIGCHLD;
use nix::unistd::{Pid, chdir};

use super::ending::{Ending, ServerEnd, StopRequest, UnkillableServer};
use super::health::Health;
use super::launch::Start;
use super::leftovers::Leftovers;
use super::memory::OomKills;
use super::pause::PauseDetector;
use super::ready::ReadyWhen;
use super::server::Server;
use super::shutdown::{Action, Shutdown, StopEvent};
use super::signals::{Event, Received, SignalQueue};
use super::sockets::Sockets;
use super::terminal::Terminal;
use crate::cli::Run;
use crate::error::{Error, exit_code};
use crate::file;
use crate::output::Log;
use crate::pidfile::Claim;
use crate::process::Process;
use crate::sys::{self, SignalSet};

mod children;
mod clock;
mod notify_events;
mod readiness;
mod signals;

/// How long after its start a server has come to stay. Code that hinit has unmapped before that would
/// have to be mapped again for one that ends at once.
const RELEASE_CODE_AFTER: Duration = Duration::from_millis(20);

/// A server that runs, and what hinit holds for it.
pub(super) struct MainLoop<'a> {
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
    /// What hinit itself asks the server until that is ready.
    ready_when: Option<ReadyWhen<'a>>,
    oom_kills: OomKills,
    /// Who takes the server's place when it ends, and whether it was said that it did not at once.
    successor: Option<Process>,
    warned_main_pid: bool,
    /// The PID files that name a successor, by their absolute paths.
    follow: Vec<PathBuf>,
    /// Whose place the server has taken.
    previous_server: Option<Pid>,
    shutdown: Shutdown,
    pause_detector: PauseDetector,
    /// When to unmap the code that only the start has needed, if that is still to be done.
    release_code_at: Option<Instant>,
    stop_request: Option<StopRequest>,
    /// The stop signal that waits for the end of the delay.
    delayed: Option<Received>,
    passed_on: SignalSet,
    server_end: Option<ServerEnd>,
    /// hinit had to kill the server.
    killed_server: bool,
    /// Whether it was already logged that a signal cannot be passed on.
    warned_refusal: bool,
    leftovers: Leftovers,
}

impl<'a> MainLoop<'a> {
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
        let health = Health::new(
            server.pid(),
            options.notify.as_ref(),
            options.ready_when.is_some(),
            now,
        );
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
            ready_when: ReadyWhen::new(options.ready_when.as_ref()),
            oom_kills: OomKills::NONE,
            successor: None,
            warned_main_pid: false,
            follow,
            previous_server: None,
            shutdown: Shutdown::new(options.stop),
            pause_detector: PauseDetector::default(),
            release_code_at: None,
            stop_request: None,
            delayed: None,
            passed_on: SignalSet::NONE,
            server_end: None,
            killed_server: false,
            warned_refusal: false,
            leftovers: Leftovers::new(),
        }
    }

    /// Returns the exit code.
    pub(super) fn run(mut self) -> u8 {
        match self.watch() {
            Ok(server_end) => self.finish(server_end),
            Err(error) => self.fail_start(&error),
        }
    }

    /// The child has executed the server, or could not.
    fn finish_start(&mut self) -> Result<(), Error> {
        let Some(start) = self.start.take() else {
            return Ok(());
        };
        let identity = start.finish()?;
        let now = Instant::now();
        self.server.has_started();
        self.health.has_started(now);
        if let Some(ready_when) = &mut self.ready_when {
            ready_when.start(identity, now);
        }
        self.update_pid_file(&|claim| claim.record(self.server.pid()));
        self.oom_kills = OomKills::so_far();
        self.close_inherited();
        self.queue.open();
        self.release_code_at = Some(now + RELEASE_CODE_AFTER);
        Ok(())
    }

    /// Holds on to nothing of the place where hinit was started, nor to what it was given for the
    /// server: a file system could not be unmounted, a pipe would not end.
    fn close_inherited(&self) {
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
        if let Some(ready_when) = &self.ready_when {
            ready_when.keep(&mut keep);
        }
        if let Err(errno) = sys::close_all_but(kept) {
            self.log.warn(format_args!(
                "cannot close hinit's copies of the server's descriptors: {}; a pipe among them stays \
                 open until hinit ends",
                sys::describe(errno)
            ));
        }
        if let Err(errno) = chdir(c"/") {
            self.log.verbose(format_args!(
                "cannot enter the directory `/`: {}",
                sys::describe(errno)
            ));
        }
    }

    /// Passes signals on and reaps orphans until the server has ended, and then, as the timetable
    /// has it, all that it left. None, where the server could not be killed. An error, if it could not be
    /// started.
    fn watch(&mut self) -> Result<Option<ServerEnd>, Error> {
        loop {
            let deadline = self.next_wakeup();
            let start = self.start.as_ref().map(AsFd::as_fd);
            let sockets = self.sockets.as_ref().map(AsFd::as_fd);
            let event = self.queue.wait(deadline, start, sockets);
            if let Some(pause) = self.pause_detector.pause(Instant::now) {
                self.postpone_deadlines(pause);
            }
            let (event, signal) = match event {
                Event::Deadline => (self.handle_deadlines()?, None),
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
                    Some(event) => (event, None),
                    None => continue,
                },
                Event::Signal(signal) => match self.receive(signal) {
                    Some(signal) => (StopEvent::Signal(signal.number()), Some(signal)),
                    None => continue,
                },
            };
            let now = Instant::now();
            self.pause_detector.see(now);
            match self.shutdown.on(event, now) {
                Action::Leave => return Ok(self.server_end.take()),
                other => self.act(other, signal),
            }
        }
    }

    fn act(&mut self, action: Action, signal: Option<Received>) {
        match action {
            Action::PassOn => self.pass_on_rewritten(signal),
            Action::Delay => {
                self.update_pid_file(&Claim::mark_stopping);
                self.delayed = signal;
                self.log_delay();
            }
            Action::PassOnDelayed => {
                let delayed = self.delayed.take();
                self.pass_on_rewritten(delayed);
            }
            Action::Abort => self.abort(),
            Action::Terminate => self.terminate(),
            Action::Kill => self.kill(),
            Action::Nothing | Action::Leave => {}
        }
    }

    /// Tells how it went, gives back what was taken, and returns the exit code.
    fn finish(mut self, server: Option<ServerEnd>) -> u8 {
        let pid = self.server.pid();
        let (server, code) = if let Some(end) = server {
            let code = end.exit_code(&self.options.exit, self.passed_on);
            (Ok(end), code)
        } else {
            // No file may name a PID that hinit does not hold.
            self.update_pid_file(&Claim::clear);
            (Err(UnkillableServer::new(pid)), exit_code::HINIT_FAILED)
        };
        let leftovers = std::mem::replace(&mut self.leftovers, Leftovers::new());
        let (killed, mut remaining) = leftovers.at_the_end();
        remaining.retain(|process| process.pid != pid);
        let ending = Ending {
            server,
            stop_request: self.stop_request,
            oom_kills: self.oom_kills.since(),
            killed,
            remaining,
        };
        match ending.server {
            Ok(_) if code == 0 && self.options.quiet_success => {}
            Ok(_) => self.log.info(format_args!("{ending}")),
            Err(_) => self.log.error(format_args!("{ending}")),
        }
        self.release();
        code
    }

    /// Says why there is no server, gives back what was taken, and returns the exit code.
    fn fail_start(mut self, error: &Error) -> u8 {
        let (log, code) = (self.log, self.options.profile.exit_codes.of(error));
        // The child may have had the terminal, for the group that hinit made for it.
        self.last_group = Some(self.server.pid());
        self.release();
        log.error(format_args!("{error}"));
        code
    }

    fn release(self) {
        // Before the lock goes: the next hinit is to find its socket's name free.
        drop(self.sockets);
        if let Some(Err(error)) = self.claim.map(Claim::remove) {
            self.log.warn(format_args!("{error}"));
        }
        if let Some((terminal, group)) = self.terminal.zip(self.last_group) {
            terminal.take_back(group);
        }
    }

    fn update_pid_file(&self, step: &dyn Fn(&Claim) -> Result<(), Error>) {
        if let Some(Err(error)) = self.claim.as_ref().map(step) {
            self.log.warn(format_args!("{error}"));
        }
    }
}

/// Where the working directory is gone, a relative path leads to nothing.
fn absolute(path: &Path) -> PathBuf {
    file::absolute(path).unwrap_or_else(|_| path.to_owned())
}
