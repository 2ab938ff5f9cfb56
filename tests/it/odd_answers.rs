//! Health checks of unusual servers, files and deadlines.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Stdio;
use std::thread;

use nix::poll::{PollFd, PollFlags, poll};

use crate::support::*;

#[test]
fn a_heartbeat_that_cannot_be_read() {
    let dir = TempDir::new();
    fs::write(dir.join("file"), "").unwrap();
    let path = dir.join("file/heartbeat").display().to_string();
    let ended = check(&["--max-age", "30s", "--heartbeat", &path]);
    assert_eq!(
        verdict_of(&ended),
        format!("unhealthy: heartbeat {path} cannot be checked: Not a directory")
    );
}

#[test]
fn the_deadline_as_json() {
    let dir = TempDir::new();
    // A malformed file is read again for 30 ms in all.
    fs::write(dir.join("pid"), "junk").unwrap();
    let pid_file = dir.join("pid").display().to_string();
    let ended = run_hinit([
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

/// Sends a server at a Unix socket a request that is larger than the socket's buffer.
fn send_long_request(socket: &Path, timeout: &str) -> Ended {
    let field = format!("A: {}", "x".repeat(120_000));
    let url = format!("http+unix://{}:/", socket.display());
    let mut command = hinit_with(["healthcheck", "--no-pid", "--timeout", timeout]);
    command.args(["--header", &field, "--header", &field, "--http", &url]);
    Ended::of(&command.output().unwrap())
}

/// The verdict on a server that does this with such a request.
fn verdict_on(timeout: &str, serve: impl FnOnce(UnixStream) + Send + 'static) -> String {
    let dir = TempDir::new();
    let socket = dir.join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let server = thread::spawn(move || serve(listener.accept().unwrap().0));
    let ended = send_long_request(&socket, timeout);
    server.join().unwrap();
    let url = format!("http+unix://{}:/", socket.display());
    verdict_of(&ended).replace(&url, "URL")
}

#[test]
fn a_server_that_reads_a_part_of_the_request_gives_no_answer() {
    let serve = |mut stream: UnixStream| {
        stream.read_exact(&mut [0; 1000]).unwrap();
        // The server keeps the socket open until the check has given up.
        eventually("the client hangs up", || {
            let mut hung_up = [PollFd::new(stream.as_fd(), PollFlags::empty())];
            poll(&mut hung_up, 0_u16).unwrap();
            hung_up[0].any()?.then_some(())
        });
    };
    let verdict = verdict_in_time(|| verdict_on("300ms", serve));
    assert_eq!(
        verdict,
        "unhealthy: URL gave no complete answer within --timeout 300ms"
    );
}

#[test]
fn a_server_that_stops_reading_may_have_answered() {
    let verdict = verdict_on("30s", |mut stream| {
        // What has arrived can still be read, but nothing more arrives.
        stream.shutdown(Shutdown::Read).unwrap();
        let _length = stream.read_to_end(&mut Vec::new()).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    });
    assert_eq!(verdict, "healthy: URL answered 200 OK");
}

#[test]
fn a_server_that_hangs_up_amid_the_request() {
    let verdict = verdict_on("30s", |mut stream| {
        stream.read_exact(&mut [0; 1000]).unwrap();
    });
    assert_eq!(
        verdict,
        "unhealthy: URL lost the connection: Connection reset by peer"
    );
}

/// Whether the client hangs up within a few milliseconds.
fn has_hung_up(stream: &TcpStream) -> bool {
    let mut hung_up = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
    poll(&mut hung_up, 20_u8).unwrap() > 0
}

/// A server that sends its answer in steps can send all of it without EPIPE.
#[test]
fn an_answer_in_steps_is_read_to_its_end() {
    for (head, steps) in [
        (
            "200 OK\r\nContent-Length: 9\r\n",
            &["all ", "up", "..."][..],
        ),
        ("200 OK\r\nContent-Length: 9\r\n", &["", "all up..."]),
        ("200 OK\r\n", &["all ", "up", "..."]),
        (
            "200 OK\r\nTransfer-Encoding: chunked\r\n",
            &["6\r\nall up\r\n", "3\r\n...\r\n", "0\r\n", "A: b\r\n\r\n"],
        ),
        ("503 Busy\r\nContent-Length: 9\r\n", &["all ", "up", "..."]),
    ] {
        for contains in [&[][..], &["--contains", "all"]] {
            // On a machine under load the steps may take longer than hinit reads on.
            eventually("the client waits for the end", || {
                let (port, server) = serve_steps(head, steps);
                let url = format!("http://127.0.0.1:{port}/");
                let ended = check(&[&["--timeout", "30s", "--http", &url], contains].concat());
                let (status, _) = head.split_once('\r').unwrap();
                let state = if status == "200 OK" {
                    "healthy"
                } else {
                    "unhealthy"
                };
                assert_eq!(
                    verdict_of(&ended),
                    format!("{state}: {url} answered {status}")
                );
                (server.join().unwrap() == "all sent").then_some(())
            });
        }
    }
}

/// Sends these parts until the client hangs up, and returns the result.
fn serve_steps(
    head: &'static str,
    steps: &'static [&str],
) -> (u16, thread::JoinHandle<&'static str>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = BufReader::new(&stream).lines();
        while request.next().unwrap().unwrap() != "" {}
        write!(stream, "HTTP/1.1 {head}\r\n").unwrap();
        for step in steps {
            if has_hung_up(&stream) || stream.write_all(step.as_bytes()).is_err() {
                return "broken pipe";
            }
        }
        "all sent"
    });
    (port, server)
}

/// The verdict does not wait for the end of an answer that has none, like a stream of events.
#[test]
fn an_answer_without_end() {
    for (more, is_silent) in [("data: x\n\n", false), ("", true), ("x", false)] {
        for contains in [&[][..], &["--contains", "data:"]] {
            let (port, server) = serve(move |mut stream| {
                let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
                stream.write_all(head).unwrap();
                while is_silent || stream.write_all(more.as_bytes()).is_ok() {
                    if has_hung_up(&stream) {
                        return;
                    }
                }
            });
            let url = format!("http://127.0.0.1:{port}/");
            let mut command = hinit_with(["healthcheck", "--no-pid", "--timeout", "60m"]);
            let command = command.args(["--http", &url]).args(contains);
            let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
            let status = eventually("there is a verdict", || child.try_wait().unwrap());
            server.join().unwrap();
            assert_eq!(Ended::code_of(status), 0);
        }
    }
}
