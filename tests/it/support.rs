//! What every test here needs: a hinit that runs, in one of two modes, and bounded waiting.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// Far more than anything here takes: who waits so long has found a hang.
pub const BOUND: Duration = Duration::from_secs(30);

/// Waits until `look` finds something.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < BOUND, "never happened: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The binary under test: `$HINIT_BIN`, or the one that cargo has just built.
pub fn hinit() -> PathBuf {
    std::env::var_os("HINIT_BIN").map_or_else(|| env!("CARGO_BIN_EXE_hinit").into(), PathBuf::from)
}

/// The server under it; see tests/fixture.rs.
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

/// A directory of a test's own, gone at its end.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hinit-it-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
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

/// One of each kind of file that no PID file is, by the name of its kind. (A socket needs nobody who
/// listens.)
pub fn odd_files(dir: &TempDir) -> [(&'static str, PathBuf); 4] {
    let [fifo, directory, socket, symlink] =
        ["FIFO", "directory", "socket", "symlink"].map(|kind| (kind, dir.join(kind)));
    nix::unistd::mkfifo(&fifo.1, nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(&directory.1).unwrap();
    drop(UnixListener::bind(&socket.1).unwrap());
    fs::write(dir.join("target"), "1\n").unwrap();
    std::os::unix::fs::symlink(dir.join("target"), &symlink.1).unwrap();
    [fifo, directory, socket, symlink]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A process among others.
    Subreaper,
    /// PID 1 of a PID namespace with a /proc of its own.
    Pid1,
}

/// Makes two tests of each: as a subreaper and as PID 1.
macro_rules! in_both_modes {
    ($(fn $name:ident($mode:ident: Mode) $body:block)*) => {
        $(fn $name($mode: Mode) $body)*
        mod subreaper {
            use crate::support::Mode;
            $(#[test] fn $name() { super::$name(Mode::Subreaper); })*
        }
        mod pid_1 {
            use crate::support::Mode;
            $(#[test] fn $name() { super::$name(Mode::Pid1); })*
        }
    };
}
pub(crate) use in_both_modes;

/// `program` with what it takes to be in that mode.
pub fn command_in(mode: Mode, program: impl AsRef<OsStr>) -> Command {
    match mode {
        Mode::Subreaper => Command::new(program),
        Mode::Pid1 => {
            let mut command = Command::new("unshare");
            if !is_root() {
                command.args(["--user", "--map-root-user"]);
            }
            command
                .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
                .arg(program);
            command
        }
    }
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether a test that needs to be root can run; if not, it says so, and fails in CI.
pub fn can_be_root(why: &str) -> bool {
    if !is_root() {
        assert!(std::env::var_os("CI").is_none(), "must be root: {why}");
        eprintln!("skipped: must be root: {why}");
    }
    is_root()
}

/// A hinit that is about to start: its options, then the server's command.
pub struct Start {
    command: Command,
    mode: Mode,
}

impl Start {
    pub fn new(mode: Mode) -> Self {
        Self::by(mode, &[])
    }

    /// By a command of the test's own.
    pub fn of(mode: Mode, command: Command) -> Self {
        Self { command, mode }
    }

    /// Has it executed by another program, if any.
    pub fn by(mode: Mode, program: &[&str]) -> Self {
        let hinit = hinit();
        let mut words: Vec<&OsStr> = program.iter().map(OsStr::new).collect();
        words.push(hinit.as_os_str());
        let mut command = command_in(mode, words[0]);
        command
            .args(&words[1..])
            .env_remove("HINIT_PID_FILE")
            .env_remove("HINIT_GROUP");
        Self { command, mode }
    }

    /// Of hinit, or of the server.
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

    pub fn with(mut self, change: impl FnOnce(&mut Command)) -> Self {
        change(&mut self.command);
        self
    }

    pub fn start(mut self) -> Running {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self
            .command
            .spawn()
            .expect("unshare or hinit does not start");
        let stdout = lines_of(child.stdout.take().unwrap());
        let log = lines_of(child.stderr.take().unwrap());
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

/// A hinit that was started. Dropped, it is killed with all that is below it.
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
        match self.stdout.recv_timeout(BOUND) {
            Ok(line) => line,
            Err(error) => panic!("no more lines ({error}); the log: {:?}", self.log_so_far()),
        }
    }

    /// Waits for the next log line.
    #[track_caller]
    pub fn log_line(&self) -> String {
        self.log.recv_timeout(BOUND).expect("no log line")
    }

    fn log_so_far(&self) -> Vec<String> {
        self.log.iter().collect()
    }

    /// Waits until the server says that it is ready.
    #[track_caller]
    pub fn ready(self) -> Self {
        assert_eq!(self.line(), "ready");
        self
    }

    /// hinit's PID, as the test sees it.
    #[track_caller]
    pub fn pid(&self) -> i32 {
        let pid = self.child.id().cast_signed();
        match self.mode {
            Mode::Subreaper => pid,
            Mode::Pid1 => eventually("unshare has a child", || children_of(pid).pop()),
        }
    }

    /// The server's PID, as the test sees it.
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

    /// What `hinit healthcheck` says where the server is.
    pub fn verdict(&self, pid_file: &Path) -> String {
        match self.mode {
            Mode::Subreaper => verdict(pid_file),
            Mode::Pid1 => {
                let mut command = Command::new("nsenter");
                if !is_root() {
                    command.args(["--user", "--preserve-credentials"]);
                }
                command
                    .args(["--pid", "--mount", "--target"])
                    .arg(self.pid().to_string());
                verdict_by(command.arg(hinit()), pid_file, &[])
            }
        }
    }

    /// Waits for hinit's end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let status = eventually("hinit ends", || {
            self.child.try_wait().expect("waitpid fails")
        });
        let collect = |lines: &Receiver<String>| lines.iter().collect::<Vec<_>>().join("\n");
        Ended {
            code: Ended::code_of(status),
            stdout: collect(&self.stdout),
            log: collect(&self.log),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Its subreaped children would outlive it.
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

/// The verdict of a health check that this command runs, which must fit its exit code.
#[track_caller]
pub fn verdict_by(command: &mut Command, pid_file: &Path, more: &[&str]) -> String {
    // A machine under load must not make it miss its deadline.
    command
        .args(["healthcheck", "--timeout", "30s", "--pid-file"])
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
    /// As a shell shows it: 128 plus the signal's number.
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
}

/// Sends any of the 64 signals to a process that must be there.
#[track_caller]
#[allow(unsafe_code, reason = "nix's signals end at 31")]
pub fn kill(pid: i32, number: i32) {
    // SAFETY: no memory is passed.
    let result = unsafe { libc::kill(pid, number) };
    assert_eq!(
        result,
        0,
        "kill({pid}, {number}): {}",
        std::io::Error::last_os_error()
    );
}

/// A field of /proc/PID/status.
pub fn status_of(pid: i32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(":\t"));
    line.map(str::to_owned)
}

/// The children of a process, in the order of their PIDs.
pub fn children_of(parent: i32) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = Some(parent.to_string());
    let mut children: Vec<i32> = pids
        .filter(|&pid| status_of(pid, "PPid") == parent)
        .collect();
    children.sort_unstable();
    children
}

/// The PID that stands in a PID file, once there is one.
#[track_caller]
pub fn recorded(pid_file: &Path) -> i32 {
    eventually("a PID is recorded", || {
        fs::read_to_string(pid_file).ok()?.trim().parse().ok()
    })
}

/// Shell words that print a PID file once a PID is recorded, which may be a little after the
/// server's first instruction.
pub fn cat(pid_file: &Path) -> String {
    let path = pid_file.display();
    format!("until test -s {path}; do :; done; cat {path}")
}

/// Runs a script as root of a mount namespace of its own. `$HINIT` is the binary.
pub fn in_mount_namespace(script: &str, args: &[&OsStr]) -> Ended {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--mount", "sh", "-eu", "-c", script, "sh"])
        .args(args)
        .env("HINIT", hinit());
    Ended::of(&command.output().unwrap())
}
