//! Changes of the PID file while hinit runs: each health check reports them at once, and hinit
//! warns once and removes no file of others.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use nix::libc::SIGTERM;

use super::*;

/// Makes this change to the PID file. Returns the verdict right after it, with P for the path, and
/// hinit's warnings.
#[track_caller]
fn change(mode: Mode, act: impl FnOnce(&Path, i32)) -> (String, Vec<String>) {
    let dir = TempDir::new();
    change_in(mode, &dir, act)
}

#[track_caller]
fn change_in(mode: Mode, dir: &TempDir, act: impl FnOnce(&Path, i32)) -> (String, Vec<String>) {
    let path = dir.join("pid");
    let name = path.to_str().unwrap();
    let hinit = start_fixture(mode, &path, "signals");
    let pid = recorded(&path);
    act(&path, pid);
    let verdict = hinit.verdict(&path).replace(name, "P");
    let ended = hinit.stop();
    assert_eq!(ended.code, 0, "{}", ended.log);
    let (end, warnings): (Vec<_>, Vec<_>) = ended
        .log
        .lines()
        .map(|line| line.replace(name, "P"))
        .partition(|line| line.contains(" later (exited 0, up "));
    assert_eq!(end.len(), 1, "{}", ended.log);
    (verdict, warnings)
}

fn replaced() -> Vec<String> {
    vec!["hinit: cannot remove the PID file `P`: it was removed or replaced meanwhile".to_owned()]
}

in_both_modes!(
    the_pid_file_is_removed,
    the_pid_file_is_replaced_by_another_kind_of_file,
    the_pid_file_is_replaced_by_a_symlink_to_itself,
    the_pid_file_is_replaced_by_another_users,
    the_pid_file_gets_another_owner,
    the_pid_file_becomes_writable_by_all,
    the_contents_of_the_pid_file_change,
    the_pid_file_is_replaced_by_that_of_another_hinit,
    with_a_stop_delay_a_replaced_file_is_noticed_at_the_stop_signal
);

fn the_pid_file_is_removed(mode: Mode) {
    let (verdict, warnings) = change(mode, |path, _| fs::remove_file(path).unwrap());
    assert_eq!(verdict, "unhealthy: PID file P does not exist");
    assert_eq!(warnings, replaced());
}

fn the_pid_file_is_replaced_by_another_kind_of_file(mode: Mode) {
    for (kind, at) in [("FIFO", 0), ("directory", 1), ("socket", 2), ("symlink", 3)] {
        let (dir, irregular) = (TempDir::new(), TempDir::new());
        let (verdict, warnings) = change_in(mode, &dir, |path, _| {
            fs::remove_file(path).unwrap();
            fs::rename(&irregular_files(&irregular)[at].1, path).unwrap();
        });
        assert_eq!(
            verdict,
            format!("unhealthy: PID file P is not a regular file ({kind})")
        );
        assert_eq!(warnings, replaced());
        assert!(fs::symlink_metadata(dir.join("pid")).is_ok(), "{kind}");
    }
}

fn the_pid_file_is_replaced_by_a_symlink_to_itself(mode: Mode) {
    let dir = TempDir::new();
    let (verdict, warnings) = change_in(mode, &dir, |path, _| {
        fs::rename(path, dir.join("moved")).unwrap();
        symlink(dir.join("moved"), path).unwrap();
    });
    assert_eq!(
        verdict,
        "unhealthy: PID file P is not a regular file (symlink)"
    );
    assert_eq!(warnings, replaced());
    // No health check accepts it: hinit has emptied it and released its lock.
    assert_eq!(fs::read(dir.join("moved")).unwrap(), b"");
    assert!(fs::symlink_metadata(dir.join("pid")).is_ok());
}

