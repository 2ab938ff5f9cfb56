use super::*;
use crate::cli::probes::tests::{both, one, why};

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
        ("HTTP://127.0.0.1", one("127.0.0.1:80"), "127.0.0.1", "/"),
        ("Http+Unix:///run/app.sock", unix(), "localhost", "/"),
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
            transport: Transport::Plain,
            address,
            host: host.into(),
            target: target.into(),
        };
        assert_eq!(url(text), Ok(expected), "{text}");
    }
}

/// Each cause has its message, and the value that it names is right.
#[test]
fn what_is_wrong_with_a_url() {
    let scheme = "a URL begins with http:// or http+unix://";
    let missing = |text: &str| format!("the scheme is missing: did you mean `http://{text}`?");
    let name = |name: &str| {
        format!("`{name}` is a name, and hinit resolves none: use an IP address or localhost")
    };
    let no_ip = |host: &str| format!("`{host}` is not an IP address");
    let no_port = |port: &str| format!("`{port}` is not a port from 1 to 65535");
    let brackets = "an IPv6 address needs brackets: [::1]:8000";
    let user = "a user in the URL is not sent: use `--header 'Authorization: ...'`";
    let incomplete =
        |text: &str| format!("`{text}` needs an address and a port, such as 127.0.0.1:8000");
    let ascii = "the path may contain only ASCII without blanks: write a blank as %20";
    let colon = "a colon belongs between the socket and the path: /run/app.sock:/health";
    let no_socket = |path: &str| {
        format!("`{path}` is not the absolute path of a socket, as in /run/app.sock:/health")
    };
    for (text, expected) in [
        ("", scheme.to_owned()),
        ("/health", scheme.into()),
        ("http:/127.0.0.1/", scheme.into()),
        ("127.0.0.1:8000", missing("127.0.0.1:8000")),
        ("127.0.0.1:8000/health", missing("127.0.0.1:8000/health")),
        ("localhost/?a=x://y", missing("localhost/?a=x://y")),
        (
            "ftp://127.0.0.1/",
            "the scheme `ftp` is not http or http+unix".into(),
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
