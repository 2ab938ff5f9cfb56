//! What a health check is to ask, from its text: URLs, addresses, services.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::healthcheck::Probe;
use super::values::Kind;
use crate::text::digits;

/// Where something listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// To be tried in this order.
    Tcp(Vec<TcpAddress>),
    Unix(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TcpAddress {
    pub(crate) socket: SocketAddr,
    /// As it was given. (std's own text of an IPv6 address takes 2 KiB of code.)
    pub(crate) text: String,
}

/// A URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// As it was given: this is what the probe is called.
    pub(crate) text: String,
    pub(crate) address: Address,
    /// For the `Host` field.
    pub(crate) host: String,
    /// Path and query, from the slash on.
    pub(crate) target: String,
}

/// A TCP address, with the service to be asked for where it is gRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) text: String,
    pub(crate) host: String,
    pub(crate) address: Address,
    pub(crate) service: String,
}

/// A field of the request: its name and its value.
pub(crate) type Header = (String, String);

/// Status codes of an answer.
pub(crate) type Codes = RangeInclusive<u16>;

pub(super) const UNIX: Kind<Probe> = Kind {
    parse: |text| Some(Probe::Unix(text.into())),
    wanted: PATH.wanted,
};
pub(super) const HTTP: Kind<Probe> = Kind {
    parse: |text| url(text).map(Probe::Http),
    wanted: "a URL such as http://127.0.0.1:8000/health, http://[::1]:8000/, http://localhost/ or \
             http+unix:///run/app.sock:/health (hinit speaks no TLS, and looks up no names)",
};
pub(super) const TCP: Kind<Probe> = Kind {
    parse: |text| endpoint(text, false).map(Probe::Tcp),
    wanted: ADDRESS,
};
pub(super) const GRPC: Kind<Probe> = Kind {
    parse: |text| endpoint(text, true).map(Probe::Grpc),
    wanted: ADDRESS,
};
const ADDRESS: &str = "an address such as 127.0.0.1:8000, [::1]:8000 or localhost:8000 \
                       (hinit looks up no names)";
pub(super) const LISTEN: Kind<Address> = Kind {
    parse: listen,
    wanted: "an address such as 127.0.0.1:9101, [::]:9101 or unix:/run/hinit.sock",
};
pub(super) const CODES: &str = "status codes such as 200 or 200-299,304";
pub(super) const HEADER: Kind<Header> = Kind {
    parse: header,
    wanted: "a field such as `Accept: text/plain`",
};
pub(super) const PATH: Kind<PathBuf> = Kind {
    parse: |text| Some(text.into()),
    wanted: "a path in UTF-8",
};
pub(super) const TEXT: Kind<String> = Kind {
    parse: |text| Some(text.into()),
    wanted: "a text in UTF-8",
};
/// Whether it is HEAD.
pub(super) const METHOD: Kind<bool> = Kind {
    parse: |text| match text {
        "GET" => Some(false),
        "HEAD" => Some(true),
        _ => None,
    },
    wanted: "GET or HEAD",
};

fn url(text: &str) -> Option<Url> {
    let (address, host, target) = if let Some(rest) = text.strip_prefix("http+unix://") {
        let (path, target) = rest.split_once(':').unwrap_or((rest, "/"));
        (unix(path)?, "localhost", target)
    } else {
        let rest = text.strip_prefix("http://")?;
        let end = rest.bytes().position(|byte| b"/?#".contains(&byte));
        let (host, target) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        (tcp(host, Some(80))?, host, target)
    };
    // The fragment is the browser's own business.
    let target = target.split('#').next().unwrap_or_default();
    // Anything else would be a second request, or no request at all.
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let slash = if target.starts_with('/') { "" } else { "/" };
    Some(Url {
        text: text.to_owned(),
        address,
        host: host.to_owned(),
        target: format!("{slash}{target}"),
    })
}

fn endpoint(text: &str, with_service: bool) -> Option<Endpoint> {
    let (host, service) = match text.split_once('/') {
        Some((host, service)) if with_service => (host, service),
        Some(_) => return None,
        None => (text, ""),
    };
    Some(Endpoint {
        text: text.to_owned(),
        host: host.to_owned(),
        address: tcp(host, None)?,
        service: service.to_owned(),
    })
}

fn listen(text: &str) -> Option<Address> {
    match text.strip_prefix("unix:") {
        Some(path) => unix(path),
        None => tcp(text, None),
    }
}

fn unix(path: &str) -> Option<Address> {
    let is_path = path.starts_with('/') && path.len() > 1;
    is_path.then(|| Address::Unix(path.into()))
}

