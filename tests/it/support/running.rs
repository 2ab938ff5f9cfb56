//! hinit under test while it runs.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use nix::libc::{SIGKILL, SIGTERM};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::*;

/// A hinit that was started. When dropped, it is killed with all of its descendants.
pub struct Running {
    pub(super) child: Child,
    pub(super) mode: Mode,
    pub(super) stdout: Receiver<String>,
    pub(super) log: Receiver<String>,
}

impl Running {
    /// The next line on standard output.
    #[track_caller]
    pub fn line(&self) -> String {
        match self.stdout.recv_timeout(bound()) {
            Ok(line) => line,
            Err(error) => panic!("no more lines ({error}); the log: {:?}", self.log_so_far()),
        }
    }

    /// The next line on standard output, or None at its end.
    pub fn try_line(&self) -> Option<String> {
        self.stdout.recv_timeout(bound()).ok()
    }

    /// Waits for the next log line.
    #[track_caller]
    pub fn log_line(&self) -> String {
        self.log.recv_timeout(bound()).expect("no log line")
    }

    fn log_so_far(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    /// Waits for the line `ready` of the server.
    #[track_caller]
    pub fn ready(self) -> Self {
        assert_eq!(self.line(), "ready");
        self
    }

    /// Waits until hinit has closed inherited descriptors and left its working directory, which is
    /// its last step.
    #[track_caller]
    pub fn settled(self) -> Self {
        let directory = format!("/proc/{}/cwd", self.pid());
        eventually("hinit leaves its working directory", || {
            (std::fs::read_link(&directory).ok()?.as_path() == Path::new("/")).then_some(())
        });
        self
    }

    /// hinit's PID in the PID namespace of the test.
    #[track_caller]
    pub fn pid(&self) -> i32 {
        let pid = self.child.id().cast_signed();
        match self.mode {
            Mode::Subreaper => pid,
            Mode::Pid1 => eventually("unshare has a child", || children_of(pid).pop()),
        }
    }

    /// The server's PID in the PID namespace of the test.
    #[track_caller]
    pub fn server(&self) -> i32 {
        eventually("hinit has a child", || {
            children_of(self.pid()).first().copied()
        })
    }

    /// Sends hinit a signal.
    #[track_caller]
    pub fn signal(&self, number: i32) {
        kill(self.pid(), number);
    }

    /// A command that executes hinit in the namespaces of the server.
    pub fn hinit_in_namespaces(&self) -> Command {
        match self.mode {
            Mode::Subreaper => hinit_with([""; 0]),
            Mode::Pid1 => {
                let mut command = self.nsenter();
                command.arg(hinit());
                command
            }
        }
    }

    /// `nsenter`, which executes the program that is still to be added in the server's namespaces.
    pub fn nsenter(&self) -> Command {
        let mut command = Command::new("nsenter");
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.args(["--pid", "--mount", "--target", &self.pid().to_string()]);
        command
    }

    /// The line of `hinit healthcheck` in the namespaces of the server.
    pub fn verdict(&self, pid_file: &Path) -> String {
        self.verdict_with(pid_file, &[])
    }

    /// The same, with more options.
    pub fn verdict_with(&self, pid_file: &Path, more: &[&str]) -> String {
        verdict_by(&mut self.hinit_in_namespaces(), pid_file, more)
    }

    /// Waits until a health check has this verdict.
    #[track_caller]
    pub fn wait_for_verdict(&self, pid_file: &Path, expected: &str) {
        eventually(expected, || {
            (self.verdict(pid_file) == expected).then_some(())
        });
    }

    /// Asserts that a health check with `--ready` is healthy.
    #[track_caller]
    pub fn assert_ready(&self, pid_file: &Path) {
        let verdict = self.verdict_with(pid_file, &["--ready"]);
        assert!(verdict.starts_with("healthy: "), "{verdict}");
    }

    /// Kills hinit and its server, which would outlive a subreaper.
    #[track_caller]
    pub fn kill_with_server(self) {
        let server = self.server();
        self.signal(SIGKILL);
        if self.mode == Mode::Subreaper {
            kill(server, SIGKILL);
        }
        self.end();
    }

    /// Waits until hinit exits, and returns its exit code. Other processes may live on.
    #[track_caller]
    pub fn code(&mut self) -> i32 {
        let status = eventually("hinit exits", || {
            self.child.try_wait().expect("waitpid fails")
        });
        Ended::code_of(status)
    }

    /// Sends hinit SIGTERM, and waits for its end.
    #[track_caller]
    pub fn stop(self) -> Ended {
        self.signal(SIGTERM);
        self.end()
    }

    /// Waits until hinit exits, and until its standard output and error are closed.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let code = self.code();
        let next = |lines: &Receiver<String>| match lines.recv_timeout(bound()) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("standard output or error is still open"),
        };
        let collect = |lines| {
            let lines = std::iter::from_fn(|| next(lines));
            lines.collect::<Vec<_>>().join("\n")
        };
        Ended {
            code,
            stdout: collect(&self.stdout),
            log: collect(&self.log),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // The children of a subreaper would outlive it.
            let server = children_of(self.child.id().cast_signed());
            let _killed = self.child.kill();
            let _reaped = self.child.wait();
            for pid in server {
                let _gone = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}

/// The lines of a pipe, which a thread reads.
pub(super) fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
