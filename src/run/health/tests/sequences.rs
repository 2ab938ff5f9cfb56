//! Every sequence of messages, stops and instants up to a length, with every combination of the options. What the guides
//! say of a phase is here a function of all that has happened, and not of a state.

use super::*;

const LENGTH: usize = 4;
const SERVER: Pid = Pid::from_raw(7);
const TICK: Duration = Duration::from_secs(3);
const SHORT: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    Exec,
    Ready,
    Reloading,
    Stopping,
    Ping,
    Trigger,
    Timeout(Duration),
    ProbesPassed,
    StopRequested,
    Suspended,
    Continued,
    Replaced,
    PreviousReaped,
    Ended,
    /// Some time passes, and hinit does what is due then.
    Tick,
}

use Happening::{
    Continued, Ended, Exec, Ping, PreviousReaped, ProbesPassed, Ready, Reloading, Replaced,
    StopRequested, Stopping, Suspended, Tick, Timeout, Trigger,
};

#[derive(Clone, Copy, Debug)]
struct Options {
    notify: bool,
    watchdog: Option<Duration>,
    probes: bool,
}

#[derive(Clone)]
struct Life {
    options: Options,
    health: Health,
    now: Instant,
    history: Vec<(Happening, Instant)>,
    warned: usize,
}

impl Life {
    fn new(options: Options) -> Self {
        let notify = Notify {
            watchdog: options.watchdog,
            signal: None,
        };
        let now = Instant::now() + Duration::from_secs(1000);
        Self {
            options,
            health: Health::new(
                SERVER,
                options.notify.then_some(&notify),
                options.probes,
                now,
            ),
            now,
            history: Vec::new(),
            warned: 0,
        }
    }

    fn has(&self, happening: Happening) -> bool {
        self.history.iter().any(|(known, _)| *known == happening)
    }

    fn last(&self, of: &[Happening]) -> Option<usize> {
        self.history
            .iter()
            .rposition(|(known, _)| of.contains(known))
    }

    /// What can happen next: there are messages only with `--notify`, and the end comes after the exec.
    fn next(&self) -> Vec<Happening> {
        let mut next = vec![StopRequested, Suspended, Continued, Tick];
        next.push(if self.has(Exec) { Ended } else { Exec });
        if self.options.probes && self.has(Exec) {
            next.push(ProbesPassed);
        }
        if self.options.notify {
            let timeouts = [Timeout(Duration::ZERO), Timeout(SHORT)];
            next.extend([
                Ready,
                Reloading,
                Stopping,
                Ping,
                Trigger,
                Replaced,
                PreviousReaped,
            ]);
            next.extend(timeouts);
        }
        next.retain(|next| !self.has(Ended) || *next == Tick);
        next
    }

    fn play(&mut self, happening: Happening) {
        let (health, now) = (&mut self.health, self.now);
        match happening {
            Exec => health.set_started(now),
            Ready => health.apply(NotifyEvent::Ready, now),
            Reloading => health.apply(NotifyEvent::Reloading, now),
            Stopping => health.apply(NotifyEvent::Stopping, now),
            Ping => health.apply(NotifyEvent::WatchdogPing, now),
            Trigger => health.apply(NotifyEvent::WatchdogTrigger, now),
            Timeout(time) => health.apply(NotifyEvent::WatchdogTimeout(time), now),
            ProbesPassed => health.set_probes_passed(),
            StopRequested => health.set_stop_requested(now),
            Suspended => health.set_suspended(true),
            Continued => health.set_suspended(false),
            Replaced => health.replace_server(SERVER, false, now),
            PreviousReaped => health.clear_announced_stop(),
            Ended => health.set_ended(),
            Tick => {
                self.now += TICK;
                self.warn();
            }
        }
        if [Ready, Ping, Replaced].contains(&happening) {
            self.warned = 0;
        }
        self.history.push((happening, self.now));
    }

    /// What the main loop does at a deadline.
    fn warn(&mut self) {
        let _late = self.health.take_ready_warning(self.now);
        if self.health.take_silence_warning(self.now).is_some() {
            self.warned += 1;
        }
        assert!(self.warned <= 1, "one silence, two warnings");
        let deadline = self.health.deadline();
        assert!(deadline.is_none_or(|at| at > self.now), "a busy look");
    }

