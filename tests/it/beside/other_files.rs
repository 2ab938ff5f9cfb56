//! Files and sockets of other programs that have the name of the socket.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use super::verdict_on;
use crate::support::*;

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
            &mut Command::new(crate::support::hinit()),
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
