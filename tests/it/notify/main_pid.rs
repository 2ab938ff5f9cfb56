//! A server that hands over to another process, by MAINPID.

use std::fs;
use std::path::Path;

use nix::libc::{SIGCONT, SIGKILL, SIGSTOP, SIGTERM};

use crate::support::*;

mod refused;

/// The server's PID by the PID file, which must agree with hinit's status.
#[track_caller]
fn server(pid_file: &Path) -> String {
    let recorded = fs::read_to_string(pid_file).unwrap().trim().to_owned();
    assert_eq!(get(pid_file, "/status").member("pid"), recorded);
    recorded
}

/// Waits for a line of the log.
#[track_caller]
fn await_log(hinit: &Running, text: &str) {
    while !hinit.log_line().contains(text) {}
}

/// A shell command that makes an orphan, which sends its own PID as MAINPID and in STATUS.
fn orphan_as_main_pid() -> String {
    format!(
        "{} orphan 'MAINPID=$SELF\\nSTATUS=$SELF'",
        fixture().display()
    )
}

const WAIT: &str = "while :; do sleep 0.01; done";

in_both_modes!(
    an_orphan_becomes_the_server_with_its_signals_and_exit_code,
    the_old_server_ends_as_an_orphan,
    a_stop_amid_the_handover_reaches_both_servers,
    a_stop_amid_the_handover_continues_a_stopped_successor,
    a_child_of_the_server_becomes_the_server_when_it_ends,
    the_successor_of_a_stopped_server_is_not_stopped
);

fn an_orphan_becomes_the_server_with_its_signals_and_exit_code(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let script = format!(
        "echo $$; until test -s {}; do :; done; trap 'exit 9' TERM; {}; {WAIT}",
        pid_file.display(),
        orphan_as_main_pid()
    );
    let hinit = Start::with_notify(mode, &pid_file).script(&script).start();
    let first = hinit.line();
    let hinit = hinit.ready();
    let second = server(&pid_file);
    assert_ne!(second, first);
    assert_eq!(
        get(&pid_file, "/status").member("status"),
        format!("\"{second}\"")
    );
    assert_eq!(
        hinit.verdict(&pid_file),
        format!("healthy: process {second} is alive")
    );
    let ended = hinit.stop();
    assert_eq!(ended.code, 143);
    assert!(
        ended.log.contains(" later (killed by SIGTERM, up "),
        "{}",
        ended.log
    );
    // (The shell may print that its `sleep` was terminated.)
    assert_eq!(count(&ended.log, "hinit: "), 1, "{}", ended.log);
    assert!(!pid_file.exists());
}

fn the_old_server_ends_as_an_orphan(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let script = format!(
        "echo $$; until test -s {}; do :; done; {}; until grep -vq $$ {0}; do :; done; exit 5",
        pid_file.display(),
        orphan_as_main_pid()
    );
    let hinit = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--notify", "-v"])
        .script(&script)
        .start();
    let first = hinit.line();
    let hinit = hinit.ready();
    await_log(&hinit, &format!("reaped orphan {first}: exited 5"));
    let second = server(&pid_file);
    assert_ne!(second, first);
    assert_eq!(hinit.stop().code, 143);
}

// The stop signal reached the old server; the new one, which becomes the server only then, gets it
// as well.
fn a_stop_amid_the_handover_reaches_both_servers(mode: Mode) {
    let dir = TempDir::new();
    let (pid_file, go) = (dir.join("pid"), dir.join("go"));
    let script = format!(
        "trap 'echo got TERM' TERM; {} ready & {}; until test -e {}; do :; done; exit 5",
        fixture().display(),
        notify("MAINPID=$! READY=1"),
        go.display()
    );
    let hinit = Start::with_notify(mode, &pid_file).script(&script).start();
    await_log(
        &hinit,
        "is not a child of hinit; it becomes the server when its parent has exited",
    );
    let first = server(&pid_file);
    hinit.signal(SIGTERM);
    // One line of the server's child, and one of the shell that got the signal.
    assert_ne!(hinit.line(), hinit.line());
    assert_eq!(server(&pid_file), first);
    fs::write(&go, "").unwrap();
    let ended = hinit.end();
    assert_eq!(ended.code, 143, "{}", ended.log);
}

