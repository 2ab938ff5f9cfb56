//! File systems that keep no permissions (CIFS, 9p, FUSE), or that refuse hinit's locks: by strace,
//! which makes those calls do nothing or fail.

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::*;

const MODES_STAY: &str = "fchmod:retval=0";

fn make(path: &Path, mode: u32) {
    fs::write(path, "").unwrap();
    set_mode(path, mode);
}

/// The one line of a start that fails before the launch.
#[track_caller]
fn assert_refused(start: Start, path: &Path, reason: &str) {
    let ended = start.pid_file(path).fixture(["ready"]).run();
    let remedy = "name another with --pid-file or HINIT_PID_FILE, or keep none with --no-pid-file";
    let path = path.display();
    let line = format!("hinit: cannot claim the PID file `{path}`: {reason}; {remedy}");
    assert_eq!((ended.code, ended.log.as_str()), (125, line.as_str()));
    assert_eq!(ended.stdout, "");
}

#[test]
fn the_lock_shows_the_state_where_the_mode_cannot() {
    for (options, wanted) in [(&[][..], 0o644), (&["--notify"][..], 0o744)] {
        for kept in [0o644, 0o755, 0o744, 0o1644, 0o1755, 0o600] {
            let dir = TempDir::new();
            let path = dir.join("pid");
            make(&path, kept);
            let start = Start::with_faults(&[MODES_STAY])
                .pid_file(&path)
                .args(options);
            let start = start.args(["--stop-delay", "60m"]);
            let hinit = start.fixture(["signals"]).start().ready();
            if kept != wanted {
                let line = hinit.log_line();
                let warning = format!(
                    "hinit: the PID file `*` has the permissions {kept:04o}, not {wanted:04o}: \
                     its file system does \
                     not keep permissions, and may hide hinit's locks from other machines"
                );
                assert!(matches_pattern(&line, &warning), "{line}");
            }
            let pid = recorded(&path);
            assert_eq!(mode_of(&path), kept);
            assert_eq!(
                hinit.verdict(&path),
                format!("healthy: process {pid} is alive")
            );
            let ready = hinit.verdict_with(&path, &["--ready"]);
            let expected = if options.is_empty() {
                "unhealthy: hinit runs without --notify, --listen or --ready-when, which \
                 --ready needs"
                    .to_owned()
            } else {
                format!("unhealthy: process {pid} is not ready yet")
            };
            assert_eq!(ready, expected, "{kept:o}");
            hinit.signal(SIGTERM);
            let stopping = format!("unhealthy: process {pid} is about to be stopped");
            hinit.wait_for_verdict(&path, &stopping);
            let ended = hinit.stop();
            ended.assert_code_and_lines(0, 2);
        }
    }
}

#[test]
fn a_file_that_health_checks_distrust_is_a_warning_at_the_start() {
    for kept in [0o777, 0o666, 0o664, 0o775] {
        let dir = TempDir::new();
        let path = dir.join("pid");
        make(&path, kept);
        let reason =
            "its file system makes it writable by others, so no health check would trust it";
        assert_refused(Start::with_faults(&[MODES_STAY]), &path, reason);
        assert!(path.exists());
    }
}

#[test]
fn refused_locks_are_named_and_the_new_file_is_removed() {
    for fault in [
        "flock:error=EACCES:when=1..2",
        "flock:error=EACCES:when=2",
        "fcntl:error=EACCES:when=1",
    ] {
        let dir = TempDir::new();
        let path = dir.join("pid");
        let reason =
            "its file system refuses locks (CIFS allows them if it is mounted with `nobrl`)";
        assert_refused(Start::with_faults(&[fault]), &path, reason);
        assert!(!path.exists(), "{fault}");
        // hinit does not remove a file that existed before.
        make(&path, 0o644);
        assert_refused(Start::with_faults(&[fault]), &path, reason);
        assert!(path.exists(), "{fault}");
    }
    let dir = TempDir::new();
    let path = dir.join("pid");
    assert_refused(
        Start::with_faults(&["flock:error=ENOLCK:when=1..2"]),
        &path,
        "No locks available",
    );
    assert!(!path.exists());
}

