//! Runs a hinit in which a system call fails, and judges how hinit handled that.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::scenarios::Stage;
use crate::support::*;
use crate::{Outcome, Result};

/// The exit code of the server. hinit has no such code of its own.
pub const SERVER_EXIT_CODE: i32 = 7;

/// Runs a server under hinit, and stops it. When it is ready `meanwhile` is called with a health check.
pub fn server_run(
    stage: &Stage,
    options: &[&str],
    server: &[&str],
    meanwhile: impl FnOnce(Command),
) -> Result {
    let path = stage.dir.join("pid");
    let log = stage.dir.join("log");
    let mut command = stage.hinit();
    command.args(["run", "--pid-file"]).arg(&path).args(options);
    command.arg("--").args(server);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let said = || fs::read_to_string(&log).unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let ended = bounded(&mut child, |pid| {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let is_up = line == "ready\n";
        if is_up {
            // The PID file may be written a little later. If it is lost hinit logs that.
            eventually("a healthy server, or a log line about the PID file", || {
                let names_file = said().contains("PID file") || has_ended(pid);
                let is_healthy = || {
                    let line = check(stage, pid, &path).output().unwrap().stdout;
                    line.starts_with(b"healthy: ")
                };
                (names_file || is_healthy()).then_some(())
            });
            meanwhile(check(stage, pid, &path));
            terminate(pid);
        }
        is_up
    });
    let (is_up, status) = ended?;
    let said = said();
    // These lines are not about faults.
    let is_about_fault = |line: &&str| {
        !line.starts_with("hinit: removed the stale PID file")
            && !line.contains(": unhealthy from now on, passed on in ")
    };
    let lines = said.lines().filter(is_about_fault).count();
    let wrong = |what: &str| Err(format!("{what} ({status:?}): {said:?}"));
    if said.contains("panicked") || status.code().is_none_or(|code| code > 128) {
        return wrong("died");
    }
    let code = status.code().unwrap_or_default();
    let fails = |call: &str, errno: &str| {
        stage
            .fault
            .is_some_and(|fault| fault.call == call && [fault.errno, ""].contains(&errno))
    };
    let outcome = match (is_up, code, lines) {
        // The write of the last line failed.
        (true, SERVER_EXIT_CODE, 0) if fails("write", "") => Outcome::Continued,
        (true, SERVER_EXIT_CODE, 1) => Outcome::Continued,
        (true, SERVER_EXIT_CODE, 2..) => Outcome::Warned,
        (true, ..) => return wrong("the exit code or the last line is lost"),
        (false, 125..=127, 1) => Outcome::Refused,
        // It refused, and could not remove the PID file.
        (false, 125, 2) if said.contains("PID file") => Outcome::Refused,
        (false, ..) => return wrong("not refused in one line"),
    };
    // A mount point cannot be removed, so it is emptied.
    let is_mount_point =
        fails("unlinkat", "EBUSY") && fs::read(&path).is_ok_and(|pid| pid.is_empty());
    if path.exists() && !is_mount_point && !said.contains(path.to_str().unwrap()) {
        return wrong("the PID file is left, but no line says so");
    }
    let mut next = Command::new(hinit());
    next.arg("--pid-file").arg(&path).arg("--").arg(fixture());
    let next = Ended::of(&next.args(["exit", "0"]).output().unwrap());
    if next.code != 0 || path.exists() {
        return wrong(&format!("the next start does not work ({next:?})"));
    }
    Ok((outcome, said.trim_end().replace('\n', " | ")))
}

/// Runs a command that either exits with 0 and prints its result, or exits with 1 (or 125) and prints the reason in
/// one line. `may_succeed`: whether it may exit with 0.
pub fn short_run(command: &mut Command, may_succeed: bool) -> Result {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let ((stdout_text, stderr_text), status) = bounded(&mut child, |_| {
        let (mut stdout_text, mut stderr_text) = (String::new(), String::new());
        stdout.read_to_string(&mut stdout_text).unwrap();
        stderr.read_to_string(&mut stderr_text).unwrap();
        (stdout_text, stderr_text)
    })?;
    let said = format!("{}{}", stdout_text.trim_end(), stderr_text.trim_end());
    let wrong = |what: &str| {
        Err(format!(
            "{what} ({status:?}): {stdout_text:?} {stderr_text:?}"
        ))
    };
    match status.code() {
        Some(0) if may_succeed => Ok((Outcome::Continued, said)),
        Some(0) => wrong("succeeded"),
        Some(1 | 125) if !said.contains('\n') => Ok((Outcome::Refused, said)),
        Some(1 | 125) => wrong("not in one line"),
        _ => wrong("died"),
    }
}

/// A health check in the namespaces of the hinit below this tracer.
fn check(stage: &Stage, tracer: i32, pid_file: &Path) -> Command {
    let mut command = match (stage.mode, children_of(tracer).first()) {
        (Mode::Pid1, Some(pid)) => {
            let mut command = Command::new("nsenter");
            command.args(["--pid", "--mount", "--target", &pid.to_string()]);
            command.arg(hinit());
            command
        }
        _ => Command::new(hinit()),
    };
    command.args(["healthcheck", "--timeout", "10s", "--pid-file"]);
    command.arg(pid_file);
    command
}

/// Whether a child has ended, reaped or not.
fn has_ended(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

/// Sends SIGTERM to the hinit below this tracer until it ends. A signal that was lost is sent again, as a user would
/// do.
fn terminate(tracer: i32) {
    let mut sent = None;
    eventually("hinit ends", || {
        let again = |at: Instant| at.elapsed() > Duration::from_secs(3);
        if sent.is_none_or(again) {
            for pid in children_of(tracer) {
                let _ignored = signal::kill(Pid::from_raw(pid), Signal::SIGTERM);
            }
            sent = Some(Instant::now());
        }
        has_ended(tracer).then_some(())
    });
}

/// The result of `watch`, and the exit status of the process. A process that takes too long is killed.
fn bounded<T>(
    child: &mut Child,
    watch: impl FnOnce(i32) -> T,
) -> std::result::Result<(T, std::process::ExitStatus), String> {
    let pid = child.id().cast_signed();
    let (done, is_done) = channel::<()>();
    let guard = thread::spawn(move || {
        let hangs = is_done.recv_timeout(bound() / 2) == Err(RecvTimeoutError::Timeout);
        if hangs {
            for pid in children_of(pid).into_iter().chain([pid]) {
                let _ignored = signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        hangs
    });
    let seen = watch(pid);
    let status = child.wait().unwrap();
    drop(done);
    if guard.join().unwrap() {
        return Err(format!("hangs ({:?})", status.signal()));
    }
    Ok((seen, status))
}
