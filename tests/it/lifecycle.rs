//! The life of one server: its start, its signals and its end, with which hinit ends.

use std::process::Command;

use nix::libc::{SIGCHLD, SIGCONT, SIGHUP, SIGKILL, SIGSTOP, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
use nix::libc::{SIGURG, SIGWINCH};

use crate::support::*;

mod inheritance;
mod orphans;

in_both_modes!(
    the_exit_code_is_the_servers,
    a_server_killed_by_a_signal_is_128_plus_its_number,
    every_signal_reaches_the_server,
    a_traced_server_is_alive_and_gets_its_signals,
    the_servers_own_options_are_not_hinits,
    a_server_whose_first_thread_has_exited_is_alive,
    a_stopped_server_is_unhealthy_and_does_not_end_hinit,
    the_pid_file_names_the_server_and_is_removed_at_the_end,
    no_pid_file_means_none,
    a_server_that_daemonizes_is_noticed
);

fn the_exit_code_is_the_servers(mode: Mode) {
    for code in 0..=255 {
        let ended = Start::new(mode)
            .no_pid_file()
            .fixture(["exit", &code.to_string()])
            .run();
        assert_eq!(ended.code, code, "{}", ended.log);
    }
}

fn a_server_killed_by_a_signal_is_128_plus_its_number(mode: Mode) {
    let harmless = [
        SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU,
    ];
    for signal in (1..=64).filter(|signal| !harmless.contains(signal)) {
        let ended = Start::new(mode)
            .no_pid_file()
            .fixture(["die", &signal.to_string()])
            .run();
        assert_eq!(ended.code, 128 + signal, "{}", ended.log);
    }
}

fn every_signal_reaches_the_server(mode: Mode) {
    let hinit = Start::new(mode)
        .no_pid_file()
        .fixture(["signals"])
        .start()
        .ready();
    let kept_back = [SIGKILL, SIGSTOP, SIGCHLD, SIGTERM];
    for signal in (1..=64).filter(|signal| !kept_back.contains(signal)) {
        hinit.signal(signal);
        assert_eq!(hinit.line(), format!("signal {signal}"));
    }
    // SIGCHLD is not passed on: the server would have printed it first.
    hinit.signal(SIGCHLD);
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
}

fn a_traced_server_is_alive_and_gets_its_signals(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = start_fixture(mode, &pid_file, "signals");
    let server = hinit.server();
    let mut strace = Command::new("strace");
    strace.args([
        "--quiet=all",
        "--output=/dev/null",
        "--attach",
        &server.to_string(),
    ]);
    let mut strace = strace.spawn().unwrap();
    eventually("it is traced", || {
        (status_of(server, "TracerPid")? != "0").then_some(())
    });
    hinit.signal(SIGHUP);
    assert_eq!(hinit.line(), "signal 1");
    assert_eq!(
        hinit.verdict(&pid_file),
        format!("healthy: process {} is alive", recorded(&pid_file))
    );
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
    strace.wait().unwrap();
}

fn the_servers_own_options_are_not_hinits(mode: Mode) {
    let arguments = [
        "--pid-file",
        "/nowhere/x",
        "-q",
        "--help",
        "--",
        "healthcheck",
    ];
    for separator in [&[][..], &["--"]] {
        let start = Start::new(mode)
            .no_pid_file()
            .args(separator)
            .args([fixture()]);
        let ended = start.args(["arguments"]).args(arguments).run();
        assert_eq!((ended.code, ended.stdout), (0, arguments.join(" ")));
    }
}

fn a_server_whose_first_thread_has_exited_is_alive(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = start_fixture(mode, &pid_file, "leader-leaves");
    assert_eq!(status_of(hinit.server(), "State").unwrap(), "Z (zombie)");
    assert_eq!(
        hinit.verdict(&pid_file),
        format!("healthy: process {} is alive", recorded(&pid_file))
    );
    assert_eq!(hinit.stop().code, 143);
}

fn a_stopped_server_is_unhealthy_and_does_not_end_hinit(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = start_fixture(mode, &pid_file, "ready");
    let server = hinit.server();
    kill(server, SIGSTOP);
    wait_for_state(server, 'T');
    assert_eq!(
        hinit.verdict(&pid_file),
        format!("unhealthy: process {} is suspended", recorded(&pid_file))
    );
    kill(server, SIGCONT);
    eventually("the process continues", || {
        (hinit.verdict(&pid_file).starts_with("healthy")).then_some(())
    });
    assert_eq!(hinit.stop().code, 143);
}

fn the_pid_file_names_the_server_and_is_removed_at_the_end(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = start_fixture(mode, &pid_file, "signals");
    let inside = status_of(hinit.server(), "NSpid").unwrap();
    assert_eq!(
        inside.split('\t').next_back().unwrap(),
        recorded(&pid_file).to_string()
    );
    kill(hinit.server(), SIGHUP);
    assert_eq!(hinit.line(), "signal 1");
    assert_eq!(hinit.stop().code, 0);
    assert!(!pid_file.exists());
}

fn no_pid_file_means_none(mode: Mode) {
    let dir = TempDir::new();
    let start = Start::new(mode).with(|c| {
        c.env("HINIT_PID_FILE", dir.join("pid"));
    });
    let ended = start
        .no_pid_file()
        .script(&format!("ls {}", dir.as_ref().display()))
        .run();
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
}

fn a_server_that_daemonizes_is_noticed(mode: Mode) {
    let ended = Start::new(mode).no_pid_file().fixture(["leave", "2"]).run();
    assert_eq!(ended.code, 0);
    let (_, leftovers) = ended
        .log
        .split_once("; most likely it went to the background, leaving ")
        .unwrap_or_else(|| panic!("{}", ended.log));
    let (names, advice) = leftovers.split_once(": ").unwrap();
    assert_eq!(advice, "run it in the foreground (nginx: `daemon off;`)");
    let names: Vec<&str> = names.split(", ").collect();
    assert_eq!(names.len(), 2);
    for name in names {
        let pid = name
            .strip_prefix("sleep (PID ")
            .unwrap()
            .strip_suffix(')')
            .unwrap();
        assert!(pid.parse::<u32>().is_ok(), "{name}");
    }
}
