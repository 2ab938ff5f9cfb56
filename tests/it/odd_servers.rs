//! Unusual servers and signals.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use nix::libc::{SIGCONT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1};
use nix::unistd::gettid;

use crate::support::*;

mod terminal;

/// The signals that hinit reads: the mask of its signalfd, by /proc.
fn mask_of(hinit: i32) -> Option<String> {
    let entries = fs::read_dir(format!("/proc/{hinit}/fdinfo"))
        .ok()?
        .flatten();
    let mut files = entries.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    files.find_map(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("sigmask:"));
        line.map(|mask| mask.trim().to_owned())
    })
}

in_both_modes!(
    the_watchdogs_signal_can_go_to_the_group,
    a_watchdog_that_may_not_signal_the_server_is_a_warning,
    a_managers_socket_of_another_type_gets_no_messages,
    a_server_whose_first_thread_has_exited_can_be_stopped,
    a_leftover_whose_first_thread_has_exited_is_alive,
    children_from_before_its_exec_are_ended_and_waited_for,
    a_client_that_sends_garbage_is_disconnected
);

fn the_watchdogs_signal_can_go_to_the_group(mode: Mode) {
    // The server exits only after its child has, so the child must get the signal as well.
    let script = format!(
        "trap 'wait; exit 5' ABRT; \
        (trap 'exit 0' ABRT; {}; while :; do sleep 0.01; done) & wait",
        notify("READY=1")
    );
    let start = Start::by(mode, &["prlimit", "--core=0"]).no_pid_file();
    let start = start.args(["--group", "--watchdog", "1ms", "--watchdog-signal", "ABRT"]);
    assert_eq!(start.script(&script).run().code, 5);
}

fn a_watchdog_that_may_not_signal_the_server_is_a_warning(mode: Mode) {
    if !can_be_root("to install a program setuid root") {
        return;
    }
    let dir = TempDir::new();
    let program = setuid_root(&dir).display().to_string();
    let script = format!(
        "(until grep -q '^Uid:[[:space:]]0' /proc/$$/status; do :; done; \
        exec {program} notify READY=1) & exec {program} becomes-root"
    );
    let start = Start::by(mode, &["setpriv", "--reuid=65534", "--clear-groups"]).no_pid_file();
    let start = start.args(["--watchdog", "1ms", "--watchdog-signal", "ABRT"]);
    let hinit = start.script(&script).start().ready();
    let warning = hinit.log_line();
    assert!(warning.ends_with(" (watchdog 1ms)"), "{warning}");
    assert_eq!(
        hinit.log_line(),
        "hinit: cannot send signal 6 to the server: Operation not permitted"
    );
    kill(hinit.server(), SIGKILL);
    assert_eq!(hinit.end().code, 137);
}

// As the manager of a virtual machine, whose socket is of another type (`AF_VSOCK`).
fn a_managers_socket_of_another_type_gets_no_messages(mode: Mode) {
    let start = Start::new(mode).no_pid_file().args(["--notify"]);
    let start = start.with(|command| {
        command.env("NOTIFY_SOCKET", "vsock:2:1234");
    });
    let hinit = start.notifies(&["READY=1", "STATUS=up"]).start().ready();
    hinit.next_message();
    let ended = hinit.stop();
    ended.assert_code_and_lines(143, 1);
}

fn a_server_whose_first_thread_has_exited_can_be_stopped(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = start_fixture(mode, &path, "leader-leaves");
    let (pid, server) = (recorded(&path), hinit.server());
    let state = || {
        let status = hinit
            .hinit_in_namespaces()
            .args(["status", "--pid-file"])
            .arg(&path)
            .output()
            .unwrap();
        let text = String::from_utf8(status.stdout).unwrap();
        text.lines()
            .find_map(|line| line.strip_prefix("state         "))
            .unwrap()
            .to_owned()
    };
    for (signal, expected, verdict) in [
        (
            SIGSTOP,
            "suspended",
            format!("unhealthy: process {pid} is suspended"),
        ),
        (
            SIGCONT,
            "sleeping",
            format!("healthy: process {pid} is alive"),
        ),
    ] {
        kill(server, signal);
        eventually("its state changes", || (state() == expected).then_some(()));
        assert_eq!(hinit.verdict(&path), verdict);
    }
    assert_eq!(hinit.stop().code, 143);
}

