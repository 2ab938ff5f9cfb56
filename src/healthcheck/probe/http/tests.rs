use super::Finding::{
    BodyTooLong, ClosedEarly, ExpectedStatus, HeadersTooLong, TextMissing, TextPresent,
    UnexpectedStatus, WrongProtocol,
};
use super::*;
use crate::healthcheck::probe::{Unread, fuzz};

mod body;

fn options(contains: &[&str]) -> Http {
    Http {
        contains: fuzz::texts(contains),
        ..Http::get(vec![200..=399])
    }
}

/// The finding of an answer, wherever it is cut.
#[track_caller]
fn finding_of(contains: &[&str], answer: &[u8]) -> Finding {
    let http = options(contains);
    fuzz::finding(|| Answer::new(&http), answer, &[1, 2, 3, 7, 64, 4096])
}

#[test]
fn the_request() {
    let request = |http: &Http| request("/health?x", "127.0.0.1:8000", http);
    let mut http = options(&[]);
    let agent = concat!("User-Agent: hinit/", env!("CARGO_PKG_VERSION"));
    let expected = format!(
        "GET /health?x HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n{agent}\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    );
    assert_eq!(request(&http), expected.as_bytes());
    http.method = "HEAD".into();
    http.headers = vec![
        ("host".into(), "example.org".into()),
        ("X-A".into(), "b".into()),
        ("X-A".into(), "c".into()),
    ];
    let expected = format!(
        "HEAD /health?x HTTP/1.1\r\n{agent}\r\nAccept: */*\r\nConnection: close\r\n\
         host: example.org\r\nX-A: b\r\nX-A: c\r\n\r\n"
    );
    assert_eq!(request(&http), expected.as_bytes());
}

#[test]
fn a_request_with_a_body() {
    for (method, body, end) in [
        ("GET", "", "close\r\n\r\n"),
        ("POST", "", "close\r\nContent-Length: 0\r\n\r\n"),
        ("POST", "{}", "close\r\nContent-Length: 2\r\n\r\n{}"),
        ("Purge", "ü\r\n", "close\r\nContent-Length: 4\r\n\r\nü\r\n"),
        ("GET", "x", "close\r\nContent-Length: 1\r\n\r\nx"),
        ("HEAD", "x", "close\r\nContent-Length: 1\r\n\r\nx"),
    ] {
        let mut http = options(&[]);
        (http.method, http.body) = (method.into(), body.into());
        let bytes = request("/", "h", &http);
        let request = str::from_utf8(&bytes).unwrap();
        let start = format!("{method} / HTTP/1.1\r\nHost: h\r\n");
        assert!(request.starts_with(&start), "{request}");
        assert!(
            request.ends_with(&format!("\r\nConnection: {end}")),
            "{request}"
        );
    }
}

#[test]
fn the_head_decides() {
    let many = |count| format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(count));
    let long = |length| format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(length));
    let ok = || ExpectedStatus(200, "OK".into());
    for (bytes, finding) in [
        ("HTTP/1.1 200 OK\r\n\r\n", ok()),
        ("HTTP/1.0 200 OK\r\nServer: x\r\n\r\nbody", ok()),
        ("HTTP/1.1 204 \r\n\r\n", ExpectedStatus(204, String::new())),
        (
            "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
            ExpectedStatus(302, "Found".into()),
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\n\r\n",
            UnexpectedStatus(503, "Service Unavailable".into()),
        ),
        (
            "HTTP/1.1 404 Not Found\r\n\r\n",
            UnexpectedStatus(404, "Not Found".into()),
        ),
        // Interim answers are not the answer.
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            ok(),
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            UnexpectedStatus(101, "Switching Protocols".into()),
        ),
        ("HTTP/1.1 100 Continue\r\n\r\n", ClosedEarly),
        ("", ClosedEarly),
        ("HTTP/1.1 200 OK\r\n", ClosedEarly),
        ("HTTP/1.1 2", ClosedEarly),
        ("HTTP/2 200 OK\r\n\r\n", WrongProtocol("HTTP")),
        ("SSH-2.0-OpenSSH_9.2\r\n", WrongProtocol("HTTP")),
        ("\0\x01\u{1b}\u{7f}", WrongProtocol("HTTP")),
        ("HTTP/1.1 OK 200\r\n\r\n", WrongProtocol("HTTP")),
        ("HTTP/1.1 20 OK\r\n\r\n", WrongProtocol("HTTP")),
        ("HTTP/1.1 200 OK\r\na b: c\r\n\r\n", WrongProtocol("HTTP")),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            WrongProtocol("HTTP"),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
            WrongProtocol("HTTP"),
        ),
        (&many(100), ok()),
        (&many(101), HeadersTooLong),
        (&long(10_000), ok()),
        (&long(20_000), HeadersTooLong),
    ] {
        assert_eq!(finding_of(&[], bytes.as_bytes()), finding, "{bytes:.60}");
    }
}

