use super::Finding::{
    BodyTooLong, ClosedEarly, ExpectedStatus, HeadersTooLong, Refused, TextMissing, TextPresent,
    UnexpectedStatus,
};
use super::*;
use crate::healthcheck::probe::fuzz;

/// A record of this request, with padding.
fn record(kind: u8, content: &[u8], padding: u8) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = [1, kind, 0, 1, high, low, padding, 0];
    let padding = vec![0xaa; padding.into()];
    [&header, content, &padding].concat()
}

fn stdout(text: &str) -> Vec<u8> {
    record(STDOUT, text.as_bytes(), 0)
}

fn end(status: u8) -> Vec<u8> {
    record(END_REQUEST, &[0, 0, 0, 9, status, 0, 0, 0], 0)
}

/// An answer of one record, and its end.
fn answer(text: &str) -> Vec<u8> {
    [stdout(text), end(0)].concat()
}

/// The finding of these records, wherever they are cut.
#[track_caller]
fn finding_for(http: &Http, records: &[u8]) -> Finding {
    fuzz::finding(|| Answer::new(http), records, &[1, 2, 7, 8, 9, 64, 4096])
}

#[track_caller]
fn finding_of(records: &[u8]) -> Finding {
    finding_for(&Http::get(vec![200..=399]), records)
}

#[track_caller]
fn finding_with(contains: &[&str], lacks: &[&str], records: &[u8]) -> Finding {
    let http = Http {
        contains: fuzz::texts(contains),
        lacks: fuzz::texts(lacks),
        ..Http::get(vec![200..=399])
    };
    finding_for(&http, records)
}

fn ok() -> Finding {
    ExpectedStatus(200, "OK".into())
}

/// The records of a request: the kind and the content of each.
fn records_of(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut records = Vec::new();
    while let Some(header) = bytes.split_off(..8) {
        assert_eq!((header[0], &header[2..4]), (1, &[0, 1][..]));
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        records.push((header[1], bytes.split_off(..length).unwrap()));
    }
    assert!(bytes.is_empty());
    records
}

fn variables(mut params: &[u8]) -> Vec<String> {
    let mut variables = Vec::new();
    while let Some(name_length) = params.split_off_first() {
        let length = if params[0] < 0x80 {
            u32::from(*params.split_off_first().unwrap())
        } else {
            let length = params.split_off(..4).unwrap().try_into().unwrap();
            u32::from_be_bytes(length) & 0x7fff_ffff
        };
        let name = params.split_off(..usize::from(*name_length)).unwrap();
        let value = params
            .split_off(..usize::try_from(length).unwrap())
            .unwrap();
        let [name, value] = [name, value].map(|text| str::from_utf8(text).unwrap());
        variables.push(format!("{name}={value}"));
    }
    variables
}

#[test]
fn the_request() {
    let long = format!("/{}", "x".repeat(32_000));
    let long_target = format!("{long}?{long}");
    for (target, path, query) in [
        ("/ping", "/ping", ""),
        ("/", "/", ""),
        ("/status?full&json", "/status", "full&json"),
        ("/srv/ü b.php?a?b", "/srv/ü b.php", "a?b"),
        (&long_target, &long, &long),
    ] {
        let bytes = request(target);
        let mut records = records_of(&bytes);
        assert_eq!(records.remove(0), (1, &[0, 1, 0, 0, 0, 0, 0, 0][..]));
        assert_eq!(records.pop(), Some((5, &[][..])));
        assert_eq!(records.pop(), Some((PARAMS, &[][..])));
        assert!(records.iter().all(|(kind, _)| *kind == PARAMS));
        // Each record contains whole variables.
        let found: Vec<String> = records
            .iter()
            .flat_map(|(_, params)| variables(params))
            .collect();
        let expected = [
            "REQUEST_METHOD=GET".into(),
            "SERVER_PROTOCOL=HTTP/1.1".into(),
            format!("SCRIPT_NAME={path}"),
            format!("SCRIPT_FILENAME={path}"),
            format!("QUERY_STRING={query}"),
        ];
        assert_eq!(found, expected);
    }
}

#[test]
fn the_status() {
    let found = |head: &str| finding_of(&answer(&format!("{head}\r\n\r\npong")));
    let unexpected = |code, reason: &str| UnexpectedStatus(code, reason.into());
    for (head, finding) in [
        ("Content-type: text/plain", ok()),
        ("Status: 204", ExpectedStatus(204, String::new())),
        (
            "Content-type: a/b\r\nstatus:302 Found\r\nLocation: /x",
            ExpectedStatus(302, "Found".into()),
        ),
        ("STATUS: 404 Not Found", unexpected(404, "Not Found")),
        // The first one counts.
        ("Status: 503 a\r\nStatus: 200 OK", unexpected(503, "a")),
        ("Status: 500   a\tb\u{fc}", unexpected(500, "a\tb\u{fc}")),
        ("Status: 099 x", NOT_FASTCGI),
        ("Status: 2", NOT_FASTCGI),
        ("Status: 5000 x", unexpected(500, "0 x")),
        ("Status: up", NOT_FASTCGI),
        ("Status:", NOT_FASTCGI),
        ("no field", NOT_FASTCGI),
        ("a b: c", NOT_FASTCGI),
    ] {
        assert_eq!(found(head), finding, "{head}");
    }
    // What HTTP has for its framing is only text.
    for field in ["Content-Length: 1", "Transfer-Encoding: chunked"] {
        let records = answer(&format!("{field}\r\n\r\nall: up"));
        assert_eq!(finding_with(&["up"], &["down"], &records), ok(), "{field}");
    }
    // Line ends without a CR, as some scripts print.
    assert_eq!(
        finding_of(&answer("Status: 201 X\nA: b\n\nx")),
        ExpectedStatus(201, "X".into())
    );
    // The request is always a GET, so there is a body.
    let http = Http {
        method: "HEAD".into(),
        contains: fuzz::texts(&["pong"]),
        ..Http::get(vec![200..=200])
    };
    assert_eq!(finding_for(&http, &answer("A: b\r\n\r\npong")), ok());
}

