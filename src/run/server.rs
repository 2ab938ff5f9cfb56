//! The server: its signals while it is unreaped, and the process group that they go to.

use std::time::{Duration, Instant};

use nix::libc::c_int;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, getpgid};

use super::signals::Received;
use crate::sys;

/// The one main child. As long as this value lives it is unreaped, or just being reaped: its PID
/// is no stranger's.
pub(super) struct Server {
    pid: Pid,
    /// The process group that hinit made for its child, as long as the server has always been in it.
    made_group: Option<Pid>,
    started: Instant,
    /// Whether signals go to all of its process group.
    group: bool,
    /// Whether a signal or a terminal has stopped it, as far as hinit has looked.
    is_stopped: bool,
}

/// What can happen to a server that does not end it.
pub(super) enum Change {
    /// By this signal.
    Stopped(Signal),
    Continued,
}

impl Server {
    /// A child that is about to become the server. `group`: signals are for all of its process group.
    pub(super) fn new(child: Pid, group: bool) -> Self {
        Self {
            pid: child,
            made_group: Some(child),
            started: Instant::now(),
            group,
            is_stopped: false,
        }
    }

    /// The child has become the server.
    pub(super) fn has_started(&mut self) {
        self.started = Instant::now();
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Another child has taken the server's place.
    pub(super) fn adopt(&mut self, pid: Pid) {
        self.pid = pid;
        self.is_stopped = false;
    }

    /// The process group that may get what is meant for the server's: one that the server leads, or the one
    /// that hinit made for it. None: the server is in a group of others.
    ///
    /// It is asked for each time, for the server may move to another group at any time, and an empty group's
    /// number can become a stranger's.
    pub(super) fn group(&mut self) -> Option<Pid> {
        let group = getpgid(Some(self.pid)).ok();
        self.made_group = self.made_group.filter(|made| Some(*made) == group);
        group.filter(|group| *group == self.pid || Some(*group) == self.made_group)
    }

    pub(super) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Passes a signal on: to the server, or to its process group.
    pub(super) fn signal(&mut self, signal: &Received) -> nix::Result<()> {
        match signal.info_to_queue() {
            // There is no queueing for a group: its members get the signal without a value.
            _ if self.group => self.signal_group(signal.number()),
            Some(info) => sys::queue_signal(self.pid, signal.number(), &info),
            None => sys::kill(self.pid, signal.number()),
        }
    }

    /// Sends a signal of hinit's own.
    pub(super) fn send_signal(&mut self, number: c_int) -> nix::Result<()> {
        if self.group {
            self.signal_group(number)
        } else {
            sys::kill(self.pid, number)
        }
    }

    /// Signals the server's process group; where that is not the server's alone, the server.
    pub(super) fn signal_group(&mut self, number: c_int) -> nix::Result<()> {
        match self.group() {
            Some(group) => sys::kill(Pid::from_raw(-group.as_raw()), number),
            None => sys::kill(self.pid, number),
        }
    }

    /// Whether the server was stopped or continued since the last call.
    pub(super) fn change(&mut self) -> Option<Change> {
        // Consuming, and of the server alone: told of once, it does not hide what comes after it.
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WCONTINUED | WaitPidFlag::WNOHANG;
        let change = match waitid(Id::Pid(self.pid), flags) {
            Ok(WaitStatus::Stopped(_, signal)) => Change::Stopped(signal),
            Ok(WaitStatus::Continued(_)) => Change::Continued,
            _ => return None,
        };
        self.is_stopped = matches!(change, Change::Stopped(_));
        Some(change)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped
    }
}