fn a_leftover_whose_first_thread_has_exited_is_alive(mode: Mode) {
    let script = format!(
        "trap '' TERM; {} leader-leaves & until grep -q '^State:.Z' /proc/$!/status; do :; done; \
        exit 3",
        fixture().display()
    );
    let ended = Start::new(mode)
        .no_pid_file()
        .args(["--grace", "1s"])
        .script(&script)
        .run();
    assert_eq!(ended.code, 3);
    let (_, killed) = ended
        .log
        .split_once("; killed 1 leftover: fixture (PID ")
        .unwrap();
    assert!(killed.contains(", sleeping, "), "{}", ended.log);
}

fn children_from_before_its_exec_are_ended_and_waited_for(mode: Mode) {
    let hinit = hinit().display().to_string();
    for exit_signal in ["0", "10"] {
        let mut command = command_in(mode, fixture());
        command.args(["with-child", exit_signal, &hinit, "-v"]);
        let start = Start::of(mode, command).no_pid_file();
        let ended = start
            .args(["--grace", "10m", "--", "sh", "-c", "exit 3"])
            .run();
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (3, "got TERM"),
            "{}",
            ended.log
        );
        assert_eq!(
            count(&ended.log, "hinit: reaped orphan "),
            1,
            "{}",
            ended.log
        );
    }
}

fn a_client_that_sends_garbage_is_disconnected(mode: Mode) {
    let dir = TempDir::new();
    let socket = dir.join("socket");
    let listen = format!("unix:{}", socket.display());
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["--listen", &listen])
        .fixture(["ready"])
        .start()
        .ready();
    let mut client = UnixStream::connect(&socket).unwrap();
    client.set_read_timeout(Some(bound())).unwrap();
    client.set_write_timeout(Some(bound())).unwrap();
    client.write_all(b"nonsense\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    // hinit reads on for a while, so that the client gets the answer before a reset.
    client.write_all(b"x").unwrap();
    let error = eventually("hinit hangs up", || client.write_all(b"x").err());
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(hinit.stop().code, 143);
}

#[test]
fn queued_signals_end_with_the_server() {
    if !can_be_root("to give the server a queue of its own") {
        return;
    }
    let server = fixture().display().to_string();
    let script = format!(
        "(trap '' TERM; exec sleep 1000 >&-) & \
        exec setpriv --reuid=65532 --clear-groups prlimit --sigpending=8 {server} signals-later"
    );
    // The retry usually comes after the server's end, but not always.
    for _ in 0..8 {
        ends_while_signals_wait(Start::new(Mode::Subreaper).no_pid_file().script(&script));
    }
}

fn ends_while_signals_wait(start: Start) {
    let hinit = start.start().ready();
    let pid = hinit.pid();
    // Until hinit has seen the exec, it reads a few signals only.
    let reads_all = |mask: &String| u64::from_str_radix(mask, 16).is_ok_and(|it| it >> 39 & 1 == 1);
    let all = eventually("hinit reads all signals", || mask_of(pid).filter(reads_all));
    for _ in 0..100 {
        kill(pid, 40);
    }
    eventually("some signals are pending", || {
        (mask_of(pid)? != all).then_some(())
    });
    let server = hinit.server();
    let leftover = eventually("the server has a child", || children_of(server).pop());
    kill(server, SIGKILL);
    eventually("no signal is pending", || {
        (mask_of(pid)? == all).then_some(())
    });
    kill(leftover, SIGKILL);
    let ended = hinit.end();
    ended.assert_code_and_lines(137, 1);
}

#[test]
fn a_server_that_has_gone_to_another_group_still_gets_the_signals() {
    let start = Start::new(Mode::Subreaper).no_pid_file().args(["--group"]);
    let hinit = start.fixture(["signals-elsewhere"]).start().ready();
    for (number, line) in [(SIGUSR1, "signal 10"), (SIGTERM, "signal 15")] {
        hinit.signal(number);
        assert_eq!(hinit.line(), line);
    }
    assert_eq!(hinit.end().code, 0);
}

#[test]
fn the_tid_of_a_thread_is_not_an_ended_process() {
    let dir = TempDir::new();
    let path = dir.join("server.pid");
    // This test is a thread of a process.
    let thread = gettid();
    assert_ne!(thread, nix::unistd::getpid());
    fs::write(&path, thread.to_string()).unwrap();
    let start = Start::new(Mode::Subreaper).no_pid_file();
    let start = start.arg("--remove-stale").arg(&path);
    let ended = start.fixture(["exit", "7"]).run();
    let path = path.display();
    let warning =
        format!("hinit: did not remove the PID file `{path}`: process {thread} is alive\nhinit: ");
    assert!(ended.log.starts_with(&warning), "{}", ended.log);
    assert_eq!(ended.code, 7);
}
