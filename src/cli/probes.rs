//! What a health check is to ask, from its text: URLs, addresses, services.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use super::values::ValueParser;
use crate::text::digits;

/// What a health check asks for besides the PID file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// A file, and how old it may be.
    Heartbeat(PathBuf, Duration),
    /// Something accepts connections.
    Unix(PathBuf),
    Tcp(Endpoint),
    Http(Url),
    Grpc(Endpoint),
}

/// What is said to every web server, and what is expected of it. (gRPC servers get the fields as well.)
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Http {
    /// HEAD in place of GET.
    pub(crate) head: bool,
    pub(crate) headers: Vec<Header>,
    pub(crate) expect: Vec<Codes>,
    /// All of these texts.
    pub(crate) contains: Vec<String>,
}

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

/// Why a text is no such probe, and the part of it that stands in place of the bar, if there is one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Why<'a>(pub(super) &'static str, pub(super) &'a str);

impl Why<'_> {
    pub(super) fn text(&self) -> String {
        let Self(text, part) = self;
        match text.split_once('|') {
            Some((before, after)) => format!("{before}{part}{after}"),
            None => (*text).to_owned(),
        }
    }
}

/// Reads the text of a probe's option.
pub(super) type Parse = fn(&str) -> Result<Probe, Why>;

/// A path, or `@NAME` for the abstract name (unix(7)).
pub(super) const UNIX: Parse = |text| match text.strip_prefix("unix:") {
    None if text != "@" => Ok(Probe::Unix(text.into())),
    _ => Err(Why("not a path, or @NAME for an abstract socket", "")),
};
pub(super) const HTTP: Parse = |text| url(text).map(Probe::Http);
pub(super) const TCP: Parse = |text| endpoint(text, false).map(Probe::Tcp);
pub(super) const GRPC: Parse = |text| endpoint(text, true).map(Probe::Grpc);
pub(super) const LISTEN: ValueParser<Address> = ValueParser {
    parse: listen,
    expected: "an address such as 127.0.0.1:9101, [::]:9101 or unix:/run/hinit.sock",
};
pub(super) const CODES: &str = "status codes such as 200 or 200-299,304";
pub(super) const PATH: ValueParser<PathBuf> = ValueParser {
    parse: |text| Some(text.into()),
    expected: "a path in UTF-8",
};
pub(super) const TEXT: ValueParser<String> = ValueParser {
    parse: |text| (!text.is_empty()).then(|| text.into()),
    expected: "a text in UTF-8",
};
/// Whether it is HEAD.
pub(super) const METHOD: ValueParser<bool> = ValueParser {
    parse: |text| match text {
        "GET" => Some(false),
        "HEAD" => Some(true),
        _ => None,
    },
    expected: "GET or HEAD",
};

fn url(text: &str) -> Result<Url, Why<'_>> {
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) if rest.starts_with("//") && !scheme.contains('/') => {
            (scheme, rest.get(2..).unwrap_or_default())
        }
        _ => return Err(Why(without_scheme(text), text)),
    };
    let (path, host, target) = match scheme {
        "http" => {
            let (host, target) = split_at_path(rest);
            (None, host, target)
        }
        "http+unix" => {
            let (path, target) = socket_and_target(rest)?;
            (Some(path), "localhost", target)
        }
        "https" => {
            return Err(Why(
                "hinit speaks no TLS: ask the server's plain HTTP port, or use `--tcp`",
                "",
            ));
        }
        _ => return Err(Why("the scheme `|` is not http or http+unix", scheme)),
    };
    // The fragment is the browser's own business.
    let target = target.split('#').next().unwrap_or_default();
    // Anything else would be a second request, or no request at all.
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Why(
            "the path may contain only ASCII without blanks: write others as %20",
            "",
        ));
    }
    let address = match path {
        Some(path) => Address::Unix(path),
        None if host.contains('@') => {
            return Err(Why(
                "a user in the URL is not sent: use `--header 'Authorization: ...'`",
                "",
            ));
        }
        None => tcp(host, Some(80))?,
    };
    let slash = if target.starts_with('/') { "" } else { "/" };
    Ok(Url {
        text: text.to_owned(),
        address,
        host: host.to_owned(),
        target: format!("{slash}{target}"),
    })
}

