//! What is known of the server's health, and what that means; it asks no clock and calls nothing.

use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::notify::Word;
use crate::cli::Notify;
use crate::json;
use crate::time::{self, earliest};
use crate::verdict::Verdict;

/// How long a server may take to be ready before hinit warns.
const LATE: Duration = Duration::from_mins(1);

/// How much is kept of what a server says of itself.
const MAX_STATUS: usize = 256;
/// More than the longest verdict of a running hinit has.
const MAX_VERDICT: usize = 256;

/// The server's state, as hinit and the server itself have told it.
pub(super) struct Health {
    /// None: it has ended.
    server: Option<Pid>,
    started: Instant,
    stage: Stage,
    awaited: Awaited,
    /// When to warn that it is not ready, unless that was done.
    late_at: Option<Instant>,
    stopping: Option<Stopping>,
    /// A signal or a terminal has stopped it, and nobody has continued it.
    is_suspended: bool,
    /// How long it may be silent.
    watchdog: Option<Duration>,
    /// Its last sign of life. The first one starts the watchdog: a server may take its time to start.
    sign: Option<Instant>,
    /// Whether it was said that it is silent.
    is_told: bool,
    /// What it says of itself, for people.
    status: String,
    failure: Option<i32>,
}

/// How far it is, as hinit knows or as the server says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The child has not executed the server yet.
    Launching,
    Running,
    /// About to be ready with another configuration.
    Reloading,
}

/// What has to come before the server is ready, once it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Awaited {
    /// Its own word.
    word: bool,
    /// That it answers hinit's own probes.
    answer: bool,
}

impl Awaited {
    const NOTHING: Self = Self {
        word: false,
        answer: false,
    };
}

/// Who says that it is on its way out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stopping {
    /// It was asked to end, whoever is the server.
    Asked,
    /// The server itself.
    Itself,
}

impl Health {
    pub(super) fn new(server: Pid, notify: Option<&Notify>, is_asked: bool, now: Instant) -> Self {
        Self {
            server: Some(server),
            started: now,
            stage: Stage::Launching,
            awaited: Awaited {
                word: notify.is_some(),
                answer: is_asked,
            },
            late_at: None,
            stopping: None,
            is_suspended: false,
            watchdog: notify.and_then(|notify| notify.watchdog),
            sign: None,
            is_told: false,
            status: String::new(),
            failure: None,
        }
    }

    /// The child has executed the server.
    pub(super) fn has_started(&mut self, now: Instant) {
        if self.stage == Stage::Launching {
            self.stage = Stage::Running;
        }
        self.late_at = Some(now + LATE);
    }

    /// The server has answered hinit's own probes.
    pub(super) fn has_answered(&mut self) {
        self.awaited.answer = false;
    }

    /// Takes note of what the server says.
    pub(super) fn hear(&mut self, word: Word, now: Instant) {
        match word {
            Word::Ready => {
                self.awaited.word = false;
                // It may be faster to say so than hinit to notice its start.
                self.stage = Stage::Running;
                self.lives(now);
            }
            Word::Alive => self.lives(now),
            // As if it had been silent all the time.
            Word::Hung => self.sign = self.watchdog.and_then(|watchdog| now.checked_sub(watchdog)),
            Word::Reloading if !self.awaited.word => self.stage = Stage::Reloading,
            Word::Stopping => {
                self.stopping.get_or_insert(Stopping::Itself);
            }
            Word::Watchdog(Duration::ZERO) => self.watchdog = None,
            Word::Watchdog(time) => self.watchdog = Some(time),
            Word::Status(status) => {
                let end = status.floor_char_boundary(MAX_STATUS);
                self.status.clear();
                self.status.push_str(status.get(..end).unwrap_or_default());
            }
            Word::Failure(errno) => self.failure = Some(errno),
            Word::Reloading
            | Word::Monotonic(_)
            | Word::MainPid(_)
            | Word::Extend(_)
            | Word::Other => {}
        }
    }

    fn lives(&mut self, now: Instant) {
        self.sign = Some(now);
        self.is_told = false;
    }

    pub(super) fn end(&mut self) {
        self.server = None;
    }

    /// Another process has taken the server's place. What the old one says of its own end, and its
    /// silence, say nothing of the new one.
    pub(super) fn replace_server(&mut self, server: Pid, is_suspended: bool, now: Instant) {
        self.server = Some(server);
        self.is_suspended = is_suspended;
        self.forget_the_old_ones_word();
        if self.sign.is_some() {
            self.lives(now);
        }
    }

    /// The old server has gone.
    pub(super) fn forget_the_old_ones_word(&mut self) {
        self.stopping = self
            .stopping
            .filter(|stopping| *stopping == Stopping::Asked);
    }

    pub(super) fn set_suspended(&mut self, is_suspended: bool) {
        self.is_suspended = is_suspended;
    }

    /// The server was asked to end.
    pub(super) fn stop(&mut self) {
        self.stopping = Some(Stopping::Asked);
    }

