//! After the grace time: what is left is killed, and named in the log.

use super::{STUBBORN, leftovers_in};
use crate::support::*;

in_both_modes!(
    half_of_fifty_jobs_ignore_term_and_are_killed_after_the_grace_time,
    killed_leftovers_are_named_with_state_and_age,
    a_server_that_ignores_term_is_killed_with_its_descendants,
    a_bomb_of_a_thousand_processes_ends,
    leftovers_that_make_orphans_without_end_are_killed
);

fn half_of_fifty_jobs_ignore_term_and_are_killed_after_the_grace_time(mode: Mode) {
    let script = "trap 'exit 7' TERM; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 \
                  21 22 23 24 25; do \
        (trap - TERM; exec sleep 1000) & (trap '' TERM; echo armed; exec sleep 1000) & done; \
        while :; do sleep 0.01; done";
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["--grace", "500ms"])
        .script(script)
        .start();
    for _ in 0..25 {
        assert_eq!(hinit.line(), "armed");
    }
    let ended = hinit.stop();
    assert_eq!(ended.code, 7, "{}", ended.log);
    let killed = leftovers_in(&ended.log, "killed").unwrap();
    assert!(killed.starts_with("25 leftovers: "), "{killed}");
    assert!(killed.ends_with(" and 17 more"), "{killed}");
}

fn killed_leftovers_are_named_with_state_and_age(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let script =
        format!("{STUBBORN} until grep -q sleep /proc/$!/comm; do :; done; echo $!; exit 3");
    let ended = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--grace", "100ms"])
        .script(&script)
        .run();
    let (pid, killed) = (ended.stdout, leftovers_in(&ended.log, "killed").unwrap());
    let age = killed
        .strip_prefix(&format!("1 leftover: sleep (PID {pid}, sleeping, "))
        .unwrap();
    assert!(age.ends_with("s ago)"), "{age}");
    assert_eq!(ended.code, 3);
    assert!(!pid_file.exists());
}

fn a_server_that_ignores_term_is_killed_with_its_descendants(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::new(mode).pid_file(&pid_file).with(|command| {
        command.env("HINIT_GRACE", "100ms");
    });
    let hinit = start
        .script(&format!(
            "trap '' TERM; {STUBBORN} echo ready; while :; do sleep 0.01; done"
        ))
        .start()
        .ready();
    let ended = hinit.stop();
    assert_eq!(ended.code, 137);
    let (start, end) = ended
        .log
        .split_once(" later (killed by SIGKILL when its grace time was over, up ")
        .unwrap();
    assert!(
        start.starts_with(&format!(
            "hinit: SIGTERM from {}; the server ended ",
            sender(mode)
        )),
        "{start}"
    );
    assert!(end.contains("s); killed "), "{end}");
    assert!(!pid_file.exists());
}

fn a_bomb_of_a_thousand_processes_ends(mode: Mode) {
    let ended = Start::new(mode)
        .no_pid_file()
        .args(["--grace", "1s"])
        .fixture(["bomb", "1000"])
        .run();
    assert_eq!(ended.code, 0);
    let killed = leftovers_in(&ended.log, "killed").unwrap();
    let count: u32 = killed.split(' ').next().unwrap().parse().unwrap();
    assert!(
        count > 1 && killed.contains(" leftovers: fixture (PID "),
        "{killed}"
    );
    assert!(!ended.log.contains("could not end"), "{}", ended.log);
}

/// At each turn of hinit one more orphan has ended.
fn leftovers_that_make_orphans_without_end_are_killed(mode: Mode) {
    let ended = Start::new(mode)
        .no_pid_file()
        .args(["--grace", "300ms"])
        .fixture(["leave-forkers", "20"])
        .run();
    assert_eq!(ended.code, 3);
    assert!(leftovers_in(&ended.log, "killed").is_some());
    assert_eq!(leftovers_in(&ended.log, "could not end"), None);
}
