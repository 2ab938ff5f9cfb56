//! What becomes of hinit's children: the server, orphans, and at the end whoever is left.

use std::fmt;

use nix::errno::Errno;
use nix::libc::{SIGCONT, SIGTERM, c_int};
use nix::sys::signal::Signal;

use super::Life;
use crate::cli::Leftovers;
use crate::error::Error;
use crate::pidfile::Claim;
use crate::run::ending::{How, ServerEnd};
use crate::run::follow::successor;
use crate::run::server::Change;
use crate::run::shutdown::Happened;
use crate::run::terminal::Stop;
use crate::sys;
use crate::text::SignalName;

impl Life<'_> {
    /// Reaps every child that has ended: one SIGCHLD can stand for many.
    ///
    /// An error, if one of them could not become the server.
    pub(super) fn reap(&mut self) -> Result<Option<Happened>, Error> {
        // What they have said comes first: whoever is reaped cannot be asked who it was.
        self.hear_all();
        let mut happened = None;
        while let Ok(Some(pid)) = sys::ended_child() {
            if pid == self.server.pid() {
                self.finish_start()?;
                // It may have handed over just before its end.
                self.hear_all();
                self.follow_successor();
                self.follow_file();
            }
            if self.former.take_if(|former| *former == pid).is_some() {
                self.health.forget_the_old_ones_word();
            }
            let is_server = pid == self.server.pid() && self.server_end.is_none();
            if is_server {
                // First the file, then the zombie: no file ever names a PID that is free.
                self.keep_pid_file(&Claim::clear);
                self.health.end();
                self.ask_no_more();
                self.last_group = self.server.group();
                self.tell_group();
            }
            match sys::reap(pid) {
                Ok(status) if is_server => {
                    let end = ServerEnd::new(
                        status,
                        self.server.age(),
                        self.asked.as_ref().map(|asked| asked.at.elapsed()),
                        self.overdue,
                        self.passed_on,
                    );
                    self.server_end = Some(end);
                    happened = Some(Happened::ServerEnded);
                }
                Ok(status) if self.is_asking(pid) => self.take_answer(status),
                Ok(status) => {
                    self.name_orphan(format_args!("reaped orphan {pid}: {}", How(status)));
                    happened = happened.or(Some(Happened::ChildEnded));
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
            happened = Some(Happened::NoneLeft);
        }
        Ok(happened)
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
    fn tell_group(&mut self) {
        if self.options.stop.leftovers == Leftovers::Tell
            && let Some(signal) = self.options.rewrites.apply(SIGTERM)
        {
            // It fails where the server was the last of its group.
            let _nobody_there = self.server.signal_group(signal);
        }
    }

    fn name_orphan(&self, line: fmt::Arguments) {
        if self.options.manners.names_orphans {
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
        self.warn_of_blindness();
    }

    pub(super) fn kill(&mut self) {
        let server = self.server_end.is_none().then(|| self.server.pid());
        self.overdue |= self.leftovers.kill(server);
        self.warn_of_blindness();
    }

    /// Once each.
    fn warn_of_blindness(&mut self) {
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
