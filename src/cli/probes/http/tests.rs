use super::*;

#[test]
fn status_codes() {
    for (text, expected) in [
        ("200", Some(200..=200)),
        ("200-399", Some(200..=399)),
        ("399-200", None),
        ("99", None),
        ("600", None),
        ("0200", None),
        ("200-", None),
        ("+200", None),
        ("", None),
    ] {
        assert_eq!(range(text), expected, "{text}");
    }
}

#[test]
fn header_fields() {
    for (text, expected) in [
        ("Accept: text/plain", Some(("Accept", "text/plain"))),
        ("x-a:b:c", Some(("x-a", "b:c"))),
        ("X:", Some(("X", ""))),
        ("Host: example.org", Some(("Host", "example.org"))),
        ("X", None),
        (": x", None),
        ("a b: x", None),
        ("X: a\r\nY: b", None),
    ] {
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut headers = Vec::new();
        let is_field = header(text, "", &mut headers).is_ok();
        assert_eq!(
            (is_field, headers.pop()),
            (expected.is_some(), expected),
            "{text}"
        );
    }
}

#[test]
fn fields_that_are_not_sent() {
    for (name, by_http, by_grpc) in [
        ("Connection", true, None),
        ("CONTENT-LENGTH", true, None),
        ("transfer-encoding", true, None),
        ("TE", false, Some("te")),
        ("Content-Type", false, Some("content-type")),
        ("upgrade", false, Some("upgrade")),
        ("gRPC-Timeout", false, Some("grpc-")),
        ("User-Agent", false, Some("user-agent")),
        ("Host", false, None),
        ("x-token-bin", false, None),
        ("te2", false, None),
        ("t", false, None),
    ] {
        let found = header(&format!("{name}: x"), "", &mut Vec::new()).is_err();
        assert_eq!(found, by_http, "{name}");
        assert_eq!(reserved_by_grpc(name), by_grpc, "{name}");
    }
}
