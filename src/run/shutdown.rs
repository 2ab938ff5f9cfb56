//! The timetable of a stop: events and instants in, actions out. It asks no clock and calls nothing;
//! the loop in `life` carries it out.

use std::time::{Duration, Instant};

use nix::libc::c_int;

use crate::cli::{Leftovers, Stop};
use crate::time::earliest;

/// What the drain has by default, from the stop signal on, or else from the server's end: engines
/// kill the container 10 s after their stop signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);
/// What it has at least, after the server's end.
const MIN_DRAIN: Duration = Duration::from_secs(1);

/// How often to look for those who have come since they were all told to end.
const TERM_INTERVAL: Duration = Duration::from_millis(250);
/// How long what reads a pipe has to end at the end of its input: a filter of the server's output, as
/// `server | sed`, still has the server's last lines to write.
const READERS_TIMEOUT: Duration = Duration::from_millis(500);
/// How often KILL is sent again, to processes that were forked while it was sent.
const KILL_INTERVAL: Duration = Duration::from_millis(50);
/// How long to wait for those that do not end of it, the server too: they hang in the kernel, their cgroup is
/// frozen, or they are not hinit's to kill.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Shutdown {
    plan: Stop,
    /// The stop signal that waits for the end of the delay, and when that is.
    delayed: Option<(c_int, Instant)>,
    /// When the first stop signal came, and when the first one was passed on.
    requested_at: Option<Instant>,
    passed_on: Option<Instant>,
    /// Until when the server has asked to be waited for, on its way out.
    extended: Option<Instant>,
    /// When the server ended.
    ended: Option<Instant>,
    /// Since when whatever is left gets killed.
    killing: Option<Instant>,
    /// When to tell those who are left once more.
    again: Option<Instant>,
    /// Until when TERM does not go to what reads a pipe.
    spare_readers_until: Option<Instant>,
}

/// What has event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopEvent {
    /// Any signal but SIGCHLD came, as this number.
    Signal(c_int),
    ServerEnded,
    /// The server has been silent for too long, and is to end.
    Silent,
    /// It says how much more time it needs.
    Extended(Duration),
    /// Some other child has ended, and there are more.
    ChildEnded,
    /// The server has ended, and no child is left.
    NoneLeft,
    /// A deadline has passed, of the timetable's or another.
    Deadline,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    /// Pass this signal on.
    PassOn,
    /// Keep this signal, and tell the world that the server will stop.
    Delay,
    /// Pass on the signal that was kept.
    PassOnDelayed,
    /// Send the server the watchdog's signal.
    Abort,
    /// Send TERM to all that is left; see also [`Shutdown::spares_readers`].
    Terminate,
    /// Send KILL to all that is left, the server too.
    Kill,
    Leave,
}

impl Shutdown {
    pub(super) fn new(plan: Stop) -> Self {
        Self {
            plan,
            delayed: None,
            requested_at: None,
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
            // There is nobody to pass it on to.
            StopEvent::Signal(_) | StopEvent::Silent if self.ended.is_some() => Action::Nothing,
            StopEvent::Signal(signal) if self.plan.signals.contains(signal) => {
                self.stop(signal, now)
            }
            StopEvent::Signal(_) => Action::PassOn,
            StopEvent::ServerEnded => {
                self.ended = Some(now);
                self.delayed = None;
                if self.killing.is_none() {
                    self.spare_readers_until = Some(now + READERS_TIMEOUT);
                }
                self.clear_up(now)
            }
            StopEvent::Silent => {
                self.passed_on.get_or_insert(now);
                Action::Abort
            }
            StopEvent::Extended(time) => {
                self.extended = now.checked_add(time).filter(|_| self.passed_on.is_some());
                Action::Nothing
            }
            StopEvent::ChildEnded => self.clear_up(now),
            StopEvent::NoneLeft => Action::Leave,
            StopEvent::Deadline => self.deadline_passed(now),
        }
    }

