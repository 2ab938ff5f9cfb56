//! hinit under test: before its start, running, and ended.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::*;

/// A builder for hinit's command line: its options, then the server's command.
pub struct Start {
    command: Command,
    mode: Mode,
    log: Option<Stdio>,
}

impl Start {
    pub fn new(mode: Mode) -> Self {
        Self::by(mode, &[])
    }

    /// Starts with this command in the place of hinit's.
    pub fn of(mode: Mode, command: Command) -> Self {
        Self {
            command,
            mode,
            log: None,
        }
    }

    /// hinit, executed by another program (such as `prlimit`) if one is given.
    pub fn by(mode: Mode, program: &[&str]) -> Self {
        let hinit = hinit();
        let mut words: Vec<&OsStr> = program.iter().map(OsStr::new).collect();
        words.push(hinit.as_os_str());
        let mut command = command_in(mode, words[0]);
        command.args(&words[1..]).env_remove("HINIT_PID_FILE");
        Self::of(mode, command)
    }

    pub fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    /// More arguments: of hinit, or of the server after its command.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    pub fn pid_file(self, path: impl AsRef<OsStr>) -> Self {
        self.args([OsStr::new("--pid-file"), path.as_ref()])
    }

    pub fn no_pid_file(self) -> Self {
        self.args(["--no-pid-file"])
    }

    /// The server: the fixture with these arguments.
    pub fn fixture(self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args([OsStr::new("--"), fixture().as_os_str()])
            .args(args)
    }

    /// The server: a shell script.
    pub fn script(self, script: &str) -> Self {
        self.args(["--", "sh", "-c", script])
    }

    /// Sets hinit's standard error.
    pub fn log_to(mut self, log: impl Into<Stdio>) -> Self {
        self.log = Some(log.into());
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut Command)) -> Self {
        change(&mut self.command);
        self
    }

    pub fn start(mut self) -> Running {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(self.log.unwrap_or_else(Stdio::piped));
        let mut child = self
            .command
            .spawn()
            .expect("unshare or hinit does not start");
        let stdout = lines_of(child.stdout.take().unwrap());
        let log = child.stderr.take().map_or_else(|| channel().1, lines_of);
        Running {
            child,
            mode: self.mode,
            stdout,
            log,
        }
    }

    /// Starts it and waits for its end.
    pub fn run(self) -> Ended {
        self.start().end()
    }
}

fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
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

/// A hinit that was started. When dropped, it is killed with all of its descendants.
pub struct Running {
    child: Child,
    mode: Mode,
    stdout: Receiver<String>,
    log: Receiver<String>,
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
    pub fn beside(&self) -> Command {
        match self.mode {
            Mode::Subreaper => hinit_with([""; 0]),
            Mode::Pid1 => {
                let mut command = Command::new("nsenter");
                if !is_root() {
                    command.args(["--user", "--preserve-credentials"]);
                }
                command
                    .args(["--pid", "--mount", "--target"])
                    .arg(self.pid().to_string())
                    .arg(hinit());
                command
            }
        }
    }

    /// The line of `hinit healthcheck` in the namespaces of the server.
    pub fn verdict(&self, pid_file: &Path) -> String {
        self.verdict_with(pid_file, &[])
    }

    /// The same, with more options.
    pub fn verdict_with(&self, pid_file: &Path, more: &[&str]) -> String {
        verdict_by(&mut self.beside(), pid_file, more)
    }

    /// Waits until hinit exits, and returns its exit code. Other processes may live on.
    #[track_caller]
    pub fn code(&mut self) -> i32 {
        let status = eventually("hinit exits", || {
            self.child.try_wait().expect("waitpid fails")
        });
        Ended::code_of(status)
    }

    /// Waits until hinit exits, and until its standard output and error are closed.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let code = self.code();
        let next = |lines: &Receiver<String>| match lines.recv_timeout(bound()) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("what hinit has printed to is still open"),
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

/// The verdict of a health check.
pub fn verdict(pid_file: &Path) -> String {
    verdict_by(&mut Command::new(hinit()), pid_file, &[])
}

/// The verdict of a health check by this command; its exit code must match.
#[track_caller]
pub fn verdict_by(command: &mut Command, pid_file: &Path, more: &[&str]) -> String {
    // On a machine under load a check must not miss its deadline.
    command
        .env("HINIT_TIMEOUT", bound().as_secs().to_string())
        .args(["healthcheck", "--pid-file"])
        .arg(pid_file)
        .args(more);
    let ended = Ended::of(&command.output().unwrap());
    let expected = i32::from(!ended.stdout.starts_with("healthy: "));
    assert_eq!(
        (ended.code, ended.log.as_str()),
        (expected, ""),
        "{}",
        ended.stdout
    );
    ended.stdout
}

/// How a hinit ended.
#[derive(Debug)]
pub struct Ended {
    /// As in a shell: 128 plus the number of the signal that killed it.
    pub code: i32,
    pub stdout: String,
    pub log: String,
}

impl Ended {
    pub fn code_of(status: ExitStatus) -> i32 {
        status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap())
    }

    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Self {
            code: Self::code_of(output.status),
            stdout: text(&output.stdout),
            log: text(&output.stderr),
        }
    }

    /// Asserts that the log has this line, in which each `*` matches any text.
    #[track_caller]
    pub fn assert_logged(&self, line: &str) {
        assert!(
            self.log.lines().any(|said| matches_pattern(said, line)),
            "no `{line}`: {}",
            self.log
        );
    }
}

/// Whether a line matches a pattern, in which each `*` matches any text.
pub fn matches_pattern(line: &str, pattern: &str) -> bool {
    let (first, others) = pattern.split_once('*').unwrap_or((pattern, ""));
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    if first == pattern {
        return rest.is_empty();
    }
    let (between, last) = others.rsplit_once('*').unwrap_or(("", others));
    between.split('*').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    }) && rest.ends_with(last)
}