    /// Whether the server lives and does its work; if not, nothing but a restart helps.
    pub(super) fn liveness(&self, now: Instant) -> Verdict {
        match (self.server, self.silence(now)) {
            (None, _) => Verdict::NoServer,
            (Some(pid), _) if self.is_suspended => Verdict::Stopped(pid),
            (Some(_), Some((silence, watchdog))) => Verdict::Silent { silence, watchdog },
            (Some(pid), None) => Verdict::Healthy(pid),
        }
    }

    /// Whether it has said that it is ready and has answered hinit's own probes, as far as it is to do so.
    pub(super) fn has_become_ready(&self) -> bool {
        self.awaited == Awaited::NOTHING && self.stage != Stage::Launching
    }

    /// Whether it may get requests: it is alive, has become ready, and was not asked to end. One that reloads
    /// goes on with what it had.
    pub(super) fn readiness(&self, now: Instant) -> Verdict {
        match self.liveness(now) {
            Verdict::Healthy(pid) if self.stopping.is_some() => Verdict::Stopping(pid),
            Verdict::Healthy(_) if self.stage == Stage::Launching => Verdict::NoServer,
            Verdict::Healthy(pid) if !self.has_become_ready() => Verdict::NotReady(pid),
            verdict => verdict,
        }
    }

    /// For how long it has been silent, if that is too long, and how long it may be. One that stops
    /// has other things to do.
    fn silence(&self, now: Instant) -> Option<(Duration, Duration)> {
        let (watchdog, sign) = (self.watchdog?, self.sign?);
        let silence = now.saturating_duration_since(sign);
        (self.stopping.is_none() && silence >= watchdog).then_some((silence, watchdog))
    }

    /// How long the server may be silent.
    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The server could give no sign of life for this time. A watchdog that ran out meanwhile runs once more.
    pub(super) fn postpone(&mut self, by: Duration, now: Instant) {
        if let Some(sign) = &mut self.sign
            && !self.is_told
        {
            let has_run_out = self
                .watchdog
                .is_some_and(|watchdog| *sign + watchdog <= now);
            *sign = if has_run_out { now } else { *sign + by };
        }
        if let Some(at) = &mut self.late_at {
            *at += by;
        }
    }

    /// When the watchdog has to be looked at, or that the server is ready.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if !self.is_watched() {
            return None;
        }
        let silent_at = match (self.sign, self.watchdog) {
            (Some(sign), Some(watchdog)) if !self.is_told => Some(sign + watchdog),
            _ => None,
        };
        let late_at = self.late_at.filter(|_| !self.has_become_ready());
        earliest(&[silent_at, late_at])
    }

    /// One that stops has other things to do than to be alive or ready.
    fn is_watched(&self) -> bool {
        self.server.is_some() && self.stopping.is_none()
    }

    /// Whether the server has just been found to take too long to be ready: once.
    pub(super) fn is_newly_late(&mut self, now: Instant) -> bool {
        let is_late = self.late_at.is_some_and(|at| at <= now)
            && self.is_watched()
            && !self.has_become_ready();
        if is_late {
            self.late_at = None;
        }
        is_late
    }

    /// The verdict on a server that has just been found to be silent for too long, once for each time.
    pub(super) fn newly_silent(&mut self, now: Instant) -> Option<Verdict> {
        if self.is_told || self.server.is_none() {
            return None;
        }
        let (silence, watchdog) = self.silence(now)?;
        self.is_told = true;
        Some(Verdict::Silent { silence, watchdog })
    }

    fn phase(&self, now: Instant) -> &'static str {
        match self.readiness(now) {
            Verdict::NoServer if self.stage == Stage::Launching => "starting",
            Verdict::NoServer => "ended",
            Verdict::Stopped(_) => "stopped",
            Verdict::Silent { .. } => "silent",
            Verdict::Stopping(_) => "stopping",
            Verdict::NotReady(_) => "starting",
            _ if self.stage == Stage::Reloading => "reloading",
            _ => "ready",
        }
    }

    /// All of it as one JSON object, on one line.
    pub(super) fn write_json(&self, out: &mut dyn Write, now: Instant) -> fmt::Result {
        let (liveness, readiness) = (self.liveness(now), self.readiness(now));
        let pid = self.server.map(|pid| pid.as_raw().unsigned_abs().into());
        let uptime = now.saturating_duration_since(self.started);
        let silence = self.sign.map(|sign| now.saturating_duration_since(sign));
        json::write_object(out, |json| {
            json.key("phase").string(&self.phase(now), MAX_VERDICT);
            json.key("verdict").string(&readiness, MAX_VERDICT);
            json.key("live").boolean(liveness.is_healthy());
            json.key("ready").boolean(readiness.is_healthy());
            json.key("pid").number(pid);
            json.key("seconds").number(Some(uptime.as_secs()));
            json.key("status").string(&self.status, MAX_STATUS);
            let watchdog = self.watchdog.map(time::millis);
            json.key("watchdog_milliseconds").number(watchdog);
            json.key("silent_milliseconds")
                .number(silence.map(time::millis));
            let errno = self.failure.map(|errno| errno.unsigned_abs().into());
            json.key("errno").number(errno);
        })?;
        out.write_str("\n")
    }
}

#[cfg(test)]
pub(crate) mod tests;
