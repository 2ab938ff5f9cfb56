//! Finds a real server, and gives it a directory for a test.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::*;

/// A file of this test crate.
pub(crate) fn source(name: &str) -> PathBuf {
    project().join("tests/servers").join(name)
}

pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The path of the server, if it is installed. If not, prints that the test is skipped, or fails in CI.
pub(crate) fn installed(what: &str, program: Option<PathBuf>) -> Option<PathBuf> {
    let program = program.filter(|program| program.exists());
    if program.is_none() {
        cannot_run(&format!(
            "{what} is not installed (tests/servers/run does it)"
        ));
    }
    program
}

/// A program of the Python environment that tests/servers/run makes.
pub(crate) fn python_program(name: &str) -> Option<PathBuf> {
    installed(name, Some(project().join("target/servers/bin").join(name)))
}

/// Prints that the test is skipped, also for a test that passes (`eprintln!` is captured); fails in CI.
pub(crate) fn cannot_run(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    let thread = thread::current();
    let line = format!("{}: skipped: {why}\n", thread.name().unwrap_or_default());
    let _best_effort = io::stderr().write_all(line.as_bytes());
}

/// A directory for one server, with its files and its socket. It is the working directory of the server's processes, by
/// which the test finds them. When it is dropped these processes are killed.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(TempDir::new())
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A hinit with a PID file, which starts its server in this directory.
    pub(crate) fn start(&self, mode: Mode, options: &[&str]) -> Start {
        Start::new(mode)
            .with(|command| {
                command.current_dir(&self.0);
            })
            .pid_file(self.pid_file())
            .args(options)
            .args(["--"])
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.join("hinit.pid")
    }

    /// The processes of this name in this directory. Zombies have no working directory.
    pub(crate) fn processes(&self, name: &str) -> Vec<i32> {
        let is_named = |&pid: &i32| status_of(pid, "Name").is_some_and(|found| found == name);
        self.processes_here().into_iter().filter(is_named).collect()
    }

    pub(crate) fn processes_here(&self) -> Vec<i32> {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&self.0))
        })
        .collect()
    }

    /// Waits until hinit ends. No process and no PID file may be left then.
    #[track_caller]
    pub(crate) fn end(&self, mut hinit: Running) -> Ended {
        // The exit code first, because a process that is left may keep the pipes of hinit's output open.
        let code = hinit.code();
        let remaining: Vec<_> = self
            .processes_here()
            .into_iter()
            .filter_map(|pid| status_of(pid, "Name"))
            .collect();
        assert!(
            remaining.is_empty(),
            "exited {code}, but {remaining:?} are left"
        );
        assert!(!self.pid_file().exists());
        hinit.end()
    }

    /// A connection to the server's socket, if it listens.
    pub(crate) fn connect(&self) -> Option<UnixStream> {
        let stream = UnixStream::connect(self.join("socket")).ok()?;
        stream.set_read_timeout(Some(bound())).unwrap();
        Some(stream)
    }

    /// Sends the server an HTTP request, as soon as it listens.
    #[track_caller]
    pub(crate) fn request(&self, path: &str) -> UnixStream {
        let mut stream = eventually("the server listens", || self.connect());
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        stream
    }

    /// Waits until new connections are refused.
    #[track_caller]
    pub(crate) fn refuses(&self) {
        eventually("new connections are refused", || {
            self.connect().is_none().then_some(())
        });
    }
}

impl AsRef<Path> for Home {
    fn as_ref(&self) -> &Path {
        self.0.as_ref()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Repeated, because a process may replace siblings that were killed.
        for _ in 0..100 {
            let remaining = self.processes_here();
            if remaining.is_empty() {
                break;
            }
            for pid in remaining {
                let _ignored = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}

/// Reads up to the end, or to a reset of the connection.
pub(crate) fn rest(mut stream: UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes);
    bytes
}

/// A process's PID in its own namespace.
pub(crate) fn inner_pid(pid: i32) -> i32 {
    let pids = status_of(pid, "NSpid").unwrap();
    pids.rsplit('\t').next().unwrap().parse().unwrap()
}

/// The log up to the line with this text.
#[track_caller]
pub(crate) fn log_until(hinit: &Running, text: &str) -> String {
    let mut log = String::new();
    while !log.contains(text) {
        log += &hinit.log_line();
        log += "\n";
    }
    log
}
