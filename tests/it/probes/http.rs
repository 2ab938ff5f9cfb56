//! The HTTP probe: its request, and each answer.

use std::io::{Read, Write};

use crate::support::*;

/// The verdict on a server that answers with these bytes and closes.
#[track_caller]
fn answer(bytes: &'static [u8], args: &[&str]) -> String {
    let (port, server) = serve(move |mut stream| stream.write_all(bytes).unwrap());
    let url = format!("http://127.0.0.1:{port}/health");
    let ended = check(&[&["--http", &url], args].concat());
    server.join().unwrap();
    let verdict = verdict_of(&ended);
    let (verdict, finding) = verdict.split_once(&format!(" {url} ")).unwrap();
    format!("{verdict} {finding}")
}

#[test]
fn each_http_answer() {
    for (bytes, args, verdict) in [
        (
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            &[][..],
            "healthy: answered 200 OK",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\n\r\n",
            &[],
            "healthy: answered 302 Found",
        ),
        (
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
            &[],
            "unhealthy: answered 503 Service Unavailable",
        ),
        (
            b"HTTP/1.1 302 Found\r\n\r\n",
            &["--expect", "200-299,304"],
            "unhealthy: answered 302 Found",
        ),
        (
            b"HTTP/1.1 401 x\r\n\r\n",
            &["--expect=200", "--expect", "401"],
            "healthy: answered 401 x",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nall: up",
            &["--contains", "all:"],
            "healthy: answered 200 OK",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nall: up",
            &["--contains", "up"],
            "unhealthy: answered 200, but the first 64 KiB of the body do not contain `up`",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\nall: up",
            &["--contains", "up", "--contains=all"],
            "healthy: answered 200 OK",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\nall: up",
            &["--contains", "all", "--contains=down"],
            "unhealthy: answered 200, but the first 64 KiB of the body do not contain `down`",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\nall: up",
            &["--contains", "all", "--lacks", "down", "--lacks=red"],
            "healthy: answered 200 OK",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\nall: up, one: red",
            &["--contains", "all", "--lacks", "down", "--lacks=red"],
            "unhealthy: answered 200, but the body contains `red`",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nall: up",
            &["--lacks", "red"],
            "unhealthy: closed the connection without a complete answer",
        ),
        (
            b"HTTP/1.1 503 No\r\n\r\nall: up",
            &["--lacks", "red"],
            "unhealthy: answered 503 No",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\n",
            &["--method", "HEAD"],
            "healthy: answered 200 OK",
        ),
        (
            b"",
            &[],
            "unhealthy: closed the connection without a complete answer",
        ),
        (
            b"HTTP/1.1 200",
            &[],
            "unhealthy: closed the connection without a complete answer",
        ),
        (
            b"\0\xff\x1b[31m\r\n\r\n",
            &[],
            "unhealthy: sent an answer that is not HTTP",
        ),
        // A reason phrase with control characters is left out.
        (
            b"HTTP/1.1 500 a\tb\x80\r\n\r\n",
            &[],
            "unhealthy: answered 500",
        ),
    ] {
        assert_eq!(answer(bytes, args), verdict, "{args:?}");
    }
}

#[test]
fn the_request_has_the_given_method_and_fields() {
    let (port, server) = serve(|mut stream| stream.write_all(b"HTTP/1.1 204 \r\n\r\n").unwrap());
    let url = format!("http://localhost:{port}/a?b=c");
    let fields = ["--header", "X-Probe: a, b", "--header=Host: example.org"];
    let ended = check(&[&["--method=HEAD", "--http", &url], &fields[..]].concat());
    assert_eq!(verdict_of(&ended), format!("healthy: {url} answered 204"));
    let request = server.join().unwrap();
    assert!(request.starts_with("HEAD /a?b=c HTTP/1.1\r\n"), "{request}");
    assert!(
        request.contains("\r\nX-Probe: a, b\r\nHost: example.org\r\n"),
        "{request}"
    );
    assert!(!request.contains("localhost"), "{request}");
}

/// A body that has no end in sight may still contain the text.
#[test]
fn a_body_without_an_end_is_not_searched_to_its_end() {
    for (bytes, finding) in [
        (1, "gave no complete answer within --timeout 2s"),
        (
            70_000,
            "answered 200, but the body is longer than the 64 KiB that `--lacks` can search",
        ),
    ] {
        let (port, server) = serve(move |mut stream| {
            let body = "x".repeat(bytes);
            write!(stream, "HTTP/1.1 200 OK\r\n\r\n{body}").unwrap();
            // Until hinit closes the connection.
            let _end = stream.read(&mut [0]);
        });
        let url = format!("http://127.0.0.1:{port}/");
        let ended = check(&["--http", &url, "--lacks=red", "--timeout=2s"]);
        assert_eq!(verdict_of(&ended), format!("unhealthy: {url} {finding}"));
        server.join().unwrap();
    }
    let body = b"HTTP/1.1 200 OK\r\n\r\na \"red\"";
    let (port, _server) = serve(|mut stream| stream.write_all(body).unwrap());
    let url = format!("http://127.0.0.1:{port}/");
    let secret = [("HINIT_LACKS", "green\n${RED}"), ("RED", "\"red\"")];
    let verdict = format!("unhealthy: {url} answered 200, but the body contains `${{RED}}`");
    assert_eq!(verdict_of(&check_with(&["--http", &url], &secret)), verdict);
}
