//! URLs of web servers, by TCP or by a Unix socket.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::Url;
use super::address::{Address, tcp};
use super::transport::{self, Transport};
use crate::cli::values::ParseError;

pub(super) fn url(text: &str) -> Result<Url, ParseError<'_>> {
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) if rest.starts_with("//") && !scheme.contains('/') => {
            (scheme, rest.get(2..).unwrap_or_default())
        }
        _ => return Err(ParseError::Because(without_scheme(text), text)),
    };
    // Schemes are the same in any case (RFC 3986, 3.1).
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    let transport = if is("https") || is("https+unix") {
        transport::tls()?
    } else {
        Transport::Plain
    };
    let (path, host, target) = if is("http") || is("https") {
        let (host, target) = split_at_path(rest);
        (None, host, target)
    } else if is("http+unix") || is("https+unix") {
        let (path, target) = socket_and_target(rest)?;
        (Some(path), "localhost", target)
    } else {
        let why = "the scheme `|` is not http or http+unix";
        return Err(ParseError::Because(why, scheme));
    };
    // The fragment is for the client alone (RFC 9110, 4.2.5).
    let target = target.split('#').next().unwrap_or_default();
    // Another byte would end the request line, or make it malformed.
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ParseError::Because(
            "the path may contain only ASCII without blanks: write a blank as %20",
            "",
        ));
    }
    let address = match path {
        Some(path) => Address::Unix(path),
        None if host.contains('@') => {
            return Err(ParseError::Because(
                "a user in the URL is not sent: use `--header 'Authorization: ...'`",
                "",
            ));
        }
        None => tcp(host, Some(if transport.is_tls() { 443 } else { 80 }))?,
    };
    let slash = if target.starts_with('/') { "" } else { "/" };
    Ok(Url {
        transport,
        address,
        host: transport.host(host),
        target: format!("{slash}{target}"),
    })
}

/// What is wrong with a URL that has no scheme. Perhaps the scheme is all that is missing.
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

/// A socket's path, and what follows it. Both ways to write the path are read: `/run/app.sock:/health`, as in nginx, and
/// the percent-encoded `%2Frun%2Fapp.sock/health`, as in Python's libraries.
pub(super) fn socket_and_target(rest: &str) -> Result<(PathBuf, &str), ParseError<'_>> {
    let is_socket = |name: &str| name.as_bytes().ends_with(b".sock");
    let (shown, target) = if rest.starts_with('%') {
        split_at_path(rest)
    } else if let Some(parts) = rest.split_once(':') {
        parts
    } else if !is_socket(rest) && rest.split('/').any(is_socket) {
        return Err(ParseError::Because(
            "a colon belongs between the socket and the path: /run/app.sock:/health",
            "",
        ));
    } else {
        (rest, "")
    };
    let bytes = shown.as_bytes();
    let path = decoded(bytes.strip_suffix(b":").unwrap_or(bytes));
    match &*path {
        [b'/' | b'@', _, ..] if !path.contains(&0) => Ok((OsString::from_vec(path).into(), target)),
        _ => Err(ParseError::Because(
            "`|` is not the absolute path of a socket, as in /run/app.sock:/health",
            shown,
        )),
    }
}

/// Replaces each % and its two digits by the byte that they encode; all else stays as it is.
#[inline(never)]
fn decoded(mut text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    while let Some((first, rest)) = text.split_first() {
        let mut byte = *first;
        text = rest;
        if byte == b'%'
            && let Some(found) = hex_byte(rest)
        {
            (byte, text) = found;
        }
        decoded.push(byte);
    }
    decoded
}

/// The byte of two hexadecimal digits, and the text after them.
#[inline(never)]
pub(in crate::cli) fn hex_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, rest @ ..] = text else {
        return None;
    };
    Some((digit(*high)? << 4 | digit(*low)?, rest))
}

/// The value of a hexadecimal digit.
#[inline(never)]
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' | b'A'..=b'F' => Some((byte | 0x20) - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
