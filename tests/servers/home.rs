//! Where a real server is found, and where it lives during a test.

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

/// The server, if it is there. If not, its test can't run: it says so, and fails in CI.
pub(crate) fn installed(what: &str, program: Option<PathBuf>) -> Option<PathBuf> {
    let program = program.filter(|program| program.exists());
    if program.is_none() {
        cannot_run(&format!(
            "{what} is not installed (tests/servers/run does it)"
        ));
    }
    program
}

/// A program of the tests' own Python packages.
pub(crate) fn python_program(name: &str) -> Option<PathBuf> {
    installed(name, Some(project().join("target/servers/bin").join(name)))
}

/// Says that the test is skipped, in a line that a passing test shows too; fails in CI.
pub(crate) fn cannot_run(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    let thread = thread::current();
    let line = format!("{}: skipped: {why}\n", thread.name().unwrap_or_default());
    let _best_effort = io::stderr().write_all(line.as_bytes());
}

/// A directory for one server: its files, its socket, and the working directory of each of its
/// processes, by which they are known. Dropped, it takes them all along.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(TempDir::new())
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A hinit that is about to start its server here, and keeps a PID file.
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

    /// The processes of this name that live here, zombies aside: they live nowhere.
    pub(crate) fn processes(&self, name: &str) -> Vec<i32> {
        let is_named = |&pid: &i32| status_of(pid, "Name").is_some_and(|found| found == name);
        self.everybody().into_iter().filter(is_named).collect()
    }

    fn everybody(&self) -> Vec<i32> {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&self.0))
        })
        .collect()
    }

    /// Waits for hinit's end, at which nobody may be left here, and no PID file.
    #[track_caller]
    pub(crate) fn end(&self, mut hinit: Running) -> Ended {
        // First the code alone: whoever is left may hold what hinit printed on open.
        let code = hinit.code();
        let left: Vec<_> = self
            .everybody()
            .into_iter()
            .filter_map(|pid| status_of(pid, "Name"))
            .collect();
        assert!(left.is_empty(), "exited {code}, but {left:?} are left");
        assert!(!self.pid_file().exists());
        hinit.end()
    }

    /// A connection to the server's socket here, if somebody listens.
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
        // Who sees its siblings die may start new ones.
        for _ in 0..100 {
            let left = self.everybody();
            if left.is_empty() {
                break;
            }
            for pid in left {
                let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}

/// All that still comes: up to the end, or the end by force.
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

/// What is logged up to this text.
#[track_caller]
pub(crate) fn log_until(hinit: &Running, text: &str) -> String {
    let mut log = String::new();
    while !log.contains(text) {
        log += &hinit.log_line();
        log += "\n";
    }
    log
}
