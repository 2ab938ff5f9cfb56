//! Verdicts on the PID file itself.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::{check, check_contents};
use crate::support::*;

#[test]
fn contents_that_are_not_a_pid() {
    for (contents, verdict) in [
        (&b""[..], "unhealthy: PID file P is empty"),
        (b"\n", "unhealthy: PID file P does not contain a PID"),
        (b"abc\n", "unhealthy: PID file P does not contain a PID"),
        (
            b"1\ngarbage",
            "unhealthy: PID file P does not contain a PID",
        ),
        (b"1\0junk", "unhealthy: PID file P does not contain a PID"),
        (b"-1\n", "unhealthy: PID file P does not contain a PID"),
        (b"\xff\xfe", "unhealthy: PID file P does not contain a PID"),
        (
            b"0\n",
            "unhealthy: PID file P contains a number out of range",
        ),
        (
            b"4194304\n",
            "unhealthy: PID file P contains a number out of range",
        ),
        (
            b"99999999999999999999",
            "unhealthy: PID file P contains a number out of range",
        ),
        (&[b' '; 33], "unhealthy: PID file P is too large"),
        (&[b'1'; 10_000], "unhealthy: PID file P is too large"),
    ] {
        for more in [&[][..], &["--foreign"]] {
            assert_eq!(
                check_contents(contents, more),
                verdict,
                "{contents:?} {more:?}"
            );
        }
    }
}

#[test]
fn a_file_without_a_lock_is_stale() {
    let stale = "unhealthy: PID file P is stale: no hinit has locked it";
    // Of a process that is alive, or of one that has ended.
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    for pid in [std::process::id(), ended.id()] {
        assert_eq!(check_contents(format!("{pid}\n").as_bytes(), &[]), stale);
    }
    // A shared lock, such as that of another health check, is not hinit's.
    let dir = TempDir::new();
    fs::write(dir.join("pid"), "1\n").unwrap();
    let reader = File::open(dir.join("pid")).unwrap();
    fs2::FileExt::try_lock_shared(&reader).unwrap();
    assert!(check(&dir.join("pid"), &[]).ends_with("is stale: no hinit has locked it"));
}

#[test]
fn each_kind_of_file_that_is_not_regular() {
    let dir = TempDir::new();
    for (kind, path) in irregular_files(&dir) {
        let name = path.display();
        let verdict = format!("unhealthy: PID file {name} is not a regular file ({kind})");
        for more in [&[][..], &["--foreign"]] {
            assert_eq!(check(&path, more), verdict);
        }
    }
    for device in ["/dev/null", "/dev/zero", "/dev/tty", "/dev/full"] {
        let verdict = format!("unhealthy: PID file {device} is not a regular file (device)");
        assert_eq!(check(Path::new(device), &[]), verdict);
    }
}

#[test]
fn a_missing_and_an_unreadable_file() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let missing = format!("unhealthy: PID file {} does not exist", path.display());
    assert_eq!(check(&path, &[]), missing);
    fs::write(&path, "1\n").unwrap();
    let below = path.join("pid");
    let verdict = format!(
        "unhealthy: PID file {} cannot be read: Not a directory",
        below.display()
    );
    assert_eq!(check(&below, &[]), verdict);
    if can_be_root("to be another user") {
        set_mode(&path, 0o600);
        let verdict = format!(
            "unhealthy: PID file {} cannot be read: Permission denied",
            path.display()
        );
        assert_eq!(
            verdict_by(Command::new(hinit()).uid(65534), &path, &[]),
            verdict
        );
    }
}

#[test]
fn a_name_with_control_characters_still_makes_one_line() {
    let verdict = check(Path::new("/nowhere/a\nhealthy: b\x1b[1m"), &[]);
    assert_eq!(
        verdict,
        "unhealthy: PID file /nowhere/a?healthy: b?[1m does not exist"
    );
}

/// In a user namespace all users without a mapping have the same UID, and so may the caller.
#[test]
fn a_file_of_a_user_without_a_mapping_is_not_the_callers_own() {
    if !can_be_root("to be two other users") {
        return;
    }
    let dir = TempDir::new();
    set_mode(&dir, 0o777);
    let (path, copy) = (dir.join("pid"), dir.join("hinit"));
    copy_program(&hinit(), &copy);
    set_mode(&copy, 0o755);
    let process = TestProcess::sleeping();
    let _held = locked_pid_file(&path, process.pid().to_string());
    set_mode(&path, 0o644);
    let trusted = format!("healthy: process {} is alive", process.pid());
    let distrusted = format!(
        "unhealthy: PID file {} belongs to UID 65534, which is not trusted",
        path.display()
    );
    let unshare = ["unshare", "--user", "--map-user=65534"];
    for (owner, caller, namespace, expected) in [
        // The caller's own, where every user has a mapping.
        (65_534, "65534", &[][..], &trusted),
        // The caller's file and that of another unmapped user look the same.
        (4242, "4243", &unshare, &distrusted),
        (4243, "4243", &unshare, &distrusted),
    ] {
        chown(&path, Some(owner), None).unwrap();
        let mut command = Command::new("setpriv");
        let (user, group) = (format!("--reuid={caller}"), format!("--regid={caller}"));
        command.args([&user, &group, "--clear-groups"]);
        command.args(namespace).arg(&copy);
        assert_eq!(&verdict_by(&mut command, &path, &[]), expected, "{owner}");
    }
}

#[test]
fn an_own_file_that_others_may_write() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    fs::write(&path, "1\n").unwrap();
    for mode in [0o666, 0o662, 0o664, 0o622] {
        set_mode(&path, mode);
        let verdict = format!(
            "unhealthy: PID file {} is writable by others",
            path.display()
        );
        assert_eq!(check(&path, &[]), verdict, "{mode:o}");
    }
    set_mode(&path, 0o644);
    if can_be_root("to give a file away") {
        chown(&path, Some(65534), None).unwrap();
        let verdict = format!(
            "unhealthy: PID file {} belongs to UID 65534, which is not trusted",
            path.display()
        );
        assert_eq!(check(&path, &[]), verdict);
        assert_eq!(check(&path, &["--foreign"]), "healthy: process 1 is alive");
        // A file of root or of the caller is trusted.
        let stale = format!(
            "unhealthy: PID file {} is stale: no hinit has locked it",
            path.display()
        );
        assert_eq!(
            verdict_by(Command::new(hinit()).uid(65534), &path, &[]),
            stale
        );
        chown(&path, Some(0), None).unwrap();
        assert_eq!(
            verdict_by(Command::new(hinit()).uid(65534), &path, &[]),
            stale
        );
    }
}