    fn is_stopping(&self) -> bool {
        let cleared = self.last(&[Replaced, PreviousReaped]);
        let announced = self.last(&[Stopping]);
        self.has(StopRequested) || announced.is_some() && announced > cleared
    }

    /// How long the server has been silent for longer than its watchdog allows.
    fn is_silent(&self) -> bool {
        let (mut watchdog, mut sign) = (self.options.watchdog, None);
        for (happening, at) in &self.history {
            match happening {
                Timeout(time) => watchdog = Some(*time).filter(|time| !time.is_zero()),
                Ready | Ping => sign = Some(*at),
                Replaced => sign = sign.map(|_| *at),
                Trigger => sign = watchdog.and_then(|watchdog| at.checked_sub(watchdog)),
                _ => {}
            }
        }
        let late = |(sign, watchdog)| self.now >= sign + watchdog;
        !self.is_stopping() && sign.zip(watchdog).is_some_and(late)
    }

    fn phase(&self) -> &'static str {
        let stops_and_goes = self.last(&[Suspended, Continued, Replaced]);
        let is_suspended = stops_and_goes.is_some_and(|at| self.history[at].0 == Suspended);
        let is_loaded = self.has(Exec) || self.has(Ready);
        let has_sent = !self.options.notify || self.has(Ready);
        let has_passed = !self.options.probes || self.has(ProbesPassed);
        let first_ready = self
            .history
            .iter()
            .position(|(happening, _)| *happening == Ready);
        let reload = self
            .last(&[Reloading])
            .filter(|at| first_ready.is_some_and(|first| first < *at));
        if self.has(Ended) {
            "ended"
        } else if is_suspended {
            "stopped"
        } else if self.is_silent() {
            "silent"
        } else if self.is_stopping() {
            "stopping"
        } else if !(is_loaded && has_sent && has_passed) {
            "starting"
        } else if reload > self.last(&[Ready]) {
            "reloading"
        } else {
            "ready"
        }
    }

    fn check(&self) {
        let (health, now) = (&self.health, self.now);
        let phase = self.phase();
        assert_eq!(health.phase(now).name(), phase);
        let verdicts = [health.liveness(now), health.readiness(now)];
        let is_live = !["silent", "stopped", "ended"].contains(&phase);
        let is_ready = ["ready", "reloading"].contains(&phase);
        assert_eq!(
            verdicts.each_ref().map(Verdict::is_healthy),
            [is_live, is_ready]
        );
        // Until the deadline time alone changes no verdict.
        let before = health.deadline().map_or(now + WATCHDOG * 10, |at| {
            at.max(now + SHORT / 5).checked_sub(SHORT / 5).unwrap()
        });
        if before > now && !is_late_already(self) {
            assert_eq!(
                health.phase(before).name(),
                phase,
                "no wake-up for a change"
            );
        }
        // A pause makes nobody silent.
        let mut paused = self.health.clone();
        let later = now + WATCHDOG * 2;
        paused.postpone(WATCHDOG * 2, later);
        let is_silent = |health: &Health, at| health.phase(at).name() == "silent";
        assert!(
            !is_silent(&paused, later) || is_silent(health, now),
            "silent by a pause"
        );
    }
}

/// The deadline has passed, and the main loop has not had its turn yet; or no warning is due any more.
fn is_late_already(life: &Life) -> bool {
    life.is_silent() || life.health.deadline().is_some_and(|at| at <= life.now)
}

fn play_all(life: &Life, left: usize, count: &mut usize) {
    for happening in life.next() {
        let mut life = life.clone();
        life.play(happening);
        life.check();
        *count += 1;
        if left > 1 {
            play_all(&life, left - 1, count);
        }
    }
}

#[test]
fn after_each_sequence_the_phase_is_what_has_happened() {
    let mut count = 0;
    for notify in [false, true] {
        for probes in [false, true] {
            for watchdog in [None, Some(WATCHDOG), Some(SHORT)] {
                let watchdog = watchdog.filter(|_| notify);
                let options = Options {
                    notify,
                    watchdog,
                    probes,
                };
                play_all(&Life::new(options), LENGTH, &mut count);
            }
        }
    }
    assert!(count > 100_000, "{count}");
}
