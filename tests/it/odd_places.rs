//! Files and directories with unusual permissions, and file systems that lack a feature.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::support::*;

/// The user that hinit runs as here.
const USER: u32 = 65534;
/// An empty file of that user with this mode, in a directory where only root can make and remove
/// files.
fn file_in_roots_directory(dir: &TempDir, mode: u32) -> PathBuf {
    let path = dir.join("pid");
    fs::write(&path, "").unwrap();
    chown(&path, Some(USER), Some(USER)).unwrap();
    set_mode(&path, mode);
    set_mode(dir, 0o755);
    path
}

fn not_removed(path: &Path) -> String {
    format!(
        "hinit: cannot remove the PID file `{}`: Permission denied",
        path.display()
    )
}

in_both_modes!(a_pid_file_that_cannot_be_removed_stays_empty);

fn a_pid_file_that_cannot_be_removed_stays_empty(mode: Mode) {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let path = file_in_roots_directory(&dir, 0o644);
    let ended = Start::by(mode, &AS_NOBODY)
        .pid_file(&path)
        .fixture(["exit", "7"])
        .run();
    let warning = not_removed(&path);
    assert_eq!(
        (ended.code, ended.log.lines().nth(1)),
        (7, Some(&*warning)),
        "{}",
        ended.log
    );
    assert_eq!(fs::read(&path).unwrap(), b"");
    // Without a server the warning about the file comes before the error.
    let ended = Start::by(mode, &AS_NOBODY)
        .pid_file(&path)
        .args(["/nonexistent"])
        .run();
    let error = "hinit: cannot run `/nonexistent`: No such file or directory";
    assert_eq!(
        (ended.code, ended.log),
        (127, format!("{warning}\n{error}"))
    );
}

#[test]
fn an_own_pid_file_that_is_closed_to_its_owner_is_refused() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let path = file_in_roots_directory(&dir, 0);
    let start = Start::by(Mode::Subreaper, &AS_NOBODY).pid_file(&path);
    let ended = start.fixture(["exit", "7"]).run();
    let error = format!(
        "hinit: cannot claim the PID file `{}`: Permission denied",
        path.display()
    );
    assert_eq!(ended.code, 125);
    assert!(ended.log.starts_with(&error), "{}", ended.log);
}

#[test]
fn a_file_system_that_cannot_reserve_space_is_accepted() {
    if !can_be_root("to mount a ramfs") {
        return;
    }
    let dir = TempDir::new();
    let script = "mount -t ramfs none \"$1\"; cd \"$1\"; touch file; ! fallocate --keep-size \
                  --length 1 file 2>/dev/null; \
        \"$HINIT\" --pid-file pid sh -c 'until test -s pid; do :; done; exit 7' || echo $?; ls";
    let ended = in_mount_namespace(script, &[dir.as_ref().as_os_str()]);
    let expected = "7\nfile";
    assert_eq!(ended.stdout, expected, "{}", ended.log);
}

#[test]
fn without_a_cgroup_the_log_does_not_mention_memory() {
    let script = "mount -t tmpfs none /sys/fs/cgroup; \"$HINIT\" --no-pid-file sh -c 'kill -9 $$' \
                  || echo $?";
    let ended = in_mount_namespace(script, &[]);
    assert_eq!(ended.stdout, "137", "{}", ended.log);
    let after = ended
        .log
        .strip_prefix("hinit: the server was killed by SIGKILL after ");
    assert!(
        after.is_some_and(|after| !after.contains([';', '\n'])),
        "{}",
        ended.log
    );
}

#[test]
fn a_directory_that_takes_no_sockets_is_skipped() {
    let dir = TempDir::new();
    fs::write(dir.join("file"), "").unwrap();
    let assert_refused = |path: &Path, why: &str| {
        let listen = format!("unix:{}", path.display());
        let start = Start::new(Mode::Subreaper).no_pid_file();
        let ended = start
            .args(["--listen", &listen])
            .fixture(["exit", "7"])
            .run();
        let error = format!("hinit: cannot listen at `{}`: {why}", path.display());
        assert_eq!((ended.code, ended.log), (125, error));
    };
    assert_refused(&dir.join("file/socket"), "Not a directory");
    assert_refused(&dir.join("x".repeat(108)), "the name is too long");
    // The directory can take a socket, also where one was left there, if its path fits into an
    // address.
    let long = dir.join("x".repeat(120));
    fs::create_dir(&long).unwrap();
    std::os::unix::fs::symlink(&long, dir.join("short")).unwrap();
    drop(UnixListener::bind(dir.join("short/socket")).unwrap());
    let listen = format!("--listen=unix:{}", long.join("socket").display());
    let start = Start::new(Mode::Subreaper).no_pid_file();
    let ended = start.args([&listen]).fixture(["exit", "7"]).run();
    assert_eq!(ended.code, 7, "{}", ended.log);
    assert_eq!(fs::read_dir(&long).unwrap().count(), 0);
}

#[test]
fn a_command_with_a_name_that_no_file_has() {
    let name = format!("/{}", "x".repeat(300));
    let start = Start::new(Mode::Subreaper).no_pid_file();
    let ended = start.args(["--", &name]).run();
    let error = format!("hinit: cannot run `{name}`: Filename too long");
    assert_eq!((ended.code, ended.log), (126, error));
}
