//! What a request contains, and which status codes are healthy.

use super::{Codes, Header};
use crate::cli::values::ParseError;
use crate::text::digits;

/// Adds the codes of a text such as `200-299,304` to the list; false, if it is wrong.
pub(in crate::cli) fn codes(text: &str, list: &mut Vec<Codes>) -> bool {
    text.split(',')
        .all(|text| range(text).map(|codes| list.push(codes)).is_some())
}

pub(super) fn range(text: &str) -> Option<Codes> {
    let code = |text: &str| {
        let code = u16::try_from(digits(text)?).ok();
        code.filter(|code| text.len() == 3 && (100..600).contains(code))
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = code(first)?..=code(last)?;
    (!range.is_empty()).then_some(range)
}

/// A field: a name by RFC 9110, 5.6.2, and a value without line ends; or why it is not sent.
pub(in crate::cli) fn header(text: &str, by_grpc: bool) -> Result<Header, ParseError<'_>> {
    const NO_FIELD: ParseError = ParseError::Not("a field such as `Accept: text/plain`");
    let (name, value) = text.split_once(':').ok_or(NO_FIELD)?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_name = !name.is_empty() && name.bytes().all(is_token);
    let is_value = !value.chars().any(|c| c.is_control() && c != '\t');
    if !(is_name && is_value) {
        return Err(NO_FIELD);
    }
    match why_not_sent(name, by_grpc) {
        None => Ok((name.to_owned(), value.trim_ascii().to_owned())),
        Some(why) => Err(ParseError::Because(why, "")),
    }
}

/// Why a field of this name is not sent, if it is not.
fn why_not_sent(name: &str, by_grpc: bool) -> Option<&'static str> {
    /// The first three are hinit's own; then gRPC's, and those that HTTP/2 does not allow (RFC 9113, 8.2.2).
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
