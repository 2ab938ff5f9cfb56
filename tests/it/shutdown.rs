//! The stop: which processes get TERM, which are waited for, which are killed, and what hinit logs
//! in the end.

use std::fs;
use std::process::Command;

use nix::libc::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGUSR1};
use nix::sys::signal::{Signal, kill as nix_kill};
use nix::unistd::Pid;

use crate::support::*;

mod drain;
mod grace;
mod hidden;
mod random;
mod readers;
mod survivors;

/// hinit with a drain that is long enough for a machine under load.
fn with_long_drain(mode: Mode) -> Start {
    Start::new(mode).args(["--grace", "10m"])
}

/// A shell command for a process that the server leaves behind and that ignores SIGTERM.
const STUBBORN: &str = "(trap '' TERM; exec sleep 1000) &";

/// A shell command for a process that prints `$1` at SIGTERM and exits. The file exists when its
/// trap is set.
fn prints_at_term(dir: &TempDir, text: &str) -> String {
    let ready = dir.join("polite");
    let ready = ready.display();
    format!(
        "sh -c 'trap \"echo {text}; exit\" TERM; >{ready}; while :; do sleep 0.01; done' & \
         until test -e {ready}; do :; done;"
    )
}

/// The part of the last line on processes that were killed, or could not be.
fn leftovers_in(log: &str, verb: &str) -> Option<String> {
    let (_, rest) = log.split_once(&format!("; {verb} "))?;
    Some(rest.split('\n').next()?.to_owned())
}

in_both_modes!(
    during_the_stop_delay_the_server_runs_and_is_not_ready,
    signals_are_rewritten_or_dropped,
    a_normal_stop_can_have_exit_code_0
);

fn during_the_stop_delay_the_server_runs_and_is_not_ready(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--stop-delay", "10m"]);
    let hinit = start.fixture(["signals"]).start().ready();
    let pid = recorded(&pid_file);
    assert_eq!(
        hinit.verdict(&pid_file),
        format!("healthy: process {pid} is alive")
    );
    hinit.signal(SIGTERM);
    hinit.wait_for_verdict(
        &pid_file,
        &format!("unhealthy: process {pid} is about to be stopped"),
    );
    // The file still names the PID, for other programs.
    assert_eq!(recorded(&pid_file), pid);
    // An engine with a shorter timeout would kill the container with no sign of the reason but this
    // line.
    let line = hinit.log_line();
    assert!(line.starts_with("hinit: SIGTERM from "), "{line}");
    assert!(
        line.ends_with(": unhealthy from now on, passed on in 600s"),
        "{line}"
    );
    // Any other signal passes at once; the same one ends the delay.
    for (signal, line) in [
        (SIGHUP, "signal 1"),
        (SIGINT, "signal 2"),
        (SIGTERM, "signal 15"),
    ] {
        hinit.signal(signal);
        assert_eq!(hinit.line(), line);
    }
    let ended = hinit.end();
    ended.assert_code_and_lines(0, 1);
    assert!(!pid_file.exists());
    // The delay also ends by itself.
    let start = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--stop-delay", "50ms"]);
    let hinit = start.fixture(["signals"]).start().ready();
    hinit.signal(SIGQUIT);
    assert_eq!(hinit.line(), "signal 3");
    assert_eq!(hinit.stop().code, 0);
}

fn signals_are_rewritten_or_dropped(mode: Mode) {
    let rules = [
        "--rewrite",
        "HUP=",
        "--rewrite",
        "INT=RTMIN+3",
        "--rewrite=SIGUSR1=USR2",
        "--rewrite",
        "RTMIN+1=10",
    ];
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(rules)
        .fixture(["signals"])
        .start()
        .ready();
    hinit.signal(SIGHUP);
    for (signal, line) in [
        (SIGINT, "signal 37"),
        (SIGUSR1, "signal 12"),
        (35, "signal 10"),
        (SIGTERM, "signal 15"),
    ] {
        hinit.signal(signal);
        assert_eq!(hinit.line(), line);
    }
    let ended = hinit.end();
    assert_eq!(ended.code, 0);
    // The signal that was received counts, not the one it is rewritten to.
    assert!(
        ended.log.starts_with("hinit: SIGINT from "),
        "{}",
        ended.log
    );
}

fn a_normal_stop_can_have_exit_code_0(mode: Mode) {
    for (options, signal, code) in [
        (&[][..], SIGTERM, 143),
        (&["--clean-stop"], SIGTERM, 0),
        // Killed by the signal that it got after the rewriting.
        (&["--clean-stop", "--rewrite", "TERM=QUIT"], SIGTERM, 0),
        (&["--map-exit", "TERM=0"], SIGTERM, 0),
        (&["--map-exit", "143=7"], SIGTERM, 7),
        (&["--map-exit", "TERM=0"], SIGINT, 130),
    ] {
        // No core files in the working directory.
        let start = Start::by(mode, &["prlimit", "--core=0"])
            .no_pid_file()
            .args(options);
        let hinit = start.fixture(["ready"]).start().ready();
        hinit.signal(signal);
        assert_eq!(hinit.end().code, code, "{options:?}");
    }
    // Death by a signal that hinit did not pass on is no clean stop.
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["--clean-stop"])
        .fixture(["ready"])
        .start()
        .ready();
    kill(hinit.server(), SIGTERM);
    assert_eq!(hinit.end().code, 143);
}
