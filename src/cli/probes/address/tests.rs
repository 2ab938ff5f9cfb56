use super::*;
use crate::cli::probes::tests::{both, one, why};

/// The causes are those of other addresses.
#[test]
fn addresses_to_listen_at() {
    let unix = Address::Unix("/run/x.sock".into());
    for (text, address) in [
        ("127.0.0.1:9101", one("127.0.0.1:9101")),
        ("[::]:9101", one("[::]:9101")),
        ("localhost:1", both(1)),
        ("unix:/run/x.sock", unix),
    ] {
        assert_eq!(listen(text), Ok(address), "{text}");
    }
    let incomplete = |text| format!("`{text}` needs an address and a port, such as 127.0.0.1:8000");
    let relative =
        |path| format!("`{path}` is not the absolute path of a socket, as in unix:/run/hinit.sock");
    for (text, expected) in [
        (
            "app:9101",
            "`app` is a name, and hinit resolves none: use an IP address or localhost".to_owned(),
        ),
        ("127.0.0.1", incomplete("127.0.0.1")),
        ("9101", incomplete("9101")),
        (":9101", incomplete(":9101")),
        ("", incomplete("")),
        ("127.0.0.1:0", "`0` is not a port from 1 to 65535".into()),
        (
            "127.0.0.1:http",
            "`http` is not a port from 1 to 65535".into(),
        ),
        ("*:9101", "`*` is not an IP address".into()),
        (
            "http://127.0.0.1:9101",
            "an address has no scheme: leave out `http://`".into(),
        ),
        (
            "/run/x.sock",
            "a path needs a prefix: write `unix:/run/x.sock`".into(),
        ),
        ("unix:run/x.sock", relative("run/x.sock")),
        ("unix:/", relative("/")),
        ("unix:", relative("")),
    ] {
        assert_eq!(why(listen(text)), expected, "{text}");
    }
}
