//! A stop from its first signal to the exit: events and instants in, actions out. It reads no clock and makes
//! no system call; the main loop does what it says.

use std::time::{Duration, Instant};

use nix::libc::c_int;

use super::signals::{Received, Sender};
use crate::cli::{Leftovers, Stop};
use crate::time::earliest;

/// How long leftovers have by default after the stop signal, or after the server's end where there was none:
/// engines kill the container 10 s after their stop signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);
/// How long they have at least after the server's end.
const MIN_DRAIN: Duration = Duration::from_secs(1);

/// How often to look for processes that appeared after all were sent TERM.
const TERM_INTERVAL: Duration = Duration::from_millis(250);
/// How long a process that reads a pipe has to exit at the end of its input: a filter of the server's output, as
/// in `server | sed`, still has to write the server's last lines.
const READERS_TIMEOUT: Duration = Duration::from_millis(500);
/// How often KILL is sent again, to processes that were forked while it was sent.
const KILL_INTERVAL: Duration = Duration::from_millis(50);
/// How long to wait for processes that KILL does not end, the server among them: they hang in the kernel, their
/// cgroup is frozen, or hinit may not signal them.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg_attr(test, derive(Clone))]
pub(super) struct Shutdown {
    plan: Stop,
    request: Option<StopRequest>,
    /// The stop signal that waits for the end of the delay, and when that is.
    delayed: Option<(Received, Instant)>,
    /// When the first stop signal was passed on.
    passed_on: Option<Instant>,
    /// Until when the server has asked for more time to stop (`EXTEND_TIMEOUT_USEC`).
    extended: Option<Instant>,
    /// When the server ended.
    ended: Option<Instant>,
    /// When hinit began to kill what is left.
    killing: Option<Instant>,
    /// When to signal the leftovers again.
    again: Option<Instant>,
    /// Until when TERM is not sent to processes that read a pipe.
    spare_readers_until: Option<Instant>,
}

/// The first stop signal, if it came before the server's end.
#[derive(Clone, Copy, Debug)]
pub(super) struct StopRequest {
    pub(super) signal: c_int,
    pub(super) sender: Sender,
    pub(super) at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopEvent {
    /// A signal that is to be passed on.
    Signal(Received),
    ServerEnded,
    /// The watchdog ran out, and the server is to be aborted.
    WatchdogExpired,
    /// The server asks for this much more time to stop.
    Extended(Duration),
    /// Some other child has ended, and there are more.
    ChildEnded,
    /// The server has ended, and no child is left.
    NoneLeft,
    /// A deadline has passed, of this table or another one.
    Deadline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    /// Send this signal to the server.
    PassOn(Received),
    /// Show the server as unhealthy from now on: this signal is passed on after the delay.
    Delay(Received),
    /// Send the server the watchdog's signal.
    Abort,
    /// Send TERM to all that is left; see also [`Shutdown::spares_readers`].
    Terminate,
    /// Send KILL to all that is left, and to the server.
    Kill,
    Leave,
}

impl Shutdown {
    pub(super) fn new(plan: Stop) -> Self {
        Self {
            plan,
            request: None,
            delayed: None,
            passed_on: None,
            extended: None,
            ended: None,
            killing: None,
            again: None,
            spare_readers_until: None,
        }
    }

    pub(super) fn on(&mut self, event: StopEvent, now: Instant) -> Action {
        match event {
            // There is no server to signal.
            StopEvent::Signal(_) | StopEvent::WatchdogExpired if self.ended.is_some() => {
                Action::Nothing
            }
            StopEvent::Signal(signal) if self.plan.signals.contains(signal.received_as()) => {
                self.stop(signal, now)
            }
            StopEvent::Signal(signal) => Action::PassOn(signal),
            StopEvent::ServerEnded => {
                self.ended = Some(now);
                self.delayed = None;
                if self.killing.is_none() {
                    self.spare_readers_until = Some(now + READERS_TIMEOUT);
                }
                self.clear_up(now)
            }
            StopEvent::WatchdogExpired => {
                self.passed_on.get_or_insert(now);
                Action::Abort
            }
            StopEvent::Extended(time) => {
                self.extended = now.checked_add(time).filter(|_| self.passed_on.is_some());
                Action::Nothing
            }
            // What is due comes first, or a stream of orphans that end would keep it off.
            StopEvent::ChildEnded => match self.deadline_passed(now) {
                Action::Nothing => self.clear_up(now),
                due => due,
            },
            StopEvent::NoneLeft => Action::Leave,
            StopEvent::Deadline => self.deadline_passed(now),
        }
    }

    pub(super) fn request(&self) -> Option<StopRequest> {
        self.request
    }

