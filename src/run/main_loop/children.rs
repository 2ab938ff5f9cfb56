//! What becomes of hinit's children: the server, orphans, and at the end whoever is left.

use std::fmt;

use nix::errno::Errno;
use nix::libc::{SIGCONT, SIGTERM, c_int};
use nix::sys::signal::Signal;

use super::MainLoop;
use crate::cli::Leftovers;
use crate::error::Error;
use crate::pidfile::Claim;
use crate::run::ending::{How, ServerEnd};
use crate::run::follow::successor;
use crate::run::server::Change;
use crate::run::shutdown::StopEvent;
use crate::run::terminal::Stop;
use crate::sys;
use crate::text::SignalName;

impl MainLoop<'_> {
    /// Reaps every child that has ended: one SIGCHLD can stand for many.
    ///
    /// An error, if one of them could not become the server.
    pub(super) fn reap(&mut self) -> Result<Option<StopEvent>, Error> {
        // What they have said comes first: whoever is reaped cannot be asked who it was.
        self.read_all_messages();
        let mut event = None;
        while let Ok(Some(pid)) = sys::ended_child() {
            if pid == self.server.pid() {
                self.finish_start()?;
                // It may have handed over just before its end.
                self.read_all_messages();
                self.follow_successor();
                self.follow_file();
            }
            if self
                .previous_server
                .take_if(|former| *former == pid)
                .is_some()
            {
                self.health.forget_the_old_ones_word();
            }
            let is_server = pid == self.server.pid() && self.server_end.is_none();
            if is_server {
                // First the file, then the zombie: no file ever names a PID that is free.
                self.update_pid_file(&Claim::clear);
                self.health.end();
                self.stop_ready_probes();
                self.last_group = self.server.group();
                self.terminate_group();
            }
            match sys::reap(pid) {
                Ok(status) if is_server => {
                    let end = ServerEnd::new(
                        status,
                        self.server.age(),
                        self.stop_request.as_ref().map(|asked| asked.at.elapsed()),
                        self.killed_server,
                        self.passed_on,
                    );
                    self.server_end = Some(end);
                    event = Some(StopEvent::ServerEnded);
                }
                Ok(status) if self.is_ready_probe(pid) => self.take_probe_result(status),
                Ok(status) => {
                    self.log_orphan(format_args!("reaped orphan {pid}: {}", How(status)));
                    event = event.or(Some(StopEvent::ChildEnded));
                }
                Err(errno) => {
                    self.log.warn(format_args!(
                        "cannot reap process {pid}: {}",
                        sys::describe(errno)
                    ));
                    break;
                }
            }
        }
        if self.server_end.is_none() {
            // Else nobody wants to know.
            if self.terminal.is_some() || self.sockets.is_some() {
                self.follow_changes();
            }
        } else if sys::ended_child() == Err(Errno::ECHILD) {
            event = Some(StopEvent::NoneLeft);
        }
        Ok(event)
    }

    /// When the server has ended: the process that a PID file of its own names by now takes its place.
    fn follow_file(&mut self) {
        for path in &self.follow {
            let (server, path_shown) = (self.server.pid(), path.display());
            // One that has taken its place runs.
            if self.server_end.is_some() || sys::is_running_child(server) {
                return;
            }
            match successor(path, server) {
                Ok(Some(pid)) => return self.adopt(pid),
                Ok(None) => {}
                Err(why) => self.log.warn(format_args!(
                    "did not follow the PID file `{path_shown}`: {why}"
                )),
            }
        }
    }

    /// While the server's PID still is its group's, and no stranger's.
    fn terminate_group(&mut self) {
        if self.options.stop.leftovers == Leftovers::Tell
            && let Some(signal) = self.options.rewrites.apply(SIGTERM)
        {
            // It fails where the server was the last of its group.
            let _nobody_there = self.server.signal_group(signal);
        }
    }

    fn log_orphan(&self, line: fmt::Arguments) {
        if self.options.profile.names_orphans {
            self.log.warn(line);
        } else {
            self.log.verbose(line);
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
            // It fails where the server has been killed since, of which a SIGCHLD tells.
            let _has_just_been_there = self.server.signal_group(SIGCONT);
        }
        match then {
            Stop::Wait => {}
            Stop::Continue => self.log.verbose(format_args!(
                "{signal} stopped the server; hinit gave it the terminal and continued it"
            )),
            Stop::ContinueAlone => self.log.warn(format_args!(
                "{signal} stopped the server; hinit continued it at once, since nothing else would"
            )),
            Stop::Leave => self.log.warn(format_args!("{signal} stopped the server")),
        }
    }

    /// Tells all that is left to end.
    pub(super) fn terminate(&mut self) {
        self.leftovers.terminate(self.shutdown.spares_readers());
        self.warn_of_unseen();
    }

    pub(super) fn kill(&mut self) {
        let server = self.server_end.is_none().then(|| self.server.pid());
        self.killed_server |= self.leftovers.kill(server);
        self.warn_of_unseen();
    }

    /// Once each.
    fn warn_of_unseen(&mut self) {
        if let Some(errno) = self.leftovers.first_shortage() {
            self.log.warn(format_args!(
                "cannot list the server's processes: {}",
                sys::describe(errno)
            ));
        }
        if let Some(why) = self.leftovers.first_hidden() {
            self.log.warn(format_args!(
                "cannot see which processes the server has left: {why}"
            ));
        }
    }
}
