use super::*;

const WATCHDOG: Duration = Duration::from_secs(30);

/// A phase, and whether the server is alive and ready in it.
pub(crate) struct PhaseVerdicts {
    pub(crate) name: &'static str,
    pub(crate) live: bool,
    pub(crate) ready: bool,
}

/// A server that has sent these events, and the time this many seconds later.
fn server(notify: bool, events: &[NotifyEvent], seconds: u64) -> (Health, Instant) {
    let start = Instant::now();
    let options = Notify {
        watchdog: Some(WATCHDOG),
        signal: None,
    };
    let mut health = Health::new(Pid::from_raw(7), notify.then_some(&options), false, start);
    health.set_started(start);
    for event in events {
        health.apply(*event, start);
    }
    (health, start + Duration::from_secs(seconds))
}

/// Every phase, in the order of the guides.
pub(crate) fn phases() -> Vec<PhaseVerdicts> {
    use NotifyEvent::{Ready, Reloading, Stopping};
    let stop_requested = |(mut health, now): (Health, Instant)| {
        health.set_stop_requested(now);
        (health, now)
    };
    let suspended = |(mut health, now): (Health, Instant)| {
        health.set_suspended(true);
        (health, now)
    };
    let ended = |(mut health, now): (Health, Instant)| {
        health.set_ended();
        (health, now)
    };
    let reasons = [
        (
            "starting",
            server(true, &[], 99),
            "process 7 is alive",
            "process 7 is not ready yet",
        ),
        (
            "ready",
            server(true, &[Ready], 29),
            "process 7 is alive",
            "process 7 is alive",
        ),
        (
            "ready",
            server(false, &[], 99),
            "process 7 is alive",
            "process 7 is alive",
        ),
        (
            "reloading",
            server(true, &[Ready, Reloading], 29),
            "process 7 is alive",
            "process 7 is alive",
        ),
        (
            "stopping",
            stop_requested(server(true, &[Ready], 99)),
            "process 7 is alive",
            "process 7 is about to be stopped",
        ),
        (
            "stopping",
            server(true, &[Ready, Stopping], 99),
            "process 7 is alive",
            "process 7 is about to be stopped",
        ),
        (
            "silent",
            server(true, &[Ready], 31),
            "no sign of life for 31s (watchdog 30s)",
            "no sign of life for 31s (watchdog 30s)",
        ),
        (
            "stopped",
            suspended(server(true, &[Ready], 0)),
            "process 7 is suspended",
            "process 7 is suspended",
        ),
        (
            "ended",
            ended(server(true, &[Ready], 0)),
            "the server has not started yet, or has ended",
            "the server has not started yet, or has ended",
        ),
    ];
    let mut phases: Vec<PhaseVerdicts> = Vec::new();
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
        assert_eq!(health.phase(now).name(), name);
        match phases.iter().find(|phase| phase.name == name) {
            Some(known) => assert_eq!((known.live, known.ready), (is_live, is_ready), "{name}"),
            None => phases.push(PhaseVerdicts {
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
fn notify_events_change_the_phase() {
    use NotifyEvent::{
        Errno, ExtendTimeout, Ignored, MainPid, Ready, Reloading, Status, WatchdogPing,
        WatchdogTrigger,
    };
    let watchdog = |seconds| NotifyEvent::WatchdogTimeout(Duration::from_secs(seconds));
    for (events, seconds, phase) in [
        // The watchdog starts with the first ping.
        (&[][..], 99, "starting"),
        (&[WatchdogPing], 29, "starting"),
        (&[WatchdogPing], 30, "silent"),
        (&[Ready, WatchdogPing], 30, "silent"),
        (&[Ready, WatchdogTrigger], 0, "silent"),
        (&[Ready, WatchdogTrigger, WatchdogPing], 0, "ready"),
        (&[Reloading], 0, "starting"),
        (&[Ready, Reloading, Ready], 0, "ready"),
        (&[Ready, watchdog(5)], 5, "silent"),
        (&[Ready, watchdog(0)], 99, "ready"),
        (&[Ready, watchdog(0), WatchdogTrigger], 99, "ready"),
        (
            &[
                Ready,
                Errno(2),
                Status("x"),
                ExtendTimeout(WATCHDOG),
                MainPid(Pid::from_raw(9)),
                Ignored,
            ],
            0,
            "ready",
        ),
    ] {
        let (health, now) = server(true, events, seconds);
        assert_eq!(health.phase(now).name(), phase, "{events:?}");
    }
}

#[test]
fn each_silence_is_warned_of_once() {
    let (mut health, late) = server(true, &[], 30);
    assert_eq!(health.deadline(), Some(late + WATCHDOG));
    let start = late.checked_sub(WATCHDOG).unwrap();
    health.apply(NotifyEvent::Ready, start);
    assert_eq!(health.deadline(), Some(late));
    assert_eq!(health.take_silence_warning(start), None);
    let silent = Verdict::Silent {
        silence: WATCHDOG,
        watchdog: WATCHDOG,
    };
    assert_eq!(health.take_silence_warning(late), Some(silent));
    assert_eq!(
        (health.take_silence_warning(late), health.deadline()),
        (None, None)
    );
    health.apply(NotifyEvent::WatchdogPing, late);
    assert_eq!(health.deadline(), Some(late + WATCHDOG));
    assert!(health.take_silence_warning(late + WATCHDOG).is_some());
    // A server that stops need not ping.
    health.apply(NotifyEvent::WatchdogPing, late);
    health.set_stop_requested(late);
    assert_eq!(health.deadline(), None);
    assert_eq!(health.take_silence_warning(late + WATCHDOG), None);
}

#[test]
fn a_server_that_is_not_ready_after_a_minute_is_warned_of_once() {
    let options = Notify::default();
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    // By whether the server must send READY=1, and pass hinit's probes.
    let server = |by_message: bool, by_probes| {
        let notify = by_message.then_some(&options);
        let mut health = Health::new(Pid::from_raw(7), notify, by_probes, start);
        assert_eq!(health.deadline(), None);
        health.set_started(start);
        health
    };
    for (by_message, by_probes) in [(true, false), (false, true), (true, true)] {
        let mut health = server(by_message, by_probes);
        assert_eq!(health.deadline(), Some(at(60)));
        assert!(!health.take_ready_warning(at(59)));
        assert!(health.take_ready_warning(at(60)));
        assert!(!health.take_ready_warning(at(60)));
        assert_eq!(health.deadline(), None);
        assert_eq!(health.phase(at(60)).name(), "starting");
    }
    let mut ready = [server(true, false), server(false, true), server(true, true)];
    for health in &mut ready {
        health.apply(NotifyEvent::Ready, start);
        health.set_probes_passed();
    }
    let [mut stopping, mut ended] = [server(true, true), server(true, true)];
    stopping.set_stop_requested(start);
    ended.set_ended();
    let others = [server(false, false), stopping, ended];
    for mut health in ready.into_iter().chain(others) {
        assert_eq!(health.deadline(), None);
        assert!(!health.take_ready_warning(at(60)));
    }
    // A pause postpones the warning, and a running watchdog does not replace it.
    let mut health = server(true, true);
    health.apply(NotifyEvent::WatchdogTimeout(WATCHDOG), start);
    health.apply(NotifyEvent::Ready, start);
    health.postpone(Duration::from_secs(5), at(6));
    assert_eq!(health.deadline(), Some(at(35)));
    assert!(!health.take_ready_warning(at(64)));
    assert!(health.take_ready_warning(at(65)));
}

#[test]
fn what_was_wrong_at_the_first_stop_request_is_kept() {
    let silent = Verdict::Silent {
        silence: WATCHDOG,
        watchdog: WATCHDOG,
    };
    let stopped = Verdict::Stopped(Pid::from_raw(7));
    for (is_suspended, seconds, fault) in [
        (false, 29, None),
        (false, 30, Some(silent)),
        (true, 29, Some(stopped)),
    ] {
        let (mut health, now) = server(true, &[NotifyEvent::Ready], seconds);
        health.set_suspended(is_suspended);
        health.set_stop_requested(now);
        health.set_suspended(!is_suspended);
        health.set_stop_requested(now);
        assert_eq!(health.fault_at_stop(), fault);
    }
}

#[test]
fn with_notify_and_probes_both_must_hold() {
    let options = Notify::default();
    let now = Instant::now();
    for (has_sent, has_passed) in [(true, true), (true, false), (false, true)] {
        let mut health = Health::new(Pid::from_raw(7), Some(&options), true, now);
        health.set_started(now);
        if has_sent {
            health.apply(NotifyEvent::Ready, now);
        }
        if has_passed {
            health.set_probes_passed();
        }
        let phase = if has_sent && has_passed {
            "ready"
        } else {
            "starting"
        };
        assert_eq!(health.phase(now).name(), phase);
        // A reload does not repeat the probes.
        health.apply(NotifyEvent::Reloading, now);
        health.apply(NotifyEvent::Ready, now);
        assert_eq!(health.readiness(now).is_healthy(), has_passed);
    }
}

#[test]
fn a_requested_stop_outlasts_a_replacement_and_an_announced_one_does_not() {
    use NotifyEvent::{Ready, Stopping};
    let new = Pid::from_raw(9);
    let replaced = |events: &[NotifyEvent], is_stop_requested: bool| {
        let (mut health, late) = server(true, events, 31);
        if is_stop_requested {
            health.set_stop_requested(late);
        }
        health.replace_server(new, false, late);
        (
            health.phase(late).name(),
            health.deadline().map(|at| at - late),
        )
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
    let (mut health, now) = server(true, &[Ready], 0);
    health.replace_server(new, false, now);
    // The old server still runs, and announces its own end.
    health.apply(Stopping, now);
    assert_eq!(health.phase(now).name(), "stopping");
    health.clear_announced_stop();
    assert_eq!(health.phase(now).name(), "ready");
    health.replace_server(new, true, now);
    assert_eq!(health.phase(now).name(), "stopped");
}

#[test]
fn the_health_as_json() {
    let json = |health: &Health, now| {
        let mut json = String::new();
        health.write_json(&mut json, now).unwrap();
        json
    };
    let status = format!("\"{}", "x".repeat(300));
    let events = [
        NotifyEvent::Ready,
        NotifyEvent::Status(&status),
        NotifyEvent::Errno(2),
    ];
    let (mut health, now) = server(true, &events, 2);
    let shown = "x".repeat(254);
    assert_eq!(
        json(&health, now),
        format!(
            "{{\"phase\":\"ready\",\"verdict\":\"healthy: process 7 is alive\",\"live\":true,\
             \"ready\":true,\"pid\":7,\"seconds\":2,\"status\":\"\\\"{shown}\",\
             \"watchdog_milliseconds\":30000,\"silent_milliseconds\":2000,\"errno\":2}}\n"
        )
    );
    health.apply(NotifyEvent::Status(""), now);
    health.set_ended();
    let ended = json(&health, now);
    assert!(
        ended.contains("\"phase\":\"ended\"") && ended.contains("\"pid\":null"),
        "{ended}"
    );
    let (unwatched, now) = server(false, &[], 0);
    let ends = "\"watchdog_milliseconds\":null,\"silent_milliseconds\":null,\"errno\":null}\n";
    assert!(json(&unwatched, now).ends_with(ends));
}

/// As those of the last log line do.
#[test]
fn the_seconds_count_from_the_exec() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut health = Health::new(Pid::from_raw(7), None, false, start);
    let seconds = |health: &Health, now| {
        let mut json = String::new();
        health.write_json(&mut json, now).unwrap();
        let (_, rest) = json.split_once("\"seconds\":").unwrap();
        rest.split(',').next().unwrap().to_owned()
    };
    assert_eq!(seconds(&health, at(3)), "3");
    health.set_started(at(4));
    assert_eq!(seconds(&health, at(6)), "2");
}

mod sequences;
