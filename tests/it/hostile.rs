//! Servers that try to harm a health check: there is a verdict in time, and in little memory.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::support::*;

/// Each of these servers would keep the check for ever: the deadline ends it, and the verdict names
/// the probe.
#[test]
fn peers_that_take_too_long() {
    for (what, start, more) in [
        ("never answers", &b""[..], &b""[..]),
        ("slow head", b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
        ("slow body", b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (
            "slow chunks",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\nx\r\n",
        ),
        (
            "more and more to come",
            b"",
            b"HTTP/1.1 102 Processing\r\n\r\n",
        ),
    ] {
        let verdict = verdict_at("300ms", |stream| send_slowly(stream, start, more));
        let no_answer = "unhealthy: URL gave no complete answer within --timeout 300ms";
        assert_eq!(verdict, no_answer, "{what}");
    }
}

/// The verdict of a check that ends with its timeout, and `URL` for the server's.
fn verdict_at(timeout: &str, answer: impl Fn(TcpStream) + Copy + Send + 'static) -> String {
    verdict_in_time(|| {
        let (port, server) = serve(answer);
        let url = format!("http://127.0.0.1:{port}/");
        let ended = check(&["--timeout", timeout, "--contains", "zz", "--http", &url]);
        server.join().unwrap();
        verdict_of(&ended).replace(&url, "URL")
    })
}

/// Sends a beginning, and then a few bytes again and again until the client is gone.
fn send_slowly(mut stream: TcpStream, start: &[u8], more: &[u8]) {
    stream.write_all(start).unwrap();
    let pause = Duration::from_millis(5);
    stream.set_read_timeout(Some(pause)).unwrap();
    // The client sends nothing more, so this read returns when it is gone. (A read with a timeout
    // is not restarted after a signal, signal(7).)
    while stream
        .read(&mut [0])
        .is_err_and(|e| matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted))
    {
        let _gone = stream.write_all(more);
    }
}

/// Each of these servers sends without end, as fast as it can: there is a verdict, in little
/// memory.
#[test]
fn peers_that_send_too_much() {
    let flood = |start: &'static [u8], more: &'static [u8]| {
        move |mut stream: TcpStream| {
            let mut sent = stream.write_all(start);
            while sent.is_ok() {
                sent = stream.write_all(more);
            }
        }
    };
    for (start, more, finding) in [
        (
            &b"HTTP/1.1 200 OK\r\n"[..],
            &b"aaaa: bbbb\r\n"[..],
            "sent more than 16 KiB or 100 fields of headers",
        ),
        (
            b"HTTP/1.1 200 OK\r\na: ",
            b"bbbbbbbbbbbbbbbbbbbbbbbb",
            "sent more than 16 KiB or 100 fields of headers",
        ),
        (
            b"",
            b"\xde\xad\xbe\xef\0\0\0\0",
            "sent an answer that is not HTTP",
        ),
        (
            b"",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            "gave no complete answer within --timeout 900ms",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
            "answered 200, but the first 64 KiB of the body do not contain `zz`",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\ny\r\n",
            "answered 200, but the first 64 KiB of the body do not contain `zz`",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "sent an answer that is not HTTP",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"zzzz\r\n",
            "sent an answer that is not HTTP",
        ),
    ] {
        let timeout = if finding.starts_with("gave no complete answer") {
            "900ms"
        } else {
            "30s"
        };
        let verdict = verdict_at(timeout, flood(start, more));
        let expected = format!("unhealthy: URL {finding}");
        assert_eq!(verdict, expected, "{}", start.escape_ascii());
    }
}

#[test]
fn peers_that_hang_up() {
    // Unread bytes at the close become a reset.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://127.0.0.1:{}/",
        listener.local_addr().unwrap().port()
    );
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0]).unwrap();
    });
    let ended = check(&["--http", &url]);
    server.join().unwrap();
    assert_eq!(
        verdict_of(&ended),
        format!("unhealthy: {url} lost the connection: Connection reset by peer")
    );
    // One direction is closed, and the other continues.
    let (port, server) = serve(|mut stream| {
        stream.shutdown(Shutdown::Write).unwrap();
        let _ = stream.read(&mut [0]);
    });
    let url = format!("http://127.0.0.1:{port}/");
    let closed = format!("unhealthy: {url} closed the connection without a complete answer");
    assert_eq!(verdict_of(&check(&["--http", &url])), closed);
    server.join().unwrap();
}

/// The verdict is lost, but not the exit code.
#[test]
fn peers_that_do_not_read_the_answer() {
    for answer in [&[][..], &["--json"]] {
        let (_reader, writer) = full_pipe();
        let mut command = Command::new(hinit());
        command
            .args(["healthcheck", "--no-pid", "--unix", "/no/such"])
            .args(answer);
        let mut child = command.stdout(writer).spawn().unwrap();
        let status = eventually("the process exits", || child.try_wait().unwrap());
        assert_eq!(Ended::code_of(status), 1, "{answer:?}");
    }
}
