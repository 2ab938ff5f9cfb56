//! The socket beside the PID file, by which a health check queries hinit itself.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use nix::libc::{SIGCONT, SIGSTOP};

use crate::support::*;

mod by_descriptor;
mod other_files;

/// The verdict on hinit's socket.
#[track_caller]
fn verdict_on(verdict: &str, pid_file: &Path) -> String {
    let socket = socket_beside(pid_file);
    let start = format!("unhealthy: hinit's socket {} ", socket.display());
    let finding = verdict.strip_prefix(&start);
    finding.unwrap_or_else(|| panic!("{verdict}")).to_owned()
}

in_both_modes!(
    the_socket_exists_as_long_as_hinit_runs,
    without_notify_and_listen_there_is_no_socket,
    a_removed_socket_is_unhealthy,
    a_hinit_that_hangs_is_unhealthy,
    a_socket_left_by_a_killed_hinit_is_replaced,
    readers_of_the_pid_file_may_connect_whatever_the_umask
);

fn the_socket_exists_as_long_as_hinit_runs(mode: Mode) {
    for option in ["--notify", "--listen=unix:DIR/other"] {
        let dir = TempDir::new();
        let pid_file = dir.join("pid");
        let option = option.replace("DIR", dir.as_ref().to_str().unwrap());
        let hinit = Start::new(mode)
            .pid_file(&pid_file)
            .args([&option])
            .fixture(["ready"])
            .start()
            .ready();
        let pid = recorded(&pid_file);
        assert_eq!(
            hinit.verdict(&pid_file),
            format!("healthy: process {pid} is alive")
        );
        assert!(
            socket_beside(&pid_file)
                .metadata()
                .unwrap()
                .file_type()
                .is_socket()
        );
        let ended = hinit.stop();
        ended.assert_code_and_lines(143, 1);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    }
}

fn without_notify_and_listen_there_is_no_socket(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = start_fixture(mode, &pid_file, "ready");
    recorded(&pid_file);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    let verdict = hinit.verdict_with(&pid_file, &["--ready"]);
    assert_eq!(
        verdict,
        "unhealthy: hinit runs without --notify, --listen or --ready-when, which --ready needs"
    );
    hinit.stop();
    // Without a PID file there is no socket either.
    let start = Start::new(mode).no_pid_file().with(|command| {
        command.current_dir(&dir);
    });
    assert_eq!(start.args(["--notify"]).script("ls -A").run().stdout, "");
}

/// Its server lives, and its locks are held.
/// The check's deadline also holds where hinit hangs.
fn a_hinit_that_hangs_is_unhealthy(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::new(mode).pid_file(&pid_file);
    let start = start.args(["--notify"]);
    let hinit = start.fixture(["ready"]).start().ready();
    let pid = recorded(&pid_file);
    hinit.signal(SIGSTOP);
    wait_for_state(hinit.pid(), 'T');
    let check = || hinit.verdict_with(&pid_file, &["--timeout", "1s"]);
    let verdict = verdict_in_time(check);
    let expected = "gave no complete answer within --timeout 1s";
    assert_eq!(verdict_on(&verdict, &pid_file), expected);
    hinit.signal(SIGCONT);
    hinit.wait_for_verdict(&pid_file, &format!("healthy: process {pid} is alive"));
    hinit.stop().assert_code_and_lines(143, 1);
}

fn a_removed_socket_is_unhealthy(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = Start::with_notify(mode, &pid_file)
        .notifies(&["READY=1"])
        .start()
        .ready();
    recorded(&pid_file);
    fs::remove_file(socket_beside(&pid_file)).unwrap();
    for options in [&[][..], &["--ready"]] {
        let verdict = hinit.verdict_with(&pid_file, options);
        assert_eq!(
            verdict_on(&verdict, &pid_file),
            "cannot be reached: No such file or directory"
        );
    }
    // A file that another program puts there stays.
    fs::write(socket_beside(&pid_file), "another's").unwrap();
    assert_eq!(hinit.stop().code, 143);
    assert_eq!(fs::read(socket_beside(&pid_file)).unwrap(), b"another's");
}

fn a_socket_left_by_a_killed_hinit_is_replaced(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = Start::with_notify(mode, &pid_file)
        .fixture(["ready"])
        .start()
        .ready();
    recorded(&pid_file);
    hinit.kill_with_server();
    assert!(socket_beside(&pid_file).exists());
    let start = Start::with_notify(mode, &pid_file);
    let hinit = start.notifies(&["READY=1"]).start().ready();
    recorded(&pid_file);
    hinit.assert_ready(&pid_file);
    assert_eq!(hinit.stop().code, 143);
    assert!(!socket_beside(&pid_file).exists());
}

fn readers_of_the_pid_file_may_connect_whatever_the_umask(mode: Mode) {
    for (permitted, socket) in [
        ("0644", 0o666),
        ("0600", 0o600),
        ("0640", 0o660),
        ("0604", 0o606),
    ] {
        for umask in ["000", "077", "777"] {
            let dir = TempDir::new();
            let pid_file = dir.join("pid");
            let start = Start::by(
                mode,
                &["sh", "-c", "umask $1; shift; exec \"$@\"", "sh", umask],
            )
            .pid_file(&pid_file);
            // The umask has been restored for the server.
            let start = start
                .args(["--notify", "--pid-file-mode", permitted])
                .script("umask; exec sleep 1000");
            let hinit = start.start();
            assert_eq!(hinit.line(), format!("0{umask}"));
            recorded(&pid_file);
            assert_eq!(
                mode_of(socket_beside(&pid_file)),
                socket,
                "{permitted} {umask}"
            );
            hinit.stop();
        }
    }
}

#[test]
fn a_command_that_cannot_be_run_leaves_no_trace() {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::with_notify(Mode::Subreaper, &pid_file);
    assert_eq!(start.args(["/missing"]).run().code, 127);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
}
