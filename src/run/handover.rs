//! How another process becomes the server: by `MAINPID=`, or by a PID file of the server's own (`--follow`).

use std::fmt;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

use super::descendants::is_descendant;
use super::follow::successor;
use super::notify::Sender;
use crate::cli::Run;
use crate::file::{self, is_ambiguous, is_trusted};
use crate::output::Log;
use crate::process::{self, Process};
use crate::sys::{is_child, is_running_child};

pub(super) struct Handover {
    log: Log,
    /// The PID files that name a successor, by their absolute paths.
    files: Vec<PathBuf>,
    /// The process that becomes the server when this one ends and the process is reparented to hinit.
    successor: Option<Process>,
    /// The server before this one, until it is reaped.
    previous: Option<Pid>,
    /// Whether a refused `MAINPID=` was already logged: a server that sends one sends many.
    warned_refused: bool,
    /// Whether a successor that takes the place only later was already logged.
    warned_later: bool,
}

impl Handover {
    /// `directory`: where the paths of `--follow` count from, because hinit leaves the server's directory.
    pub(super) fn new(options: &Run, directory: &Path) -> Self {
        let mut files = Vec::new();
        for path in &options.follow {
            files.push(absolute(&directory.join(path)));
        }
        Self {
            log: Log(options.verbosity),
            files,
            successor: None,
            previous: None,
            warned_refused: false,
            warned_later: false,
        }
    }

    /// A sender has named another process as the server. Returns it if it takes the place at once: only a
    /// child's PID cannot be reused as long as hinit has not reaped it.
    pub(super) fn main_pid(&mut self, server: Pid, sender: Sender, pid: Pid) -> Option<Pid> {
        if !self.may_set_main_pid(server, sender, pid) {
            return None;
        }
        // The last message counts.
        self.successor = None;
        if pid == server {
            return None;
        }
        if is_running_child(pid) {
            return Some(pid);
        }
        if is_child(pid) {
            self.warn(format_args!("ignored MAINPID={pid}: it has ended"));
            return None;
        }
        // A grandchild is reparented to hinit when its parent exits, and is the server then.
        self.successor = process::read(pid).filter(|new| !new.has_ended() && is_descendant(pid));
        match self.successor.as_ref().map(|new| new.name) {
            Some(name) => warn_once(
                &mut self.warned_later,
                self.log,
                format_args!(
                    "MAINPID={pid} ({name}) is not a child of hinit; it becomes the server when its parent has exited"
                ),
            ),
            None => self.warn(format_args!(
                "ignored MAINPID={pid}: it is not a running descendant of hinit"
            )),
        }
        None
    }

    /// Whether this sender may name that process as the server, which then gets the server's signals and whose
    /// end is the server's end. The sender must not have exited; and unless it is trusted anyway, its user must
    /// own both the process and the server.
    fn may_set_main_pid(&mut self, server: Pid, sender: Sender, pid: Pid) -> bool {
        let user = sender.user;
        if sender.has_exited {
            self.warn(format_args!(
                "ignored MAINPID={pid}: its sender has exited; it should wait until its message is read \
                 (systemd-notify, or BARRIER=1)"
            ));
            return false;
        }
        let is_own = |pid| process::owner(pid) == Some(user);
        if is_trusted(user) || is_own(pid) && is_own(server) && !is_ambiguous(user) {
            return true;
        }
        self.warn(format_args!(
            "ignored MAINPID={pid}: the sender's UID {user} must own that process and the server"
        ));
        false
    }

    fn warn(&mut self, warning: fmt::Arguments) {
        warn_once(&mut self.warned_refused, self.log, warning);
    }

    /// The server has ended and is not reaped yet: the process that takes its place, if there is one.
    pub(super) fn on_end(&mut self, server: Pid) -> Option<Pid> {
        self.announced().or_else(|| self.named_by_file(server))
    }

    /// The process that a message has named, if it was reparented to hinit and runs.
    fn announced(&mut self) -> Option<Pid> {
        let Process { pid, started, .. } = self.successor.take()?;
        let is_it = || process::read(pid).is_some_and(|process| process.started == started);
        (is_running_child(pid) && is_it()).then_some(pid)
    }

    fn named_by_file(&self, server: Pid) -> Option<Pid> {
        for path in &self.files {
            match successor(path, server) {
                Ok(None) => {}
                Ok(pid) => return pid,
                Err(why) => self.log.warn(format_args!(
                    "did not follow the PID file `{}`: {why}",
                    path.display()
                )),
            }
        }
        None
    }

    pub(super) fn replaced(&mut self, server: Pid) {
        self.previous = Some(server);
    }

    /// Whether this child, which was reaped, is the server before this one, of which hinit then knows no more.
    pub(super) fn take_previous(&mut self, pid: Pid) -> bool {
        self.previous.take_if(|previous| *previous == pid).is_some()
    }
}

fn warn_once(warned: &mut bool, log: Log, warning: fmt::Arguments) {
    if !std::mem::replace(warned, true) {
        log.warn(warning);
    }
}

/// Where the working directory was removed, a relative path leads to nothing.
fn absolute(path: &Path) -> PathBuf {
    file::absolute(path).unwrap_or_else(|_| path.to_owned())
}
