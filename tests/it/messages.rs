//! Messages that no other test contains: of calls that fail, by strace, and of features that the
//! machine lacks.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use nix::libc::{SIGCONT, SIGSTOP, SIGTERM, SIGUSR1};

use crate::support::*;

#[test]
fn a_pid_file_that_cannot_be_emptied() {
    let dir = TempDir::new();
    let start = Start::with_faults(&["ftruncate:error=EIO", "flock:error=EIO:when=3+"]);
    let ended = start.pid_file(dir.join("pid")).fixture(["exit", "7"]).run();
    assert_eq!(ended.code, 7);
    ended.assert_logged(
        "hinit: cannot empty the PID file `*`: I/O error; its locks cannot be released \
                either, so health checks \
        still trust it: I/O error",
    );
}

#[test]
fn calls_whose_failure_does_not_stop_the_start() {
    for (fault, line) in [
        (
            "prctl:error=EPERM",
            "hinit: cannot become a subreaper: Operation not permitted",
        ),
        (
            "chdir:error=EACCES",
            "hinit: cannot enter the directory `/`: Permission denied",
        ),
    ] {
        let start = Start::with_faults(&[fault]).no_pid_file().args(["-v"]);
        let ended = start.fixture(["exit", "7"]).run();
        assert_eq!(ended.code, 7, "{}", ended.log);
        ended.assert_logged(line);
    }
}

#[test]
fn a_parent_that_cannot_be_watched() {
    let start = Start::with_faults(&["prctl:error=EPERM"]).no_pid_file();
    let ended = start
        .args(["--parent-death", "TERM"])
        .fixture(["ready"])
        .run();
    assert_eq!((ended.code, ended.stdout.as_str()), (125, ""));
    ended.assert_logged("hinit: cannot watch the parent process `*`: Operation not permitted");
}

#[test]
fn an_orphan_that_cannot_be_reaped_does_not_become_the_server() {
    let dir = TempDir::new();
    let go = dir.join("go");
    // The process exits when it has become an orphan.
    let script = format!(
        "pid=$(sh -c '(until test -e {0}; do :; done) >/dev/null & echo $!'); touch {0}; \
         until grep -qs '^State:.Z' /proc/$pid/status; do :; done; {1}; echo ready; while :; do \
         :; done",
        go.display(),
        notify("MAINPID=$pid")
    );
    let start = Start::with_faults(&["wait4:error=EIO:when=1..2"]).no_pid_file();
    let hinit = start.args(["--notify"]).script(&script).start().ready();
    let ended = hinit.stop();
    assert_eq!(ended.code, 143);
    ended.assert_logged("hinit: cannot reap process *: I/O error");
    ended.assert_logged("hinit: ignored MAINPID=*: it has ended");
}

#[test]
fn a_server_that_hands_over() {
    let script = format!("sleep 1000 & {}; exit 5", notify("MAINPID=$!"));
    let start = Start::new(Mode::Subreaper).no_pid_file();
    let hinit = start.args(["--notify", "-v"]).script(&script).start();
    while !matches_pattern(&hinit.log_line(), "hinit: process * is now the server") {}
    assert_eq!(hinit.stop().code, 143);
}

#[test]
fn a_server_that_gets_no_signal() {
    let hinit = Start::with_faults(&["kill:error=EPERM:when=1"]).no_pid_file();
    let hinit = hinit.fixture(["ready"]).start().ready();
    hinit.signal(SIGUSR1);
    let line = hinit.log_line();
    let refused = "hinit: cannot pass on SIGUSR1 from process * to the server * (PID *): \
                   Operation not permitted";
    assert!(matches_pattern(&line, refused), "{line}");
    assert_eq!(hinit.stop().code, 143);
}

#[test]
fn a_stopped_server_that_cannot_be_continued() {
    let hinit = Start::with_faults(&["kill:error=EPERM:when=2"]).no_pid_file();
    let hinit = hinit.fixture(["ready"]).start().ready();
    let server = hinit.server();
    kill(server, SIGSTOP);
    wait_for_state(server, 'T');
    hinit.signal(SIGTERM);
    let line = hinit.log_line();
    assert_eq!(
        line,
        "hinit: cannot continue the suspended server: Operation not permitted"
    );
    kill(server, SIGCONT);
    assert_eq!(hinit.end().code, 143);
}

#[test]
fn an_address_of_a_family_that_the_machine_lacks() {
    let start = Start::with_faults(&["socket:error=EAFNOSUPPORT"]).no_pid_file();
    let ended = start
        .args(["--listen", "[::]:9101"])
        .fixture(["ready"])
        .run();
    assert_eq!((ended.code, ended.stdout.as_str()), (125, ""));
    ended.assert_logged(
        "hinit: cannot listen at `[::]:9101`: *; this system has no IPv6: listen at 0.0.0.0:9101",
    );
}

#[test]
fn a_request_that_is_too_large() {
    let dir = TempDir::new();
    let start = Start::with_notify(Mode::Subreaper, dir.join("pid"));
    let _hinit = start.notifies(&["READY=1"]).start().ready();
    let mut client = Client::new(&socket_beside(&dir.join("pid")));
    client.send(format!(
        "GET /livez HTTP/1.1\r\na: {}\r\n\r\n",
        "b".repeat(5000)
    ));
    assert_eq!(
        client.answer().status,
        "431 Request Header Fields Too Large"
    );
}

#[test]
fn the_status_where_the_cgroup_has_no_number() {
    let process = TestProcess::sleeping();
    let dir = TempDir::new();
    let path = dir.join("pid");
    let _held = locked_pid_file(&path, process.pid().to_string());
    for (make, reason) in [
        ("", "(no memory cgroup is mounted)"),
        ("echo junk >/sys/fs/cgroup/memory.current", "(not a number)"),
    ] {
        let script = format!(
            "mount -t tmpfs none /sys/fs/cgroup; {make}\n exec \"$HINIT\" status --pid-file {}",
            path.display()
        );
        let ended = in_mount_namespace(&script, &[]);
        let row = ended.stdout.lines().find(|row| row.starts_with("cgroup "));
        assert!(row.is_some_and(|row| row.ends_with(reason)), "{ended:?}");
    }
}

#[test]
fn values_of_the_wrong_form() {
    let no_text = OsStr::from_bytes(b"\xff");
    for (option, value, wanted) in [
        (
            "--header",
            OsStr::new("x"),
            "not a field such as `Accept: text/plain`",
        ),
        (
            "--expect",
            OsStr::new("x"),
            "not status codes such as 200 or 200-299,304",
        ),
        ("--heartbeat", no_text, "not UTF-8 text"),
        ("--contains", no_text, "not UTF-8 text"),
        (
            "--contains",
            OsStr::new(""),
            "`--contains` needs a value: TEXT",
        ),
    ] {
        let ended = run_hinit([OsStr::new("healthcheck"), option.as_ref(), value]);
        assert_eq!(ended.code, 1, "{option}");
        assert!(ended.stdout.contains(wanted), "{ended:?}");
    }
    let ended = run_hinit(["run", "--stop-signal", "KILL", "true"]);
    assert_eq!(ended.code, 125);
    ended.assert_logged(
        "hinit: *: not signals such as TERM,WINCH, 28 or RTMIN+3 (not KILL, STOP or CHLD); *",
    );
}
