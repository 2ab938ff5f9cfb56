use nix::libc::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};

use super::Action::{Abort, Delay, Kill, Leave, Nothing, PassOn, Terminate};
use super::StopEvent::{
    ChildEnded, Deadline, Extended, NoneLeft, ServerEnded, Signal, WatchdogExpired,
};
use super::*;
use crate::sys::SignalSet;

/// A signal of process 7.
fn signal(number: c_int) -> StopEvent {
    Signal(received(number))
}

fn pass_on(number: c_int) -> Action {
    PassOn(received(number))
}

fn delay(number: c_int) -> Action {
    Delay(received(number))
}

fn received(number: c_int) -> Received {
    Received::from_process(7, number)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const PLAIN: Stop = Stop {
    signals: SignalSet::NONE.with(SIGTERM).with(SIGINT).with(SIGQUIT),
    delay: Duration::ZERO,
    grace: None,
    leftovers: Leftovers::Drain,
};

/// Plays a script of (time in milliseconds, event, action, next deadline of the table). In between the leftovers
/// are signalled again at each interval.
#[track_caller]
fn play(plan: Stop, script: &[(u64, StopEvent, Action, Option<u64>)]) {
    let start = Instant::now();
    let mut shutdown = Shutdown::new(plan);
    for (step, &(at, event, action, deadline)) in script.iter().enumerate() {
        let now = start + millis(at);
        while let Some(again) = shutdown.again.filter(|again| *again < now) {
            let expected = if shutdown.killing.is_some() {
                Kill
            } else {
                Terminate
            };
            assert_eq!(shutdown.on(Deadline, again), expected, "before step {step}");
        }
        if event == Deadline {
            assert_eq!(shutdown.deadline(), Some(now), "step {step}");
        }
        assert_eq!(shutdown.on(event, now), action, "step {step}");
        let (again, readers) = (shutdown.again.take(), shutdown.spare_readers_until.take());
        let expected = deadline.map(|at| start + millis(at));
        assert_eq!(shutdown.deadline(), expected, "after step {step}");
        (shutdown.again, shutdown.spare_readers_until) = (again, readers);
    }
}

#[test]
fn a_server_alone_ends_at_once() {
    play(
        PLAIN,
        &[
            (0, signal(SIGHUP), pass_on(SIGHUP), None),
            (10, signal(SIGTERM), pass_on(SIGTERM), None),
            // The server itself has no deadline.
            (90_000, NoneLeft, Leave, None),
        ],
    );
    play(PLAIN, &[(5, NoneLeft, Leave, None)]);
}

#[test]
fn the_drain_has_8_seconds_less_what_the_server_took_but_at_least_1() {
    play(
        PLAIN,
        &[
            (0, signal(SIGTERM), pass_on(SIGTERM), None),
            (2000, ServerEnded, Terminate, Some(8000)),
            (3000, ChildEnded, Terminate, Some(8000)),
            (4000, NoneLeft, Leave, Some(8000)),
        ],
    );
    play(
        PLAIN,
        &[
            (0, signal(SIGINT), pass_on(SIGINT), None),
            (7500, ServerEnded, Terminate, Some(8500)),
            (8500, Deadline, Kill, Some(9500)),
            (8510, ChildEnded, Kill, Some(9500)),
            (8520, NoneLeft, Leave, Some(9500)),
        ],
    );
    // The end of an orphan does not keep off what is due.
    play(
        PLAIN,
        &[
            (0, signal(SIGINT), pass_on(SIGINT), None),
            (7500, ServerEnded, Terminate, Some(8500)),
            (8500, ChildEnded, Kill, Some(9500)),
            (9500, ChildEnded, Leave, Some(9500)),
        ],
    );
    // Without a stop signal.
    play(
        PLAIN,
        &[
            (1000, ServerEnded, Terminate, Some(9000)),
            (9000, Deadline, Kill, Some(10_000)),
            (9001, NoneLeft, Leave, Some(10_000)),
        ],
    );
}

#[test]
fn without_a_drain_the_servers_end_is_the_end() {
    let plan = Stop {
        leftovers: Leftovers::Leave,
        ..PLAIN
    };
    play(
        plan,
        &[
            (0, ChildEnded, Nothing, None),
            (1, signal(SIGTERM), pass_on(SIGTERM), None),
            (2, ServerEnded, Leave, Some(8001)),
        ],
    );
    // With a grace time.
    let plan = Stop {
        grace: Some(millis(500)),
        ..plan
    };
    play(
        plan,
        &[
            (1, signal(SIGTERM), pass_on(SIGTERM), Some(501)),
            (501, Deadline, Kill, Some(1501)),
            (502, ServerEnded, Leave, Some(1501)),
        ],
    );
}

#[test]
fn the_grace_time_is_one_deadline_for_server_and_leftovers() {
    let plan = Stop {
        grace: Some(millis(5000)),
        ..PLAIN
    };
    // From the signal that was passed on, the server included; a second one changes nothing.
    play(
        plan,
        &[
            (1000, signal(SIGTERM), pass_on(SIGTERM), Some(6000)),
            (2000, signal(SIGTERM), pass_on(SIGTERM), Some(6000)),
            (3000, signal(SIGINT), pass_on(SIGINT), Some(6000)),
            (6000, Deadline, Kill, Some(7000)),
            (6001, ServerEnded, Kill, Some(7000)),
            (6002, NoneLeft, Leave, Some(7000)),
        ],
    );
    play(
        plan,
        &[
            (1000, signal(SIGTERM), pass_on(SIGTERM), Some(6000)),
            (5900, ServerEnded, Terminate, Some(6000)),
            (6000, Deadline, Kill, Some(7000)),
        ],
    );
    // Or else from the server's end; a stop signal that comes then is nobody's.
    play(
        plan,
        &[
            (1000, ServerEnded, Terminate, Some(6000)),
            (2000, signal(SIGTERM), Nothing, Some(6000)),
            (3000, signal(SIGHUP), Nothing, Some(6000)),
            (6000, Deadline, Kill, Some(7000)),
        ],
    );
    // None at all is one, too.
    let plan = Stop {
        grace: Some(Duration::ZERO),
        ..PLAIN
    };
    play(
        plan,
        &[
            (1000, signal(SIGTERM), pass_on(SIGTERM), Some(1000)),
            (1000, Deadline, Kill, Some(2000)),
        ],
    );
}

#[test]
fn a_process_that_kill_does_not_end_is_left() {
    let plan = Stop {
        grace: Some(millis(100)),
        ..PLAIN
    };
    let mut shutdown = Shutdown::new(plan);
    let start = Instant::now();
    assert_eq!(shutdown.on(ServerEnded, start), Terminate);
    let mut kills = 0;
    let end = loop {
        let now = shutdown.deadline().unwrap();
        match shutdown.on(Deadline, now) {
            Kill => kills += 1,
            Leave => break now,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((end - start, kills), (millis(1100), 20));
    // However many orphans end meanwhile, each of which may have left processes to kill.
    let mut shutdown = Shutdown::new(plan);
    shutdown.on(ServerEnded, start);
    let mut now = start + millis(100);
    assert_eq!(shutdown.on(Deadline, now), Kill);
    while shutdown.deadline().unwrap() > now + millis(10) {
        now += millis(10);
        assert_eq!(shutdown.on(ChildEnded, now), Kill);
        assert!(now < start + millis(1100));
    }
    assert_eq!(shutdown.deadline(), Some(start + millis(1100)));
    // So is the server.
    let mut shutdown = Shutdown::new(plan);
    shutdown.on(signal(SIGTERM), start);
    let mut now = start;
    while shutdown.on(Deadline, now) != Leave {
        now = shutdown.deadline().unwrap();
    }
    assert_eq!(now - start, millis(1100));
    // Without a grace time hinit never kills it, and has nothing to look for.
    let mut shutdown = Shutdown::new(PLAIN);
    assert_eq!(shutdown.on(signal(SIGTERM), start), pass_on(SIGTERM));
    assert_eq!(shutdown.deadline(), None);
}

#[test]
fn a_process_that_reads_a_pipe_gets_term_half_a_second_later() {
    let start = Instant::now();
    let at = |time| start + millis(time);
    let mut shutdown = Shutdown::new(PLAIN);
    assert_eq!(shutdown.on(ServerEnded, start), Terminate);
    for (time, event) in [(100, ChildEnded), (350, Deadline)] {
        assert_eq!(shutdown.on(event, at(time)), Terminate);
        assert!(shutdown.spares_readers(), "{time}");
    }
    assert_eq!(shutdown.deadline(), Some(at(500)));
    assert_eq!(shutdown.on(Deadline, at(500)), Terminate);
    assert!(!shutdown.spares_readers());
    assert_eq!(shutdown.deadline(), Some(at(750)));
    // The time of the drain is not longer for that.
    let mut shutdown = Shutdown::new(Stop {
        grace: Some(millis(100)),
        ..PLAIN
    });
    assert_eq!(shutdown.on(ServerEnded, start), Terminate);
    assert_eq!(shutdown.on(Deadline, at(100)), Kill);
    assert!(!shutdown.spares_readers());
    assert_eq!(shutdown.deadline(), Some(at(150)));
}

#[test]
fn a_stop_signal_is_passed_on_after_the_delay() {
    let plan = Stop {
        delay: millis(3000),
        ..PLAIN
    };
    play(
        plan,
        &[
            (0, signal(SIGHUP), pass_on(SIGHUP), None),
            (1000, signal(SIGTERM), delay(SIGTERM), Some(4000)),
            // Any other signal passes at once.
            (1500, signal(SIGHUP), pass_on(SIGHUP), Some(4000)),
            (4000, Deadline, pass_on(SIGTERM), None),
            (4100, signal(SIGTERM), pass_on(SIGTERM), None),
            // Counted from when hinit was requested_at, as the engine does.
            (5000, ServerEnded, Terminate, Some(9000)),
        ],
    );
    // The same again: at once.
    play(
        plan,
        &[
            (1000, signal(SIGTERM), delay(SIGTERM), Some(4000)),
            (1200, signal(SIGTERM), pass_on(SIGTERM), None),
            (1300, signal(SIGTERM), pass_on(SIGTERM), None),
        ],
    );
    // Another stop signal is another signal.
    play(
        plan,
        &[
            (1000, signal(SIGTERM), delay(SIGTERM), Some(4000)),
            (1200, signal(SIGINT), pass_on(SIGINT), Some(4000)),
            (4000, Deadline, pass_on(SIGTERM), None),
        ],
    );
    // A server that ends meanwhile needs none.
    play(
        plan,
        &[
            (1000, signal(SIGTERM), delay(SIGTERM), Some(4000)),
            (1200, ServerEnded, Terminate, Some(9000)),
        ],
    );
    // The grace time begins with what is passed on.
    let plan = Stop {
        grace: Some(millis(5000)),
        ..plan
    };
    play(
        plan,
        &[
            (1000, signal(SIGTERM), delay(SIGTERM), Some(4000)),
            (4000, Deadline, pass_on(SIGTERM), Some(9000)),
            (9000, Deadline, Kill, Some(10_000)),
        ],
    );
}

#[test]
fn a_silent_server_is_aborted_and_killed_after_the_grace_time() {
    play(
        PLAIN,
        &[
            (0, WatchdogExpired, Abort, None),
            (9000, ServerEnded, Terminate, Some(17_000)),
            (9010, WatchdogExpired, Nothing, Some(17_000)),
        ],
    );
    let plan = Stop {
        grace: Some(millis(5000)),
        ..PLAIN
    };
    play(
        plan,
        &[
            (1000, WatchdogExpired, Abort, Some(6000)),
            (2000, WatchdogExpired, Abort, Some(6000)),
            (6000, Deadline, Kill, Some(7000)),
        ],
    );
}

#[test]
fn a_stopping_server_may_ask_for_more_time() {
    let plan = Stop {
        grace: Some(millis(5000)),
        ..PLAIN
    };
    play(
        plan,
        &[
            // Not on its way out yet.
            (0, Extended(millis(60_000)), Nothing, None),
            (1000, signal(SIGTERM), pass_on(SIGTERM), Some(6000)),
            // It would be less.
            (2000, Extended(millis(3000)), Nothing, Some(6000)),
            (3000, Extended(millis(7000)), Nothing, Some(10_000)),
            (9000, Extended(millis(2000)), Nothing, Some(11_000)),
            (11_000, Deadline, Kill, Some(12_000)),
        ],
    );
    // What it has left has not requested_at.
    play(
        plan,
        &[
            (1000, signal(SIGTERM), pass_on(SIGTERM), Some(6000)),
            (2000, Extended(millis(60_000)), Nothing, Some(62_000)),
            (3000, ServerEnded, Terminate, Some(6000)),
        ],
    );
    // Without a grace time there is nothing to extend.
    play(
        PLAIN,
        &[
            (1000, signal(SIGTERM), pass_on(SIGTERM), None),
            (2000, Extended(millis(60_000)), Nothing, None),
        ],
    );
}

/// Whatever comes in whatever order, at whatever phase: there is an end, and the way to it makes
/// sense.
#[test]
fn every_order_of_events_leads_to_the_end() {
    let plans = [
        (0, None, true),
        (0, None, false),
        (50, None, true),
        (0, Some(200), true),
        (50, Some(200), true),
        (50, Some(0), false),
    ];
    let alphabet = [
        signal(SIGTERM),
        signal(SIGINT),
        signal(SIGHUP),
        ServerEnded,
        ChildEnded,
        Deadline,
        WatchdogExpired,
        Extended(millis(300)),
    ];
    for (delay, grace, drain) in plans {
        let plan = Stop {
            signals: PLAIN.signals,
            delay: millis(delay),
            grace: grace.map(millis),
            leftovers: if drain {
                Leftovers::Drain
            } else {
                Leftovers::Leave
            },
        };
        for number in 0..alphabet.len().pow(5) {
            let choices = (0..5).map(|place| number / alphabet.len().pow(place) % alphabet.len());
            let events: Vec<StopEvent> = choices.map(|choice| alphabet[choice]).collect();
            World::new(plan).play(&events);
        }
    }
}

/// A server that only KILL ends, and a child of it that not even KILL ends.
struct World {
    shutdown: Shutdown,
    now: Instant,
    server_lives: bool,
    delays: usize,
    left: bool,
}

impl World {
    fn new(plan: Stop) -> Self {
        Self {
            shutdown: Shutdown::new(plan),
            now: Instant::now(),
            server_lives: true,
            delays: 0,
            left: false,
        }
    }

    fn play(mut self, events: &[StopEvent]) {
        for &event in events {
            self.happen(event);
        }
        // The server ends at last.
        if self.server_lives {
            self.happen(signal(SIGHUP));
            self.happen(ServerEnded);
        }
        // From here on the deadlines alone must lead to the end, within few of them.
        for _ in 0..100 {
            self.happen(Deadline);
        }
        assert!(self.left, "{events:?} with {:?}", self.shutdown.plan);
    }

    fn happen(&mut self, event: StopEvent) {
        match event {
            _ if self.left => return,
            ServerEnded if !self.server_lives => return,
            ServerEnded => self.server_lives = false,
            Deadline => match self.shutdown.deadline() {
                Some(deadline) => self.now = self.now.max(deadline),
                None => return,
            },
            _ => self.now += millis(10),
        }
        match self.shutdown.on(event, self.now) {
            PassOn(_) if event == Deadline => {
                assert!(self.server_lives && self.delays == 1);
                self.delays += 1;
            }
            PassOn(signal) => assert!(self.server_lives && event == Signal(signal)),
            Abort => assert!(self.server_lives && event == WatchdogExpired),
            Delay(_) => self.delays += 1,
            Terminate => {
                assert!(!self.server_lives && self.shutdown.plan.leftovers == Leftovers::Drain);
            }
            Kill if self.server_lives => self.happen(ServerEnded),
            Nothing | Kill => {}
            Leave => {
                assert!(!self.server_lives);
                self.left = true;
            }
        }
        // No deadline may stay in the past, because the loop would spin. (A grace time of zero is due at once.)
        let plan = self.shutdown.plan;
        let deadline = self.shutdown.deadline().filter(|_| !self.left);
        let passed = deadline.is_some_and(|deadline| deadline <= self.now);
        let at_once = plan.grace == Some(Duration::ZERO);
        assert!(
            !passed || at_once || event != Deadline,
            "{plan:?} after {event:?}"
        );
    }
}

#[test]
fn only_the_signals_of_the_plan_ask_for_a_stop() {
    let plan = Stop {
        signals: SignalSet::NONE.with(SIGWINCH),
        grace: Some(millis(500)),
        ..PLAIN
    };
    play(
        plan,
        &[
            (0, signal(SIGTERM), pass_on(SIGTERM), None),
            (10, signal(SIGWINCH), pass_on(SIGWINCH), Some(510)),
            (510, Deadline, Kill, Some(1510)),
        ],
    );
}

#[test]
fn a_pause_moves_every_deadline() {
    let start = Instant::now();
    let at = |time| start + millis(time);
    let plan = Stop {
        delay: millis(1000),
        grace: Some(millis(3000)),
        ..PLAIN
    };
    let mut shutdown = Shutdown::new(plan);
    assert_eq!(shutdown.on(signal(SIGTERM), at(0)), delay(SIGTERM));
    shutdown.postpone(millis(4000));
    assert_eq!(shutdown.on(Deadline, at(4500)), Nothing);
    assert_eq!(shutdown.on(Deadline, at(5000)), pass_on(SIGTERM));
    shutdown.postpone(millis(2000));
    assert_eq!(shutdown.deadline(), Some(at(10_000)));
    assert_eq!(shutdown.on(Extended(millis(5000)), at(8000)), Nothing);
    shutdown.postpone(millis(1000));
    assert_eq!(shutdown.deadline(), Some(at(14_000)));
    assert_eq!(shutdown.on(Deadline, at(14_000)), Kill);
    assert_eq!(shutdown.on(ServerEnded, at(14_010)), Kill);
    shutdown.postpone(millis(5000));
    assert_eq!(shutdown.on(Deadline, at(19_500)), Kill);
    assert_eq!(shutdown.on(Deadline, at(20_000)), Leave);
}

#[test]
fn the_first_stop_signal_before_the_servers_end_is_the_request() {
    let start = Instant::now();
    let from = |pid, number| Signal(Received::from_process(pid, number));
    let mut shutdown = Shutdown::new(PLAIN);
    shutdown.on(from(7, SIGHUP), start);
    assert!(shutdown.request().is_none());
    shutdown.on(from(8, SIGINT), start + millis(10));
    shutdown.on(from(9, SIGTERM), start + millis(20));
    let request = shutdown.request().unwrap();
    assert_eq!(
        (request.signal, request.sender, request.at),
        (SIGINT, Sender::Process(8), start + millis(10))
    );

    let mut shutdown = Shutdown::new(PLAIN);
    shutdown.on(ServerEnded, start);
    assert_eq!(shutdown.on(from(7, SIGTERM), start), Nothing);
    assert!(shutdown.request().is_none());
}

#[test]
fn a_stop_signal_takes_effect_when_its_delay_is_over() {
    let start = Instant::now();
    let plan = Stop {
        delay: millis(1000),
        ..PLAIN
    };
    let mut shutdown = Shutdown::new(plan);
    assert_eq!(shutdown.signal_in_effect(), None);
    shutdown.on(signal(SIGTERM), start);
    assert_eq!(shutdown.signal_in_effect(), None);
    shutdown.on(Deadline, start + millis(1000));
    assert_eq!(shutdown.signal_in_effect(), Some(SIGTERM));
}

#[test]
fn the_number_that_hinit_received_counts() {
    let plan = Stop {
        delay: millis(1000),
        ..PLAIN
    };
    // `--rewrite TERM=QUIT`, then a QUIT, which is another signal than that TERM.
    let start = Instant::now();
    let rewritten = received(SIGTERM).rewritten(SIGQUIT);
    let mut shutdown = Shutdown::new(plan);
    assert_eq!(shutdown.on(Signal(rewritten), start), Delay(rewritten));
    assert_eq!(shutdown.on(signal(SIGQUIT), start), pass_on(SIGQUIT));
    let end = start + millis(1000);
    assert_eq!(shutdown.on(Deadline, end), PassOn(rewritten));
}

mod exploration;
