//! Requests of clients.

use crate::support::*;

/// hinit, and the address where it answers.
fn answering(dir: &TempDir) -> (Running, std::path::PathBuf) {
    let pid_file = dir.join("pid");
    let start = Start::with_notify(Mode::Subreaper, &pid_file);
    let hinit = start.notifies(&["READY=1"]).start().ready();
    recorded(&pid_file);
    (hinit, socket_beside(&pid_file))
}

/// The status code, and whether the connection stays open.
#[track_caller]
fn code_and_keep_alive(socket: &std::path::Path, request: &[u8]) -> (u16, bool) {
    let mut client = Client::new(socket);
    client.send(request);
    let answer = client.answer();
    let goes_on = !answer.fields.contains(&"Connection: close".to_owned());
    if goes_on {
        client.assert_alive();
    } else {
        assert_eq!(client.rest(), "");
    }
    (answer.code(), goes_on)
}

#[test]
fn each_page_method_and_version() {
    let dir = TempDir::new();
    let (_hinit, socket) = answering(&dir);
    let large = format!("a: {}\r\n", "b".repeat(5000));
    let many = "a: b\r\n".repeat(64);
    for (line, fields, expected) in [
        ("GET /livez HTTP/1.1", "", (200, true)),
        ("GET /readyz?verbose HTTP/1.1", "", (200, true)),
        ("GET http://example.org/status HTTP/1.1", "", (200, true)),
        ("GET / HTTP/1.1", "", (404, true)),
        ("GET /livez/x HTTP/1.1", "", (404, true)),
        ("GET /livez HTTP/1.0", "", (200, false)),
        ("GET /livez HTTP/1.1", "Connection: close\r\n", (200, false)),
        ("GET /livez HTTP/1.1", "Content-Length: 0\r\n", (200, false)),
        ("DELETE /livez HTTP/1.1", "", (405, false)),
        ("GET /livez HTTP/1.1", "Host: b\r\n", (400, false)),
        ("GET /livez HTTP/3.0", "", (400, false)),
        ("\x16\x03\x01", "", (400, false)),
        ("GET /livez HTTP/1.1", &large, (431, false)),
        ("GET /livez HTTP/1.1", &many, (431, false)),
    ] {
        let request = format!("{line}\r\nHost: a\r\n{fields}\r\n");
        assert_eq!(
            code_and_keep_alive(&socket, request.as_bytes()),
            expected,
            "{request:.200}"
        );
    }
    assert_eq!(
        code_and_keep_alive(&socket, b"GET /livez HTTP/1.0\r\n\r\n"),
        (200, false)
    );
    assert_eq!(
        code_and_keep_alive(&socket, b"GET /livez HTTP/1.1\r\n\r\n"),
        (400, false)
    );
    assert_eq!(
        code_and_keep_alive(&socket, b"\xff\xfe\0\r\n\r\n"),
        (400, false)
    );
}

#[test]
fn each_field_of_an_answer() {
    let dir = TempDir::new();
    let (hinit, socket) = answering(&dir);
    let verdict = format!("healthy: process {} is alive", hinit.server());
    for (target, kind) in [
        ("/livez", "text/plain; charset=utf-8"),
        ("/status", "application/json"),
    ] {
        let answer = Client::new(&socket).fetch(target);
        assert_eq!(answer.status, format!("200 {verdict}"));
        let length = format!("Content-Length: {}", answer.body.len());
        let fields = [
            &format!("Content-Type: {kind}"),
            &length,
            "Cache-Control: no-store",
        ];
        assert_eq!(answer.fields, fields);
        // HEAD gets the same without the body.
        let mut client = Client::new(&socket);
        client.send(format!(
            "HEAD {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ));
        let head = client.rest();
        assert!(
            head.starts_with(&format!(
                "HTTP/1.1 200 {verdict}\r\nContent-Type: {kind}\r\nContent-Length: "
            )),
            "{head}"
        );
        assert!(
            head.ends_with("\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"),
            "{head}"
        );
    }
    let mut client = Client::new(&socket);
    client.send("POST /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.answer();
    assert_eq!(
        (answer.status.as_str(), answer.body.as_str()),
        ("405 Method Not Allowed", "405 Method Not Allowed\n")
    );
    assert!(
        answer.fields.contains(&"Allow: GET, HEAD".to_owned()),
        "{answer:?}"
    );
}

#[test]
fn one_connection_for_many_requests() {
    let dir = TempDir::new();
    let (_hinit, socket) = answering(&dir);
    let mut client = Client::new(&socket);
    for _ in 0..3 {
        client.assert_alive();
        assert_eq!(client.fetch("/missing").status, "404 Not Found");
        // Both at once, and the second in two parts.
        let second = request("/missing");
        let (start, end) = second.split_at(20);
        client.send(format!("{}{start}", request("/readyz")));
        assert!(client.answer().status.starts_with("200 "));
        client.send(end);
        assert_eq!(client.answer().status, "404 Not Found");
    }
    // Bytes after the last request are ignored.
    client.send("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\njunk");
    assert!(client.answer().status.starts_with("200 "));
    assert_eq!(client.rest(), "");
}

#[test]
fn a_request_byte_by_byte() {
    let dir = TempDir::new();
    let (_hinit, socket) = answering(&dir);
    let mut client = Client::new(&socket);
    for byte in request("/livez").bytes() {
        client.send([byte]);
    }
    assert!(client.answer().status.starts_with("200 "));
}

/// The answer is sent before the whole body has arrived, and must not be lost by a reset.
#[test]
fn a_request_with_a_body() {
    let dir = TempDir::new();
    let (_hinit, socket) = answering(&dir);
    let mut client = Client::new(&socket);
    client.send("POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
    client.send(vec![b'x'; 500_000]);
    assert_eq!(client.answer().status, "405 Method Not Allowed");
    assert_eq!(client.rest(), "");
    let mut client = Client::new(&socket);
    client.send("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    assert!(client.answer().status.starts_with("200 "));
    assert_eq!(client.rest(), "");
}

/// An idle connection has no timeout; a partial request has one.
#[test]
fn a_part_of_a_request() {
    let dir = TempDir::new();
    let (_hinit, socket) = answering(&dir);
    let mut idle = Client::new(&socket);
    let mut client = Client::new(&socket);
    client.send(request("/livez") + "GET /livez HTTP/1.1\r\n");
    assert!(client.answer().status.starts_with("200 "));
    let answer = client.answer();
    assert_eq!(answer.status, "408 Request Timeout");
    assert!(
        answer.fields.contains(&"Connection: close".to_owned()),
        "{answer:?}"
    );
    assert_eq!(client.rest(), "");
    idle.assert_alive();
}

#[test]
fn a_client_that_hangs_up_amid_a_request_does_no_harm() {
    let dir = TempDir::new();
    let (_hinit, socket) = answering(&dir);
    let request = request("/livez");
    for end in 0..request.len() {
        Client::new(&socket).send(&request.as_bytes()[..end]);
    }
    // A client that does not wait for its answer does no harm either.
    for _ in 0..50 {
        Client::new(&socket).send(&request);
    }
    Client::new(&socket).assert_alive();
}
