//! After the end of the server: its descendants get TERM, and hinit waits for them.

use std::fs;

use nix::libc::{SIGKILL, SIGTERM, SIGUSR1};

use super::{leftovers_in, prints_at_term, with_long_drain};
use crate::support::*;

in_both_modes!(
    leftovers_get_term_and_are_waited_for,
    daemons_in_other_sessions_and_stopped_ones_are_ended,
    a_process_that_starts_during_the_drain_gets_term,
    during_the_drain_the_pid_file_is_empty_and_locked,
    without_a_drain_no_process_is_waited_for
);

fn leftovers_get_term_and_are_waited_for(mode: Mode) {
    let dir = TempDir::new();
    let script = format!("{} exit 7", prints_at_term(&dir, "good bye"));
    let ended = with_long_drain(mode).no_pid_file().script(&script).run();
    assert_eq!((ended.code, ended.stdout.as_str()), (7, "good bye"));
    assert!(
        ended.log.contains("hinit: the server exited 7 after "),
        "{}",
        ended.log
    );
    assert_eq!(leftovers_in(&ended.log, "killed"), None, "{}", ended.log);
}

fn daemons_in_other_sessions_and_stopped_ones_are_ended(mode: Mode) {
    let dir = TempDir::new();
    let script = format!(
        "setsid sh -c \"$1\" & until test -e {0}; do :; done; kill -STOP $!; \
        until grep -q 'State:.T' /proc/$!/status; do :; done; exit 0",
        dir.join("polite").display()
    );
    let start = with_long_drain(mode).no_pid_file();
    let daemon = format!(
        "trap 'echo good bye; exit' TERM; >{}; while :; do sleep 0.01; done",
        dir.join("polite").display()
    );
    let ended = start.args(["--", "sh", "-c", &script, "sh", &daemon]).run();
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "good bye"));
    assert_eq!(leftovers_in(&ended.log, "killed"), None, "{}", ended.log);
}

fn a_process_that_starts_during_the_drain_gets_term(mode: Mode) {
    // The first process, at SIGTERM, starts a second one as soon as hinit sleeps again. The second
    // is reparented to hinit when the first exits; or the first waits for it, and hinit gets no
    // signal about it.
    let asleep = "until grep -q ^State:.S /proc/$0/status; do :; done;";
    for then in ["", "wait;"] {
        let dir = TempDir::new();
        let first = dir.join("first");
        let script = format!(
            "sh -c 'trap \"{asleep} sleep 1000 & {then} exit\" TERM; >{0}; while :; do sleep \
             0.01; done' $PPID & \
            until test -e {0}; do :; done; exit 3",
            first.display()
        );
        let ended = with_long_drain(mode).no_pid_file().script(&script).run();
        assert_eq!(
            (ended.code, leftovers_in(&ended.log, "killed")),
            (3, None),
            "{}",
            ended.log
        );
    }
}

fn during_the_drain_the_pid_file_is_empty_and_locked(mode: Mode) {
    let dir = TempDir::new();
    let (pid_file, go) = (dir.join("pid"), dir.join("go"));
    let script = format!(
        "trap 'exit 0' USR1; (trap '' TERM; echo ready; until test -e {}; do sleep 0.01; done) & \
        while :; do sleep 0.01; done",
        go.display()
    );
    let hinit = with_long_drain(mode)
        .pid_file(&pid_file)
        .script(&script)
        .start()
        .ready();
    hinit.signal(SIGUSR1);
    hinit.wait_for_verdict(
        &pid_file,
        "unhealthy: the server has not started yet, or has ended",
    );
    assert_eq!(fs::read(&pid_file).unwrap(), b"");
    // The next one starts before the last one has exited.
    let next = Start::new(Mode::Subreaper)
        .pid_file(&pid_file)
        .args(["true"])
        .run();
    assert!(
        next.code == 125 && next.log.contains("another hinit has locked it"),
        "{}",
        next.log
    );
    // A stop signal finds no server, and does no harm.
    hinit.signal(SIGTERM);
    fs::write(&go, "").unwrap();
    let ended = hinit.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(!pid_file.exists());
}

fn without_a_drain_no_process_is_waited_for(mode: Mode) {
    for by_variable in [false, true] {
        let start = Start::new(mode).no_pid_file();
        let start = if by_variable {
            start.with(|command| {
                command.env("HINIT_NO_DRAIN", "1");
            })
        } else {
            start.args(["--no-drain"])
        };
        let ended = start.script("sleep 1000 >&- 2>&- & echo $!; exit 7").run();
        assert_eq!(ended.code, 7, "{}", ended.log);
        if mode == Mode::Subreaper {
            // The file still exists, and no process holds its lock.
            kill(ended.stdout.parse().unwrap(), SIGKILL);
        }
    }
}

/// As `docker exec` does: a process of the same PID namespace that is not a descendant of hinit.
#[test]
fn an_unrelated_process_in_the_same_pid_namespace_is_left_alone() {
    let dir = TempDir::new();
    let go = dir.join("go");
    // The leftover gets TERM, prints it, and stays for a while.
    let leftover = format!(
        "(trap 'echo got TERM' TERM; echo ready; until test -e {}; do sleep 0.01; done) &",
        go.display()
    );
    let hinit = with_long_drain(Mode::Pid1).no_pid_file();
    let hinit = hinit.script(&format!("{leftover} wait")).start().ready();
    let mut unrelated = hinit.nsenter();
    let script = "trap 'echo got TERM' TERM; trap 'echo alive' USR1; echo ready; \
        while :; do sleep 0.01; done";
    unrelated.args(["sh", "-c", script]);
    let unrelated = Start::of(Mode::Subreaper, unrelated).start().ready();
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "got TERM");
    // `nsenter` has forked to get into the namespace.
    kill(children_of(unrelated.pid())[0], SIGUSR1);
    assert_eq!(unrelated.line(), "alive");
    fs::write(&go, "").unwrap();
    // The end of PID 1 kills the other process as well, but by KILL.
    assert_eq!(hinit.end().code, 143);
    assert_eq!(unrelated.end().stdout, "");
}