    /// The first stop signal, unless it still waits for the end of the delay.
    pub(super) fn signal_in_effect(&self) -> Option<c_int> {
        let request = self.request.filter(|_| self.delayed.is_none());
        request.map(|request| request.signal)
    }

    /// The next deadline of this table.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let delay = self.delayed.map(|(_, until)| until);
        let kill = self.kill_at().filter(|_| self.killing.is_none());
        // Not left to `again`, which each orphan that ends puts off.
        let leave = self.killing.map(|since| since + KILL_TIMEOUT);
        earliest(&[delay, kill, leave, self.spare_readers_until, self.again])
    }

    /// Whether [`Action::Terminate`] leaves out what reads a pipe.
    pub(super) fn spares_readers(&self) -> bool {
        self.spare_readers_until.is_some()
    }

    /// Whether the server has ended, or hinit kills it and all that is left.
    pub(super) fn is_ending(&self) -> bool {
        self.ended.is_some() || self.killing.is_some()
    }

    /// Moves all instants to a later time, because neither hinit nor the server ran in between.
    pub(super) fn postpone(&mut self, by: Duration) {
        let Self {
            plan: _,
            request,
            delayed,
            passed_on,
            extended,
            ended,
            killing,
            again,
            spare_readers_until,
        } = self;
        let delay = delayed.as_mut().map(|(_, until)| until);
        let request = request.as_mut().map(|request| &mut request.at);
        let others = [
            passed_on,
            extended,
            ended,
            killing,
            again,
            spare_readers_until,
        ];
        let others = others.into_iter().filter_map(Option::as_mut);
        for instant in others.chain(delay).chain(request) {
            *instant += by;
        }
    }

    fn stop(&mut self, signal: Received, now: Instant) -> Action {
        let is_first = self.request.is_none();
        self.request.get_or_insert_with(|| StopRequest {
            signal: signal.received_as(),
            sender: signal.sender(),
            at: now,
        });
        if is_first && !self.plan.delay.is_zero() {
            self.delayed = Some((signal, now + self.plan.delay));
            return Action::Delay(signal);
        }
        // The same signal again ends the delay.
        let is_other = |delayed: Received| delayed.received_as() != signal.received_as();
        self.delayed = self.delayed.filter(|(delayed, _)| is_other(*delayed));
        self.passed_on.get_or_insert(now);
        Action::PassOn(signal)
    }

    /// What becomes of the leftovers. It runs again whenever one of them has ended, because the children of
    /// that one were reparented to hinit, which may not have seen them before.
    fn clear_up(&mut self, now: Instant) -> Action {
        match (self.ended, self.killing) {
            (None, _) => Action::Nothing,
            _ if self.plan.leftovers != Leftovers::Drain => Action::Leave,
            (_, Some(_)) => self.repeat(Action::Kill, now + KILL_INTERVAL),
            (_, None) => self.repeat(Action::Terminate, now + TERM_INTERVAL),
        }
    }

    fn repeat(&mut self, action: Action, again: Instant) -> Action {
        self.again = Some(again);
        action
    }

    fn deadline_passed(&mut self, now: Instant) -> Action {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if let Some((signal, _)) = self.delayed.take_if(|(_, until)| *until <= now) {
            self.passed_on.get_or_insert(now);
            return Action::PassOn(signal);
        }
        let readers_are_due = is_due(self.spare_readers_until);
        if readers_are_due {
            self.spare_readers_until = None;
        }
        match self.killing {
            None if is_due(self.kill_at()) => {
                self.killing = Some(now);
                self.spare_readers_until = None;
                self.repeat(Action::Kill, now + KILL_INTERVAL)
            }
            None if readers_are_due || is_due(self.again) => {
                self.repeat(Action::Terminate, now + TERM_INTERVAL)
            }
            Some(since) if now >= since + KILL_TIMEOUT => Action::Leave,
            Some(_) if is_due(self.again) => self.repeat(Action::Kill, now + KILL_INTERVAL),
            None | Some(_) => Action::Nothing,
        }
    }

    /// When hinit kills all that is left, the server among it.
    fn kill_at(&self) -> Option<Instant> {
        let grace_from = self.passed_on.or(self.ended);
        match (self.plan.grace, self.ended, self.request) {
            (Some(grace), None, _) => (grace_from.map(|from| from + grace)).max(self.extended),
            (Some(grace), Some(_), _) => Some(grace_from? + grace),
            (None, Some(ended), Some(request)) => {
                Some((request.at + DRAIN_TIMEOUT).max(ended + MIN_DRAIN))
            }
            (None, Some(ended), None) => Some(ended + DRAIN_TIMEOUT),
            (None, None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests;
