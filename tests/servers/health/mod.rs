//! `hinit healthcheck` with probes of real servers: before their start, while they run, and after their end.

mod exchanges;
mod fastcgi;
mod grpc;
mod http;
mod json;
mod sockets;
mod steps;
mod tls;

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc::{SIGCONT, SIGSTOP, SIGTERM};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, setsockopt, socket, sockopt,
};

use crate::home::*;
use crate::support::*;

/// The findings before the start of the server and after its end, and the beginning of one while it hangs.
const NO_PORT: &str = "cannot be reached: Connection refused after Nms";
const NO_SOCKET: &str = "cannot be reached: No such file or directory after Nms";
const NO_ANSWER: &str = "gave no complete answer";

/// A port for one server. It is bound, so that no other process gets it, but not in the listening state, so that
/// connections are refused. The server may bind it too, because all of these servers set SO_REUSEADDR.
struct Port {
    number: u16,
    _bound: OwnedFd,
}

impl Port {
    fn new() -> Self {
        let family = AddressFamily::Inet;
        let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        setsockopt(&socket, sockopt::ReuseAddr, &true).unwrap();
        bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
        let address: SockaddrIn = getsockname(socket.as_raw_fd()).unwrap();
        Self {
            number: address.port(),
            _bound: socket,
        }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    fn https(&self, path: &str) -> String {
        format!("https://{}{path}", self.address())
    }
}

/// The line of a health check without the PID file.
#[track_caller]
fn check_probes(options: &[&str]) -> String {
    check(&[&["--no-pid"], options].concat())
}

#[track_caller]
fn check(options: &[&str]) -> String {
    check_by(&hinit(), options)
}

/// The line of a health check by this binary, which must match its exit code. The time in it is replaced by `N`.
#[track_caller]
fn check_by(program: &Path, options: &[&str]) -> String {
    let mut command = Command::new(program);
    // A long timeout, for a machine under load. A test may set a shorter one.
    command
        .env("HINIT_TIMEOUT", "30s")
        .arg("healthcheck")
        .args(options);
    let ended = Ended::of(&command.output().unwrap());
    let code = i32::from(!ended.stdout.starts_with("healthy: "));
    assert_eq!((ended.code, &*ended.log), (code, ""), "{}", ended.stdout);
    let (line, millis) = ended.stdout.rsplit_once(" after ").unwrap_or_default();
    let is_time = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if millis.strip_suffix("ms").is_some_and(is_time) {
        format!("{line} after Nms")
    } else {
        ended.stdout
    }
}

/// A probe that finds whether a server runs: its option, and its name in a verdict.
struct Probe {
    /// The binary that checks.
    program: PathBuf,
    option: &'static str,
    target: String,
    name: String,
    /// The findings where no server runs, and where one is healthy.
    absent: &'static str,
    healthy: &'static str,
    /// More options of the check.
    options: &'static [&'static str],
}

impl Probe {
    fn http(url: String) -> Self {
        let is_unix = url.contains("+unix:");
        let absent = if is_unix { NO_SOCKET } else { NO_PORT };
        let finds = [absent, "answered 200 OK after Nms"];
        Self::new("--http", "", url, finds)
    }

    fn fastcgi(target: String) -> Self {
        let is_unix = target.starts_with("unix:");
        let absent = if is_unix { NO_SOCKET } else { NO_PORT };
        let finds = [absent, "answered 200 OK after Nms"];
        Self::new("--fastcgi", "fastcgi ", target, finds)
    }

    fn grpc(port: &Port) -> Self {
        let finds = [NO_PORT, "answered SERVING after Nms"];
        Self::new("--grpc", "grpc ", port.address(), finds)
    }

    fn tcp(port: &Port) -> Self {
        let finds = [NO_PORT, "accepts connections after Nms"];
        Self::new("--tcp", "tcp ", port.address(), finds)
    }

    fn unix(path: &Path) -> Self {
        let finds = [NO_SOCKET, "accepts connections after Nms"];
        Self::new("--unix", "unix ", path.display().to_string(), finds)
    }

    fn new(
        option: &'static str,
        kind: &str,
        target: String,
        [absent, healthy]: [&'static str; 2],
    ) -> Self {
        let name = format!("{kind}{target}");
        Self {
            program: hinit(),
            option,
            target,
            name,
            absent,
            healthy,
            options: &[],
        }
    }

    /// The same with an exchange after the connection.
    fn expecting(self, options: &'static [&'static str]) -> Self {
        Self {
            healthy: "answered as expected after Nms",
            options,
            ..self
        }
    }

    fn check(&self) -> String {
        let options = [&["--no-pid", self.option, &self.target], self.options];
        check_by(&self.program, &options.concat())
    }

    #[track_caller]
    fn is_absent(&self) {
        assert_eq!(
            self.check(),
            format!("unhealthy: {} {}", self.name, self.absent)
        );
    }

    #[track_caller]
    fn is_healthy(&self) {
        assert_eq!(
            self.check(),
            format!("healthy: {} {}", self.name, self.healthy)
        );
    }
}

/// Checks servers while their processes are stopped. The kernel accepts connections for a server that hangs, so only the
/// lack of an answer shows that.
#[track_caller]
fn while_stopped(processes: &[i32], test: impl FnOnce()) {
    assert!(!processes.is_empty());
    for pid in processes {
        kill(*pid, SIGSTOP);
    }
    // kill(2) does not wait for the threads.
    eventually("all threads are stopped", || {
        processes.iter().all(|&pid| is_stopped(pid)).then_some(())
    });
    test();
    for pid in processes {
        kill(*pid, SIGCONT);
    }
}

fn is_stopped(pid: i32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.flatten().all(|thread| {
        let status = fs::read_to_string(thread.path().join("status"));
        status.is_ok_and(|status| status.contains("\nState:\tT"))
    })
}

/// A verdict within `--timeout 500ms` on a server that hangs.
#[track_caller]
fn assert_late(line: &str, name: &str, finding: &str) {
    // The second line is that of a machine under load, where the deadline of the check comes first.
    let late = format!("unhealthy: {name} {finding} within --timeout 500ms");
    let lines = [&*late, "unhealthy: no verdict within 500ms"];
    assert!(lines.contains(&line), "{line}");
}

/// Runs a server. The probes fail before its start and after its end, and are healthy while it runs. Returns its log.
#[track_caller]
fn while_running(
    home: &Home,
    server: Start,
    probes: &[Probe],
    test: impl FnOnce(&Running),
) -> String {
    probes.iter().for_each(Probe::is_absent);
    let hinit = server.start();
    for probe in probes {
        eventually("the server is healthy", || {
            probe.check().starts_with("healthy: ").then_some(())
        });
        probe.is_healthy();
    }
    test(&hinit);
    hinit.signal(SIGTERM);
    let ended = home.end(hinit);
    assert_eq!(ended.code, 0, "{}", ended.log);
    probes.iter().for_each(Probe::is_absent);
    ended.log
}
