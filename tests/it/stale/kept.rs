//! Files that are not removed, because they may not be a stale PID file.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{self};

use super::{kept_line, remove, removed_line};
use crate::support::*;

in_both_modes!(
    a_file_without_a_pid_is_kept,
    a_file_that_is_not_regular_is_kept,
    a_locked_file_is_kept,
    hinits_own_pid_file_is_kept
);

fn a_file_without_a_pid_is_kept(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("server.pid");
    for contents in [
        &b"workers = 4\n"[..],
        b"\n",
        b"\n4194303\n",
        b"0\n",
        b"4194304\n",
        b"-1\n",
        b"1 2\n",
        b"12x\n",
        b"\xff\n",
        b"\0\0\0\0",
        &[b'1'; 200],
        &[b' '; 200],
    ] {
        fs::write(&path, contents).unwrap();
        assert_eq!(remove(mode, &path), kept_line("it does not contain a PID"));
        assert_eq!(fs::read(&path).unwrap(), contents);
    }
}

fn a_file_that_is_not_regular_is_kept(mode: Mode) {
    let dir = TempDir::new();
    for (kind, path) in irregular_files(&dir) {
        assert_eq!(remove(mode, &path), kept_line(&format!("it is a {kind}")));
        assert!(fs::symlink_metadata(&path).is_ok());
    }
    assert!(dir.join("target").exists());
    std::os::unix::fs::symlink("/nowhere", dir.join("dangling")).unwrap();
    assert_eq!(
        remove(mode, &dir.join("dangling")),
        kept_line("it is a symlink")
    );
    assert_eq!(
        remove(mode, Path::new("/dev/null")),
        kept_line("it is a device")
    );
    for path in ["/", "..", "/tmp/.."] {
        assert_eq!(remove(mode, Path::new(path)), kept_line("Is a directory"));
    }
    fs::write(dir.join("file"), "4194303\n").unwrap();
    assert_eq!(
        remove(mode, &dir.join("file/pid")),
        kept_line("Not a directory")
    );
    assert_eq!(
        remove(mode, &dir.join("file/")),
        kept_line("Is a directory")
    );
    assert!(dir.join("file").exists());
}

fn a_locked_file_is_kept(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("server.pid");
    fs::write(&path, "4194303\n").unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    let locks: [fn(&File) -> std::io::Result<()>; 2] = [
        fs2::FileExt::try_lock_shared,
        fs2::FileExt::try_lock_exclusive,
    ];
    for lock in locks {
        lock(&file).unwrap();
        assert_eq!(remove(mode, &path), kept_line("it is locked"));
        fs2::FileExt::unlock(&file).unwrap();
    }
    let own = std::process::id();
    for (kind, by_process) in [
        (libc::F_WRLCK, true),
        (libc::F_RDLCK, true),
        (libc::F_WRLCK, false),
    ] {
        let mut lock = libc::flock {
            l_type: i16::try_from(kind).unwrap(),
            l_whence: 0,
            l_start: 0,
            l_len: 1,
            l_pid: 0,
        };
        let set = |lock: &libc::flock| {
            let argument = if by_process {
                FcntlArg::F_SETLK(lock)
            } else {
                FcntlArg::F_OFD_SETLK(lock)
            };
            fcntl(&file, argument).unwrap();
        };
        set(&lock);
        // The lock of a process in another PID namespace shows no PID here, nor does a lock that
        // belongs to no process.
        let expected = match mode {
            Mode::Subreaper if by_process => format!("process {own} has locked it"),
            _ => "it is locked".to_owned(),
        };
        assert_eq!(remove(mode, &path), kept_line(&expected));
        lock.l_type = i16::try_from(libc::F_UNLCK).unwrap();
        set(&lock);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "4194303\n");
    assert_eq!(
        remove(mode, &path),
        removed_line("it named process 4194303")
    );
}

fn hinits_own_pid_file_is_kept(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    fs::write(&path, "4194303\n").unwrap();
    let start = Start::new(mode)
        .pid_file(&path)
        .arg("--remove-stale")
        .arg(&path);
    let hinit = start.fixture(["ready"]).start().ready();
    let line = format!(
        "hinit: did not remove the PID file `{}`: it is locked",
        path.display()
    );
    assert_eq!(hinit.log_line(), line);
    let pid = recorded(&path);
    assert_eq!(
        hinit.verdict(&path),
        format!("healthy: process {pid} is alive")
    );
    assert_eq!(hinit.stop().code, 143);
}

#[test]
fn a_file_that_this_user_may_not_remove_is_kept() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let program = fixture_for_all(&dir);
    let path = dir.join("pid");
    fs::write(&path, "4194303\n").unwrap();
    let as_nobody = || {
        let mut command = hinit_with(["--no-pid-file", "--remove-stale"]);
        command
            .arg(&path)
            .arg("--")
            .arg(&program)
            .args(["exit", "0"]);
        let ended = Ended::of(&command.uid(65534).output().unwrap());
        assert_eq!(ended.code, 0);
        let warning = ended.log.lines().next().unwrap_or_default().to_owned();
        warning.replace(path.to_str().unwrap(), "P")
    };
    assert_eq!(as_nobody(), kept_line("Permission denied"));
    set_mode(&path, 0o600);
    assert_eq!(as_nobody(), kept_line("Permission denied"));
    assert!(path.exists());
}
