//! Texts that a body must contain.

use super::super::body::MAX_SEARCHED;
use super::*;

#[test]
fn a_text_in_the_body() {
    const TEXT: &str = "status: up";
    let ok = || ExpectedStatus(200, "OK".into());
    let missing = || TextMissing(200, TEXT.into());
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
        (body("", "a status: down b"), missing()),
        (body("", ""), missing()),
        (body("Content-Length: 10\r\n", TEXT), ok()),
        (body("Content-Length: 9\r\n", TEXT), missing()),
        // Cut off before its end.
        (body("Content-Length: 11\r\n", "status: no"), ClosedEarly),
        (body("Content-Length: 0\r\n", ""), missing()),
        // Across the border of two chunks, and no further than the last.
        (chunked("5\r\nstatu\r\n5;a=b\r\ns: up\r\n0\r\n\r\n"), ok()),
        (chunked("5\r\nstatu\r\n0\r\n\r\ns: up"), missing()),
        (chunked("00a\r\nstatus: up\r\n"), ok()),
        (chunked("5\r\nstatu\r\n"), ClosedEarly),
        (chunked("5\r\nstatusX"), WrongProtocol("HTTP")),
        (chunked("x\r\n"), WrongProtocol("HTTP")),
        (chunked("ffffffffffffffffff\r\n"), WrongProtocol("HTTP")),
        (
            chunked(&format!("5;{}", "a".repeat(2000))),
            WrongProtocol("HTTP"),
        ),
        // The same however it is cut: found by fuzzing.
        (
            chunked(&format!("a;{}\r\nstatus: up", "a".repeat(2000))),
            WrongProtocol("HTTP"),
        ),
        (
            chunked(&format!("a;{}\r\nstatus: up", "a".repeat(1000))),
            ok(),
        ),
        // A size that would overflow.
        (chunked("ffffffffffffffff\r\nstatus: up"), ok()),
        (body("", &far(MAX_SEARCHED - TEXT.len())), ok()),
        (body("", &far(MAX_SEARCHED - TEXT.len() + 1)), missing()),
        (
            "HTTP/1.1 204 No Content\r\n\r\nstatus: up".into(),
            TextMissing(204, TEXT.into()),
        ),
        (
            "HTTP/1.1 500 x\r\n\r\nstatus: up".into(),
            UnexpectedStatus(500, "x".into()),
        ),
    ] {
        assert_eq!(
            finding_of(&[TEXT], bytes.as_bytes()),
            finding,
            "{bytes:.100}"
        );
    }
}

#[test]
fn several_texts_in_the_body() {
    let missing = |text: &str| TextMissing(200, text.into());
    for (texts, finding) in [
        (&["one", "three"][..], ExpectedStatus(200, "OK".into())),
        (&["three", "two", "one"], ExpectedStatus(200, "OK".into())),
        (&["one", "four"], missing("four")),
        (&["four", "one"], missing("four")),
        (&["five", "one", "four"], missing("five")),
        (&["one", "one"], ExpectedStatus(200, "OK".into())),
    ] {
        let bytes = b"HTTP/1.1 200 OK\r\n\r\none two three";
        assert_eq!(finding_of(texts, bytes), finding, "{texts:?}");
    }
}
