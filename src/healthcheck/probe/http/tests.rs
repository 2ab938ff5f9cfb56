use super::Finding::{Answered, Closed, HeadTooLong, IsNot, Lacks, Unexpected};
use super::*;
use crate::cli::Address;

fn options(contains: &[&str]) -> Http {
    Http {
        head: false,
        headers: Vec::new(),
        expect: vec![200..=399],
        contains: contains.iter().map(|&text| text.to_owned()).collect(),
    }
}

/// What an answer comes to that arrives in pieces of this size.
fn found_in_pieces(http: &Http, bytes: &[u8], size: usize) -> Finding {
    let mut answer = Answer::new(http);
    let mut pieces = bytes.chunks(size);
    let _complete = pieces.any(|piece| answer.take(piece) == Progress::Complete);
    answer.end()
}

/// However it is cut.
#[track_caller]
fn found(contains: &[&str], bytes: &[u8]) -> Finding {
    let http = options(contains);
    let whole = found_in_pieces(&http, bytes, usize::MAX);
    for size in [1, 2, 3, 7, 64, 4096] {
        let pieces = found_in_pieces(&http, bytes, size);
        assert_eq!(pieces, whole, "in pieces of {size}");
    }
    whole
}

#[test]
fn the_request() {
    let url = Url {
        text: String::new(),
        address: Address::Tcp(Vec::new()),
        host: "127.0.0.1:8000".into(),
        target: "/health?x".into(),
    };
    let mut http = options(&[]);
    let agent = concat!("User-Agent: hinit/", env!("CARGO_PKG_VERSION"));
    let expected = format!(
        "GET /health?x HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n{agent}\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    );
    assert_eq!(request(&url, &http), expected.as_bytes());
    http.head = true;
    http.headers = vec![
        ("host".into(), "example.org".into()),
        ("X-A".into(), "b".into()),
        ("X-A".into(), "c".into()),
    ];
    let expected = format!(
        "HEAD /health?x HTTP/1.1\r\n{agent}\r\nAccept: */*\r\nConnection: close\r\n\
         host: example.org\r\nX-A: b\r\nX-A: c\r\n\r\n"
    );
    assert_eq!(request(&url, &http), expected.as_bytes());
}

#[test]
fn the_head_decides() {
    let many = |count| format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(count));
    let long = |length| format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(length));
    let ok = || Answered(200, "OK".into());
    for (bytes, finding) in [
        ("HTTP/1.1 200 OK\r\n\r\n", ok()),
        ("HTTP/1.0 200 OK\r\nServer: x\r\n\r\nbody", ok()),
        ("HTTP/1.1 204 \r\n\r\n", Answered(204, String::new())),
        (
            "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
            Answered(302, "Found".into()),
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\n\r\n",
            Unexpected(503, "Service Unavailable".into()),
        ),
        (
            "HTTP/1.1 404 Not Found\r\n\r\n",
            Unexpected(404, "Not Found".into()),
        ),
        // What comes before the answer is none.
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            ok(),
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            Unexpected(101, "Switching Protocols".into()),
        ),
        ("HTTP/1.1 100 Continue\r\n\r\n", Closed),
        ("", Closed),
        ("HTTP/1.1 200 OK\r\n", Closed),
        ("HTTP/1.1 2", Closed),
        ("HTTP/2 200 OK\r\n\r\n", IsNot("HTTP")),
        ("SSH-2.0-OpenSSH_9.2\r\n", IsNot("HTTP")),
        ("\0\x01\u{1b}\u{7f}", IsNot("HTTP")),
        ("HTTP/1.1 OK 200\r\n\r\n", IsNot("HTTP")),
        ("HTTP/1.1 20 OK\r\n\r\n", IsNot("HTTP")),
        ("HTTP/1.1 200 OK\r\na b: c\r\n\r\n", IsNot("HTTP")),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            IsNot("HTTP"),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
            IsNot("HTTP"),
        ),
        (&many(100), ok()),
        (&many(101), HeadTooLong),
        (&long(10_000), ok()),
        (&long(20_000), HeadTooLong),
    ] {
        assert_eq!(found(&[], bytes.as_bytes()), finding, "{bytes:.60}");
    }
}

