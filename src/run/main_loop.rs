//! The main loop, from the server's start to its end. Until the exec, a step may fail, and that ends hinit. After it
//! nothing but the server's end does: each failure is a warning.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Instant;

use nix::libc::SIGCHLD;
use nix::unistd::chdir;

use super::ending::{Ending, ServerEnd, UnkillableServer};
use super::handover::Handover;
use super::health::Health;
use super::launch::Launch;
use super::leftovers::Leftovers;
use super::ready::ReadyWhen;
use super::server::Server;
use super::shutdown::{Action, Shutdown, StopEvent};
use super::signals::{Event, SignalQueue};
use super::sockets::Sockets;
use super::terminal::Terminal;
use crate::cli::Run;
use crate::error::{self, Error, exit_code};
use crate::output::Log;
use crate::pidfile::Claim;
use crate::sys::{self, KeptDescriptors};

mod children;
mod clock;
mod notify_events;
mod readiness;
mod signals;

use clock::Clock;

/// The server, and what hinit keeps for it.
pub(super) struct MainLoop<'a> {
    options: &'a Run,
    server: Server,
    queue: SignalQueue,
    claim: Option<Claim>,
    terminal: Option<Terminal>,
    sockets: Option<Sockets>,
    health: Health,
    /// The probes by which hinit itself asks whether the server is ready, until it is.
    ready_when: Option<ReadyWhen<'a>>,
    handover: Handover,
    shutdown: Shutdown,
    leftovers: Leftovers,
    clock: Clock,
}

impl<'a> MainLoop<'a> {
    /// Returns the exit code.
    #[allow(clippy::inline_always, reason = "a call would copy what was launched")]
    #[inline(always)]
    pub(super) fn run(options: &'a Run, launch: Launch) -> u8 {
        let Launch {
            start,
            queue,
            claim,
            terminal,
            sockets,
        } = launch;
        let handover = Handover::new(options, start.directory().unwrap_or(Path::new("")));
        let server = Server::new(start, options.group);
        let health = Health::new(
            server.pid(),
            options.notify.as_ref(),
            options.ready_when.is_some(),
            Instant::now(),
        );
        let mut main_loop = Self {
            options,
            server,
            queue,
            claim,
            terminal,
            sockets,
            health,
            ready_when: ReadyWhen::new(options.ready_when.as_ref()),
            handover,
            shutdown: Shutdown::new(options.stop),
            leftovers: Leftovers::new(),
            clock: Clock::default(),
        };
        match main_loop.until_the_end() {
            Ok(server_end) => main_loop.finish(server_end),
            Err(error) => main_loop.fail_start(&error),
        }
    }

    fn log(&self) -> Log {
        Log(self.options.verbosity)
    }

    /// Passes signals on and reaps orphans until the server has ended, and then ends what it left. None: the
    /// server could not be killed. An error: it could not be started.
    fn until_the_end(&mut self) -> error::Result<Option<ServerEnd>> {
        loop {
            let deadline = self.next_wakeup();
            let start = self.server.start.as_ref().map(AsFd::as_fd);
            let sockets = self.sockets.as_ref().map(AsFd::as_fd);
            let event = self.queue.wait(deadline, start, sockets);
            if let Some(pause) = self.clock.pause_detector.pause(Instant::now) {
                self.postpone_deadlines(pause);
            }
            let Some(event) = self.dispatch(event)? else {
                continue;
            };
            let now = self.clock.now();
            match self.shutdown.on(event, now) {
                Action::Leave => return Ok(self.server.end.take()),
                action => self.act(action),
            }
        }
    }