/// What is wrong with a URL that has no scheme: perhaps nothing else.
fn without_scheme(text: &str) -> &'static str {
    let is_address = |first: char| first.is_ascii_digit() || first == '[';
    if text.starts_with("localhost") || text.starts_with(is_address) {
        "the scheme is missing: did you mean `http://|`?"
    } else {
        "a URL begins with http:// or http+unix://"
    }
}

fn split_at_path(rest: &str) -> (&str, &str) {
    let end = rest.bytes().position(|byte| b"/?#".contains(&byte));
    rest.split_at_checked(end.unwrap_or(rest.len()))
        .unwrap_or_default()
}

/// Both ways to write a socket's path, percent-encoded or not: `/run/app.sock:/health`, as nginx has it, and
/// `%2Frun%2Fapp.sock/health`, as Python's libraries have it.
fn socket_and_target(rest: &str) -> Result<(PathBuf, &str), Why<'_>> {
    let is_socket = |name: &str| name.as_bytes().ends_with(b".sock");
    let (shown, target) = if rest.starts_with('%') {
        split_at_path(rest)
    } else if let Some(parts) = rest.split_once(':') {
        parts
    } else if !is_socket(rest) && rest.split('/').any(is_socket) {
        return Err(Why(
            "a colon belongs between the socket and the path: http+unix:///run/app.sock:/health",
            "",
        ));
    } else {
        (rest, "/")
    };
    let bytes = shown.as_bytes();
    let path = decoded(bytes.strip_suffix(b":").unwrap_or(bytes));
    match &*path {
        [b'/' | b'@', _, ..] if !path.contains(&0) => Ok((OsString::from_vec(path).into(), target)),
        _ => Err(Why(
            "`|` is not the absolute path of a socket, as in http+unix:///run/app.sock:/health",
            shown,
        )),
    }
}

/// With the byte that two digits behind a % stand for in their place; anything else stays as it is.
#[inline(never)]
fn decoded(mut text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    while let Some((first, rest)) = text.split_first() {
        let mut byte = *first;
        text = rest;
        if byte == b'%'
            && let [high, low, rest @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            byte = high << 4 | low;
            text = rest;
        }
        decoded.push(byte);
    }
    decoded
}

/// Of a hexadecimal number.
#[inline(never)]
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' | b'A'..=b'F' => Some((byte | 0x20) - b'a' + 10),
        _ => None,
    }
}

fn endpoint(text: &str, with_service: bool) -> Result<Endpoint, Why<'_>> {
    let (host, service) = match text.split_once('/') {
        Some((scheme, _)) if scheme.ends_with(':') => {
            return Err(Why("an address has no scheme: leave out `|//`", scheme));
        }
        Some(_) if !with_service => {
            return Err(Why(
                "an address has no path: did you mean `--http http://|`?",
                text,
            ));
        }
        Some(parts) => parts,
        None => (text, ""),
    };
    Ok(Endpoint {
        address: tcp(host, None)?,
        text: text.to_owned(),
        host: host.to_owned(),
        service: service.to_owned(),
    })
}

fn listen(text: &str) -> Option<Address> {
    match text.strip_prefix("unix:") {
        Some(path) => {
            let is_path = path.starts_with('/') && path.len() > 1;
            is_path.then(|| Address::Unix(path.into()))
        }
        None => tcp(text, None).ok(),
    }
}

