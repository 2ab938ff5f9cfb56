//! What the main loop does with a signal that hinit receives.

use nix::errno::Errno;
use nix::libc::{SIGCONT, c_int};
use nix::unistd::{Pid, getpid};
use signal_hook::low_level::emulate_default_handler;

use super::MainLoop;
use crate::process;
use crate::run::disposition::{Disposition, decide};
use crate::run::shutdown::StopEvent;
use crate::run::signals::Received;
use crate::sys;
use crate::time::ExactDuration;

impl MainLoop<'_> {
    /// Returns the signal to pass on, or None if it is dropped.
    pub(super) fn receive(&mut self, signal: Received) -> Option<StopEvent> {
        self.log().verbose(format_args!("{signal}"));
        let disposition = self.decide(signal.number());
        if disposition.is_stop {
            // Whether the server is stopped: the signal that is passed on will continue it.
            self.follow_changes();
            self.health.set_stop_requested(self.clock.now());
            self.stop_ready_probes();
        }
        let Some(number) = disposition.pass_on_as else {
            self.stop_self_too(signal.number());
            return None;
        };
        Some(StopEvent::Signal(signal.rewritten(number)))
    }

    fn decide(&self, signal: c_int) -> Disposition {
        let is_alone = || self.terminal.is_none() && getpid() != Pid::from_raw(1);
        decide(signal, self.options, is_alone)
    }

    /// An engine whose timeout is shorter than the delay kills the container before the server gets the signal.
    pub(super) fn log_delay(&self, signal: &Received) {
        self.log().info(format_args!(
            "{signal}: unhealthy from now on, passed on in {}",
            ExactDuration(self.options.stop.delay)
        ));
    }

    pub(super) fn stop_self_too(&self, received: c_int) {
        if self.decide(received).stops_hinit {
            // It returns when SIGCONT continues hinit. Should it fail, hinit just runs on.
            let _ignored = emulate_default_handler(received);
        }
    }

    pub(super) fn pass_on(&mut self, signal: Received) {
        if self.server.has_ended() {
            return;
        }
        let is_stop = self.options.stop.signals.contains(signal.received_as());
        // On a terminal SIGCONT is for the whole job, and continues it in the foreground if hinit is there.
        let job = self.terminal.as_ref();
        let job = job.filter(|_| signal.number() == SIGCONT);
        if let Some(terminal) = job
            && terminal.is_ours()
            && let Some(group) = self.server.group()
        {
            terminal.give_to(group);
        }
        match self.server.pass_on(&signal, job.is_some()) {
            Ok(()) if is_stop => self.wake_stopped_server(),
            Ok(()) => {}
            Err(Errno::EAGAIN) => self.queue.put_back(signal),
            Err(errno) => self.warn_of_refusal(&signal, errno),
        }
    }

    /// Once: a server that hinit may not signal gets none of the next ones either.
    fn warn_of_refusal(&mut self, signal: &Received, errno: Errno) {
        let pid = self.server.pid();
        let name = process::name(pid).unwrap_or_default();
        let why = sys::describe(errno);
        let log = self.log();
        let line = format_args!("cannot pass on {signal} to the server {name} (PID {pid}): {why}");
        if std::mem::replace(&mut self.server.warned_refusal, true) {
            log.verbose(line);
        } else {
            log.warn(line);
        }
    }

    /// A stopped process handles no signal but KILL until it is continued.
    pub(super) fn wake_stopped_server(&mut self) {
        self.follow_changes();
        if self.server.is_stopped()
            && let Err(errno) = self.server.send_signal(SIGCONT)
        {
            let why = sys::describe(errno);
            self.log()
                .warn(format_args!("cannot continue the suspended server: {why}"));
        }
    }
}
