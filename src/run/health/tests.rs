use super::*;

const WATCHDOG: Duration = Duration::from_secs(30);

/// One phase of a life, and the verdicts then: on its liveness and its readiness.
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) live: bool,
    pub(crate) ready: bool,
}

/// A life that was told these things, and how many seconds ago its last sign of life was.
fn life(notify: bool, told: &[Word], seconds: u64) -> (Health, Instant) {
    let start = Instant::now();
    let options = Notify {
        watchdog: Some(WATCHDOG),
        signal: None,
    };
    let mut health = Health::new(Pid::from_raw(7), notify.then_some(&options), false, start);
    health.has_started(start);
    for word in told {
        health.hear(*word, start);
    }
    (health, start + Duration::from_secs(seconds))
}

/// Every phase, as the README has them.
pub(crate) fn phases() -> Vec<Phase> {
    use Word::{Ready, Reloading, Stopping};
    let asked = |(mut health, now): (Health, Instant)| {
        health.stop();
        (health, now)
    };
    let suspended = |(mut health, now): (Health, Instant)| {
        health.set_suspended(true);
        (health, now)
    };
    let ended = |(mut health, now): (Health, Instant)| {
        health.end();
        (health, now)
    };
    let reasons = [
        (
            "starting",
            life(true, &[], 99),
            "process 7 is alive",
            "process 7 is not ready yet",
        ),
        (
            "ready",
            life(true, &[Ready], 29),
            "process 7 is alive",
            "process 7 is alive",
        ),
        (
            "ready",
            life(false, &[], 99),
            "process 7 is alive",
            "process 7 is alive",
        ),
        (
            "reloading",
            life(true, &[Ready, Reloading], 29),
            "process 7 is alive",
            "process 7 is alive",
        ),
        (
            "stopping",
            asked(life(true, &[Ready], 99)),
            "process 7 is alive",
            "process 7 is about to be stopped",
        ),
        (
            "stopping",
            life(true, &[Ready, Stopping], 99),
            "process 7 is alive",
            "process 7 is about to be stopped",
        ),
        (
            "silent",
            life(true, &[Ready], 31),
            "no sign of life for 31s (watchdog 30s)",
            "no sign of life for 31s (watchdog 30s)",
        ),
        (
            "stopped",
            suspended(life(true, &[Ready], 0)),
            "process 7 is stopped",
            "process 7 is stopped",
        ),
        (
            "ended",
            ended(life(true, &[Ready], 0)),
            "the server has not started yet, or has ended",
            "the server has not started yet, or has ended",
        ),
    ];
    let mut phases: Vec<Phase> = Vec::new();
    for (name, (health, now), live, ready) in reasons {
        let verdicts = [health.liveness(now), health.readiness(now)];
        let [is_live, is_ready] = verdicts.each_ref().map(Verdict::is_healthy);
        let lines = verdicts.map(|verdict| verdict.to_string());
        let line = |is_well, reason| {
            format!(
                "{}: {reason}",
                if is_well { "healthy" } else { "unhealthy" }
            )
        };
        assert_eq!(
            lines,
            [line(is_live, live), line(is_ready, ready)],
            "{name}"
        );
        assert_eq!(health.phase(now), name);
        match phases.iter().find(|phase| phase.name == name) {
            Some(known) => assert_eq!((known.live, known.ready), (is_live, is_ready), "{name}"),
            None => phases.push(Phase {
                name,
                live: is_live,
                ready: is_ready,
            }),
        }
    }
    phases
}

#[test]
fn every_phase_has_its_verdicts() {
    let expected = [
        ("starting", true, false),
        ("ready", true, true),
        ("reloading", true, true),
        ("stopping", true, false),
        ("silent", false, false),
        ("stopped", false, false),
        ("ended", false, false),
    ];
    let phases: Vec<_> = phases()
        .into_iter()
        .map(|phase| (phase.name, phase.live, phase.ready))
        .collect();
    assert_eq!(phases, expected);
}

#[test]
fn what_the_words_do() {
    use Word::{Alive, Extend, Failure, Hung, MainPid, Other, Ready, Reloading, Status};
    let watchdog = |seconds| Word::Watchdog(Duration::from_secs(seconds));
    for (told, seconds, phase) in [
        // Before its first sign of life a server is not watched.
        (&[][..], 99, "starting"),
        (&[Alive], 29, "starting"),
        (&[Alive], 30, "silent"),
        (&[Ready, Alive], 30, "silent"),
        (&[Ready, Hung], 0, "silent"),
        (&[Ready, Hung, Alive], 0, "ready"),
        (&[Reloading], 0, "starting"),
        (&[Ready, Reloading, Ready], 0, "ready"),
        (&[Ready, watchdog(5)], 5, "silent"),
        (&[Ready, watchdog(0)], 99, "ready"),
        (&[Ready, watchdog(0), Hung], 99, "ready"),
        (
            &[
                Ready,
                Failure(2),
                Status("x"),
                Extend(WATCHDOG),
                MainPid(Pid::from_raw(9)),
                Other,
            ],
            0,
            "ready",
        ),
    ] {
        let (health, now) = life(true, told, seconds);
        assert_eq!(health.phase(now), phase, "{told:?}");
    }
}