fn the_pid_file_is_replaced_by_another_users(mode: Mode) {
    if !can_be_root("to give a file away") {
        return;
    }
    let dir = TempDir::new();
    let mut contents = String::new();
    let (verdict, warnings) = change_in(mode, &dir, |path, pid| {
        contents = format!("{pid}\n");
        let new = dir.join("new");
        fs::write(&new, &contents).unwrap();
        set_mode(&new, 0o644);
        chown(&new, Some(65534), None).unwrap();
        fs::rename(new, path).unwrap();
    });
    assert_eq!(
        verdict,
        "unhealthy: PID file P belongs to UID 65534, which is not trusted"
    );
    assert_eq!(warnings, replaced());
    assert_eq!(fs::read_to_string(dir.join("pid")).unwrap(), contents);
}

fn the_pid_file_gets_another_owner(mode: Mode) {
    if !can_be_root("to give a file away") {
        return;
    }
    let (verdict, warnings) = change(mode, |path, _| chown(path, Some(65534), None).unwrap());
    assert_eq!(
        verdict,
        "unhealthy: PID file P belongs to UID 65534, which is not trusted"
    );
    assert_eq!(warnings, [""; 0]);
}

fn the_pid_file_becomes_writable_by_all(mode: Mode) {
    let all = Permissions::from_mode(0o666);
    let (verdict, warnings) = change(mode, |path, _| fs::set_permissions(path, all).unwrap());
    assert_eq!(verdict, "unhealthy: PID file P is writable by others");
    assert_eq!(warnings, [""; 0]);
}

fn the_contents_of_the_pid_file_change(mode: Mode) {
    for (bytes, verdict) in [
        (
            &b""[..],
            "unhealthy: the server has not started yet, or has ended",
        ),
        (b"1\njunk", "unhealthy: PID file P does not contain a PID"),
        (
            b"0\n",
            "unhealthy: PID file P contains a number out of range",
        ),
        (&[b'1'; 5000], "unhealthy: PID file P is too large"),
    ] {
        let dir = TempDir::new();
        let found = change_in(mode, &dir, |path, _| fs::write(path, bytes).unwrap());
        assert_eq!(found, (verdict.to_owned(), Vec::new()));
        assert!(!dir.join("pid").exists());
    }
}

fn the_pid_file_is_replaced_by_that_of_another_hinit(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let start = |path: &Path| start_fixture(mode, path, "signals");
    let (first, second) = (start(&path), start(&dir.join("second")));
    recorded(&path);
    let pid = recorded(&dir.join("second"));
    fs::rename(dir.join("second"), &path).unwrap();
    // The file names the server of the other hinit, which holds its lock.
    assert_eq!(
        second.verdict(&path),
        format!("healthy: process {pid} is alive")
    );
    let ended = first.stop();
    let warning = format!(
        "cannot remove the PID file `{}`: it was removed or replaced meanwhile",
        path.display()
    );
    ended.assert_code_and_lines(0, 2);
    assert!(ended.log.ends_with(&warning), "{}", ended.log);
    assert_eq!(
        second.verdict(&path),
        format!("healthy: process {pid} is alive")
    );
    assert_eq!(second.stop().code, 0);
    assert_eq!(fs::read(&path).unwrap(), b"");
}

fn with_a_stop_delay_a_replaced_file_is_noticed_at_the_stop_signal(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = Start::new(mode)
        .pid_file(&path)
        .args(["--stop-delay", "60m"]);
    let hinit = hinit.fixture(["signals"]).start().ready();
    recorded(&path);
    fs::remove_file(&path).unwrap();
    hinit.signal(SIGTERM);
    let warning = format!(
        "hinit: cannot show the stop in the PID file `{}`: it was removed or replaced meanwhile",
        path.display()
    );
    assert_eq!(hinit.log_line(), warning);
    assert!(
        hinit
            .log_line()
            .ends_with(": unhealthy from now on, passed on in 3600s")
    );
    let ended = hinit.stop();
    ended.assert_code_and_lines(0, 1);
}
