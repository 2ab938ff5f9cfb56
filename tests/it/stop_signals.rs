//! Which signals are stop signals, and what happens where the server is stopped by job control.

use nix::libc::{SIGPWR, SIGSTOP, SIGTERM, SIGUSR2, SIGWINCH};

use crate::support::*;

/// A server that prints each signal and continues.
const PRINTS_SIGNALS: &str =
    "trap 'echo term' TERM; trap 'echo winch' WINCH; echo ready; while :; do :; done";

in_both_modes!(
    stop_signal_replaces_the_default_stop_signals,
    the_environment_sets_stop_signals,
    winch_pwr_and_usr2_do_not_stop_by_default,
    a_stopped_server_is_continued_for_its_stop_signal,
    a_stopped_server_is_not_continued_for_other_signals
);

fn stop_signal_replaces_the_default_stop_signals(mode: Mode) {
    let start = Start::new(mode).no_pid_file();
    let start = start.args(["--stop-signal", "WINCH,SIGPWR", "--grace", "1ms"]);
    let hinit = start.script(PRINTS_SIGNALS).start().ready();
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "term");
    hinit.signal(SIGWINCH);
    let ended = hinit.end();
    assert_eq!(ended.code, 137);
    assert!(
        ended.log.starts_with("hinit: SIGWINCH from "),
        "{}",
        ended.log
    );
}

fn the_environment_sets_stop_signals(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--stop-delay", "10m"]);
    let start = start.with(|command| {
        command.env("HINIT_STOP_SIGNAL", "30 USR2");
    });
    let hinit = start
        .script("trap 'exit 3' PWR; echo ready; while :; do :; done")
        .start()
        .ready();
    hinit.signal(SIGPWR);
    eventually("hinit has got it", || {
        hinit
            .verdict(&pid_file)
            .ends_with(" is about to be stopped")
            .then_some(())
    });
    // The second stop signal ends the delay.
    hinit.signal(SIGPWR);
    assert_eq!(hinit.end().code, 3);
}

fn winch_pwr_and_usr2_do_not_stop_by_default(mode: Mode) {
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["--grace", "1ms"])
        .fixture(["signals"])
        .start()
        .ready();
    for number in [SIGWINCH, SIGPWR, SIGUSR2] {
        hinit.signal(number);
        assert_eq!(hinit.line(), format!("signal {number}"));
    }
    hinit.stop();
}

// A stopped server would handle the signal only when it is killed.
fn a_stopped_server_is_continued_for_its_stop_signal(mode: Mode) {
    let script = "trap 'exit 5' TERM; echo ready; while :; do :; done";
    let hinit = Start::new(mode)
        .no_pid_file()
        .script(script)
        .start()
        .ready();
    let server = hinit.server();
    kill(server, SIGSTOP);
    wait_for_state(server, 'T');
    let ended = hinit.stop();
    assert_eq!(ended.code, 5);
    assert!(ended.log.contains("; unhealthy: process "), "{}", ended.log);
    let why = " is suspended; the server ended ";
    assert!(ended.log.contains(why), "{}", ended.log);
}

// Only a stop signal continues a stopped server.
fn a_stopped_server_is_not_continued_for_other_signals(mode: Mode) {
    let hinit = Start::new(mode)
        .no_pid_file()
        .fixture(["signals"])
        .start()
        .ready();
    let server = hinit.server();
    kill(server, SIGSTOP);
    wait_for_state(server, 'T');
    hinit.signal(SIGWINCH);
    eventually("hinit has passed it on", || {
        (status_of(server, "ShdPnd")? == "0000000008000000").then_some(())
    });
    assert!(status_of(server, "State").unwrap().starts_with('T'));
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    hinit.end();
}
