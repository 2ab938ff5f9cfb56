//! What the main loop does with hinit's children: the server, orphans, and at the end the leftovers.

use std::fmt;

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
    /// Reaps every child that has ended: one SIGCHLD can stand for many of them.
    ///
    /// An error: the child that should have become the server has ended.
    pub(super) fn reap(&mut self) -> error::Result<Option<StopEvent>> {
        // Messages first: a sender that is reaped cannot be identified any more.
        self.read_all_messages();
        let mut event = None;
        while let Ok(Some(pid)) = sys::ended_child() {
            if pid == self.server.pid() && !self.server.has_ended() {
                self.finish_start()?;
                // It may have named its successor just before its end.
                self.read_all_messages();
                self.replace_ended_server(pid);
            }
            if self.handover.is_end_of_previous(pid) {
                self.health.clear_announced_stop();
            }
            let is_server = pid == self.server.pid() && !self.server.has_ended();
            if is_server {
                // Before the zombie is reaped: the file must never name a PID that can be reused.
                self.update_pid_file(&Claim::clear);
                self.health.set_ended();
                self.stop_ready_probes();
                self.server.last_group = self.server.group();
                self.terminate_group();
            }
            match sys::reap(pid) {
                Ok(status) if is_server => {
                    let request = self.shutdown.request();
                    let since_request = request.map(|request| request.at.elapsed());
                    let killed = self.leftovers.killed_server();
                    let end = ServerEnd::new(status, &self.server, since_request, killed);
                    self.server.end = Some(end);
                    event = Some(StopEvent::ServerEnded);
                }
                Ok(status) if self.is_ready_probe(pid) => self.take_probe_result(status),
                Ok(status) => {
                    self.log_orphan(format_args!("reaped orphan {pid}: {}", ExitReason(status)));
                    event = event.or(Some(StopEvent::ChildEnded));
                }
                Err(errno) => {
                    self.log().warn(format_args!(
                        "cannot reap process {pid}: {}",
                        sys::describe(errno)
                    ));
                    break;
                }
            }
        }
        if !self.server.has_ended() {
            // Only the terminal and the answers to probes depend on it.
            if self.terminal.is_some() || self.sockets.is_some() {
                self.follow_changes();
            }
        } else if sys::ended_child() == Err(Errno::ECHILD) {
            event = Some(StopEvent::NoneLeft);
        }
        Ok(event)
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
                "{signal} stopped the server; hinit gave it the terminal and continued it"
            )),
            Stop::ContinueAlone => self.log().warn(format_args!(
                "{signal} stopped the server; hinit continued it at once, since nothing else would"
            )),
            Stop::Leave => self.log().warn(format_args!("{signal} stopped the server")),
        }
    }

    pub(super) fn terminate(&mut self) {
        self.leftovers.terminate(self.shutdown.spares_readers());
        self.warn_of_unseen();
    }

    pub(super) fn kill(&mut self) {
        let server = (!self.server.has_ended()).then(|| self.server.pid());
        self.leftovers.kill(server);
        self.warn_of_unseen();
    }

    /// Once each.
    fn warn_of_unseen(&mut self) {
        if let Some(errno) = self.leftovers.new_scan_error() {
            self.log().warn(format_args!(
                "cannot list the server's processes: {}",
                sys::describe(errno)
            ));
        }
        if let Some(why) = self.leftovers.newly_hidden() {
            self.log().warn(format_args!(
                "cannot see which processes the server has left: {why}"
            ));
        }
    }
}