    /// When to come back at the latest, if nothing else happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let delay = self.delayed.map(|(_, until)| until);
        let kill = self.kill_at().filter(|_| self.killing.is_none());
        earliest(&[delay, kill, self.spare_readers_until, self.again])
    }

    /// Whether [`Action::Terminate`] leaves out what reads a pipe.
    pub(super) fn spares_readers(&self) -> bool {
        self.spare_readers_until.is_some()
    }

    /// Whether the server has ended, or it and all that is left get killed.
    pub(super) fn is_ending(&self) -> bool {
        self.ended.is_some() || self.killing.is_some()
    }

    /// Moves everything to a later time: in between nothing could run.
    pub(super) fn postpone(&mut self, by: Duration) {
        let Self {
            plan: _,
            delayed,
            requested_at,
            passed_on,
            extended,
            ended,
            killing,
            again,
            spare_readers_until,
        } = self;
        let delay = delayed.as_mut().map(|(_, until)| until);
        let others = [
            requested_at,
            passed_on,
            extended,
            ended,
            killing,
            again,
            spare_readers_until,
        ];
        let others = others.into_iter().filter_map(Option::as_mut);
        for instant in others.chain(delay) {
            *instant += by;
        }
    }

    fn stop(&mut self, signal: c_int, now: Instant) -> Action {
        let is_first = self.requested_at.is_none();
        self.requested_at.get_or_insert(now);
        if is_first && !self.plan.delay.is_zero() {
            self.delayed = Some((signal, now + self.plan.delay));
            return Action::Delay;
        }
        // Asked again: no more delay.
        self.delayed = self.delayed.filter(|(delayed, _)| *delayed != signal);
        self.passed_on.get_or_insert(now);
        Action::PassOn
    }

    /// What becomes of those whom the server left. Again whenever one of them has ended, for its
    /// own children have come to hinit, and may not have been there before.
    fn clear_up(&mut self, now: Instant) -> Action {
        match (self.ended, self.killing) {
            (None, _) => Action::Nothing,
            _ if self.plan.leftovers != Leftovers::Drain => Action::Leave,
            (_, Some(_)) => self.once_more(Action::Kill, now + KILL_INTERVAL),
            (_, None) => self.once_more(Action::Terminate, now + TERM_INTERVAL),
        }
    }

    fn once_more(&mut self, action: Action, again: Instant) -> Action {
        self.again = Some(again);
        action
    }

    fn deadline_passed(&mut self, now: Instant) -> Action {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.delayed.map(|(_, until)| until)) {
            self.delayed = None;
            self.passed_on.get_or_insert(now);
            return Action::PassOnDelayed;
        }
        let readers_are_due = is_due(self.spare_readers_until);
        if readers_are_due {
            self.spare_readers_until = None;
        }
        match self.killing {
            None if is_due(self.kill_at()) => {
                self.killing = Some(now);
                self.spare_readers_until = None;
                self.once_more(Action::Kill, now + KILL_INTERVAL)
            }
            None if readers_are_due || is_due(self.again) => {
                self.once_more(Action::Terminate, now + TERM_INTERVAL)
            }
            Some(since) if now >= since + KILL_TIMEOUT => Action::Leave,
            Some(_) if is_due(self.again) => self.once_more(Action::Kill, now + KILL_INTERVAL),
            _ => Action::Nothing,
        }
    }

    /// The one deadline for all.
    fn kill_at(&self) -> Option<Instant> {
        let grace_from = self.passed_on.or(self.ended);
        match (self.plan.grace, self.ended, self.requested_at) {
            (Some(grace), None, _) => (grace_from.map(|from| from + grace)).max(self.extended),
            (Some(grace), Some(_), _) => Some(grace_from? + grace),
            (None, Some(ended), Some(requested_at)) => {
                Some((requested_at + DRAIN_TIMEOUT).max(ended + MIN_DRAIN))
            }
            (None, Some(ended), None) => Some(ended + DRAIN_TIMEOUT),
            (None, None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests;
