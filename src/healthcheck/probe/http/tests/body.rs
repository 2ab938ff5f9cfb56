//! Texts that a body must contain.

use super::super::body::MAX_SEARCHED;
use super::super::head::{MAX_BYTES, MAX_FIELDS};
use super::*;

/// The limits that findings and help name are those of the code.
#[test]
fn the_limits_that_texts_name() {
    use crate::cli::options::{CONTAINS, LACKS};
    let searched = format!("{} KiB", MAX_SEARCHED / 1024);
    for text in [
        TextMissing(200, String::new()).to_string(),
        BodyTooLong(200).to_string(),
        CONTAINS.opt.help().to_owned(),
        LACKS.opt.help().to_owned(),
    ] {
        assert!(text.contains(&searched), "{text}");
    }
    let head = format!("more than {} KiB or {MAX_FIELDS} fields", MAX_BYTES / 1024);
    assert!(HeadersTooLong.to_string().contains(&head), "{head}");
}

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

/// The whole body must be known, unless one of the texts is found before its end.
#[test]
fn texts_that_must_not_be_in_the_body() {
    let ok = || ExpectedStatus(200, "OK".into());
    let present = |text: &str| TextPresent(200, text.into());
    let body = |framing: &str, body: &str| format!("HTTP/1.1 200 OK\r\n{framing}\r\n{body}");
    let chunked = |text: &str| body("Transfer-Encoding: chunked\r\n", text);
    let long = |length: usize, end: &str| format!("{}{end}", "x".repeat(length));
    let (max, too_long) = (MAX_SEARCHED, || BodyTooLong(200));
    for (bytes, finding) in [
        (body("", "all green"), ok()),
        (body("", ""), ok()),
        (body("", "1 red"), present("red")),
        (body("Content-Length: 5\r\n", "green"), ok()),
        (body("Content-Length: 0\r\n", ""), ok()),
        // What follows the body does not belong to it.
        (body("Content-Length: 5\r\n", "greenred"), ok()),
        (body("Content-Length: 9\r\n", "red"), present("red")),
        // The rest may contain one of the texts.
        (body("Content-Length: 9\r\n", "green"), ClosedEarly),
        (chunked("5\r\ngreen\r\n0\r\n\r\n"), ok()),
        (chunked("5\r\ngreen\r\n0\r\n"), ok()),
        (chunked("1\r\nr\r\n2\r\ned\r\n0\r\n\r\n"), present("red")),
        (chunked("3\r\nred\r\nx"), present("red")),
        (chunked("5\r\ngreen\r\n"), ClosedEarly),
        (chunked("5\r\ngreen\r\nx\r\n"), WrongProtocol("HTTP")),
        // The first text in the body is named, however the body is cut.
        (body("", "a yellow red"), present("yellow")),
        (body("", "a red yellow"), present("red")),
        (body("", "yelloweredyellow"), present("yellow")),
        (body("", &long(max, "")), ok()),
        (body("", &long(max - 3, "red")), present("red")),
        (body("", &long(max - 2, "red")), too_long()),
        (body("", &long(max + 1, "")), too_long()),
        (
            body(&format!("Content-Length: {max}\r\n"), &long(max, "")),
            ok(),
        ),
        (
            body(&format!("Content-Length: {}\r\n", max + 1), &long(max, "x")),
            too_long(),
        ),
        (
            body(&format!("Content-Length: {}\r\n", max + 1), &long(max, "")),
            ClosedEarly,
        ),
        (
            chunked(&format!("10000\r\n{}\r\n0\r\n\r\n", long(max, ""))),
            ok(),
        ),
        (
            chunked(&format!("10001\r\n{}\r\n", long(max, "x"))),
            too_long(),
        ),
        (
            "HTTP/1.1 204 No Content\r\n\r\nred".into(),
            ExpectedStatus(204, "No Content".into()),
        ),
        (
            "HTTP/1.1 500 x\r\n\r\nred".into(),
            UnexpectedStatus(500, "x".into()),
        ),
    ] {
        let mut http = options(&[]);
        http.lacks = fuzz::texts(&["red", "yellow"]);
        let found = fuzz::finding(
            || Answer::new(&http),
            bytes.as_bytes(),
            &[1, 2, 3, 7, 64, 4096],
        );
        assert_eq!(found, finding, "{bytes:.100}");
    }
}

#[test]
fn texts_that_must_be_in_the_body_and_others_that_must_not() {
    let ok = || ExpectedStatus(200, "OK".into());
    for (length, body, finding) in [
        (11, "green, blue", ok()),
        (11, "green, grey", TextMissing(200, "blue".into())),
        (11, "blue, red  ", TextPresent(200, "red".into())),
        (11, "red, green ", TextPresent(200, "red".into())),
        // Found, but the body does not end.
        (12, "green, blue", ClosedEarly),
        (12, "green, grey", ClosedEarly),
    ] {
        let mut http = options(&["blue"]);
        http.lacks = fuzz::texts(&["red"]);
        let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        let found = fuzz::finding(|| Answer::new(&http), bytes.as_bytes(), &[1, 2, 7]);
        assert_eq!(found, finding, "{body}");
    }
}
