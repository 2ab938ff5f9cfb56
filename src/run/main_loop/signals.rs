//! What becomes of a signal that hinit gets.

use std::time::Instant;

use nix::errno::Errno;
use nix::libc::{SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, c_int};
use nix::unistd::{Pid, getpid};
use signal_hook::low_level::emulate_default_handler;

use super::MainLoop;
use crate::process;
use crate::run::ending::StopRequest;
use crate::run::signals::Received;
use crate::sys;
use crate::time::Exact;

impl MainLoop<'_> {
    /// Takes note of a signal. None, if it is one to be dropped.
    pub(super) fn receive(&mut self, signal: Received) -> Option<Received> {
        self.log.verbose(format_args!("{signal}"));
        if self.options.rewrites.apply(signal.number()).is_none() {
            self.stop_self_too(signal.number());
            return None;
        }
        if self.options.stop.signals.contains(signal.number()) {
            self.stop_request.get_or_insert_with(|| StopRequest {
                signal: signal.number(),
                sender: signal.sender(),
                at: Instant::now(),
            });
            self.health.stop();
            self.stop_ready_probes();
        }
        Some(signal)
    }

    /// An engine whose timeout is shorter kills the container before the server learns of anything.
    pub(super) fn log_delay(&self) {
        if let Some(signal) = &self.delayed {
            let delay = Exact(self.options.stop.delay);
            self.log.info(format_args!(
                "{signal}: unhealthy from now on, passed on in {delay}"
            ));
        }
    }

    pub(super) fn pass_on_rewritten(&mut self, signal: Option<Received>) {
        if let Some(signal) = signal
            && let Some(number) = self.options.rewrites.apply(signal.number())
        {
            let received = signal.number();
            self.pass_on(signal.rewritten(number));
            self.stop_self_too(received);
        }
    }

    /// Whoever sent this could not see the server stop. (With a terminal: see `follow_stop`.)
    fn stop_self_too(&self, received: c_int) {
        let is_job_control = [SIGTSTP, SIGTTIN, SIGTTOU].contains(&received);
        let is_pid_1 = getpid() == Pid::from_raw(1);
        if is_job_control && self.options.profile.stops && self.terminal.is_none() && !is_pid_1 {
            let _goes_on_at_sigcont = emulate_default_handler(received);
        }
    }

    pub(super) fn pass_on(&mut self, signal: Received) {
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
            && let Err(errno) = self.server.send_signal(SIGCONT)
        {
            let why = sys::describe(errno);
            self.log
                .warn(format_args!("cannot continue the stopped server: {why}"));
        }
    }
}
