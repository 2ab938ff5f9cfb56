//! `hinit healthcheck` and what it asks: real servers, before they are there, at work and gone.

mod grpc;
mod http;
mod sockets;
mod steps;

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::Command;

use nix::libc::SIGTERM;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, setsockopt, socket, sockopt,
};

use crate::home::*;
use crate::support::*;

/// What stands behind the probe's name before the server is there, and once it is gone.
const NO_PORT: &str = "cannot be reached: Connection refused after Nms";
const NO_SOCKET: &str = "cannot be reached: No such file or directory after Nms";

/// A port for one server. It is bound, so that nobody else is given it; but nobody listens, so that
/// connections are refused and the server may bind it too: all of these reuse addresses.
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
}

/// The line of a health check that leaves the PID file out.
#[track_caller]
fn ask(options: &[&str]) -> String {
    check(&[&["--no-pid"], options].concat())
}

/// The line of a health check, which must fit its exit code; the time that it tells is `N`.
#[track_caller]
fn check(options: &[&str]) -> String {
    let mut command = Command::new(hinit());
    // A machine under load must not make it miss its deadline; a test may still give a shorter one.
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

/// A probe that tells whether a server is there: its option, and how it is called in a line.
struct Probe {
    option: &'static str,
    target: String,
    name: String,
    /// What it finds where no server is, and where one is well.
    absent: &'static str,
    well: &'static str,
}

impl Probe {
    fn http(url: String) -> Self {
        let is_unix = url.starts_with("http+unix:");
        let absent = if is_unix { NO_SOCKET } else { NO_PORT };
        let finds = [absent, "answered 200 OK after Nms"];
        Self::new("--http", "", url, finds)
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
        [absent, well]: [&'static str; 2],
    ) -> Self {
        let name = format!("{kind}{target}");
        Self {
            option,
            target,
            name,
            absent,
            well,
        }
    }

    fn ask(&self) -> String {
        ask(&[self.option, &self.target])
    }

    #[track_caller]
    fn finds_nobody(&self) {
        assert_eq!(
            self.ask(),
            format!("unhealthy: {} {}", self.name, self.absent)
        );
    }

    #[track_caller]
    fn is_well(&self) {
        assert_eq!(self.ask(), format!("healthy: {} {}", self.name, self.well));
    }
}

/// A server's life: the probes find nobody, then it is well, and after its end nobody again. Returns what
/// it has logged.
#[track_caller]
fn while_it_lives(
    home: &Home,
    server: Start,
    probes: &[Probe],
    test: impl FnOnce(&Running),
) -> String {
    probes.iter().for_each(Probe::finds_nobody);
    let hinit = server.start();
    for probe in probes {
        eventually("the server is healthy", || {
            probe.ask().starts_with("healthy: ").then_some(())
        });
        probe.is_well();
    }
    test(&hinit);
    hinit.signal(SIGTERM);
    let ended = home.end(hinit);
    assert_eq!(ended.code, 0, "{}", ended.log);
    probes.iter().for_each(Probe::finds_nobody);
    ended.log
}
