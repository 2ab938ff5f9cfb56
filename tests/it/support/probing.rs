//! Health checks with probes, and a server that answers as a test wants.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use super::{Ended, eventually, hinit, is_emulated};

/// `hinit healthcheck --no-pid` with these arguments, with no HINIT variable set, and in 1 MB of memory, unless it is
/// emulated: the emulator needs more.
pub fn check(args: &[&str]) -> Ended {
    check_with(args, &[])
}

pub fn check_with(args: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = if is_emulated() {
        Command::new(hinit())
    } else {
        let mut command = Command::new("prlimit");
        command.arg("--data=1048576").arg(hinit());
        command
    };
    command.args(["healthcheck", "--no-pid"]).args(args);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HINIT_")) {
        command.env_remove(name);
    }
    let command = command.envs(variables.iter().copied());
    let ended = Ended::of(&command.output().unwrap());
    let is_usage = ended.stdout.starts_with("unhealthy: usage: ");
    assert!(ended.log.is_empty() || is_usage, "{ended:?}");
    ended
}

/// An address of the loopback network that no other test uses, and usually no other program: its port is below those
/// that Linux chooses. No socket is bound to find it: the children that other tests fork would keep that until their
/// exec.
pub fn unused_address() -> SocketAddr {
    const PORT: u16 = 20_327;
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, high, low, COUNT.fetch_add(1, Ordering::Relaxed));
    (host, PORT).into()
}

/// The verdict of a check with a short `--timeout`. On a machine under load the check may not run when that is over:
/// then SIGALRM comes first, and another check is made.
#[track_caller]
pub fn verdict_in_time(check: impl Fn() -> String) -> String {
    eventually("the check itself is in time", || {
        Some(check()).filter(|verdict| !verdict.starts_with("unhealthy: no verdict within "))
    })
}

/// The verdict without its ` after N ms`.
#[track_caller]
pub fn verdict_of(ended: &Ended) -> String {
    let (verdict, after) = ended
        .stdout
        .rsplit_once(" after ")
        .unwrap_or((&ended.stdout, ""));
    assert!(
        after.is_empty() || after.ends_with("ms"),
        "{}",
        ended.stdout
    );
    assert_eq!(
        ended.code,
        i32::from(!verdict.starts_with("healthy: ")),
        "{verdict}"
    );
    verdict.to_owned()
}

/// A server that accepts one connection, reads the request and calls `act`. Returns its port, and a
/// handle that returns the request.
pub fn serve(act: impl FnOnce(TcpStream) + Send + 'static) -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
            request.extend(byte);
        }
        act(stream);
        String::from_utf8(request).unwrap()
    });
    (port, server)
}
