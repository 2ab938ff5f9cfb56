//! Every sequence of events up to a depth, with every combination of the options, and from each state that it leads to
//! the way to the end.

use std::collections::HashSet;

use super::*;

/// The longest sequence. States that were met before are not explored again.
const DEPTH: usize = 5;

/// What a stopping server asks for, in milliseconds.
const EXTENSION: u64 = 300;

/// What happens to the table, and how much later than the event before.
#[derive(Clone, Copy, Debug)]
enum Move {
    Event(u64, StopEvent),
    /// Time passes until the table's own deadline.
    OwnDeadline,
    /// hinit and the server are paused.
    Pause(u64),
}

/// The table, and what the main loop knows besides.
#[derive(Clone)]
struct Life {
    shutdown: Shutdown,
    now: Instant,
    server_has_ended: bool,
    /// When the server was first asked to stop, when it ended, and until when it asked for more time: less all pauses.
    asked_at: Option<Instant>,
    ended_at: Option<Instant>,
    extended: Option<Instant>,
    /// The stop signal that waits.
    waiting: Option<Received>,
    has_killed: Option<Instant>,
    has_left: bool,
}

/// The instants of the table, relative to now: states with the same ones behave alike.
type Key = (Vec<Option<i128>>, Option<c_int>, bool, bool);

impl Life {
    fn new(plan: Stop) -> Self {
        let now = Instant::now();
        Self {
            shutdown: Shutdown::new(plan),
            now,
            server_has_ended: false,
            asked_at: None,
            ended_at: None,
            extended: None,
            waiting: None,
            has_killed: None,
            has_left: false,
        }
    }

    fn key(&self) -> Key {
        let table = &self.shutdown;
        let request = table.request.map(|request| request.at);
        let delayed = table.delayed.map(|(_, until)| until);
        let instants = [
            request,
            delayed,
            table.passed_on,
            table.extended,
            table.ended,
            table.killing,
            table.again,
            table.spare_readers_until,
        ];
        let relative = |at: Instant| {
            let later = at.saturating_duration_since(self.now).as_millis();
            let earlier = self.now.saturating_duration_since(at).as_millis();
            later.cast_signed() - earlier.cast_signed()
        };
        let signal = table.delayed.map(|(signal, _)| signal.received_as());
        let instants = instants.map(|at| at.map(relative)).to_vec();
        (instants, signal, self.server_has_ended, self.has_left)
    }

    /// The moves that the main loop may make now.
    fn moves(&self) -> Vec<Move> {
        let mut moves = vec![Move::Pause(700), Move::Event(0, Deadline)];
        for event in [
            signal(SIGTERM),
            signal(SIGINT),
            signal(SIGHUP),
            WatchdogExpired,
        ] {
            moves.push(Move::Event(10, event));
        }
        moves.push(Move::Event(10, Extended(millis(EXTENSION))));
        moves.push(Move::Event(10, ChildEnded));
        moves.push(Move::Event(
            10,
            if self.server_has_ended {
                NoneLeft
            } else {
                ServerEnded
            },
        ));
        if self.shutdown.deadline().is_some() {
            moves.push(Move::OwnDeadline);
        }
        moves
    }

    fn play(&mut self, next: Move) {
        match next {
            Move::Event(later, event) => {
                self.now += millis(later);
                self.happen(event);
            }
            Move::OwnDeadline => {
                let deadline = self.shutdown.deadline().unwrap();
                self.now = self.now.max(deadline);
                let action = self.happen(Deadline);
                assert_ne!(action, Nothing, "a wake-up without a reason");
            }
            Move::Pause(time) => {
                let (before, deadline) = (self.key(), self.shutdown.deadline());
                self.now += millis(time);
                self.shutdown.postpone(millis(time));
                for at in [
                    &mut self.asked_at,
                    &mut self.ended_at,
                    &mut self.extended,
                    &mut self.has_killed,
                ] {
                    *at = at.map(|at| at + millis(time));
                }
                assert_eq!(self.key(), before, "a pause moves every instant");
                let moved = deadline.map(|at| at + millis(time));
                assert_eq!(self.shutdown.deadline(), moved);
            }
        }
    }