/// What follows an answer does not belong to it, and hinit does not wait for more.
#[test]
fn the_end_of_an_answer() {
    use Progress::{Complete, Decided, Undecided};
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (head, fields, pieces) in [
        (false, "200 x\r\n", &[("abc", Decided), ("", Decided)][..]),
        (
            false,
            "200 x\r\nContent-Length: 3\r\n",
            &[("", Decided), ("ab", Decided), ("c", Complete)],
        ),
        (
            false,
            "503 x\r\nContent-Length: 1\r\n",
            &[("", Decided), ("a", Complete)],
        ),
        (false, "200 x\r\nContent-Length: 0\r\n", &[("", Complete)]),
        (
            false,
            &format!("200 x\r\n{chunked}"),
            &[
                ("1\r\na", Decided),
                ("\r\n0\r\n", Decided),
                ("A: b", Decided),
                ("\r\n", Decided),
                ("\r\n", Complete),
            ],
        ),
        // A malformed chunk ends it.
        (
            false,
            &format!("200 x\r\n{chunked}"),
            &[("1\r\nab", Complete)],
        ),
        // No body, whatever the fields are.
        (true, "200 x\r\nContent-Length: 3\r\n", &[("", Complete)]),
        (true, &format!("200 x\r\n{chunked}"), &[("", Complete)]),
        (false, &format!("204 x\r\n{chunked}"), &[("", Complete)]),
        (false, "304 x\r\nContent-Length: 3\r\n", &[("", Complete)]),
        (false, "100 x\r\n", &[("", Undecided)]),
    ] {
        let mut http = options(&[]);
        if head {
            http.method = "HEAD".into();
        }
        let (mut answer, mut unread) = (Answer::new(&http), Unread::default());
        let start = format!("HTTP/1.1 {fields}\r\n");
        let mut progress = unread.feed(start.as_bytes(), &mut answer);
        for (piece, expected) in pieces {
            if !piece.is_empty() {
                progress = unread.feed(piece.as_bytes(), &mut answer);
            }
            assert_eq!(progress, *expected, "{fields}{piece}");
        }
    }
}

#[test]
fn transfer_encodings_in_several_fields() {
    for (fields, is_chunked) in [
        (&["gzip", "chunked"][..], true),
        (&["chunked", "gzip"], false),
        (&["gzip, CHUNKED", ""], true),
        (&["chunked, "], true),
        (&["x-chunked"], false),
    ] {
        let fields = fields.join("\r\nTransfer-Encoding: ");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: {fields}\r\n\r\n\
             1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
        );
        let is_found =
            |text| finding_of(&[text], answer.as_bytes()) == ExpectedStatus(200, "OK".into());
        assert_eq!(
            (is_found("ab"), is_found("b\r\n0")),
            (is_chunked, !is_chunked),
            "{fields:?}"
        );
    }
}

#[test]
fn other_codes_may_be_expected() {
    let mut http = options(&[]);
    http.expect = vec![200..=200, 401..=403];
    for (code, is_expected) in [
        (200, true),
        (201, false),
        (401, true),
        (402, true),
        (404, false),
    ] {
        let bytes = format!("HTTP/1.1 {code} x\r\n\r\n");
        let finding = fuzz::finding(|| Answer::new(&http), bytes.as_bytes(), &[]);
        let expected = if is_expected {
            ExpectedStatus(code, "x".into())
        } else {
            UnexpectedStatus(code, "x".into())
        };
        assert_eq!(finding, expected);
    }
}

/// No bytes make the reader panic, or keep more of them than it may.
#[test]
fn any_bytes() {
    let seeds: [&[u8]; 4] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"\0\xff\r\n\r\n",
    ];
    let http = options(&["zz"]);
    for seed in seeds {
        for at in 0..seed.len() {
            for byte in [0, b'\r', b'\n', b' ', b':', b'0', b'9', b'f', 0x80, 0xff] {
                let mut bytes = seed.to_vec();
                bytes[at] = byte;
                for size in [1, usize::MAX] {
                    fuzz::finding_in_pieces(Answer::new(&http), &bytes, size);
                }
            }
        }
    }
    let (mut endless, mut unread) = (Answer::new(&http), Unread::default());
    let head = b"HTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(unread.feed(head, &mut endless), Progress::Undecided);
    while unread.feed(&[b'x'; 1000], &mut endless) == Progress::Undecided {
        assert!(unread.0.len() <= head::MAX_BYTES);
    }
}
