//! hinit under test before its start.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

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

    /// hinit with this PID file and with `--notify`.
    pub fn with_notify(mode: Mode, pid_file: impl AsRef<OsStr>) -> Self {
        Self::new(mode).pid_file(pid_file).args(["--notify"])
    }

    /// hinit under strace, which injects these faults into it and not into its server. The tracer
    /// is not the parent of hinit.
    pub fn with_faults(faults: &[&str]) -> Self {
        let named = |fault: &&str| {
            let (call, fault) = fault.split_once(':').unwrap();
            let calls = of_any_width(call);
            (calls.clone(), format!("inject={calls}:{fault}"))
        };
        let (calls, faults): (Vec<_>, Vec<_>) = faults.iter().map(named).unzip();
        let trace = format!("trace={}", calls.join(","));
        let mut arguments = vec!["strace", "-D", "-o", "/dev/null", "-e", &trace];
        arguments.extend(faults.iter().flat_map(|fault| ["-e", fault]));
        Self::by(Mode::Subreaper, &arguments)
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
        let mut arguments: Vec<&OsStr> = program.iter().map(OsStr::new).collect();
        arguments.push(hinit.as_os_str());
        let mut command = command_in(mode, arguments[0]);
        command.args(&arguments[1..]).env_remove("HINIT_PID_FILE");
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

/// Starts hinit with this PID file and the fixture as its server; returns when the fixture has done
/// this action.
#[track_caller]
pub fn start_fixture(mode: Mode, pid_file: impl AsRef<OsStr>, action: &str) -> Running {
    let start = Start::new(mode).pid_file(pid_file);
    start.fixture([action]).start().ready()
}
