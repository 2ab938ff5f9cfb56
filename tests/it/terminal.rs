//! A server on a real terminal.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::*;

/// Runs a shell script in the foreground of a terminal of its own, with `input` typed into it.
/// `$HINIT` is the binary. A script that stops on SIGTTIN never ends: hence the `timeout`.
fn on_a_terminal(script: &str, input: &str) -> String {
    let mut command = Command::new("timeout");
    command.args([
        "--signal=KILL",
        "20",
        "script",
        "--quiet",
        "--return",
        "--command",
        script,
    ]);
    command
        .arg("/dev/null")
        .env("HINIT", hinit())
        .env("SHELL", "/bin/sh");
    let mut script = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Kept open until the end: its end would end the terminal.
    let mut keyboard = script.stdin.take().unwrap();
    keyboard.write_all(input.as_bytes()).unwrap();
    let ended = Ended::of(&script.wait_with_output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stdout);
    ended.stdout.replace('\r', "")
}

#[test]
fn the_server_reads_from_the_terminal_and_then_the_caller_again() {
    let script =
        "$HINIT -q --no-pid-file sh -c 'read line; echo got $line'; read line; echo then $line";
    let screen = on_a_terminal(script, "one\ntwo\n");
    assert!(screen.contains("got one\n"), "{screen}");
    assert!(screen.ends_with("then two"), "{screen}");
}

#[test]
fn a_launch_that_fails_gives_the_terminal_back() {
    let script = "$HINIT -q --no-pid-file /no/such/file; read line; echo then $line";
    let screen = on_a_terminal(script, "one\n");
    assert!(screen.ends_with("then one"), "{screen}");
}

#[test]
fn a_job_in_the_background_steals_nothing() {
    let script = "set -m; $HINIT -q --no-pid-file sh -c 'echo in the background' & wait; \
        read line; echo then $line";
    let screen = on_a_terminal(script, "one\n");
    assert!(screen.contains("in the background"), "{screen}");
    assert!(screen.ends_with("then one"), "{screen}");
}
