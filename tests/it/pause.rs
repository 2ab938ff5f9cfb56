//! The time in which hinit and its server were paused does not count.

use std::time::{Duration, Instant};

use nix::libc::{SIGCONT, SIGSTOP, SIGTERM};

use crate::support::*;

/// Longer than the delay that hinit attributes to load, and than `timeout`. A slow machine, which has a longer bound,
/// gets more of both.
fn pause_time() -> Duration {
    (bound() / 10).max(Duration::from_secs(3))
}

/// An option's value, which also suffices for what hinit and its server do after a pause.
fn timeout() -> String {
    format!("{}s", pause_time().as_secs() * 2 / 3)
}

/// Stops a process and its descendants for that time, as `docker pause` does.
fn pause(hinit: &Running) {
    let processes = [hinit.pid(), hinit.server()];
    for pid in processes {
        kill(pid, SIGSTOP);
    }
    let start = Instant::now();
    eventually("the time has passed", || {
        (start.elapsed() > pause_time()).then_some(())
    });
    for pid in processes.into_iter().rev() {
        kill(pid, SIGCONT);
    }
}

in_both_modes!(
    a_pause_does_not_shorten_the_grace_time,
    a_pause_does_not_count_as_silence
);

fn a_pause_does_not_shorten_the_grace_time(mode: Mode) {
    let dir = TempDir::new();
    let (pid_file, go) = (dir.join("pid"), dir.join("go"));
    let script = format!(
        "trap 'echo got TERM; until test -e {}; do :; done; exit 7' TERM; echo ready; while :; do :; \
         done",
        go.display()
    );
    let socket = format!("unix:{}", dir.join("probes").display());
    let start = Start::new(mode).pid_file(&pid_file).args([
        "-v",
        "--grace",
        &timeout(),
        "--listen",
        &socket,
    ]);
    let hinit = start.script(&script).start().ready();
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "got TERM");
    pause(&hinit);
    // When hinit answers it has handled all that was due.
    let answer = get(&pid_file, "/livez").status;
    assert!(
        answer.starts_with("200 ") || answer.contains("is suspended"),
        "{answer}"
    );
    std::fs::write(&go, "").unwrap();
    let ended = hinit.end();
    assert_eq!(ended.code, 7, "{}", ended.log);
    ended.assert_logged("hinit: hinit was paused for *; every deadline moves by that time");
}

fn a_pause_does_not_count_as_silence(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::new(mode).pid_file(&pid_file).args([
        "--watchdog",
        &timeout(),
        "--watchdog-signal",
        "KILL",
    ]);
    let hinit = start
        .notifies(&["READY=1", "WATCHDOG_USEC=0"])
        .start()
        .ready();
    pause(&hinit);
    // From here on no watchdog can run out.
    hinit.next_message();
    assert!(get(&pid_file, "/livez").status.starts_with("200 "));
    assert_eq!(hinit.stop().code, 143);
}

/// strace delays a call of hinit between the message from which the watchdog runs and the next wait: the call that
/// receives the message after it.
#[test]
fn a_pause_before_the_wait_does_not_count_as_silence() {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let inject = format!(
        "inject=recvmsg:delay_enter={}:when=2",
        pause_time().as_micros()
    );
    let trace = ["strace", "-D", "-o", "/dev/null", "-e", "trace=recvmsg"];
    let strace = [&trace[..], &["-e", &inject]].concat();
    let start = Start::by(Mode::Subreaper, &strace).pid_file(&pid_file);
    let start = start.args(["--watchdog", &timeout(), "--watchdog-signal", "KILL"]);
    let start = start.notifies(&["READY=1", "WATCHDOG_USEC=0"]);
    let hinit = start.start().ready();
    // From here on no watchdog can run out.
    hinit.next_message();
    assert!(get(&pid_file, "/livez").status.starts_with("200 "));
    assert_eq!(hinit.stop().code, 143);
}