/// How far an answer goes: what comes after its end is none of it, and no more is waited for.
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
        // What makes no sense has no end.
        (
            false,
            &format!("200 x\r\n{chunked}"),
            &[("1\r\nab", Complete)],
        ),
        // No body, whatever the fields say.
        (true, "200 x\r\nContent-Length: 3\r\n", &[("", Complete)]),
        (true, &format!("200 x\r\n{chunked}"), &[("", Complete)]),
        (false, &format!("204 x\r\n{chunked}"), &[("", Complete)]),
        (false, "304 x\r\nContent-Length: 3\r\n", &[("", Complete)]),
        (false, "100 x\r\n", &[("", Undecided)]),
    ] {
        let mut http = options(&[]);
        http.head = head;
        let mut answer = Answer::new(&http);
        let start = format!("HTTP/1.1 {fields}\r\n");
        let mut progress = answer.take(start.as_bytes());
        for (piece, expected) in pieces {
            if !piece.is_empty() {
                progress = answer.take(piece.as_bytes());
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
        let is_found = |text| found(&[text], answer.as_bytes()) == Answered(200, "OK".into());
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
        let finding = found_in_pieces(&http, bytes.as_bytes(), usize::MAX);
        let expected = if is_expected {
            Answered(code, "x".into())
        } else {
            Unexpected(code, "x".into())
        };
        assert_eq!(finding, expected);
    }
}

#[test]
fn a_text_in_the_body() {
    const TEXT: &str = "status: up";
    let ok = || Answered(200, "OK".into());
    let lacks = || Lacks(200, TEXT.into());
    let far = |before: usize| format!("{}{TEXT}", "x".repeat(before));
    let body = |framing: &str, body: &str| format!("HTTP/1.1 200 OK\r\n{framing}\r\n{body}");
    let chunked = |text: &str| {
        body(
            "Transfer-Encoding: gzip, Chunked\r\nContent-Length: 1\r\n",
            text,
        )
    };
    for (bytes, finding) in [
        (body("", "a status: up b"), ok()),
        (body("", "a status: down b"), lacks()),
        (body("", ""), lacks()),
        (body("Content-Length: 10\r\n", TEXT), ok()),
        (body("Content-Length: 9\r\n", TEXT), lacks()),
        // Cut off before its end.
        (body("Content-Length: 11\r\n", "status: no"), Closed),
        (body("Content-Length: 0\r\n", ""), lacks()),
        // Across the border of two chunks, and no further than the last.
        (chunked("5\r\nstatu\r\n5;a=b\r\ns: up\r\n0\r\n\r\n"), ok()),
        (chunked("5\r\nstatu\r\n0\r\n\r\ns: up"), lacks()),
        (chunked("00a\r\nstatus: up\r\n"), ok()),
        (chunked("5\r\nstatu\r\n"), Closed),
        (chunked("5\r\nstatusX"), IsNot("HTTP")),
        (chunked("x\r\n"), IsNot("HTTP")),
        (chunked("ffffffffffffffffff\r\n"), IsNot("HTTP")),
        (chunked(&format!("5;{}", "a".repeat(2000))), IsNot("HTTP")),
        // The same whether it comes as a whole or not: found by fuzzing.
        (
            chunked(&format!("a;{}\r\nstatus: up", "a".repeat(2000))),
            IsNot("HTTP"),
        ),
        (
            chunked(&format!("a;{}\r\nstatus: up", "a".repeat(1000))),
            ok(),
        ),
        // A size that would overflow.
        (chunked("ffffffffffffffff\r\nstatus: up"), ok()),
        (body("", &far(MAX_BODY - TEXT.len())), ok()),
        (body("", &far(MAX_BODY - TEXT.len() + 1)), lacks()),
        (
            "HTTP/1.1 204 No Content\r\n\r\nstatus: up".into(),
            Lacks(204, TEXT.into()),
        ),
        (
            "HTTP/1.1 500 x\r\n\r\nstatus: up".into(),
            Unexpected(500, "x".into()),
        ),
    ] {
        assert_eq!(found(&[TEXT], bytes.as_bytes()), finding, "{bytes:.100}");
    }
}

#[test]
fn several_texts_in_the_body() {
    let lacks = |text: &str| Lacks(200, text.into());
    for (texts, finding) in [
        (&["one", "three"][..], Answered(200, "OK".into())),
        (&["three", "two", "one"], Answered(200, "OK".into())),
        (&["one", "four"], lacks("four")),
        (&["four", "one"], lacks("four")),
        (&["five", "one", "four"], lacks("five")),
        (&["one", "one"], Answered(200, "OK".into())),
    ] {
        let bytes = b"HTTP/1.1 200 OK\r\n\r\none two three";
        assert_eq!(found(texts, bytes), finding, "{texts:?}");
    }
}

/// No bytes make it panic, or keep more of them than it may.
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
                    found_in_pieces(&http, &bytes, size);
                }
            }
        }
    }
    let mut endless = Answer::new(&http);
    let head = b"HTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(endless.take(head), Progress::Undecided);
    while endless.take(&[b'x'; 1000]) == Progress::Undecided {
        assert!(endless.unread.len() <= MAX_HEAD);
    }
}
