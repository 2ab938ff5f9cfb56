//! The socket beside the PID file, by which a health check queries hinit itself.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use nix::libc::SIGKILL;

use crate::support::*;

mod by_descriptor;

fn permissions(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

/// The verdict on hinit's socket.
#[track_caller]
fn verdict_on(verdict: &str, pid_file: &Path) -> String {
    let socket = socket_beside(pid_file);
    let start = format!("unhealthy: hinit's socket {} ", socket.display());
    let finding = verdict.strip_prefix(&start);
    finding.unwrap_or_else(|| panic!("{verdict}")).to_owned()
}

/// Asserts that the start fails at this path, for this reason, and leaves nothing behind.
#[track_caller]
fn assert_refused(pid_file: &Path, reason: &str) {
    let ended = Start::new(Mode::Subreaper)
        .pid_file(pid_file)
        .args(["--notify", "true"])
        .run();
    let socket = socket_beside(pid_file);
    let line = format!("hinit: cannot listen at `{}`: {reason}", socket.display());
    assert_eq!((ended.code, ended.log), (125, line));
    assert!(!pid_file.exists());
}

in_both_modes!(
    the_socket_exists_as_long_as_hinit_runs,
    without_notify_and_listen_there_is_no_socket,
    a_removed_socket_is_unhealthy,
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
        "unhealthy: hinit runs without --notify, --listen or --ready-when, so it cannot tell"
    );
    hinit.stop();
    // Without a PID file there is no socket either.
    let start = Start::new(mode).no_pid_file().with(|command| {
        command.current_dir(&dir);
    });
    assert_eq!(start.args(["--notify"]).script("ls -A").run().stdout, "");
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
    let server = hinit.server();
    kill(hinit.pid(), SIGKILL);
    if mode == Mode::Subreaper {
        kill(server, SIGKILL);
    }
    hinit.end();
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
                permissions(&socket_beside(&pid_file)),
                socket,
                "{permitted} {umask}"
            );
            hinit.stop();
        }
    }
}

#[test]
fn a_file_with_the_sockets_name_is_left_alone() {
    let dir = TempDir::new();
    let odd = irregular_files(&dir);
    let regular = ("regular file", dir.join("regular"));
    fs::write(&regular.1, "another's").unwrap();
    // A dangling symlink is a file as well.
    let nowhere = ("symlink", dir.join("nowhere"));
    std::os::unix::fs::symlink(dir.join("missing"), &nowhere.1).unwrap();
    for (kind, path) in odd
        .into_iter()
        .chain([regular, nowhere])
        .filter(|(kind, _)| *kind != "socket")
    {
        let pid_file = dir.join("pid");
        let socket = socket_beside(&pid_file);
        fs::rename(path, &socket).unwrap();
        let before = socket.symlink_metadata().unwrap();
        assert_refused(&pid_file, &format!("it is a {kind}"));
        let after = socket.symlink_metadata().unwrap();
        let facts = |file: &fs::Metadata| (file.ino(), file.mode(), file.size(), file.mtime_nsec());
        assert_eq!(facts(&after), facts(&before));
        match kind {
            "directory" => fs::remove_dir(socket).unwrap(),
            _ => fs::remove_file(socket).unwrap(),
        }
    }
    assert!(!dir.join("missing").exists());
}

#[test]
fn a_socket_that_is_served_is_left_alone() {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let listener = UnixListener::bind(socket_beside(&pid_file)).unwrap();
    assert_refused(&pid_file, "another process listens there");
    // Also a start that does not reach the bind.
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    assert_refused(&pid_file, "another process listens there");
}

#[test]
fn a_socket_of_another_program_is_left_alone() {
    if !can_be_root("to give a file away") {
        return;
    }
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    drop(UnixListener::bind(socket_beside(&pid_file)).unwrap());
    std::os::unix::fs::chown(socket_beside(&pid_file), Some(65_534), None).unwrap();
    assert_refused(&pid_file, "it belongs to UID 65534");
    assert!(socket_beside(&pid_file).exists());
}

#[test]
fn only_the_sockets_file_name_must_fit_an_address() {
    let dir = TempDir::new();
    // The directory may be deeper than an address allows; the file name with `.sock` fits exactly.
    let deep = dir.join("d".repeat(200));
    let room = 107 - ".sock".len();
    let fits = deep.join("x".repeat(room));
    let start = Start::with_notify(Mode::Subreaper, &fits);
    let hinit = start.notifies(&["READY=1"]).start().ready();
    recorded(&fits);
    hinit.assert_ready(&fits);
    assert_eq!(hinit.stop().code, 143);
    assert_refused(&deep.join("x".repeat(room + 1)), "the name is too long");
}

#[test]
fn a_command_that_cannot_be_run_leaves_no_trace() {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::with_notify(Mode::Subreaper, &pid_file);
    assert_eq!(start.args(["/missing"]).run().code, 127);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
}

/// As in a directory that all users may write.
#[test]
fn a_socket_of_another_user_is_not_trusted() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    set_mode(&dir, 0o777);
    let pid_file = dir.join("pid");
    let start = Start::with_notify(Mode::Subreaper, &pid_file);
    let hinit = start.notifies(&["READY=1"]).start().ready();
    recorded(&pid_file);
    let socket = socket_beside(&pid_file);
    fs::remove_file(&socket).unwrap();
    // A socket that answers that the server is healthy.
    let squatter = Start::by(
        Mode::Subreaper,
        &["setpriv", "--reuid=65534", "--clear-groups"],
    );
    let squatter = squatter
        .no_pid_file()
        .args(["--listen", &format!("unix:{}", socket.display())]);
    let squatter = squatter.fixture(["ready"]).start().ready();
    for options in [&[][..], &["--ready"]] {
        let verdict = verdict_by(
            &mut Command::new(super::support::hinit()),
            &pid_file,
            options,
        );
        let expected = "belongs to UID 65534, which is not trusted";
        assert_eq!(verdict_on(&verdict, &pid_file), expected);
    }
    for hinit in [hinit, squatter] {
        assert_eq!(hinit.stop().code, 143);
    }
}

/// The check's deadline also holds where hinit hangs.
#[test]
fn a_hinit_that_hangs_is_unhealthy() {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::with_notify(Mode::Subreaper, &pid_file);
    let hinit = start.notifies(&["READY=1"]).start().ready();
    recorded(&pid_file);
    hinit.signal(nix::libc::SIGSTOP);
    let mut check = Command::new(super::support::hinit());
    check
        .args(["healthcheck", "--timeout", "200ms", "--pid-file"])
        .arg(&pid_file);
    let ended = Ended::of(&check.output().unwrap());
    // On a machine under load the check may not get as far as the socket.
    if ended.stdout != "unhealthy: no verdict within 200ms" {
        assert_eq!(
            verdict_on(&ended.stdout, &pid_file),
            "gave no complete answer within --timeout 200ms"
        );
    }
    assert_eq!(ended.code, 1);
    hinit.signal(nix::libc::SIGCONT);
    assert_eq!(hinit.stop().code, 143);
}
