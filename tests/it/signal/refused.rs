//! A PID file that a health check does not accept gets no signal, for the same reason.

use super::*;

/// `hinit signal HUP` by this PID file is refused, for the reason that the health check reports.
#[track_caller]
fn assert_refused(path: &Path, more: &[&str], reason: &str) {
    let verdict = verdict_by(&mut hinit_with([""; 0]), path, more);
    let mut command = hinit_with(["signal", "HUP", "--wait", "30", "--pid-file"]);
    let ended = Ended::of(&command.arg(path).args(more).output().unwrap());
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{reason}");
    assert_eq!(
        ended.log.strip_prefix("hinit: cannot send SIGHUP: "),
        verdict.strip_prefix("unhealthy: ")
    );
    let whole = format!("PID file {} {reason}", path.display());
    assert!(
        ended.log.ends_with(&format!(": {whole}")) || ended.log.ends_with(&format!(": {reason}")),
        "{reason}: {}",
        ended.log
    );
}

#[test]
fn a_file_that_cannot_be_trusted() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let receiver = SignalReceiver::start();
    let pid = receiver.pid().to_string();
    assert_refused(&path, &[], "does not exist");
    assert_refused(&path, &["--foreign"], "does not exist");
    let files = irregular_files(&dir);
    // The target of the symlink is a proper PID file.
    let _held = locked_pid_file(&dir.join("target"), &pid);
    for (kind, path) in files {
        for more in [&[][..], &["--foreign"]] {
            assert_refused(&path, more, &format!("is not a regular file ({kind})"));
        }
    }
    assert_refused(
        Path::new("/dev/null"),
        &[],
        "is not a regular file (device)",
    );
    let held = locked_pid_file(&path, &pid);
    assert_refused(&path.join("x"), &[], "cannot be read: Not a directory");
    for mode in [0o666, 0o664, 0o646] {
        set_mode(&path, mode);
        assert_refused(&path, &[], "is writable by others");
    }
    set_mode(&path, 0o644);
    if can_be_root("to give a file away") {
        chown(&path, Some(65534), None).unwrap();
        assert_refused(&path, &[], "belongs to UID 65534, which is not trusted");
        chown(&path, Some(0), None).unwrap();
    }
    drop(held);
    assert_refused(&path, &[], "is stale: no hinit has locked it");
    assert_eq!(receiver.received(), "signal 15\n");
}

#[test]
fn contents_that_name_no_process() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    for (contents, reason) in [
        (&b"\n"[..], "does not contain a PID"),
        (b"junk\n", "does not contain a PID"),
        (b"-1\n", "does not contain a PID"),
        (b"1 2\n", "does not contain a PID"),
        (b"0\n", "contains a number out of range"),
        (b"4194304\n", "contains a number out of range"),
        (b"4294967297\n", "contains a number out of range"),
        (&[b' '; 33], "is too large"),
    ] {
        let held = locked_pid_file(&path, contents);
        assert_refused(&path, &[], reason);
        drop(held);
        assert_refused(&path, &["--foreign"], reason);
    }
    let held = locked_pid_file(&path, "");
    assert_refused(&path, &[], "the server has not started yet, or has ended");
    drop(held);
    assert_refused(&path, &[], "is empty");
    assert_refused(&path, &["--foreign"], "is empty");
}

#[test]
fn a_pid_that_is_no_living_process() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let process = TestProcess::sleeping();
    let pid = process.pid();
    let file = locked_pid_file(&path, pid.to_string());
    kill(pid, SIGSTOP);
    process.wait_for_state('T');
    kill(pid, SIGKILL);
    process.wait_for_state('Z');
    assert_refused(&path, &[], &format!("process {pid} is a zombie"));
    drop(process);
    assert_refused(&path, &[], &format!("process {pid} does not exist"));
    drop(file);
    let process = TestProcess::start(Command::new(fixture()).arg("leader-leaves"));
    process.wait_for_state('Z');
    let of = process.pid();
    let tasks = fs::read_dir(format!("/proc/{of}/task")).unwrap().flatten();
    let ids = tasks.map(|task| task.file_name().to_str().unwrap().parse().unwrap());
    let thread: i32 = ids.max().unwrap();
    let _held = locked_pid_file(&path, thread.to_string());
    assert_refused(&path, &[], &format!("{thread} is a thread of process {of}"));
    // A process whose first thread has exited counts as well.
    let _held = locked_pid_file(&dir.join("other"), of.to_string());
    let path = dir.join("other");
    let ended = run_hinit([
        "signal",
        "KILL",
        "--wait=30",
        "--pid-file",
        path.to_str().unwrap(),
    ]);
    assert_eq!(ended.code, 0, "{ended:?}");
}

#[test]
fn no_directory_for_a_pid_file() {
    let script = "mount -t tmpfs none /mnt; cp \"$HINIT\" /mnt/hinit; \
        for place in /run /tmp /dev/shm; do mount -t tmpfs -o ro none $place; done; \
        unset HINIT_PID_FILE; /mnt/hinit signal TERM";
    let ended = in_mount_namespace(script, &[]);
    let line = "hinit: cannot send SIGTERM: no directory for a PID file is writable; \
        set HINIT_PID_FILE";
    assert_eq!((ended.code, ended.log.as_str()), (1, line));
}
