//! What a request contains, and which status codes are healthy.

use super::{Codes, Header};
use crate::cli::values::{Expected, ParseError, position, require};
use crate::text::digits;

/// Adds the codes of a text such as `200-299` to the list.
pub(in crate::cli) fn codes<'t>(
    text: &'t str,
    _: &str,
    list: &mut Vec<Codes>,
) -> Result<(), ParseError<'t>> {
    let codes = range(text);
    let are_codes = codes.map(|codes| list.push(codes)).is_some();
    require(
        are_codes,
        Expected::plain("status codes such as 200 or 200-299,304"),
    )
}

/// `204` or `200-299`.
pub(super) fn range(text: &str) -> Option<Codes> {
    let code = |text: &str| {
        let code = u16::try_from(digits(text)?).ok();
        code.filter(|code| text.len() == 3 && (100..600).contains(code))
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = code(first)?..=code(last)?;
    (!range.is_empty()).then_some(range)
}

/// Adds a field, a name by RFC 9110, 5.6.2, and a value without line ends; or says why it is not sent.
pub(in crate::cli) fn header<'t>(
    text: &'t str,
    _: &str,
    headers: &mut Vec<Header>,
) -> Result<(), ParseError<'t>> {
    const NO_FIELD: ParseError =
        ParseError::Not(Expected::plain("a field such as `Accept: text/plain`"));
    let (name, value) = text.split_once(':').ok_or(NO_FIELD)?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_name = !name.is_empty() && name.bytes().all(is_token);
    let is_value = !value.chars().any(|c| c.is_control() && c != '\t');
    if !(is_name && is_value) {
        return Err(NO_FIELD);
    }
    // hinit sends these itself.
    if position(name, "connection,content-length,transfer-encoding").is_some() {
        return Err(ParseError::Because("hinit sets this field itself", ""));
    }
    // RFC 9112, 3.2: a server answers a second one with 400.
    let is_host = |name: &str| position(name, "host").is_some();
    if is_host(name) && headers.iter().any(|(other, _)| is_host(other)) {
        return Err(ParseError::Because("a request has only one Host", ""));
    }
    headers.push((name.to_owned(), value.trim_ascii().to_owned()));
    Ok(())
}

/// The name, or its start, of a field that must not be sent as metadata: it is gRPC's own, or HTTP/2 does not allow it
/// (RFC 9113, 8.2.2).
pub(in crate::cli) fn reserved_by_grpc(name: &str) -> Option<&'static str> {
    const RESERVED: &str = "grpc-,content-type,user-agent,te,keep-alive,proxy-connection,upgrade";
    let is_it = |reserved: &&str| {
        let start = name.get(..reserved.len()).unwrap_or_default();
        start.eq_ignore_ascii_case(reserved) && (start == name || reserved.ends_with('-'))
    };
    RESERVED.split(',').find(is_it)
}

#[cfg(test)]
mod tests;
