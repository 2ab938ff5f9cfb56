//! `hinit signal`: which process gets the signal, and which never does.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::libc::{SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM};

use crate::support::*;

mod refused;
mod restrictions;
mod reuse;

/// A process that prints the signals that it gets; killed when dropped.
struct SignalReceiver(Child, BufReader<std::process::ChildStdout>);

impl SignalReceiver {
    fn start() -> Self {
        let mut command = Command::new(fixture());
        let command = command.arg("signals").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child, lines)
    }

    fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }

    /// All signals that it got, up to a SIGTERM, which is sent now. (Of pending signals the lowest
    /// is delivered first.)
    #[track_caller]
    fn received(mut self) -> String {
        kill(self.pid(), SIGTERM);
        let mut lines = String::new();
        self.1.read_to_string(&mut lines).unwrap();
        lines
    }
}

impl Drop for SignalReceiver {
    fn drop(&mut self) {
        let _ended = (self.0.kill(), self.0.wait());
    }
}

/// Runs `hinit signal` in the namespaces of the server.
fn signal(hinit: &Running, pid_file: &Path, arguments: &[&str]) -> Ended {
    let mut command = hinit.hinit_in_namespaces();
    command.arg("signal").arg("--pid-file").arg(pid_file);
    Ended::of(&command.args(arguments).output().unwrap())
}

/// The same for a signal that ends the server. The end of hinit as PID 1 kills the sender as well,
/// so hinit is stopped meanwhile.
fn end(hinit: &Running, pid_file: &Path, arguments: &[&str]) -> Ended {
    hinit.signal(SIGSTOP);
    let ended = signal(hinit, pid_file, arguments);
    hinit.signal(SIGCONT);
    ended
}

in_both_modes!(
    the_server_gets_the_signal_by_any_of_its_names,
    a_stopped_server_gets_cont_and_kill,
    a_second_stop_signal_cuts_the_stop_delay_short,
    hinit_signal_can_wait_for_the_servers_end
);

fn the_server_gets_the_signal_by_any_of_its_names(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = start_fixture(mode, &path, "signals");
    let server = recorded(&path);
    for (operand, name, number) in [
        ("HUP", "SIGHUP", 1),
        ("sighup", "SIGHUP", 1),
        ("1", "SIGHUP", 1),
        ("USR2", "SIGUSR2", 12),
        ("17", "SIGCHLD", 17),
        ("32", "signal 32", 32),
        ("RTMIN", "SIGRTMIN", 34),
        ("RTMIN+3", "SIGRTMIN+3", 37),
        ("37", "SIGRTMIN+3", 37),
        ("RTMAX-1", "SIGRTMIN+29", 63),
        ("64", "SIGRTMIN+30", 64),
    ] {
        let ended = signal(&hinit, &path, &[operand]);
        let output = format!("sent {name} to process {server} (fixture)");
        assert_eq!(
            (ended.stdout, ended.log, ended.code),
            (output, String::new(), 0)
        );
        assert_eq!(hinit.line(), format!("signal {number}"));
    }
    assert_eq!(end(&hinit, &path, &["TERM"]).code, 0);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
}

fn a_stopped_server_gets_cont_and_kill(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = start_fixture(mode, &path, "ready");
    let (pid, server) = (recorded(&path), hinit.server());
    for (sent, state) in [("STOP", 'T'), ("CONT", 'S'), ("STOP", 'T')] {
        let ended = signal(&hinit, &path, &[sent]);
        assert_eq!((ended.code, ended.log.as_str()), (0, ""), "{sent}");
        wait_for_state(server, state);
    }
    let ended = end(&hinit, &path, &["KILL"]);
    assert_eq!(
        ended.stdout,
        format!("sent SIGKILL to process {pid} (fixture)")
    );
    assert_eq!(hinit.end().code, 137);
}

fn a_second_stop_signal_cuts_the_stop_delay_short(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let start = Start::new(mode)
        .pid_file(&path)
        .args(["--stop-delay", "1000"]);
    let hinit = start.fixture(["signals"]).start().ready();
    let pid = recorded(&path);
    hinit.signal(SIGTERM);
    let verdict = format!("unhealthy: process {pid} is about to be stopped");
    hinit.wait_for_verdict(&path, &verdict);
    assert_eq!(end(&hinit, &path, &["TERM"]).code, 0);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
}

