use super::*;

fn both(port: u16) -> Address {
    let texts = [format!("127.0.0.1:{port}"), format!("[::1]:{port}")];
    Address::Tcp(texts.map(|text| tcp_address(&text)).into())
}

fn one(text: &str) -> Address {
    Address::Tcp(vec![tcp_address(text)])
}

#[test]
fn urls() {
    let unix = || Address::Unix("/run/app.sock".into());
    for (text, address, host, target) in [
        (
            "http://127.0.0.1:8000/health",
            one("127.0.0.1:8000"),
            "127.0.0.1:8000",
            "/health",
        ),
        ("http://127.0.0.1", one("127.0.0.1:80"), "127.0.0.1", "/"),
        (
            "http://127.0.0.1?a=b",
            one("127.0.0.1:80"),
            "127.0.0.1",
            "/?a=b",
        ),
        ("http://[::1]:8000/", one("[::1]:8000"), "[::1]:8000", "/"),
        ("http://[::1]/x#y", one("[::1]:80"), "[::1]", "/x"),
        (
            "http://localhost:81/a?b=/c",
            both(81),
            "localhost:81",
            "/a?b=/c",
        ),
        ("http://LocalHost/", both(80), "LocalHost", "/"),
        (
            "http+unix:///run/app.sock:/health",
            unix(),
            "localhost",
            "/health",
        ),
        ("http+unix:///run/app.sock", unix(), "localhost", "/"),
        ("http+unix:///run/app.sock:", unix(), "localhost", "/"),
        (
            "http+unix://%2Frun%2fapp.sock/health?a#b",
            unix(),
            "localhost",
            "/health?a",
        ),
        (
            "http+unix://%2Frun%2Fapp.sock:/health",
            unix(),
            "localhost",
            "/health",
        ),
        ("http+unix://%2Frun%2Fapp.sock", unix(), "localhost", "/"),
        // A directory of such a name.
        (
            "http+unix:///a.sock/b:/",
            Address::Unix("/a.sock/b".into()),
            "localhost",
            "/",
        ),
        (
            "http+unix://@app:/health",
            Address::Unix("@app".into()),
            "localhost",
            "/health",
        ),
    ] {
        let expected = Url {
            text: text.into(),
            address,
            host: host.into(),
            target: target.into(),
        };
        assert_eq!(url(text), Ok(expected), "{text}");
    }
}

/// Joined as it is shown.
fn why<T>(found: Result<T, Why>) -> String {
    found.err().map(|why| why.text()).unwrap_or_default()
}

/// Each cause has its message, and the value that it names is right.
#[test]
fn what_is_wrong_with_a_url() {
    let scheme = "a URL begins with http:// or http+unix://";
    let missing = |text: &str| format!("the scheme is missing: did you mean `http://{text}`?");
    let no_tls = "hinit speaks no TLS: ask the server's plain HTTP port, or use `--tcp`";
    let name = |name: &str| {
        format!("`{name}` is a name, and hinit resolves none: use an IP address or localhost")
    };
    let no_ip = |host: &str| format!("`{host}` is not an IP address");
    let no_port = |port: &str| format!("`{port}` is not a port from 1 to 65535");
    let brackets = "an IPv6 address needs brackets: [::1]:8000";
    let user = "a user in the URL is not sent: use `--header 'Authorization: ...'`";
    let incomplete =
        |text: &str| format!("`{text}` needs an address and a port, such as 127.0.0.1:8000");
    let ascii = "the path may contain only ASCII without blanks: write others as %20";
    let colon =
        "a colon belongs between the socket and the path: http+unix:///run/app.sock:/health";
    let no_socket = |path: &str| {
        format!(
            "`{path}` is not the absolute path of a socket, as in http+unix:///run/app.sock:/health"
        )
    };
    for (text, expected) in [
        ("", scheme.to_owned()),
        ("/health", scheme.into()),
        ("http:/127.0.0.1/", scheme.into()),
        ("127.0.0.1:8000", missing("127.0.0.1:8000")),
        ("127.0.0.1:8000/health", missing("127.0.0.1:8000/health")),
        ("localhost/?a=x://y", missing("localhost/?a=x://y")),
        ("https://127.0.0.1/", no_tls.into()),
        ("https://example.org/", no_tls.into()),
        (
            "ftp://127.0.0.1/",
            "the scheme `ftp` is not http or http+unix".into(),
        ),
        (
            "HTTP://127.0.0.1/",
            "the scheme `HTTP` is not http or http+unix".into(),
        ),
        (
            "unix:///run/app.sock",
            "the scheme `unix` is not http or http+unix".into(),
        ),
        ("http://example.org/", name("example.org")),
        ("http://app:8000/", name("app")),
        ("http://", incomplete("")),
        ("http:///health", incomplete("")),
        ("http://:8000/", incomplete(":8000")),
        ("http://127.0.0.1:0/", no_port("0")),
        ("http://127.0.0.1:65536/", no_port("65536")),
        ("http://127.0.0.1:+80/", no_port("+80")),
        ("http://127.0.0.1:/", no_port("")),
        ("http://127.0.0.01/", no_ip("127.0.0.01")),
        ("http://127.1/", no_ip("127.1")),
        ("http://8000/", no_ip("8000")),
        ("http://::1/", brackets.into()),
        ("http://::1:8000/", brackets.into()),
        ("http://[::1/", no_ip("[::1")),
        ("http://[::x]/", no_ip("[::x]")),
        ("http://[localhost]/", no_ip("[localhost]")),
        ("http://[127.0.0.1]/", no_ip("[127.0.0.1]")),
        ("http://user@127.0.0.1/", user.into()),
        ("http://127.0.0.1/a b", ascii.into()),
        ("http://127.0.0.1/a\r\nX: y", ascii.into()),
        ("http://127.0.0.1/\u{fc}", ascii.into()),
        ("http+unix:///run/app.sock/health", colon.into()),
        ("http+unix://run/app.sock", no_socket("run/app.sock")),
        (
            "http+unix://run/app.sock:/health",
            no_socket("run/app.sock"),
        ),
        ("http+unix:///", no_socket("/")),
        ("http+unix://@", no_socket("@")),
        (
            "http+unix://%72un%2Fapp.sock/health",
            no_socket("%72un%2Fapp.sock"),
        ),
        ("http+unix://%2Frun%00app/", no_socket("%2Frun%00app")),
    ] {
        assert_eq!(why(url(text)), expected, "{text}");
    }
    for right in [
        "http://127.0.0.1:8000/health",
        "http://localhost/?a=x://y",
        "http://127.0.0.1/a%20b",
        "http+unix:///run/app.sock:/health",
    ] {
        assert_eq!(why(url(right)), "", "{right}");
    }
}