#[test]
fn the_body() {
    let missing = || TextMissing(200, "up".into());
    let present = || TextPresent(200, "down".into());
    let head = "A: b\r\n\r\n";
    let long = "x".repeat(65_000);
    let in_records = |texts: &[&str]| {
        let records: Vec<Vec<u8>> = texts.iter().map(|text| stdout(text)).collect();
        [records.concat(), end(0)].concat()
    };
    for (records, contains, lacks) in [
        (in_records(&[head, "all: up"]), ok(), ok()),
        (in_records(&["A: b\r", "\n\r\nu", "", "p"]), ok(), ok()),
        (in_records(&[head, "do", "wn"]), missing(), present()),
        (in_records(&[head]), missing(), ok()),
        (in_records(&[head, &long, "up"]), ok(), ok()),
        (
            in_records(&[head, &long, &long, "up"]),
            missing(),
            BodyTooLong(200),
        ),
    ] {
        assert_eq!(finding_with(&["up"], &[], &records), contains);
        assert_eq!(finding_with(&[], &["down"], &records), lacks);
    }
    // The status is looked at first.
    let records = answer("Status: 500 X\r\n\r\ndown");
    let failed = UnexpectedStatus(500, "X".into());
    assert_eq!(finding_with(&["up"], &["down"], &records), failed);
}

#[test]
fn the_records() {
    let pong = || stdout("A: b\r\n\r\npong");
    let other = |at: usize, byte: u8| {
        let mut records = [pong(), end(0)].concat();
        records[at] = byte;
        records
    };
    let end_of = |content: &[u8]| record(END_REQUEST, content, 0);
    let fields = |count: usize| answer(&format!("{}\r\n", "a: b\r\n".repeat(count)));
    for (records, finding) in [
        ([pong(), end(0)].concat(), ok()),
        // The end of the output, padding, and what follows the end.
        ([pong(), stdout(""), end(0)].concat(), ok()),
        (
            [
                record(STDOUT, b"A: b\r", 255),
                record(STDOUT, b"\n\r\nx", 3),
                record(END_REQUEST, &[0; 8], 7),
            ]
            .concat(),
            ok(),
        ),
        ([pong(), end(0), vec![7; 20]].concat(), ok()),
        // Messages, in the middle of a field too.
        (
            [
                record(STDERR, b"PHP message: Status: 500 X\r\n\r\n", 2),
                stdout("Stat"),
                record(STDERR, &b"x".repeat(65_535), 255),
                stdout("us: 202 Y\r\n\r\n"),
                record(STDERR, b"", 0),
                end(0),
            ]
            .concat(),
            ExpectedStatus(202, "Y".into()),
        ),
        // The server is overloaded, for example.
        (end(1), Refused(FASTCGI, 1)),
        (end(2), Refused(FASTCGI, 2)),
        ([pong(), end(255)].concat(), Refused(FASTCGI, 255)),
        // Without an end the answer does not count, nor does an end without an answer.
        (pong(), ClosedEarly),
        ([pong(), stdout("")].concat(), ClosedEarly),
        ([pong(), end(0)[..15].to_vec()].concat(), ClosedEarly),
        ([stdout("A: b\r\n"), end(0)].concat(), ClosedEarly),
        (end(0), ClosedEarly),
        (record(STDERR, b"Primary script unknown", 0), ClosedEarly),
        (vec![1, STDOUT, 0, 1, 0xff, 0xff, 0xff], ClosedEarly),
        (
            vec![1, STDOUT, 0, 1, 0xff, 0xff, 0xff, 0, b'A'],
            ClosedEarly,
        ),
        (vec![], ClosedEarly),
        // A wrong version, kinds that are not an answer, and another request.
        (other(0, 0), NOT_FASTCGI),
        (other(0, 2), NOT_FASTCGI),
        (other(1, 1), NOT_FASTCGI),
        (other(1, PARAMS), NOT_FASTCGI),
        (other(1, 11), NOT_FASTCGI),
        (other(2, 1), NOT_FASTCGI),
        (other(3, 0), NOT_FASTCGI),
        (other(3, 2), NOT_FASTCGI),
        (end_of(&[0; 4]), NOT_FASTCGI),
        (end_of(&[0; 5]), ClosedEarly),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), NOT_FASTCGI),
        (b"-ERR\r\n".to_vec(), ClosedEarly),
        // A head without end is not read to the end of the answer.
        (fields(100), ok()),
        (fields(101), HeadersTooLong),
        (stdout(&"a: b\r\n".repeat(102)), HeadersTooLong),
        (
            stdout(&format!("a: {}", "b".repeat(20_000))),
            HeadersTooLong,
        ),
    ] {
        assert_eq!(finding_of(&records), finding, "{}", records.escape_ascii());
    }
}