// (Before its exec of `sleep`, the child is a shell that has the trap, and may lose TERM at the exec.)
fn a_stop_amid_the_handover_continues_a_stopped_successor(mode: Mode) {
    let dir = TempDir::new();
    let (pid_file, go) = (dir.join("pid"), dir.join("go"));
    let script = format!(
        "trap 'echo got TERM' TERM; sleep 1000 & until grep -q sleep /proc/$!/comm; do :; done; {}; kill -STOP $!; \
         until grep -q 'State:.T' /proc/$!/status; do :; done; echo ready; until test -e {}; do :; done; exit 5",
        notify("MAINPID=$! READY=1"),
        go.display()
    );
    let hinit = Start::with_notify(mode, &pid_file).script(&script).start();
    let hinit = hinit.ready();
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "got TERM");
    fs::write(&go, "").unwrap();
    let ended = hinit.end();
    assert_eq!(ended.code, 143, "{}", ended.log);
}

// As nginx does for a new binary, and daemons that send MAINPID before they exit.
fn a_child_of_the_server_becomes_the_server_when_it_ends(mode: Mode) {
    let dir = TempDir::new();
    let (pid_file, go) = (dir.join("pid"), dir.join("go"));
    let script = format!(
        "until test -s {}; do :; done; {} notifies @none READY=1 & {}; echo $!; until test -e {}; \
         do :; done; exit 5",
        pid_file.display(),
        fixture().display(),
        notify("MAINPID=$! MAINPID=$!"),
        go.display()
    );
    let hinit = Start::with_notify(mode, &pid_file).script(&script).start();
    // Both print a line, in any order.
    let lines = [hinit.line(), hinit.line()];
    let child = lines.iter().find(|line| *line != "ready").unwrap().clone();
    let first = server(&pid_file);
    assert_ne!(first, child);
    let warning = hinit.log_line();
    let expected = format!(
        "hinit: MAINPID={child} (*) is not a child of hinit; it becomes the server when its \
         parent has exited"
    );
    assert!(matches_pattern(&warning, &expected), "{warning}");
    fs::write(&go, "").unwrap();
    eventually("the child is the server", || {
        (fs::read_to_string(&pid_file).unwrap().trim() == child).then_some(())
    });
    assert_eq!(server(&pid_file), child);
    hinit.next_message();
    assert_eq!(
        hinit.verdict_with(&pid_file, &["--ready"]),
        format!("healthy: process {child} is alive")
    );
    let ended = hinit.stop();
    ended.assert_code_and_lines(143, 1);
    assert!(!pid_file.exists());
}

// The state of the old server is not that of the new one.
fn the_successor_of_a_stopped_server_is_not_stopped(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let script = format!(
        "{} orphan @none 'MAINPID=$SELF\\nREADY=1'; {WAIT}",
        fixture().display()
    );
    let hinit = Start::with_notify(mode, &pid_file).script(&script).start();
    let hinit = hinit.ready();
    let first = recorded(&pid_file);
    let [shell, orphan] = [true, false].map(|is_shell| {
        let is_it = |pid: &&i32| (status_of(**pid, "Name").as_deref() == Some("sh")) == is_shell;
        *children_of(hinit.pid()).iter().find(is_it).unwrap()
    });
    kill(shell, SIGSTOP);
    wait_for_answer(
        &pid_file,
        "/livez",
        &format!("503 unhealthy: process {first} is suspended"),
    );
    kill(orphan, nix::libc::SIGUSR1);
    assert_eq!(hinit.line(), "sent");
    let second = server(&pid_file);
    assert_eq!(
        get(&pid_file, "/readyz").status,
        format!("200 healthy: process {second} is alive")
    );
    // Whether the old server is continued does not matter any more.
    kill(orphan, SIGSTOP);
    wait_for_answer(
        &pid_file,
        "/livez",
        &format!("503 unhealthy: process {second} is suspended"),
    );
    kill(shell, SIGKILL);
    kill(orphan, SIGCONT);
    eventually("the process continues", || {
        get(&pid_file, "/livez")
            .status
            .starts_with("200 ")
            .then_some(())
    });
    assert_eq!(hinit.stop().code, 143);
}
