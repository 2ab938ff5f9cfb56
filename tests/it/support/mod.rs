//! What all tests need: hinit in one of two modes, waits with a bound, files and processes.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{ErrorKind, PipeReader, PipeWriter, Write, pipe};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

mod ended;
mod health_checks;
mod notify_and_http;
mod probing;
mod process;
mod pty;
mod random;
mod running;
mod start;
mod strace;
mod test_process;
/// A std that docker/build builds has no unwinder, see there.
#[cfg(panic = "abort")]
#[allow(unsafe_code)]
#[path = "../../../src/sys/unwind.rs"]
mod unwind;

pub use ended::*;
pub use health_checks::*;
pub use notify_and_http::*;
pub use probing::*;
pub use process::*;
pub use pty::*;
pub use random::*;
pub use running::*;
pub use start::*;
pub use strace::*;
pub use test_process::*;

/// How long a test waits before it fails: far longer than any step takes, or `TEST_BOUND` in
/// seconds, which the negative controls set.
pub fn bound() -> Duration {
    static BOUND: LazyLock<Duration> = LazyLock::new(|| {
        let seconds = std::env::var("TEST_BOUND").map_or(30, |value| value.parse().unwrap());
        Duration::from_secs(seconds)
    });
    *BOUND
}

/// Waits until `check` returns a value; fails with `what` after the bound.
#[track_caller]
pub fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(start.elapsed() < bound(), "not in time: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The binary under test: `$TEST_BINARY`, or the one that cargo built for the tests.
pub fn hinit() -> PathBuf {
    std::env::var_os("TEST_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_hinit").into(), PathBuf::from)
}

/// Whether hinit is for another machine, and runs by qemu: see tests/qemu/run.
pub fn is_emulated() -> bool {
    std::env::var_os("TEST_EMULATED").is_some()
}

/// The server that the tests run under hinit; see tests/fixture.rs.
pub fn fixture() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_hinit"))
        .with_file_name("examples")
        .join("fixture");
    assert!(
        path.exists(),
        "no {}: cargo build --examples",
        path.display()
    );
    path
}

/// A temporary directory of one test, removed when dropped.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // An aborted run with the same PID may have left a directory.
        let mut dirs = std::iter::repeat_with(|| {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("hinit-it-{}-{count}", std::process::id());
            std::env::temp_dir().join(name)
        });
        let is_new = |path: &PathBuf| match fs::create_dir(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            result => result.map(|()| true).unwrap(),
        };
        Self(dirs.find(is_new).unwrap())
    }

    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl AsRef<Path> for TempDir {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _best_effort = fs::remove_dir_all(&self.0);
    }
}

/// Changes the permissions of a file.
#[track_caller]
pub fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The permissions of a file.
#[track_caller]
pub fn mode_of(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// One file of each kind that cannot be a PID file, with the name of its kind. (The socket needs no
/// listener.)
pub fn irregular_files(dir: &TempDir) -> [(&'static str, PathBuf); 4] {
    let [fifo, directory, socket, symlink] =
        ["FIFO", "directory", "socket", "symlink"].map(|kind| (kind, dir.join(kind)));
    nix::unistd::mkfifo(&fifo.1, nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(&directory.1).unwrap();
    drop(UnixListener::bind(&socket.1).unwrap());
    fs::write(dir.join("target"), "1\n").unwrap();
    std::os::unix::fs::symlink(dir.join("target"), &symlink.1).unwrap();
    [fifo, directory, socket, symlink]
}

/// Both ends of a pipe whose buffer is full.
pub fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    while writer.write(&[b'x'; 4096]).is_ok() {}
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    (reader, writer)
}

/// A copy of the fixture, named `server`, that is setuid root.
pub fn setuid_root(dir: &TempDir) -> PathBuf {
    let program = fixture_for_all(dir);
    set_mode(&program, 0o4755);
    program
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// hinit is an ordinary process and a subreaper.
    Subreaper,
    /// hinit is PID 1 of a PID namespace with its own /proc.
    Pid1,
}

/// Makes two tests of each of these functions, which take the mode: `subreaper::NAME` and `pid_1::NAME`.
macro_rules! in_both_modes {
    ($($name:ident),+ $(,)?) => {
        mod subreaper {
            use crate::support::Mode;
            $(#[test] fn $name() { super::$name(Mode::Subreaper); })+
        }
        mod pid_1 {
            use crate::support::Mode;
            $(#[test] fn $name() { super::$name(Mode::Pid1); })+
        }
    };
}
pub(crate) use in_both_modes;

/// The sender of this test's signals, as hinit's log names it in that mode.
pub fn sender(mode: Mode) -> String {
    match mode {
        Mode::Subreaper => format!("process {}", std::process::id()),
        Mode::Pid1 => "outside the container".into(),
    }
}

/// A command that executes `program` in that mode.
pub fn command_in(mode: Mode, program: impl AsRef<OsStr>) -> Command {
    match mode {
        Mode::Subreaper => Command::new(program),
        Mode::Pid1 => {
            let mut command = unshare();
            command
                .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
                .arg(program);
            command
        }
    }
}

/// Executes a program as the user nobody, without other groups.
pub const AS_NOBODY: [&str; 4] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
];

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether a test that needs root can run. If not, it prints `skipped`, and fails in CI.
pub fn can_be_root(why: &str) -> bool {
    can_run(is_root(), &format!("must be root: {why}"))
}

/// Whether a test that needs this can run. If not, it prints `skipped`, and fails in CI.
pub fn can_run(is_so: bool, what: &str) -> bool {
    if !is_so {
        assert!(std::env::var_os("CI").is_none(), "{what}");
        eprintln!("skipped: {what}");
    }
    is_so
}

/// `unshare`, as root of a new user namespace if this is not root already.
pub fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
}

/// Runs a script as root of a new mount namespace. `$HINIT` is the binary.
pub fn in_mount_namespace(script: &str, args: &[&OsStr]) -> Ended {
    let mut command = unshare();
    command
        .args(["--mount", "sh", "-eu", "-c", script, "sh"])
        .args(args)
        .env("HINIT", hinit());
    Ended::of(&command.output().unwrap())
}