    /// Handles what has happened. Returns what it means for a stop, if it means anything.
    fn dispatch(&mut self, event: Event) -> error::Result<Option<StopEvent>> {
        match event {
            Event::Deadline => return self.handle_deadlines().map(Some),
            Event::Sockets => self.attend(),
            Event::Retry(signal) => self.pass_on(signal),
            Event::Started => self.finish_start()?,
            Event::Signal(signal) if signal.number() == SIGCHLD => {
                return self.reap(signal.child());
            }
            Event::Signal(signal) => return Ok(self.receive(signal)),
        }
        Ok(None)
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::PassOn(signal) => {
                self.pass_on(signal);
                self.stop_self_too(signal.received_as());
            }
            Action::Delay(signal) => {
                self.update_pid_file(&Claim::mark_stopping);
                self.log_delay(&signal);
            }
            Action::Abort => self.abort(),
            Action::Terminate => self.terminate(),
            Action::Kill => self.kill(),
            Action::Nothing | Action::Leave => {}
        }
    }

    /// The child has executed the server, or could not.
    fn finish_start(&mut self) -> error::Result<()> {
        let Some(start) = self.server.start.take() else {
            return Ok(());
        };
        let identity = start.finish()?;
        let now = self.clock.now();
        self.server.set_started(now);
        self.health.set_started(now);
        if let Some(ready_when) = &mut self.ready_when {
            ready_when.start(identity, now);
        }
        self.update_pid_file(&|claim| claim.record(self.server.pid()));
        self.close_inherited();
        self.queue.open();
        self.clock.release_code_after_start(now);
        Ok(())
    }

    /// Closes the descriptors that hinit was given for the server, and leaves the directory where hinit was
    /// started: otherwise a pipe would not end, and a file system could not be unmounted.
    fn close_inherited(&self) {
        let mut kept = KeptDescriptors::new(self.queue.as_fd());
        let mut keep = |fd: BorrowedFd| kept.add(fd);
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
        if let Err(errno) = kept.close_others() {
            self.log().warn(format_args!(
                "cannot close hinit's copies of the server's descriptors: {}; a pipe among them stays \
                 open until hinit ends",
                sys::describe(errno)
            ));
        }
        if let Err(errno) = chdir(c"/") {
            self.log().verbose(format_args!(
                "cannot enter the directory `/`: {}",
                sys::describe(errno)
            ));
        }
    }

    /// Logs how the server ended, undoes what hinit did for it, and returns the exit code.
    fn finish(mut self, server: Option<ServerEnd>) -> u8 {
        let pid = self.server.pid();
        let (server, code) = if let Some(end) = server {
            let code = end.exit_code(&self.options.exit, self.server.passed_on());
            (Ok(end), code)
        } else {
            // When hinit exits, any process may get this PID.
            self.update_pid_file(&Claim::clear);
            (Err(UnkillableServer::new(pid)), exit_code::HINIT_FAILED)
        };
        let leftovers = std::mem::replace(&mut self.leftovers, Leftovers::new());
        let (killed, mut remaining) = leftovers.into_killed_and_remaining();
        remaining.retain(|process| process.pid != pid);
        let ending = Ending {
            server,
            stop_request: self.shutdown.request(),
            fault_at_stop: self.health.fault_at_stop(),
            oom_kills: self.server.oom_kills(code != 0),
            killed,
            remaining,
        };
        match ending.server {
            Ok(_) if code == 0 && self.options.quiet_success => {}
            Ok(_) => self.log().info(format_args!("{ending}")),
            Err(_) => self.log().error(format_args!("{ending}")),
        }
        self.release();
        code
    }

    /// Logs why there is no server, undoes what hinit did for it, and returns the exit code.
    fn fail_start(mut self, error: &Error) -> u8 {
        let (log, code) = (self.log(), self.options.profile.exit_codes.of(error));
        // The child may have had the terminal, in the group that hinit made for it.
        self.server.last_group = Some(self.server.pid());
        self.release();
        log.error(format_args!("{error}"));
        code
    }

    fn release(self) {
        let log = self.log();
        // Before the lock is released: the next hinit must find the name of its socket free.
        drop(self.sockets);
        if let Some(Err(error)) = self.claim.map(Claim::remove) {
            log.warn(format_args!("{error}"));
        }
        if let Some((terminal, group)) = self.terminal.zip(self.server.last_group) {
            terminal.take_back(group);
        }
    }

    fn update_pid_file(&self, step: &dyn Fn(&Claim) -> error::Result<()>) {
        let claim = self.claim.as_ref().filter(|claim| !claim.is_released());
        if let Some(Err(error)) = claim.map(step) {
            self.log().warn(format_args!("{error}"));
        }
    }
}
