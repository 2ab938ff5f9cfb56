//! What a health check makes of servers, files and times that are out of the ordinary.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use nix::poll::{PollFd, PollFlags, poll};

use crate::support::*;

#[test]
fn a_heartbeat_that_cannot_be_looked_at() {
    let dir = TempDir::new();
    fs::write(dir.join("file"), "").unwrap();
    let path = dir.join("file/heartbeat").display().to_string();
    let ended = check(&["--max-age", "30s", "--heartbeat", &path]);
    assert_eq!(
        verdict_of(&ended),
        format!("unhealthy: heartbeat {path} cannot be looked at: Not a directory")
    );
}

#[test]
fn the_deadline_as_json() {
    let dir = TempDir::new();
    // A malformed file is looked at for 30 ms in all.
    fs::write(dir.join("pid"), "junk").unwrap();
    let pid_file = dir.join("pid").display().to_string();
    let ended = say([
        "healthcheck",
        "--json",
        "--timeout",
        "5ms",
        "--pid-file",
        &pid_file,
    ]);
    let json = r#"{"verdict":"unhealthy","reason":"no verdict within 5ms","pid":null,"probes":[]}"#;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, json));
}

/// Asks a server at a Unix socket by a request that is more than the socket holds.
fn ask_at_length(socket: &Path, timeout: &str) -> Ended {
    let field = format!("A: {}", "x".repeat(120_000));
    let url = format!("http+unix://{}:/", socket.display());
    let mut command = hinit_with(["healthcheck", "--no-pid", "--timeout", timeout]);
    command.args(["--header", &field, "--header", &field, "--http", &url]);
    Ended::of(&command.output().unwrap())
}

/// The same of a server that does this. What it finds.
fn finding(timeout: &str, serve: impl FnOnce(UnixStream) + Send + 'static) -> String {
    let dir = TempDir::new();
    let socket = dir.join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let server = thread::spawn(move || serve(listener.accept().unwrap().0));
    let ended = ask_at_length(&socket, timeout);
    server.join().unwrap();
    let url = format!("http+unix://{}:/", socket.display());
    verdict_of(&ended).replace(&url, "URL")
}

#[test]
fn who_reads_a_part_of_the_request_gives_no_answer() {
    let verdict = finding("300ms", |mut stream| {
        stream.read_exact(&mut [0; 1000]).unwrap();
        // The other end is there until it has given up.
        eventually("it hangs up", || {
            let mut hung_up = [PollFd::new(stream.as_fd(), PollFlags::empty())];
            poll(&mut hung_up, 0_u16).unwrap();
            hung_up[0].any()?.then_some(())
        });
    });
    assert_eq!(verdict, "unhealthy: URL gave no complete answer");
}

#[test]
fn who_reads_no_more_may_have_answered() {
    let verdict = finding("30s", |mut stream| {
        // What is there already can still be read; but no more comes.
        stream.shutdown(Shutdown::Read).unwrap();
        let _length = stream.read_to_end(&mut Vec::new()).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    });
    assert_eq!(verdict, "healthy: URL answered 200 OK");
}

#[test]
fn who_hangs_up_amid_the_request() {
    let verdict = finding("30s", |mut stream| {
        stream.read_exact(&mut [0; 1000]).unwrap();
    });
    assert_eq!(
        verdict,
        "unhealthy: URL broke off: Connection reset by peer"
    );
}