fn hinit_signal_can_wait_for_the_servers_end(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = start_fixture(mode, &path, "signals");
    let server = format!("process {} (fixture)", recorded(&path));
    let ended = signal(&hinit, &path, &["USR1", "--wait", "1ms"]);
    let output = format!("sent SIGUSR1 to {server}\n{server} has not ended within 1ms");
    assert_eq!(
        (ended.code, ended.stdout, ended.log.as_str()),
        (1, output, "")
    );
    let ended = end(&hinit, &path, &["--wait=30", "TERM"]);
    let (sent, after) = ended.stdout.split_once('\n').unwrap_or_default();
    assert_eq!(
        (ended.code, sent),
        (0, format!("sent SIGTERM to {server}").as_str()),
        "{}",
        ended.log
    );
    assert!(
        after.starts_with(&format!("{server} ended after ")),
        "{after}"
    );
    assert_eq!(hinit.end().code, 0);
}

#[test]
fn options_may_be_anywhere_and_in_the_environment() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let file = path.to_str().unwrap();
    let receiver = SignalReceiver::start();
    let server = format!("process {} (fixture)", receiver.pid());
    let held = locked_pid_file(&path, receiver.pid().to_string());
    let joined = format!("--pid-file={file}");
    for arguments in [
        &["HUP", "--pid-file", file][..],
        &["--pid-file", file, "HUP"],
        &["--pid-file", file, "--", "HUP"],
        &["HUP", "--foreign", joined.as_str()],
    ] {
        let ended = run_hinit(["signal"].iter().chain(arguments));
        let output = format!("sent SIGHUP to {server}");
        assert_eq!((ended.code, ended.stdout), (0, output), "{arguments:?}");
    }
    let by_variables = |more: &[&str], foreign: &str| {
        let mut command = hinit_with(["signal", "USR1"]);
        command.args(more).env("HINIT_PID_FILE", &path);
        let command = command.env("HINIT_FOREIGN", foreign);
        Ended::of(&command.output().unwrap()).code
    };
    assert_eq!(by_variables(&[], ""), 0);
    assert_eq!(by_variables(&["--pid-file", "/none"], ""), 1);
    drop(held);
    assert_eq!(by_variables(&[], "0"), 1);
    assert_eq!(by_variables(&[], "1"), 0);
    let lines = receiver.received();
    let allowed = ["signal 1", "signal 10", "signal 15"];
    assert!(lines.lines().all(|line| allowed.contains(&line)), "{lines}");
}

#[test]
fn a_pid_file_of_another_program_needs_foreign() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let receiver = SignalReceiver::start();
    fs::write(&path, format!("  {}\r\n", receiver.pid())).unwrap();
    set_mode(&path, 0o666);
    if can_be_root("to give a file away") {
        chown(&path, Some(65534), None).unwrap();
    }
    let path = path.to_str().unwrap();
    assert_eq!(run_hinit(["signal", "HUP", "--pid-file", path]).code, 1);
    let ended = run_hinit(["signal", "USR1", "--foreign", "--pid-file", path]);
    assert_eq!((ended.code, ended.log.as_str()), (0, ""));
    assert_eq!(receiver.received(), "signal 10\nsignal 15\n");
}

#[test]
fn a_wait_can_be_interrupted() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let receiver = SignalReceiver::start();
    let _held = locked_pid_file(&path, receiver.pid().to_string());
    for (number, code) in [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)] {
        // The tests may run in the background of a shell, where SIGINT is ignored.
        let start = Start::by(Mode::Subreaper, &["env", "--default-signal"]);
        let mut waiting = start
            .args(["signal", "USR1", "--wait", "500m"])
            .pid_file(&path)
            .start();
        assert!(waiting.line().starts_with("sent SIGUSR1 to "));
        waiting.signal(number);
        assert_eq!(waiting.code(), code);
    }
}