    fn happen(&mut self, event: StopEvent) -> Action {
        let had_ended = self.server_has_ended;
        let action = self.shutdown.on(event, self.now);
        match event {
            Extended(time) if self.asked_at.is_some() => self.extended = Some(self.now + time),
            ServerEnded => {
                (self.server_has_ended, self.ended_at, self.waiting) = (true, Some(self.now), None);
            }
            _ => {}
        }
        let acts_on_server = matches!(action, PassOn(_) | Delay(_) | Abort);
        assert!(
            !(had_ended && acts_on_server),
            "{action:?} after the server's end"
        );
        match action {
            Delay(delayed) => {
                assert!(self.waiting.is_none());
                self.waiting = Some(delayed);
            }
            PassOn(passed) => {
                let is_stop = PLAIN.signals.contains(passed.received_as());
                let asks = is_stop.then_some(self.now);
                self.asked_at = self.asked_at.or(asks);
                self.waiting
                    .take_if(|waiting| waiting.received_as() == passed.received_as());
            }
            Abort => self.asked_at = self.asked_at.or(Some(self.now)),
            Kill => self.has_killed = self.has_killed.or(Some(self.now)),
            Leave => self.may_leave(event),
            Terminate | Nothing => {}
        }
        if event == Deadline {
            self.has_done_what_is_due();
        }
        action
    }

    /// hinit leaves nothing running that KILL could end, unless it is told to.
    fn may_leave(&mut self, event: StopEvent) {
        let drains = self.shutdown.plan.leftovers == Leftovers::Drain;
        let is_alone = event == NoneLeft;
        let may_leave_others = self.server_has_ended && !drains;
        let has_waited = self
            .has_killed
            .is_some_and(|at| self.now >= at + KILL_TIMEOUT);
        assert!(is_alone || may_leave_others || has_waited, "left too early");
        self.has_left = true;
    }

    /// When hinit must kill, by what the guides say.
    fn kill_at(&self) -> Option<Instant> {
        let grace = self.shutdown.plan.grace?;
        let from = self.asked_at.or(self.ended_at)?;
        let extended = self.extended.filter(|_| !self.server_has_ended);
        Some((from + grace).max(extended.unwrap_or(from)))
    }

    fn has_done_what_is_due(&self) {
        if self.has_left {
            return;
        }
        let is_due = self.kill_at().is_some_and(|at| at <= self.now);
        // One event has one action: a stop signal that was delayed comes first.
        let is_killing = self.has_killed.is_some() || self.asked_at == Some(self.now);
        assert!(!is_due || is_killing, "KILL was skipped");
    }

    /// From here on only deadlines pass, and KILL ends nothing.
    fn must_end(mut self) {
        let can_end = self.shutdown.plan.grace.is_some() && self.asked_at.is_some();
        let waits = self.waiting.is_some();
        if !(can_end || self.server_has_ended || waits && self.shutdown.plan.grace.is_some()) {
            // Only a stop, the watchdog or the server itself begins the end.
            assert!(
                waits || self.shutdown.deadline().is_none(),
                "a deadline of nothing"
            );
            return;
        }
        let bound = self.now + DRAIN_TIMEOUT + MIN_DRAIN + KILL_TIMEOUT + millis(EXTENSION + 1000);
        let (mut last, mut looks) = (None, 0);
        while !self.has_left {
            assert!(self.shutdown.deadline().is_some(), "nothing ends it");
            self.play(Move::OwnDeadline);
            looks = if last == Some(self.now) { looks + 1 } else { 0 };
            assert!(looks < 3, "a busy loop");
            assert!(self.now <= bound, "the end comes too late");
            last = Some(self.now);
        }
        assert!(
            !waits || self.server_has_ended || self.asked_at.is_some(),
            "a delayed signal was lost"
        );
    }
}

fn plans() -> Vec<Stop> {
    let mut plans = Vec::new();
    for delay in [0, 50] {
        for grace in [None, Some(0), Some(200), Some(5000)] {
            for leftovers in [Leftovers::Drain, Leftovers::Tell, Leftovers::Leave] {
                let grace = grace.map(millis);
                plans.push(Stop {
                    delay: millis(delay),
                    grace,
                    leftovers,
                    ..PLAIN
                });
            }
        }
    }
    plans
}

#[test]
fn each_sequence_of_events_keeps_the_promises_of_a_stop() {
    let mut states = 0;
    for plan in plans() {
        let mut seen = HashSet::new();
        let mut frontier = vec![(Life::new(plan), Vec::new())];
        for _ in 0..DEPTH {
            let mut next = Vec::new();
            for (life, story) in &frontier {
                for step in life.moves() {
                    let mut story: Vec<Move> = story.clone();
                    story.push(step);
                    let mut life = life.clone();
                    let played = std::panic::catch_unwind(move || {
                        life.play(step);
                        life.clone().must_end();
                        life
                    });
                    let life = played.unwrap_or_else(|_| panic!("{plan:?}: {story:?}"));
                    if !life.has_left && seen.insert(life.key()) {
                        next.push((life, story));
                    }
                }
            }
            frontier = next;
        }
        states += seen.len();
    }
    assert!(states > 10_000, "{states}");
}
