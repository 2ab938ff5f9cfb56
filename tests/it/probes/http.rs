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

/// As a JSON-RPC node is asked.
#[test]
fn a_request_with_a_body() {
    const BODY: &str = r#"{"method":"eth_syncing","id":"\u00fc ü"}"#;
    for by_variable in [false, true] {
        let (port, server) = serve(|mut stream| {
            let mut body = vec![0; BODY.len()];
            stream.read_exact(&mut body).unwrap();
            assert_eq!(body, BODY.as_bytes());
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"result\":false}";
            stream.write_all(answer).unwrap();
            // Nothing follows the body.
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        });
        let url = format!("http://127.0.0.1:{port}/");
        let in_health = format!(
            "--http {url} --method POST --header 'Content-Type: application/json' --body '{BODY}' \
             --contains '\"result\":false'"
        );
        let args = [
            "--http",
            &url,
            "--method=POST",
            "--header=Content-Type: application/json",
            "--body",
            BODY,
            "--contains",
            "\"result\":false",
        ];
        let ended = if by_variable {
            check_with(&[], &[("HINIT_HEALTH", &in_health)])
        } else {
            check(&args)
        };
        assert_eq!(
            verdict_of(&ended),
            format!("healthy: {url} answered 200 OK")
        );
        let request = server.join().unwrap();
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        let fields = format!(
            "\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            BODY.len()
        );
        assert!(request.ends_with(&fields), "{request}");
    }
}

/// A server may answer before it has read all of a long body, and close the connection.
#[test]
fn a_body_that_the_server_does_not_read() {
    let (port, server) = serve(|mut stream| {
        stream.write_all(b"HTTP/1.1 413 No\r\n\r\n").unwrap();
    });
    let (url, body) = (format!("http://127.0.0.1:{port}/"), "x".repeat(100_000));
    let args = [
        "--http",
        &url,
        "--method=PUT",
        "--body",
        &body,
        "--timeout=30s",
    ];
    let ended = check(&args);
    let request = server.join().unwrap();
    assert!(
        request.contains("\r\nContent-Length: 100000\r\n"),
        "{request}"
    );
    // The kernel resets a connection that is closed with unread bytes, which can overtake the answer.
    let verdict = verdict_of(&ended);
    let expected = [
        "answered 413 No",
        "lost the connection: Connection reset by peer",
    ];
    assert!(
        expected.iter().any(|end| verdict.ends_with(end)),
        "{verdict}"
    );
}