#[test]
fn without_fcntl_locks_the_mode_shows_the_state() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let start = Start::with_faults(&["fcntl:error=EINVAL:when=1"]).pid_file(&path);
    let start = start.args(["--notify", "--stop-delay", "60m"]);
    let hinit = start.fixture(["signals"]).start().ready();
    let pid = recorded(&path);
    let check = |more: &[&str]| {
        let fcntl = of_any_width("fcntl");
        let mut command = Command::new("strace");
        command.args(["-o", "/dev/null", "-e", &format!("trace={fcntl}")]);
        command.args(["-e", &format!("inject={fcntl}:error=EINVAL")]);
        verdict_by(command.arg(self::hinit()), &path, more)
    };
    assert_eq!(check(&[]), format!("healthy: process {pid} is alive"));
    assert_eq!(
        check(&["--ready"]),
        format!("unhealthy: process {pid} is not ready yet")
    );
    hinit.signal(SIGTERM);
    let stopping = format!("unhealthy: process {pid} is about to be stopped");
    eventually("the file is marked", || {
        (check(&[]) == stopping).then_some(())
    });
    assert_eq!(hinit.stop().code, 0);
    fs::write(&path, "1\n").unwrap();
    let stale = format!(
        "unhealthy: PID file {} is stale: no hinit has locked it",
        path.display()
    );
    assert_eq!(check(&[]), stale);
}

#[test]
fn without_lock_and_mode_nothing_is_launched() {
    for kept in [0o644, 0o755, 0o1644] {
        let dir = TempDir::new();
        let path = dir.join("pid");
        make(&path, kept);
        let start = Start::with_faults(&[MODES_STAY, "fcntl:error=EINVAL:when=1"]);
        let reason = "its file system keeps neither fcntl(2) locks nor permissions, and health \
            checks need one of them";
        assert_refused(start, &path, reason);
    }
}

/// hinit 0.1.0 locks the whole file and marks the state in its permissions. Its health checks must
/// understand this hinit, and the other way round.
#[test]
fn hinits_of_both_versions_understand_each_other() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = Start::new(Mode::Subreaper).pid_file(&path);
    let hinit = hinit.args(["--notify", "--stop-delay", "60m"]);
    let hinit = hinit.fixture(["signals"]).start().ready();
    recorded(&path);
    assert_eq!(mode_of(&path), 0o744);
    hinit.signal(SIGTERM);
    eventually("the file is marked", || {
        (mode_of(&path) == 0o1744).then_some(())
    });
    assert_eq!(hinit.stop().code, 0);

    let process = TestProcess::sleeping();
    let alive = format!("healthy: process {} is alive", process.pid());
    let stopping = format!(
        "unhealthy: process {} is about to be stopped",
        process.pid()
    );
    let no_socket = format!(
        "unhealthy: hinit's socket {} cannot be reached: No such file or directory",
        socket_beside(&path).display()
    );
    for (length, mode, expected) in [
        (0, 0o644, &alive),
        (0, 0o1644, &stopping),
        (0, 0o744, &no_socket),
        (4, 0o644, &alive),
        (4, 0o1755, &alive),
        (3, 0o644, &stopping),
        (2, 0o644, &no_socket),
        (1, 0o644, &stopping),
    ] {
        fs::write(&path, process.pid().to_string()).unwrap();
        set_mode(&path, mode);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let lock = libc::flock {
            l_type: i16::try_from(libc::F_WRLCK).unwrap(),
            l_whence: 0,
            l_start: 0,
            l_len: length,
            l_pid: 0,
        };
        // A child that another test has just forked may hold the earlier lock until its exec.
        eventually("it is locked", || {
            fcntl(&file, FcntlArg::F_OFD_SETLK(&lock)).ok()
        });
        let found = verdict(&path);
        assert!(
            found.starts_with(expected.as_str()),
            "{length} {mode:o} {found}"
        );
        let unlock = libc::flock {
            l_type: i16::try_from(libc::F_UNLCK).unwrap(),
            l_len: 0,
            ..lock
        };
        fcntl(&file, FcntlArg::F_OFD_SETLK(&unlock)).unwrap();
    }
}