#[test]
fn endpoints() {
    for (text, service, expected) in [
        ("127.0.0.1:50051", "", one("127.0.0.1:50051")),
        ("[::1]:50051/my.Service", "my.Service", one("[::1]:50051")),
        ("localhost:1/", "", both(1)),
        ("localhost:1/a/b", "a/b", both(1)),
    ] {
        let found = endpoint(text, true).unwrap();
        assert_eq!((found.address, found.service.as_str()), (expected, service));
    }
    let name = "`example.org` is a name, and hinit resolves none: use an IP address or localhost";
    for (text, expected) in [
        ("127.0.0.1:80", ""),
        (
            "127.0.0.1",
            "`127.0.0.1` needs an address and a port, such as 127.0.0.1:8000",
        ),
        (
            "[::1]",
            "`[::1]` needs an address and a port, such as 127.0.0.1:8000",
        ),
        (
            "localhost",
            "`localhost` needs an address and a port, such as 127.0.0.1:8000",
        ),
        (
            "8000",
            "`8000` needs an address and a port, such as 127.0.0.1:8000",
        ),
        (
            ":80",
            "`:80` needs an address and a port, such as 127.0.0.1:8000",
        ),
        ("", "`` needs an address and a port, such as 127.0.0.1:8000"),
        ("example.org:80", name),
        (
            "127.0.0.1:80,127.0.0.1:81",
            "`127.0.0.1:80,127.0.0.1:81` is more than one address: repeat the option",
        ),
        ("127.0.0.1:http", "`http` is not a port from 1 to 65535"),
        (
            "tcp://127.0.0.1:80",
            "an address has no scheme: leave out `tcp://`",
        ),
        (
            "http://127.0.0.1:80/x",
            "an address has no scheme: leave out `http://`",
        ),
        (
            "127.0.0.1:80/x",
            "an address has no path: did you mean `--http http://127.0.0.1:80/x`?",
        ),
    ] {
        assert_eq!(why(endpoint(text, false)), expected, "{text}");
    }
    assert_eq!(why(url("http://127.0.0.1:80/x")), "");
}

#[test]
fn names_of_sockets() {
    for text in ["/run/app.sock", "run/app.sock", "@app", "unix"] {
        assert_eq!(UNIX(text), Ok(Probe::Unix(text.into())));
    }
    for text in ["unix:/run/app.sock", "@"] {
        assert_eq!(
            why(UNIX(text)),
            "not a path, or @NAME for an abstract socket",
            "{text}"
        );
    }
}

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
fn fields() {
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
        assert_eq!(header(text, true).ok(), expected, "{text}");
    }
}

#[test]
fn fields_that_are_not_sent() {
    let own = Some("hinit sets this field itself");
    let reserved = Some("gRPC reserves this field");
    for (name, by_http, by_grpc) in [
        ("Connection", own, own),
        ("CONTENT-LENGTH", own, own),
        ("transfer-encoding", own, own),
        ("TE", None, reserved),
        ("Content-Type", None, reserved),
        ("upgrade", None, reserved),
        ("gRPC-Timeout", None, reserved),
        ("User-Agent", None, reserved),
        ("Host", None, None),
        ("x-token-bin", None, None),
    ] {
        let found = [false, true].map(|by_grpc| header(&format!("{name}: x"), by_grpc).err());
        assert_eq!(found, [by_http, by_grpc], "{name}");
    }
}
