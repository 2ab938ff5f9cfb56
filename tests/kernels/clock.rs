//! The wall clock is set back and forth by a day, many times a second, while hinit runs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use nix::libc::SIGTERM;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime, clock_settime};

use super::*;

const DAY: TimeSpec = TimeSpec::from_duration(Duration::from_hours(24));

/// Runs this while the clock jumps; it may wait for jumps.
fn while_the_clock_jumps(test: impl FnOnce(&AtomicUsize)) {
    let (done, jumps) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let set_done = SetOnDrop(&done);
        scope.spawn(|| {
            // An even number of jumps ends at the right time.
            while !done.load(SeqCst) || jumps.load(SeqCst) % 2 == 1 {
                let now = clock_gettime(ClockId::CLOCK_REALTIME).unwrap();
                let is_back = jumps.fetch_add(1, SeqCst) % 2 == 1;
                let then = if is_back { now - DAY } else { now + DAY };
                clock_settime(ClockId::CLOCK_REALTIME, then).unwrap();
                thread::sleep(Duration::from_millis(5));
            }
        });
        test(&jumps);
        drop(set_done);
    });
}

#[track_caller]
fn wait_for_jumps(jumps: &AtomicUsize) {
    let end = jumps.load(SeqCst) + 20;
    eventually("the clock jumps", || {
        (jumps.load(SeqCst) >= end).then_some(())
    });
}

in_both_modes!(no_deadline_and_no_age_follows_the_wall_clock);

fn no_deadline_and_no_age_follows_the_wall_clock(mode: Mode) {
    let (_own, dir) = (OwnSystem::new(), TempDir::new());
    let (pid_file, go) = (dir.join("pid"), dir.join("go"));
    let script = format!(
        "sleep 1000 >/dev/null 2>&1 & trap 'echo got TERM; until test -e {}; do :; done; exit 7' TERM; {}; \
         echo ready; while :; do read -r _ <>/dev/null; done",
        go.display(),
        notify("READY=1"),
    );
    while_the_clock_jumps(|jumps| {
        let start = Start::with_notify(mode, &pid_file);
        let options = ["--watchdog", "1h", "--grace", "1h"];
        let hinit = start.args(options).script(&script).start().ready();
        wait_for_jumps(jumps);
        let pid = recorded(&pid_file);
        for _ in 0..20 {
            hinit.assert_ready(&pid_file);
            assert_eq!(
                hinit.verdict(&pid_file),
                format!("healthy: process {pid} is alive")
            );
        }
        hinit.signal(SIGTERM);
        assert_eq!(hinit.line(), "got TERM");
        wait_for_jumps(jumps);
        fs::write(&go, "").unwrap();
        let ended = hinit.end();
        assert_eq!(ended.code, 7, "{}", ended.log);
        // A leap would show as a day.
        assert!(ended.log.contains("up "), "{}", ended.log);
        assert!(
            !ended.log.contains("24h") && !ended.log.contains("1d"),
            "{}",
            ended.log
        );
    });
}
