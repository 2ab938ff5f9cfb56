//! Files at the paths where root searches the PID file of PID 1's user, in directories that all
//! users may write.

use std::os::unix::fs::symlink;

use super::*;
use crate::other_user::{Container, OTHER_USER, USER};

/// Puts a file there that its owner locks as hinit does.
fn put_locked_file(path: &Path, pid: &str, owner: u32, mode: u32) -> LockedPidFile {
    let held = locked_pid_file(path, format!("{pid}\n"));
    chown(path, Some(owner), Some(owner)).unwrap();
    set_mode(path, mode);
    held
}

/// hinit's own file is elsewhere, so any file that root finds is the attacker's.
#[test]
fn root_ignores_another_users_default_file() {
    if !can_attack() {
        return;
    }
    let server = "sh -c 'sleep 1000 & echo $! $$; wait'";
    let options = "/mnt/hinit --pid-file /mnt/own/pid";
    let container = Container::start("/run /tmp /dev/shm", &format!("{options} {server}"));
    let line = container.line();
    let (grandchild, pid) = line.split_once(' ').unwrap();
    recorded(&container.path("/mnt/own/pid"));
    let name = container.name();
    for place in [
        "/run/hinit.pid",
        &format!("/tmp/{name}"),
        &format!("/dev/shm/{name}"),
    ] {
        let path = container.path(place);
        let is_ignored = |what: &str| {
            let verdict = container.verdict(0);
            let _gone = fs::remove_file(&path);
            assert!(
                verdict.starts_with("unhealthy: PID "),
                "{place} {what}: {verdict}"
            );
            verdict
        };
        // The negative control: this file differs from the next one only by the owner, the lock and
        // the parent.
        let proper = put_locked_file(&path, pid, USER, 0o644);
        assert_eq!(
            container.verdict(0),
            format!("healthy: process {pid} is alive"),
            "{place}"
        );
        drop(proper);
        assert_eq!(is_ignored("no process has locked it"), OTHER_USER);
        let others = put_locked_file(&path, pid, ATTACKER, 0o644);
        assert_eq!(is_ignored("another user's"), OTHER_USER);
        let for_all = put_locked_file(&path, pid, USER, 0o666);
        is_ignored("all users may write it");
        let strangers = put_locked_file(&path, grandchild, USER, 0o644);
        assert_eq!(
            is_ignored("of a process that is no child of PID 1"),
            OTHER_USER
        );
        let init = put_locked_file(&path, "1", USER, 0o644);
        assert_eq!(is_ignored("of PID 1 itself"), OTHER_USER);
        let empty = put_locked_file(&path, "", ATTACKER, 0o644);
        assert_eq!(is_ignored("a start that is another user's"), OTHER_USER);
        symlink("/mnt/own/pid", &path).unwrap();
        is_ignored("a link to the real one");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        chown(&path, Some(USER), Some(USER)).unwrap();
        is_ignored("a FIFO");
        drop([others, for_all, strangers, init, empty]);
    }
}

/// Such a file does not hide the proper one either.
#[test]
fn another_users_default_file_does_not_hide_pid_1s_from_root() {
    if !can_attack() {
        return;
    }
    let (container, pid) = Container::with_server("/dev/shm", "");
    let healthy = format!("healthy: process {pid} is alive");
    container.wait_for_verdict(0, &healthy);
    for place in ["/run/hinit.pid", &format!("/tmp/{}", container.name())] {
        let path = container.path(place);
        let _first = put_locked_file(&path, "1", ATTACKER, 0o644);
        assert_eq!(container.verdict(0), healthy, "{place}");
        fs::remove_file(&path).unwrap();
        symlink("/mnt/own", &path).unwrap();
        assert_eq!(container.verdict(0), healthy, "{place}");
    }
}