/// `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`; without a port only where there is a default.
#[inline(never)]
fn tcp(text: &str, default_port: Option<u16>) -> Result<Address, Why<'_>> {
    if text.contains(',') {
        return Err(Why("`|` is more than one address: repeat the option", text));
    }
    let is_bracketed = text.starts_with('[');
    let colon = text.bytes().rposition(|byte| byte == b':');
    let parts = colon.and_then(|colon| Some((text.get(..colon)?, text.get(colon + 1..)?)));
    let (host, port) = match parts.filter(|(host, _)| !is_bracketed || host.ends_with(']')) {
        Some((host, port)) => (
            host,
            port_number(port).ok_or(Why("`|` is not a port from 1 to 65535", port))?,
        ),
        None => (
            text,
            default_port.ok_or(Why(
                "`|` needs an address and a port, such as 127.0.0.1:8000",
                text,
            ))?,
        ),
    };
    let at = |ip: IpAddr, host: &str| TcpAddress {
        socket: SocketAddr::new(ip, port),
        text: format!("{host}:{port}"),
    };
    // What listens on "localhost" may do so on either, and some names lead to ::1 only.
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(Address::Tcp(vec![
            at(Ipv4Addr::LOCALHOST.into(), "127.0.0.1"),
            at(Ipv6Addr::LOCALHOST.into(), "[::1]"),
        ]));
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bare.unwrap_or(host).parse::<IpAddr>() {
        Ok(ip) if ip.is_ipv6() == bare.is_some() => Ok(Address::Tcp(vec![at(ip, host)])),
        _ => Err(not_an_ip(text, host)),
    }
}

fn not_an_ip<'a>(text: &'a str, host: &'a str) -> Why<'a> {
    let has_letter = host.bytes().any(|byte| byte.is_ascii_alphabetic());
    if host.is_empty() {
        Why(
            "`|` needs an address and a port, such as 127.0.0.1:8000",
            text,
        )
    } else if host.starts_with('[') {
        Why("`|` is not an IP address", host)
    } else if host.contains(':') {
        Why("an IPv6 address needs brackets: [::1]:8000", "")
    } else if has_letter {
        Why(
            "`|` is a name, and hinit resolves none: use an IP address or localhost",
            host,
        )
    } else {
        Why("`|` is not an IP address", host)
    }
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

/// A name by RFC 9110, 5.6.2, and a value without line ends; or why it is not sent.
pub(super) fn header(text: &str, by_grpc: bool) -> Result<Header, &'static str> {
    const NO_FIELD: &str = "not a field such as `Accept: text/plain`";
    let (name, value) = text.split_once(':').ok_or(NO_FIELD)?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_name = !name.is_empty() && name.bytes().all(is_token);
    let is_value = !value.chars().any(|c| c.is_control() && c != '\t');
    let why_not = if is_name && is_value {
        why_not_sent(name, by_grpc)
    } else {
        Some(NO_FIELD)
    };
    match why_not {
        None => Ok((name.to_owned(), value.trim_ascii().to_owned())),
        Some(why) => Err(why),
    }
}

/// Why a field of this name is not sent, if it is not.
fn why_not_sent(name: &str, by_grpc: bool) -> Option<&'static str> {
    /// hinit's own; then gRPC's, and what HTTP/2 does not know (RFC 9113, 8.2.2).
    const NAMES: [&str; 9] = [
        "connection",
        "content-length",
        "transfer-encoding",
        "content-type",
        "user-agent",
        "te",
        "keep-alive",
        "proxy-connection",
        "upgrade",
    ];
    let start = name.get(.."grpc-".len()).unwrap_or_default();
    let is_grpc = start.eq_ignore_ascii_case("grpc-");
    let mut names = NAMES.iter();
    match names.position(|known| known.eq_ignore_ascii_case(name)) {
        Some(..3) => Some("hinit sets this field itself"),
        at if by_grpc && (is_grpc || at.is_some()) => Some("gRPC reserves this field"),
        _ => None,
    }
}

#[cfg(test)]
pub(super) fn tcp_address(text: &str) -> TcpAddress {
    TcpAddress {
        socket: text.parse().unwrap(),
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
