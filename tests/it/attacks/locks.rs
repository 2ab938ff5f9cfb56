//! A process that may read a file can lock it. Such a lock must not count as hinit's.

use std::fs::File;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::*;

/// The attacker locks a file of root, as `flock(1)` does, which opens it for reading.
fn locked_by_attacker(path: &Path, kind: &str) -> Running {
    let mut command = by_attacker("flock");
    command.args([kind, "--nonblock", "--no-fork"]).arg(path);
    command.args(["sh", "-c", "echo ready; exec sleep 1000"]);
    Start::of(Mode::Subreaper, command).start().ready()
}

/// A file that a killed hinit left, or another file of root that contains a number: put at the path
/// of a PID file, and locked.
#[test]
fn a_lock_of_another_process_does_not_make_a_file_healthy() {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    let own = attackers_directory(&dir, "own");
    let victim = TestProcess::sleeping();
    let (left_behind, path) = (own.join("left-behind"), own.join("pid"));
    fs::write(&left_behind, format!("{}\n", victim.pid())).unwrap();
    set_mode(&left_behind, 0o644);
    let moved = by_attacker("mv").args([&left_behind, &path]).status();
    assert!(moved.unwrap().success());
    let stale = format!(
        "PID file {} is stale: no hinit has locked it",
        path.display()
    );
    for kind in ["--exclusive", "--shared"] {
        let _locked = locked_by_attacker(&path, kind);
        assert_eq!(verdict(&path), format!("unhealthy: {stale}"), "{kind}");
        let arguments = ["signal", "KILL", "--pid-file", path.to_str().unwrap()];
        let ended = run_hinit(arguments);
        let line = format!("hinit: cannot send SIGKILL: {stale}");
        assert_eq!(
            (ended.code, ended.stdout, ended.log),
            (1, String::new(), line),
            "{kind}"
        );
        let ended = run_hinit(["status", "--pid-file", path.to_str().unwrap()]);
        assert!(
            ended
                .stdout
                .starts_with(&format!("verdict       unhealthy: {stale}")),
            "{ended:?}"
        );
        assert_eq!(ended.code, 1);
    }
    // The lock was held all the time.
    victim.wait_for_state('S');
}

/// The lock stops the start, which logs a remedy and changes nothing.
#[test]
fn a_lock_of_another_process_stops_the_launch_and_is_named() {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    let path = attackers_directory(&dir, "own").join("pid");
    fs::write(&path, "4194303\n").unwrap();
    set_mode(&path, 0o644);
    let assert_refused = |what: &str, reason: &str| {
        let ended = Start::new(Mode::Subreaper)
            .pid_file(&path)
            .fixture(["ready"])
            .run();
        let line = format!(
            "hinit: cannot claim the PID file `{}`: {reason}; name another with --pid-file or \
             HINIT_PID_FILE, or keep none with --no-pid-file",
            path.display()
        );
        assert_eq!(
            (ended.code, ended.stdout.as_str(), ended.log),
            (125, "", line),
            "{what}"
        );
    };
    {
        let _locked = locked_by_attacker(&path, "--exclusive");
        assert_refused(
            "an exclusive one",
            "another hinit has locked it, for process 4194303",
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "4194303\n");
    }
    {
        let _locked = locked_by_attacker(&path, "--shared");
        assert_refused("a shared one", "another process keeps it locked");
    }
    // And a lock of the kind that hinit holds for readers, as far as a reader can take it.
    let reader = File::open(&path).unwrap();
    let lock = |kind: i32| libc::flock {
        l_type: i16::try_from(kind).unwrap(),
        l_whence: 0,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let set = |kind| fcntl(&reader, FcntlArg::F_OFD_SETLK(&lock(kind)));
    assert_eq!(set(libc::F_WRLCK), Err(Errno::EBADF));
    set(libc::F_RDLCK).unwrap();
    assert_refused("one of a reader", "another process keeps it locked");
    drop(reader);
    let ended = Start::new(Mode::Subreaper)
        .pid_file(&path)
        .fixture(["exit", "7"])
        .run();
    assert_eq!(ended.code, 7, "{}", ended.log);
}

/// While hinit runs no other process can lock its file, and a health check waits for no lock.
#[test]
fn the_lock_of_a_running_hinit_cannot_be_taken() {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    let path = attackers_directory(&dir, "own").join("pid");
    let hinit = start_fixture(Mode::Subreaper, &path, "ready");
    let pid = recorded(&path);
    for kind in ["--exclusive", "--shared"] {
        let mut command = by_attacker("flock");
        let status = command
            .args([kind, "--nonblock"])
            .arg(&path)
            .arg("true")
            .status();
        assert_eq!(status.unwrap().code(), Some(1), "{kind}");
    }
    assert_eq!(verdict(&path), format!("healthy: process {pid} is alive"));
    assert_eq!(hinit.stop().code, 143);
}

/// A process that may read the file can lock bytes behind hinit's lock, and so keep it from
/// growing: therefore it only shrinks.
#[test]
fn a_lock_behind_hinits_hides_no_state_from_readers() {
    for options in [&[][..], &["--notify"]] {
        let dir = TempDir::new();
        let path = dir.join("pid");
        let start = Start::new(Mode::Subreaper).pid_file(&path).args(options);
        let start = start.args(["--stop-delay", "60m"]);
        let hinit = start.fixture(["signals"]).start().ready();
        let pid = recorded(&path);
        let reader = File::open(&path).unwrap();
        let behind = |start| libc::flock {
            l_type: i16::try_from(libc::F_RDLCK).unwrap(),
            l_whence: 0,
            l_start: start,
            l_len: 0,
            l_pid: 0,
        };
        let lock = |start| fcntl(&reader, FcntlArg::F_OFD_SETLK(&behind(start)));
        let length = if options.is_empty() { 4 } else { 2 };
        assert_eq!(lock(length - 1), Err(Errno::EAGAIN));
        lock(length).unwrap();
        assert_eq!(verdict(&path), format!("healthy: process {pid} is alive"));
        hinit.signal(SIGTERM);
        let stopping = format!("unhealthy: process {pid} is about to be stopped");
        eventually("the file is marked", || {
            (verdict(&path) == stopping).then_some(())
        });
        let ended = hinit.stop();
        ended.assert_code_and_lines(0, 2);
    }
}
