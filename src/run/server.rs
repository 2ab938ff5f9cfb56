//! The server: its start, its signals while it is unreaped, the process group that they go to, and its end.

use std::time::{Duration, Instant};

use nix::libc::c_int;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, getpgid};

use super::ending::ServerEnd;
use super::launch::Start;
use super::memory::OomKills;
use super::signals::Received;
use crate::sys::{self, SignalSet};

/// The main process. Until its end is taken it is unreaped, so that no other process has its PID.
pub(super) struct Server {
    pid: Pid,
    /// Until the exec.
    pub(super) start: Option<Start>,
    /// The process group that hinit made for its child, as long as the server has always been in it.
    made_group: Option<Pid>,
    started: Instant,
    /// Whether signals go to all of its process group.
    signals_group: bool,
    /// Whether a signal or a terminal has stopped it, as of the last call of [`Server::change`].
    is_stopped: bool,
    passed_on: SignalSet,
    /// Whether a signal that hinit may not send was already logged.
    pub(super) warned_refusal: bool,
    /// The value of the kernel's counter soon after the start.
    first_oom_kills: Option<OomKills>,
    /// Its process group at its end, which may still have the terminal.
    pub(super) last_group: Option<Pid>,
    pub(super) end: Option<ServerEnd>,
}

/// What can happen to a server that does not end it.
pub(super) enum Change {
    /// By this signal.
    Stopped(Signal),
    Continued,
}

impl Server {
    /// A child that is about to become the server.
    pub(super) fn new(start: Start, signals_group: bool) -> Self {
        let child = start.child();
        Self {
            pid: child,
            start: Some(start),
            made_group: Some(child),
            started: Instant::now(),
            signals_group,
            is_stopped: false,
            passed_on: SignalSet::NONE,
            warned_refusal: false,
            first_oom_kills: None,
            last_group: None,
            end: None,
        }
    }

    /// The child has executed the server.
    pub(super) fn set_started(&mut self, now: Instant) {
        self.started = now;
    }

    /// It has run for a moment. (To read the counter at the start would delay a server that ends at once.)
    pub(super) fn begin_to_count_oom_kills(&mut self) {
        if self.first_oom_kills.is_none() {
            let kills = OomKills::so_far();
            // If the server has ended by now, it may be one of those processes.
            self.first_oom_kills = kills.filter(|_| sys::is_running_child(self.pid));
        }
    }

    /// How many processes the kernel has killed since the start, because the cgroup ran out of memory.
    pub(super) fn oom_kills(&self, has_failed: bool) -> u64 {
        let first = self.first_oom_kills.as_ref();
        if first.is_none() && !has_failed {
            return 0;
        }
        OomKills::so_far().map_or(0, |now| now.since(first))
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// The signals that were passed on to it.
    pub(super) fn passed_on(&self) -> SignalSet {
        self.passed_on
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Another child becomes the server. Its stop, if it is stopped, may have been reported before.
    pub(super) fn replace(&mut self, pid: Pid, is_stopped: bool) {
        self.pid = pid;
        self.is_stopped = is_stopped;
    }

    /// The process group that may get the server's signals: one that the server leads, or the one that hinit made
    /// for it. None: the server is in a group of other processes.
    ///
    /// getpgid(2) is called each time, because the server may move to another group at any time, and the number of
    /// an empty group can be given to a process that is not hinit's.
    pub(super) fn group(&mut self) -> Option<Pid> {
        let group = getpgid(Some(self.pid)).ok();
        self.made_group = self.made_group.filter(|made| Some(*made) == group);
        group.filter(|group| *group == self.pid || Some(*group) == self.made_group)
    }

    pub(super) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Passes a signal on: to the server, or to its process group. `to_job`: to its group in any case.
    pub(super) fn pass_on(&mut self, signal: &Received, to_job: bool) -> nix::Result<()> {
        match signal.info_to_queue() {
            // The kernel queues no value for a group: its members get the signal without one.
            _ if self.signals_group || to_job => self.signal_group(signal.number()),
            Some(info) => sys::queue_signal(self.pid, signal.number(), &info),
            None => sys::kill(self.pid, signal.number()),
        }?;
        self.passed_on = self.passed_on.with(signal.number());
        Ok(())
    }

    /// Sends a signal of hinit's own.
    pub(super) fn send_signal(&mut self, number: c_int) -> nix::Result<()> {
        if self.signals_group {
            self.signal_group(number)
        } else {
            sys::kill(self.pid, number)
        }
    }

    /// Signals the server's process group; where that has other processes as well, only the server.
    pub(super) fn signal_group(&mut self, number: c_int) -> nix::Result<()> {
        match self.group() {
            Some(group) => sys::kill(Pid::from_raw(-group.as_raw()), number),
            None => sys::kill(self.pid, number),
        }
    }

    /// Whether the server was stopped or continued since the last call.
    pub(super) fn change(&mut self) -> Option<Change> {
        // Of the server alone, and without WNOWAIT: a change that stays would hide the next one.
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