#[test]
fn silence_is_told_once_each_time() {
    let (mut health, late) = life(true, &[], 30);
    assert_eq!(health.deadline(), Some(late + WATCHDOG));
    let start = late.checked_sub(WATCHDOG).unwrap();
    health.hear(Word::Ready, start);
    assert_eq!(health.deadline(), Some(late));
    assert_eq!(health.newly_silent(start), None);
    let silent = Verdict::Silent {
        silence: WATCHDOG,
        watchdog: WATCHDOG,
    };
    assert_eq!(health.newly_silent(late), Some(silent));
    assert_eq!((health.newly_silent(late), health.deadline()), (None, None));
    health.hear(Word::Alive, late);
    assert_eq!(health.deadline(), Some(late + WATCHDOG));
    assert!(health.newly_silent(late + WATCHDOG).is_some());
    // One that is on its way out has other things to do.
    health.hear(Word::Alive, late);
    health.stop();
    assert_eq!(health.deadline(), None);
    assert_eq!(health.newly_silent(late + WATCHDOG), None);
}

#[test]
fn a_server_that_is_not_ready_after_a_minute_is_late_once() {
    let options = Notify::default();
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    // Whether it is to say that it is ready, and to answer hinit's probes.
    let life = |says: bool, answers| {
        let notify = says.then_some(&options);
        let mut health = Health::new(Pid::from_raw(7), notify, answers, start);
        assert_eq!(health.deadline(), None);
        health.has_started(start);
        health
    };
    for (says, answers) in [(true, false), (false, true), (true, true)] {
        let mut health = life(says, answers);
        assert_eq!(health.deadline(), Some(at(60)));
        assert!(!health.is_newly_late(at(59)));
        assert!(health.is_newly_late(at(60)));
        assert!(!health.is_newly_late(at(60)));
        assert_eq!(health.deadline(), None);
        assert_eq!(health.phase(at(60)), "starting");
    }
    let mut ready = [life(true, false), life(false, true), life(true, true)];
    for health in &mut ready {
        health.hear(Word::Ready, start);
        health.has_answered();
    }
    let [mut stopping, mut ended] = [life(true, true), life(true, true)];
    stopping.stop();
    ended.end();
    let others = [life(false, false), stopping, ended];
    for mut health in ready.into_iter().chain(others) {
        assert_eq!(health.deadline(), None);
        assert!(!health.is_newly_late(at(60)));
    }
    // A pause does not count, and a watchdog that runs does not hide it.
    let mut health = life(true, true);
    health.hear(Word::Watchdog(WATCHDOG), start);
    health.hear(Word::Ready, start);
    health.postpone(Duration::from_secs(5), at(6));
    assert_eq!(health.deadline(), Some(at(35)));
    assert!(!health.is_newly_late(at(64)));
    assert!(health.is_newly_late(at(65)));
}

#[test]
fn one_that_is_to_do_both_is_ready_when_it_has() {
    let options = Notify::default();
    let now = Instant::now();
    for (says, answers) in [(true, true), (true, false), (false, true)] {
        let mut health = Health::new(Pid::from_raw(7), Some(&options), true, now);
        health.has_started(now);
        if says {
            health.hear(Word::Ready, now);
        }
        if answers {
            health.has_answered();
        }
        let phase = if says && answers { "ready" } else { "starting" };
        assert_eq!(health.phase(now), phase);
        // That it answered once stays.
        health.hear(Word::Reloading, now);
        health.hear(Word::Ready, now);
        assert_eq!(health.readiness(now).is_healthy(), answers);
    }
}

#[test]
fn another_server_starts_with_a_clean_slate_but_for_a_stop() {
    use Word::{Ready, Stopping};
    let new = Pid::from_raw(9);
    let replaced = |told: &[Word], asked: bool| {
        let (mut health, late) = life(true, told, 31);
        if asked {
            health.stop();
        }
        health.replace_server(new, false, late);
        (health.phase(late), health.deadline().map(|at| at - late))
    };
    assert_eq!(replaced(&[Ready], false), ("ready", Some(WATCHDOG)));
    assert_eq!(
        replaced(&[Ready, Stopping], false),
        ("ready", Some(WATCHDOG))
    );
    assert_eq!(replaced(&[Ready, Stopping], true), ("stopping", None));
    assert_eq!(replaced(&[Ready], true), ("stopping", None));
    assert_eq!(
        replaced(&[], false),
        ("starting", Some(Duration::from_secs(29)))
    );
    let (mut health, now) = life(true, &[Ready], 0);
    health.replace_server(new, false, now);
    // The old one is still there, and says that it goes.
    health.hear(Stopping, now);
    assert_eq!(health.phase(now), "stopping");
    health.forget_the_old_ones_word();
    assert_eq!(health.phase(now), "ready");
    health.replace_server(new, true, now);
    assert_eq!(health.phase(now), "stopped");
}

#[test]
fn all_of_it_as_json() {
    let json = |health: &Health, now| {
        let mut json = String::new();
        health.write_json(&mut json, now).unwrap();
        json
    };
    let status = format!("\"{}", "x".repeat(300));
    let told = [Word::Ready, Word::Status(&status), Word::Failure(2)];
    let (mut health, now) = life(true, &told, 2);
    let shown = "x".repeat(254);
    assert_eq!(
        json(&health, now),
        format!(
            "{{\"phase\":\"ready\",\"verdict\":\"healthy: process 7 is alive\",\"live\":true,\
             \"ready\":true,\"pid\":7,\"seconds\":2,\"status\":\"\\\"{shown}\",\
             \"watchdog_milliseconds\":30000,\"silent_milliseconds\":2000,\"errno\":2}}\n"
        )
    );
    health.hear(Word::Status(""), now);
    health.end();
    let ended = json(&health, now);
    assert!(
        ended.contains("\"phase\":\"ended\"") && ended.contains("\"pid\":null"),
        "{ended}"
    );
    let (unwatched, now) = life(false, &[], 0);
    let ends = "\"watchdog_milliseconds\":null,\"silent_milliseconds\":null,\"errno\":null}\n";
    assert!(json(&unwatched, now).ends_with(ends));
}
