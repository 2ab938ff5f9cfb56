//! What the main loop does with hinit's children: the server, orphans, and at the end the leftovers.

use std::fmt;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::libc::{SIGCONT, SIGTERM, c_int};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::MainLoop;
use crate::cli::Leftovers;
use crate::error;
use crate::pidfile::Claim;
use crate::run::ending::{ExitReason, ServerEnd};
use crate::run::server::Change;
use crate::run::shutdown::StopEvent;
use crate::run::terminal::Stop;
use crate::sys;
use crate::text::SignalName;

impl MainLoop<'_> {
    /// Reaps every child that has ended: one SIGCHLD can stand for many of them. It names one, so that an orphan takes
    /// one call.
    ///
    /// An error: the child that should have become the server has ended.
    pub(super) fn reap(&mut self, named: Option<Pid>) -> error::Result<Option<StopEvent>> {
        // Messages first: a sender that is reaped cannot be identified any more.
        self.read_all_messages();
        let mut event = None;
        if let Some(pid) = named {
            // It may have been reaped already.
            let _ignored = self.reap_orphans_from(pid, &mut event);
        }
        let left = loop {
            let pid = match sys::ended_child() {
                Ok(Some(pid)) => pid,
                none => break none,
            };
            if self.is_unreaped_server(pid) {
                self.finish_start()?;
                // It may have named its successor just before its end.
                self.read_all_messages();
                self.replace_ended_server(pid);
            }
            let reaped = if self.is_unreaped_server(pid) {
                // Before the zombie is reaped: the file must never name a PID that can be reused.
                self.update_pid_file(&Claim::clear);
                self.health.set_ended();
                self.stop_ready_probes();
                self.server.last_group = self.server.group();
                self.terminate_group();
                sys::reap(pid).map(|status| {
                    let request = self.shutdown.request();
                    let since_request = request.map(|request| request.at.elapsed());
                    let killed = self.leftovers.killed_server();
                    let end = ServerEnd::new(status, &self.server, since_request, killed);
                    self.server.end = Some(end);
                    event = Some(StopEvent::ServerEnded);
                })
            } else {
                self.reap_orphans_from(pid, &mut event)
            };
            if let Err(errno) = reaped {
                self.log().warn(format_args!(
                    "cannot reap process {pid}: {}",
                    sys::describe(errno)
                ));
                break Ok(None);
            }
        };
        if !self.server.has_ended() {
            // Only the terminal and the answers to probes depend on it.
            if self.terminal.is_some() || self.sockets.is_some() {
                self.follow_changes();
            }
        } else if left == Err(Errno::ECHILD) {
            event = Some(StopEvent::NoneLeft);
        }
        Ok(event)
    }

    /// As long as hinit has not reaped the server, it must not before the PID file is empty.
    fn is_unreaped_server(&self, pid: Pid) -> bool {
        pid == self.server.pid() && !self.server.has_ended()
    }

    /// Reaps this child, if it has ended and is not the server, and then those with the next PIDs: processes that
    /// were started together often end together. An error: the first was not reaped.
    fn reap_orphans_from(&mut self, first: Pid, event: &mut Option<StopEvent>) -> nix::Result<()> {
        let mut result = Err(Errno::ECHILD);
        for pid in (first.as_raw()..).map(Pid::from_raw) {
            if self.is_unreaped_server(pid) {
                break;
            }
            match sys::reap_ended(pid) {
                Ok(status) => self.note_end(pid, status, event),
                Err(errno) => return result.or(Err(errno)),
            }
            result = Ok(());
        }
        result
    }

    /// A child other than the server was reaped.
    fn note_end(&mut self, pid: Pid, status: ExitStatus, event: &mut Option<StopEvent>) {
        if self.handover.take_previous(pid) {
            self.health.clear_announced_stop();
        }
        if self.is_ready_probe(pid) {
            return self.take_probe_result(status);
        }
        self.log_orphan(format_args!("reaped orphan {pid}: {}", ExitReason(status)));
        event.get_or_insert(StopEvent::ChildEnded);
    }

    fn replace_ended_server(&mut self, ended: Pid) {
        let server = self.server.pid();
        if server == ended
            && let Some(pid) = self.handover.on_end(server)
        {
            self.hand_over(pid);
        }
    }

    /// Before the server is reaped: later its process group may be another one's.
    fn terminate_group(&mut self) {
        if self.options.stop.leftovers == Leftovers::Tell
            && let Some(signal) = self.options.rewrites.apply(SIGTERM)
        {
            // It fails where the server was the last process of its group.
            let _ignored = self.server.signal_group(signal);
        }
    }

    fn log_orphan(&self, line: fmt::Arguments) {
        if self.options.profile.names_orphans {
            self.log().warn(line);
        } else {
            self.log().verbose(line);
        }
    }

    pub(super) fn follow_changes(&mut self) {
        while let Some(change) = self.server.change() {
            match change {
                Change::Continued => self.health.set_suspended(false),
                Change::Stopped(signal) => {
                    self.health.set_suspended(true);
                    self.follow_stop(signal);
                }
            }
        }
    }

    /// On a terminal a server that stops is a job that stops: hinit stops with it, so that the shell
    /// learns of it, or lets it go on.
    fn follow_stop(&mut self, signal: Signal) {
        let Some(terminal) = &self.terminal else {
            return;
        };
        let then = terminal.follow_stop(signal, self.server.group());
        let signal = SignalName(signal as c_int);
        if matches!(then, Stop::Continue | Stop::ContinueAlone) {
            // It fails only if the server has been killed since, and then a SIGCHLD follows.
            let _has_just_been_there = self.server.signal_group(SIGCONT);
        }
        match then {
            Stop::Wait => {}
            Stop::Continue => self.log().verbose(format_args!(
                "{signal} suspended the server; hinit gave it the terminal and continued it"
            )),
            Stop::ContinueAlone => self.log().warn(format_args!(
                "{signal} suspended the server; hinit continued it at once, since nothing else would"
            )),
            Stop::Leave => self.log().warn(format_args!("{signal} suspended the server")),
        }
    }

    pub(super) fn terminate(&mut self) {
        self.leftovers.terminate(self.shutdown.spares_readers());
        self.finish_sweep();
    }

    pub(super) fn kill(&mut self) {
        let server = (!self.server.has_ended()).then(|| self.server.pid());
        self.leftovers.kill(server);
        self.finish_sweep();
    }

    /// Each warning once.
    fn finish_sweep(&mut self) {
        self.clock.pause_detector.forget_seen();
        if let Some(errno) = self.leftovers.new_scan_error() {
            self.log().warn(format_args!(
                "cannot list the server's processes: {}",
                sys::describe(errno)
            ));
        }
        if let Some(why) = self.leftovers.newly_hidden() {
            self.log().warn(format_args!(
                "cannot see which processes the server left: {why}"
            ));
        }
    }
}
