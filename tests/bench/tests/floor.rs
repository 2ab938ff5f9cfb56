//! The floor keeps hinit's PID-file protocol, so its time is that of the same work. `TEST_BINARY` names the hinit.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const FLOOR: &str = env!("CARGO_BIN_EXE_floor");

fn hinit() -> String {
    std::env::var("TEST_BINARY").expect("set TEST_BINARY=$(docker/build)")
}

/// A PID file in a directory of its own.
struct PidFile(PathBuf);

impl PidFile {
    fn new(name: &str) -> Self {
        let name = format!("hinit-floor-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).unwrap();
        Self(directory.join("server.pid"))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// The server's PID, once it is recorded.
    fn server(&self) -> Pid {
        eventually(|| {
            let text = fs::read_to_string(&self.0).ok()?;
            Some(Pid::from_raw(text.strip_suffix('\n')?.parse().unwrap()))
        })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().unwrap());
    }
}

/// An init with a server that ends when the test does.
struct Init(Child);

impl Init {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).args(["/bin/cat"]);
        // `cat` reads until the test drops the other end.
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn end(mut self) -> Option<i32> {
        drop(self.0.stdin.take());
        self.0.wait().unwrap().code()
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

fn line(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn eventually<T>(condition: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "still not so after 10 s");
        sleep(Duration::from_millis(1));
    }
}

#[test]
fn hinit_finds_the_floors_server_healthy() {
    let file = PidFile::new("launch");
    let init = Init::start(FLOOR, &["run", file.path()]);
    let server = file.server();
    let check = run(&hinit(), &["healthcheck", "--pid-file", file.path()]);
    let healthy = format!("healthy: process {server} is alive\n");
    assert_eq!((line(&check), check.status.code()), (healthy, Some(0)));

    // The locks keep another hinit from the file.
    let other = run(&hinit(), &["--pid-file", file.path(), "--", "/bin/true"]);
    assert_eq!(other.status.code(), Some(125), "{other:?}");
    // Nor may the floor take it: this one is not its own.
    let other = run(FLOOR, &["run", file.path(), "/bin/true"]);
    assert_eq!(other.status.code(), Some(125), "{other:?}");

    assert_eq!(init.end(), Some(0));
    assert!(!file.0.exists());
}

#[test]
fn the_floor_finds_hinits_server_healthy_unless_it_is_stopped() {
    let file = PidFile::new("check");
    let init = Init::start(&hinit(), &["--pid-file", file.path(), "--"]);
    let server = file.server();
    let check = || run(FLOOR, &["healthcheck", file.path()]);
    assert_eq!(
        line(&check()),
        format!("healthy: process {server} is alive\n")
    );
    assert_eq!(check().status.code(), Some(0));

    kill(server, Signal::SIGSTOP).unwrap();
    let refused = eventually(|| Some(check()).filter(|check| !check.status.success()));
    assert_eq!(
        (line(&refused).as_str(), refused.status.code()),
        ("unhealthy\n", Some(1))
    );
    kill(server, Signal::SIGCONT).unwrap();
    eventually(|| check().status.success().then_some(()));

    // As after a crash: without hinit's lock the PID is stale, although its process lives.
    let stale = file.0.with_file_name("stale.pid");
    fs::copy(&file.0, &stale).unwrap();
    assert_eq!(
        run(FLOOR, &["healthcheck", stale.to_str().unwrap()])
            .status
            .code(),
        Some(1)
    );

    assert_eq!(init.end(), Some(0));
    assert_eq!(check().status.code(), Some(1));
}

#[test]
fn a_floor_that_listens_is_asked_and_asks() {
    // hinit queries the floor's socket.
    let file = PidFile::new("listen");
    let init = Init::start(FLOOR, &["listen", file.path()]);
    let server = file.server();
    let healthy = format!("healthy: process {server} is alive\n");
    let by_hinit = || run(&hinit(), &["healthcheck", "--pid-file", file.path()]);
    let by_floor = || run(FLOOR, &["healthcheck", file.path()]);
    eventually(|| by_hinit().status.success().then_some(()));
    assert_eq!(line(&by_hinit()), healthy);
    assert_eq!(line(&by_floor()), healthy);
    // A socket that nobody listens at answers nothing.
    let socket = file.0.with_extension("pid.sock");
    fs::remove_file(&socket).unwrap();
    assert_eq!(by_floor().status.code(), Some(1));
    assert_eq!(by_hinit().status.code(), Some(1));
    // Nor does that of another process count, whatever it would answer.
    let other = PidFile::new("other");
    let second = Init::start(FLOOR, &["listen", other.path()]);
    other.server();
    std::os::unix::fs::symlink(other.0.with_extension("pid.sock"), &socket).unwrap();
    assert_eq!(by_floor().status.code(), Some(1));
    assert_eq!(second.end(), Some(0));
    fs::remove_file(&socket).unwrap();
    assert_eq!(init.end(), Some(0));

    // The floor queries hinit's.
    let file = PidFile::new("ask");
    let init = Init::start(&hinit(), &["--notify", "--pid-file", file.path(), "--"]);
    let server = file.server();
    let healthy = format!("healthy: process {server} is alive\n");
    let check = run(FLOOR, &["healthcheck", file.path()]);
    assert_eq!((line(&check), check.status.code()), (healthy, Some(0)));
    assert_eq!(init.end(), Some(0));
}

#[test]
fn the_floor_passes_signals_on_and_waits_for_orphans() {
    let file = PidFile::new("signals");
    let init = Init::start(FLOOR, &["run", file.path()]);
    file.server();
    kill(Pid::from_raw(init.0.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert_eq!(init.end(), Some(128 + Signal::SIGTERM as i32));

    // The orphan reads until the test drops the other end. (A background job of a shell has no input but by another
    // descriptor.)
    let script = "{ cat; echo orphan; } <&3 & echo ready; exec sleep 60";
    let path = file.path();
    let shell = format!("exec 3<&0; exec '{FLOOR}' run '{path}' /bin/sh -c \"$1\"");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &shell, "sh", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut floor = command.spawn().unwrap();
    let mut output = BufReader::new(floor.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let server = file.server();
    kill(server, Signal::SIGKILL).unwrap();
    eventually(|| kill(server, None).is_err().then_some(()));
    assert!(floor.try_wait().unwrap().is_none());
    drop(floor.stdin.take());
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\norphan\n");
    let code = 128 + Signal::SIGKILL as i32;
    assert_eq!(floor.wait().unwrap().code(), Some(code));
}

#[test]
fn a_bare_parent_returns_the_exit_code() {
    let output = run(FLOOR, &["parent", "/bin/sh", "-c", "exit 7"]);
    assert_eq!(output.status.code(), Some(7));
}
