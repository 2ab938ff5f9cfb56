//! Which process group gets the signals with `--group`: only one that is the server's.

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc::{SIGKILL, SIGTERM, SIGUSR1};

use crate::support::*;

/// A shell script that stays in its group and ignores signals.
const OLD_WORKER: &str = "(trap '' TERM USR1; echo worker; exec sleep 1000)";

/// The child of hinit with this name.
fn child_called(hinit: &Running, name: &str) -> i32 {
    eventually("the child is there", || {
        let mut children = children_of(hinit.pid()).into_iter();
        children.find(|&pid| status_of(pid, "Name").as_deref() == Some(name))
    })
}

in_both_modes!(
    a_new_server_that_leads_another_session_gets_the_stop_signal,
    a_server_that_has_left_its_group_gets_the_stop_signal
);

// Like a daemon that became the server by MAINPID.
fn a_new_server_that_leads_another_session_gets_the_stop_signal(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let script = format!(
        "{} orphan 'MAINPID=$SELF\\nREADY=1' '@session STATUS=gone'; {OLD_WORKER} & wait",
        fixture().display()
    );
    let start = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--notify", "--group", "--grace", "1s"]);
    let hinit = start.script(&script).start();
    let mut lines = [hinit.line(), hinit.line()];
    lines.sort();
    assert_eq!(lines, ["ready", "worker"]);
    kill(child_called(&hinit, "sh"), SIGKILL);
    // Both are in the group that hinit made, which stays the group of the new server.
    hinit.next_message();
    let ended = hinit.stop();
    assert_eq!(ended.code, 143, "{}", ended.log);
}

// The group that hinit made is not empty, so that a signal for it would not fail.
fn a_server_that_has_left_its_group_gets_the_stop_signal(mode: Mode) {
    let script = format!(
        "{OLD_WORKER} & exec {} signals-elsewhere",
        fixture().display()
    );
    let start = Start::new(mode)
        .no_pid_file()
        .args(["--group", "--grace", "1s"]);
    let hinit = start.script(&script).start();
    let mut lines = [hinit.line(), hinit.line()];
    lines.sort();
    assert_eq!(lines, ["ready", "worker"]);
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
}

#[test]
fn in_a_group_of_other_processes_only_the_server_gets_the_signal() {
    let mut other = Command::new("sleep");
    let mut other = other.arg("1000").process_group(0).spawn().unwrap();
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    // The orphan joins the other group first, which it could not do in another session
    // (setpgid(2)).
    let script = format!(
        "{} orphan '@group {} MAINPID=$SELF\\nREADY=1'; until test -s {}; do :; done; exit 5",
        fixture().display(),
        other.id(),
        dir.join("go").display()
    );
    let start = Start::new(Mode::Subreaper).pid_file(&pid_file);
    let hinit = start.args(["--notify", "--group"]).script(&script).start();
    let hinit = hinit.ready();
    std::fs::write(dir.join("go"), "go").unwrap();
    let server = child_called(&hinit, "fixture");
    eventually("the old server is gone", || {
        (children_of(hinit.pid()) == [server]).then_some(())
    });
    hinit.signal(SIGUSR1);
    assert_eq!(hinit.stop().code, 143);
    assert!(other.try_wait().unwrap().is_none());
    other.kill().unwrap();
    other.wait().unwrap();
}
