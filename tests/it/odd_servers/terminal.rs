//! hinit as the leader of a session on a terminal.

use std::fs;
use std::process::Child;

use nix::libc::{SIGCONT, SIGSTOP, SIGTERM};

use crate::support::*;

/// hinit as the leader of a session with this terminal, executed by a shell.
fn session_leader(pty: &Pty, mode: Mode, arguments: &str) -> Child {
    let mut command = command_in(mode, "setsid");
    let script = format!("exec \"$0\" --no-pid-file {arguments}");
    pty.start(command.args(["--ctty", "sh", "-c", &script]).arg(hinit()))
}

#[test]
fn a_hang_up_comes_from_the_kernel() {
    let dir = TempDir::new();
    let log = dir.join("log");
    let mut pty = Pty::new();
    let server = fixture().display().to_string();
    let arguments = format!("--verbose {server} ready 2>{}", log.display());
    let mut hinit = session_leader(&pty, Mode::Subreaper, &arguments);
    pty.expect("ready");
    drop(pty);
    let code = eventually("hinit exits", || hinit.try_wait().unwrap());
    let log = fs::read_to_string(&log).unwrap();
    assert_eq!(Ended::code_of(code), 129, "{log}");
    assert_eq!(count(&log, "hinit: SIGHUP from the kernel"), 1, "{log}");
}

/// PID 1 on a terminal, and its server after its line `ready`.
fn pid_1_on(pty: &mut Pty, arguments: &str) -> (Child, i32, i32) {
    let unshare = session_leader(pty, Mode::Pid1, arguments);
    pty.expect("ready");
    let child = |parent| eventually("there is a child", || children_of(parent).first().copied());
    let hinit = child(unshare.id().cast_signed());
    (unshare, hinit, child(hinit))
}

#[track_caller]
fn assert_ends(mut unshare: Child, code: i32) {
    let status = eventually("hinit exits", || unshare.try_wait().unwrap());
    assert_eq!(Ended::code_of(status), code);
}

#[test]
fn pid_1_names_a_stop_of_the_server() {
    let mut pty = Pty::new();
    let arguments = format!("{} ready", fixture().display());
    let (unshare, hinit, server) = pid_1_on(&mut pty, &arguments);
    kill(server, SIGSTOP);
    pty.expect("hinit: SIGSTOP suspended the server");
    assert!(status_of(server, "State").unwrap().starts_with('T'));
    kill(hinit, SIGCONT);
    eventually("the process continues", || {
        (!status_of(server, "State")?.starts_with('T')).then_some(())
    });
    kill(hinit, SIGTERM);
    assert_ends(unshare, 143);
}

/// Without a shell only hinit can put the server into the foreground.
#[test]
fn pid_1_gives_the_terminal_back_to_a_server_that_asks_for_it() {
    let mut pty = Pty::new();
    // A job of the server has the terminal when another one, in the server's group, reads from it.
    let script = "( until read -r _ _ _ _ _ _ _ group _ </proc/$$/stat; [ \"$group\" != $$ ]; do \
                  :; done; \
            read -r line </dev/tty; echo \"got:$line\"; kill -9 -$group ) & \
        set -m; echo ready; sleep 1000; wait; exit 7";
    let (unshare, _, _) = pid_1_on(&mut pty, &format!("bash -c '{script}'"));
    pty.expect(
        "hinit: SIGTTIN suspended the server; hinit continued it at once, since nothing else would",
    );
    pty.press("one\n");
    pty.expect("got:one");
    assert_ends(unshare, 7);
}
