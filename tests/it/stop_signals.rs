//! Which signals ask for a stop, and what a server makes of them that is stopped itself.

use nix::libc::{SIGPWR, SIGSTOP, SIGTERM, SIGUSR2, SIGWINCH};

use crate::support::*;

/// A server that tells each signal, and goes on.
const DEAF: &str =
    "trap 'echo term' TERM; trap 'echo winch' WINCH; echo ready; while :; do :; done";

in_both_modes!(
    others_take_the_place_of_the_usual_ones,
    the_environment_names_them_as_well,
    others_are_no_stop_signals_by_default,
    a_server_that_is_stopped_goes_on_for_its_stop_signal,
    one_that_is_stopped_stays_so_for_other_signals
);

fn others_take_the_place_of_the_usual_ones(mode: Mode) {
    let start = Start::new(mode).no_pid_file();
    let start = start.args(["--stop-signal", "WINCH,SIGPWR", "--grace", "1ms"]);
    let hinit = start.script(DEAF).start().ready();
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

fn the_environment_names_them_as_well(mode: Mode) {
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
    // The second time there is no more delay.
    hinit.signal(SIGPWR);
    assert_eq!(hinit.end().code, 3);
}

fn others_are_no_stop_signals_by_default(mode: Mode) {
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
    hinit.signal(SIGTERM);
    hinit.end();
}

// It would get to the signal only when it is killed.
fn a_server_that_is_stopped_goes_on_for_its_stop_signal(mode: Mode) {
    let script = "trap 'exit 5' TERM; echo ready; while :; do :; done";
    let hinit = Start::new(mode)
        .no_pid_file()
        .script(script)
        .start()
        .ready();
    let server = hinit.server();
    kill(server, SIGSTOP);
    eventually("it is stopped", || {
        status_of(server, "State")?.starts_with('T').then_some(())
    });
    hinit.signal(SIGTERM);
    assert_eq!(hinit.end().code, 5);
}

// Only a stop signal means that.
fn one_that_is_stopped_stays_so_for_other_signals(mode: Mode) {
    let hinit = Start::new(mode)
        .no_pid_file()
        .fixture(["signals"])
        .start()
        .ready();
    let server = hinit.server();
    kill(server, SIGSTOP);
    eventually("it is stopped", || {
        status_of(server, "State")?.starts_with('T').then_some(())
    });
    hinit.signal(SIGWINCH);
    eventually("hinit has passed it on", || {
        (status_of(server, "ShdPnd")? == "0000000008000000").then_some(())
    });
    assert!(status_of(server, "State").unwrap().starts_with('T'));
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    hinit.end();
}
