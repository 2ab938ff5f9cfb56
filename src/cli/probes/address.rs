//! Addresses to connect to and to listen at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use crate::cli::values::ParseError;
use crate::text::digits;

/// Where something listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Tried in this order.
    Tcp(Vec<SocketAddr>),
    Unix(PathBuf),
}

/// Where hinit is to listen: a TCP address, or `unix:` and the absolute path of a socket.
pub(in crate::cli) fn listen(text: &str) -> Result<Address, ParseError<'_>> {
    match text.strip_prefix("unix:") {
        Some(path) if path.starts_with('/') && path.len() > 1 => Ok(Address::Unix(path.into())),
        Some(path) => Err(ParseError::Because(
            "`|` is not the absolute path of a socket, as in unix:/run/hinit.sock",
            path,
        )),
        None if text.starts_with('/') => Err(without_prefix(text)),
        None => {
            refuse_scheme(text)?;
            tcp(text, None)
        }
    }
}

pub(super) fn without_prefix(text: &str) -> ParseError<'_> {
    ParseError::Because("a path needs a prefix: write `unix:|`", text)
}

/// Refuses `http://` and the like before an address.
pub(super) fn refuse_scheme(text: &str) -> Result<(), ParseError<'_>> {
    match text.split_once('/') {
        Some((scheme, _)) if scheme.ends_with(':') => Err(ParseError::Because(
            "an address has no scheme: leave out `|//`",
            scheme,
        )),
        _ => Ok(()),
    }
}

/// `127.0.0.1:8000`, `[::1]:8000` or `localhost:8000`; the port may be left out only where there is a default.
#[inline(never)]
pub(super) fn tcp(text: &str, default_port: Option<u16>) -> Result<Address, ParseError<'_>> {
    if text.contains(',') {
        return Err(ParseError::Because(
            "`|` is more than one address: repeat the option",
            text,
        ));
    }
    let is_bracketed = text.starts_with('[');
    let colon = text.bytes().rposition(|byte| byte == b':');
    let parts = colon.and_then(|colon| Some((text.get(..colon)?, text.get(colon + 1..)?)));
    let (host, port) = match parts.filter(|(host, _)| !is_bracketed || host.ends_with(']')) {
        Some((host, port)) => (
            host,
            port_number(port).ok_or(ParseError::Because(
                "`|` is not a port from 1 to 65535",
                port,
            ))?,
        ),
        None => (
            text,
            default_port.ok_or(ParseError::Because(
                "`|` needs an address and a port, such as 127.0.0.1:8000",
                text,
            ))?,
        ),
    };
    // A server on "localhost" may listen at either address, and in some /etc/hosts the name has ::1 alone.
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(Address::Tcp(vec![
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
            SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port),
        ]));
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bare.unwrap_or(host).parse::<IpAddr>() {
        Ok(ip) if ip.is_ipv6() == bare.is_some() => {
            Ok(Address::Tcp(vec![SocketAddr::new(ip, port)]))
        }
        _ => Err(not_an_ip(text, host)),
    }
}

fn not_an_ip<'a>(text: &'a str, host: &'a str) -> ParseError<'a> {
    let has_letter = host.bytes().any(|byte| byte.is_ascii_alphabetic());
    if host.is_empty() {
        ParseError::Because(
            "`|` needs an address and a port, such as 127.0.0.1:8000",
            text,
        )
    } else if host.starts_with('[') {
        ParseError::Because("`|` is not an IP address", host)
    } else if host.contains(':') {
        ParseError::Because("an IPv6 address needs brackets: [::1]:8000", "")
    } else if has_letter {
        ParseError::Because(
            "`|` is a name, and hinit resolves none: use an IP address or localhost",
            host,
        )
    } else {
        ParseError::Because("`|` is not an IP address", host)
    }
}

fn port_number(text: &str) -> Option<u16> {
    let port = digits(text).and_then(|port| u16::try_from(port).ok());
    port.filter(|port| *port != 0)
}

#[cfg(test)]
mod tests;