/// `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`; without a port only where there is a default.
fn tcp(text: &str, default_port: Option<u16>) -> Option<Address> {
    let colon = text.bytes().rposition(|byte| byte == b':');
    let (host, port) = match colon.filter(|_| !text.ends_with(']')) {
        Some(colon) => (text.get(..colon)?, port_number(text.get(colon + 1..)?)?),
        None => (text, default_port?),
    };
    let at = |ip: IpAddr, host: &str| TcpAddress {
        socket: SocketAddr::new(ip, port),
        text: format!("{host}:{port}"),
    };
    // What listens on "localhost" may do so on either, and some names lead to ::1 only.
    if host.eq_ignore_ascii_case("localhost") {
        return Some(Address::Tcp(vec![
            at(Ipv4Addr::LOCALHOST.into(), "127.0.0.1"),
            at(Ipv6Addr::LOCALHOST.into(), "[::1]"),
        ]));
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let ip: IpAddr = bare.unwrap_or(host).parse().ok()?;
    (ip.is_ipv6() == bare.is_some()).then(|| Address::Tcp(vec![at(ip, host)]))
}

fn port_number(text: &str) -> Option<u16> {
    let port = digits(text).and_then(|port| u16::try_from(port).ok());
    port.filter(|port| *port != 0)
}

/// Adds them to the list; whether that is what they are.
pub(super) fn codes(text: &str, list: &mut Vec<Codes>) -> bool {
    text.split(',')
        .all(|text| range(text).map(|codes| list.push(codes)).is_some())
}

fn range(text: &str) -> Option<Codes> {
    let code = |text: &str| {
        let code = u16::try_from(digits(text)?).ok();
        code.filter(|code| text.len() == 3 && (100..600).contains(code))
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = code(first)?..=code(last)?;
    (!range.is_empty()).then_some(range)
}

/// A name by RFC 9110, 5.6.2, and a value without line ends. Not those that hinit itself must say.
fn header(text: &str) -> Option<Header> {
    const OWN: [&str; 3] = ["connection", "content-length", "transfer-encoding"];
    let (name, value) = text.split_once(':')?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_name = !name.is_empty() && name.bytes().all(is_token);
    let is_own = OWN.iter().any(|own| own.eq_ignore_ascii_case(name));
    let is_value = !value.chars().any(|c| c.is_control() && c != '\t');
    (is_name && is_value && !is_own).then(|| (name.to_owned(), value.trim_ascii().to_owned()))
}

#[cfg(test)]
pub(super) fn tcp_address(text: &str) -> TcpAddress {
    TcpAddress {
        socket: text.parse().unwrap(),
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
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
        ] {
            let expected = Url {
                text: text.into(),
                address,
                host: host.into(),
                target: target.into(),
            };
            assert_eq!(url(text), Some(expected), "{text}");
        }
        for bad in [
            "",
            "127.0.0.1:8000",
            "https://127.0.0.1/",
            "http://example.org/",
            "http://",
            "http:///health",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:65536/",
            "http://127.0.0.1:+80/",
            "http://127.0.0.1:/",
            "http://127.0.0.01/",
            "http://127.1/",
            "http://::1/",
            "http://[::1/",
            "http://[localhost]/",
            "http://user@127.0.0.1/",
            "http://127.0.0.1/a b",
            "http://127.0.0.1/a\r\nX: y",
            "http://127.0.0.1/\u{fc}",
            "http+unix://run/app.sock",
            "http+unix:///",
            "HTTP://127.0.0.1/",
        ] {
            assert_eq!(url(bad), None, "{bad}");
        }
    }

    #[test]
    fn endpoints() {
        for (text, service, expected) in [
            ("127.0.0.1:50051", "", Some(one("127.0.0.1:50051"))),
            (
                "[::1]:50051/my.Service",
                "my.Service",
                Some(one("[::1]:50051")),
            ),
            ("localhost:1/", "", Some(both(1))),
            ("localhost:1/a/b", "a/b", Some(both(1))),
            ("127.0.0.1", "", None),
            ("example.org:80", "", None),
            (":80", "", None),
        ] {
            let found = endpoint(text, true);
            assert_eq!(
                found.as_ref().map(|found| &found.address),
                expected.as_ref(),
                "{text}"
            );
            assert!(found.is_none_or(|found| found.service == service), "{text}");
        }
        assert_eq!(endpoint("127.0.0.1:80/x", false), None);
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
            ("Connection: keep-alive", None),
            ("CONTENT-LENGTH: 5", None),
        ] {
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(header(text), expected, "{text}");
        }
    }
}
