use super::*;

pub(super) fn both(port: u16) -> Address {
    let texts = [format!("127.0.0.1:{port}"), format!("[::1]:{port}")];
    Address::Tcp(texts.map(|text| text.parse().unwrap()).into())
}

pub(super) fn one(text: &str) -> Address {
    Address::Tcp(vec![text.parse().unwrap()])
}

/// The message, as it is shown.
pub(super) fn why<T>(found: Result<T, ParseError>) -> String {
    found.err().map(|why| why.message("")).unwrap_or_default()
}

#[test]
fn endpoints() {
    for (text, service, expected) in [
        ("127.0.0.1:50051", "", one("127.0.0.1:50051")),
        ("[::1]:50051/my.Service", "my.Service", one("[::1]:50051")),
        ("localhost:1/", "", both(1)),
        ("localhost:1/a/b", "a/b", both(1)),
    ] {
        let found = endpoint(text, Target::Service).unwrap();
        assert_eq!((found.address, found.service.as_str()), (expected, service));
        let (host, _) = text.split_once('/').unwrap_or((text, ""));
        assert_eq!(found.host, host);
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
        (
            "127.0.0.1/x",
            "an address has no path: did you mean `--http http://127.0.0.1/x`?",
        ),
        ("127.0.0.1:80?x", "`80?x` is not a port from 1 to 65535"),
    ] {
        assert_eq!(why(endpoint(text, Target::Nothing)), expected, "{text}");
    }
    assert_eq!(why(url("http://127.0.0.1:80/x")), "");
}

#[test]
fn sockets_of_grpc_servers() {
    for (text, path, service) in [
        ("unix:/run/x.sock", "/run/x.sock", ""),
        ("unix:/run/x.sock:/my.Service", "/run/x.sock", "my.Service"),
        ("unix:/run/x.sock:/a/b", "/run/x.sock", "a/b"),
        ("unix:/run/x:/", "/run/x", ""),
        // As gRPC itself writes it.
        ("unix:///run/x.sock", "///run/x.sock", ""),
        ("unix:@x:/my.Service", "@x", "my.Service"),
        ("unix:%2Frun%2Fa%20b/s", "/run/a b", "s"),
    ] {
        let expected = Endpoint {
            host: "localhost".into(),
            transport: Transport::Plain,
            address: Address::Unix(path.into()),
            service: service.into(),
        };
        assert_eq!(endpoint(text, Target::Service), Ok(expected), "{text}");
    }
    let no_socket = |path| {
        format!("`{path}` is not the absolute path of a socket, as in /run/app.sock:/health")
    };
    for (text, expected) in [
        (
            "/run/x.sock",
            "a path needs a prefix: write `unix:/run/x.sock`".to_owned(),
        ),
        (
            "unix:/run/x.sock/my.Service",
            "a colon belongs between the socket and the path: /run/app.sock:/health".into(),
        ),
        ("unix:run/x.sock", no_socket("run/x.sock")),
        ("unix:", no_socket("")),
        ("unix:/", no_socket("/")),
        (
            "grpc://127.0.0.1:1",
            "an address has no scheme: leave out `grpc://`".into(),
        ),
    ] {
        assert_eq!(why(endpoint(text, Target::Service)), expected, "{text}");
    }
    // A probe that only connects has an option of its own for sockets.
    for text in ["unix:/run/x.sock", "/run/x.sock"] {
        let expected = "for a Unix socket write `--unix /run/x.sock`";
        assert_eq!(why(endpoint(text, Target::Nothing)), expected, "{text}");
    }
}

#[test]
fn fastcgi_servers() {
    let unix = |path: &str| Address::Unix(path.into());
    for (text, path, address) in [
        ("127.0.0.1:9000/ping", "/ping", one("127.0.0.1:9000")),
        ("[::1]:9000/", "/", one("[::1]:9000")),
        ("localhost:1/a/b.php?c,d", "/a/b.php?c,d", both(1)),
        (
            "127.0.0.1:1/a?b=unix:/c:/d",
            "/a?b=unix:/c:/d",
            one("127.0.0.1:1"),
        ),
        (
            "unix:/run/php/fpm.sock:/ping",
            "/ping",
            unix("/run/php/fpm.sock"),
        ),
        ("unix:/a:/c?d=e:/f", "/c?d=e:/f", unix("/a")),
        ("unix:/s:/", "/", unix("/s")),
        // As in a URL.
        ("unix:%2Fa%3Ab:/c", "/c", unix("/a:b")),
        ("unix:%2Fa/c", "/c", unix("/a")),
        ("unix:@fpm:/ping", "/ping", unix("@fpm")),
    ] {
        let found = endpoint(text, Target::Path).unwrap();
        assert_eq!((found.address, found.service.as_str()), (address, path));
    }
    let no_path = "not an address and a path of up to 32 KiB, such as 127.0.0.1:9000/ping";
    for (text, expected) in [
        ("127.0.0.1:9000", no_path),
        ("", no_path),
        ("unix:/run/php/fpm.sock", no_path),
        ("unix:/run/php/fpm.sock:", no_path),
        ("unix:/run/php/fpm.sock:ping", no_path),
        ("unix:%2Frun%2Ffpm.sock", no_path),
        (
            "unix:/run/php/fpm.sock/ping",
            "a colon belongs between the socket and the path: /run/app.sock:/health",
        ),
        (
            "unix:",
            "`` is not the absolute path of a socket, as in /run/app.sock:/health",
        ),
        (
            "unix:fpm.sock:/ping",
            "`fpm.sock` is not the absolute path of a socket, as in /run/app.sock:/health",
        ),
        ("/ping", "a path needs a prefix: write `unix:/ping`"),
        (
            "/run/php/fpm.sock:/ping",
            "a path needs a prefix: write `unix:/run/php/fpm.sock:/ping`",
        ),
        (
            "fcgi://127.0.0.1:9000/ping",
            "an address has no scheme: leave out `fcgi://`",
        ),
        ("127.0.0.1:0/ping", "`0` is not a port from 1 to 65535"),
        (
            "php:9000/ping",
            "`php` is a name, and hinit resolves none: use an IP address or localhost",
        ),
    ] {
        assert_eq!(why(endpoint(text, Target::Path)), expected, "{text}");
    }
    let longest = format!("127.0.0.1:1/{}", "x".repeat(32 * 1024 - 1));
    assert!(endpoint(&longest, Target::Path).is_ok());
    let longer = longest + "x";
    assert_eq!(why(endpoint(&longer, Target::Path)), no_path);
}

#[test]
fn paths_of_sockets() {
    for text in ["/run/app.sock", "run/app.sock", "@app", "unix"] {
        let mut probes = Vec::new();
        assert_eq!(UNIX(text, "${X}", &mut probes), Ok(()));
        let expected = Written {
            text: "${X}".to_owned(),
            value: Probe::Unix(text.into()),
        };
        assert_eq!(probes, [expected]);
    }
    for text in ["unix:/run/app.sock", "@"] {
        assert_eq!(
            why(UNIX(text, text, &mut Vec::new())),
            "not a path, or @NAME for an abstract socket",
            "{text}"
        );
    }
}
