//! The head of an HTTP answer: its status line and header fields.

use httparse::{EMPTY_HEADER, Header, ParserConfig, Response, Status};

use super::NOT_HTTP;
use crate::text::digits;
use crate::verdict::Finding;

pub(super) const MAX_BYTES: usize = 16 * 1024;
pub(super) const MAX_FIELDS: usize = 100;

pub(super) struct Head {
    pub(super) code: u16,
    pub(super) reason: String,
    pub(super) framing: Framing,
}

/// What is left of a body.
pub(super) enum Framing {
    Bytes(u64),
    UntilClose,
    /// The fields after the last chunk, up to an empty line.
    Trailers,
    /// The bytes left of this chunk, and whether a line end comes before the next size.
    Chunk {
        left: u64,
        after_chunk: bool,
    },
}

/// Reads heads up to that of the final answer. None: more bytes are needed.
pub(super) fn read_head(unread: &mut &[u8], is_cgi: bool) -> Result<Option<Head>, Finding> {
    loop {
        let Some((length, head)) = parse(unread, is_cgi)? else {
            return if unread.len() < MAX_BYTES {
                Ok(None)
            } else {
                Err(Finding::HeadersTooLong)
            };
        };
        let _head = unread.split_off(..length);
        // Interim answers come first (RFC 9110, 15.2). 101 is final: HTTP ends with it.
        if !matches!(head.code, 100 | 102..=199) {
            return Ok(Some(head));
        }
    }
}

/// Parses a head, and returns its length too. None: it is not complete.
fn parse(bytes: &[u8], is_cgi: bool) -> Result<Option<(usize, Head)>, Finding> {
    // One more than allowed, so that the finding does not depend on where the bytes are cut.
    let mut fields = [EMPTY_HEADER; MAX_FIELDS + 1];
    let mut response = Response::new(&mut fields);
    let parsed = ParserConfig::default().parse_response(&mut response, bytes);
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Finding::HeadersTooLong),
        Err(_) => return Err(NOT_HTTP),
    };
    if length > MAX_BYTES || response.headers.len() > MAX_FIELDS {
        return Err(Finding::HeadersTooLong);
    }
    let mut code = response.code.unwrap_or_default();
    let mut reason = response.reason.unwrap_or_default();
    let framing = if is_cgi {
        // A field replaces the status (RFC 3875, 6.3.3).
        let mut fields = response.headers.iter();
        if let Some(field) = fields.find(|field| field.name.eq_ignore_ascii_case("status")) {
            let Some((number @ [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'], rest)) =
                field.value.split_first_chunk::<3>()
            else {
                return Err(NOT_HTTP);
            };
            code = number
                .iter()
                .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
            reason = str::from_utf8(rest.trim_ascii_start()).unwrap_or_default();
        }
        Framing::UntilClose
    } else {
        framing(response.headers)?
    };
    let head = Head {
        code,
        reason: reason.to_owned(),
        framing,
    };
    Ok(Some((length, head)))
}

/// How these fields say that the body ends (RFC 9112, 6.3).
fn framing(fields: &[Header]) -> Result<Framing, Finding> {
    let mut framing = Framing::UntilClose;
    let mut has_coding = false;
    for field in fields {
        let value = field.value.trim_ascii();
        if field.name.eq_ignore_ascii_case("transfer-encoding") {
            // Several fields are one list, whose last coding decides. It overrides a length.
            let codings = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
            for coding in codings.filter(|coding| !coding.is_empty()) {
                has_coding = true;
                framing = if coding.eq_ignore_ascii_case(b"chunked") {
                    Framing::Chunk {
                        left: 0,
                        after_chunk: false,
                    }
                } else {
                    Framing::UntilClose
                };
            }
        } else if field.name.eq_ignore_ascii_case("content-length") && !has_coding {
            let length = str::from_utf8(value).ok().and_then(digits);
            framing = Framing::Bytes(length.ok_or(NOT_HTTP)?);
        }
    }
    Ok(framing)
}
