//! HTTP/1.1, as far as a health check needs it (RFC 9112): one request, one answer, no redirects.

use httparse::{EMPTY_HEADER, ParserConfig, Response, Status};

use super::{Finding, Reader};
use crate::cli::{Http, Url};
use crate::text::digits;

/// The most bytes and fields that the head of an answer may have.
const MOST_HEAD: usize = 16 * 1024;
const MOST_FIELDS: usize = 100;
/// How much of a body is looked at.
const MOST_BODY: usize = 64 * 1024;
/// The most bytes of a line that tells the size of a chunk.
const MOST_CHUNK_LINE: usize = 1024;

pub(super) fn request(url: &Url, http: &Http) -> Vec<u8> {
    let method = if http.head { "HEAD" } else { "GET" };
    let mut request = format!("{method} {} HTTP/1.1\r\n", url.target);
    let own = [
        ("Host", url.host.as_str()),
        ("User-Agent", concat!("hinit/", env!("CARGO_PKG_VERSION"))),
        ("Accept", "*/*"),
        ("Connection", "close"),
    ];
    let is_given = |name: &str| {
        let mut given = http.headers.iter();
        given.any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    let own = own.into_iter().filter(|(name, _)| !is_given(name));
    let given = http
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in own.chain(given) {
        for part in [name, ": ", value, "\r\n"] {
            request.push_str(part);
        }
    }
    request.push_str("\r\n");
    request.into_bytes()
}

/// An answer on its way.
pub(super) struct Answer<'a> {
    http: &'a Http,
    /// What was read and not yet understood.
    unread: Vec<u8>,
    /// Once the head was read.
    body: Option<Body>,
}

/// A body that is searched for a text.
struct Body {
    code: u16,
    reason: String,
    framing: Framing,
    seen: Vec<u8>,
}

/// What is left of a body.
enum Framing {
    Bytes(u64),
    UntilTheEnd,
    /// The bytes left of this chunk, and whether a line end comes before the next size.
    Chunk {
        left: u64,
        after_chunk: bool,
    },
}

/// The head of an answer.
struct Head {
    length: usize,
    code: u16,
    reason: String,
    framing: Framing,
}

impl<'a> Answer<'a> {
    pub(super) fn new(http: &'a Http) -> Self {
        Self {
            http,
            unread: Vec::new(),
            body: None,
        }
    }

    /// Reads heads until there is one of a final answer. None: more bytes are needed.
    fn read_head(&mut self) -> Option<Result<Head, Finding>> {
        loop {
            match head(&self.unread) {
                Ok(Some(head)) if (100..200).contains(&head.code) && head.code != 101 => {
                    self.unread.drain(..head.length);
                }
                Ok(Some(head)) => {
                    self.unread.drain(..head.length);
                    return Some(Ok(head));
                }
                Ok(None) if self.unread.len() < MOST_HEAD => return None,
                Ok(None) => return Some(Err(Finding::HeadTooLong)),
                Err(finding) => return Some(Err(finding)),
            }
        }
    }

    /// What the head alone tells, if that suffices.
    fn judge_head(&mut self, head: Head) -> Option<Finding> {
        let Head {
            code,
            reason,
            framing,
            ..
        } = head;
        if !self.http.expect.iter().any(|codes| codes.contains(&code)) {
            return Some(Finding::Unexpected(code, reason));
        }
        if self.http.contains.is_none() {
            return Some(Finding::Answered(code, reason));
        }
        self.body = Some(Body {
            code,
            reason,
            framing,
            seen: Vec::new(),
        });
        None
    }

    fn judge_body(&mut self) -> Option<Finding> {
        let (body, text) = (self.body.as_mut()?, self.http.contains.as_deref()?);
        let before = body.seen.len();
        let is_over = body.read(&mut self.unread);
        // A part of the text may have come before.
        let from = before.saturating_sub(text.len() - 1);
        let news = body.seen.get(from..).unwrap_or_default();
        if news.windows(text.len()).any(|part| part == text.as_bytes()) {
            let reason = std::mem::take(&mut body.reason);
            return Some(Finding::Answered(body.code, reason));
        }
        match is_over {
            Ok(true) => Some(Finding::Lacks(body.code, text.to_owned())),
            Ok(false) => None,
            Err(finding) => Some(finding),
        }
    }
}

impl Reader for Answer<'_> {
    fn take(&mut self, bytes: &[u8]) -> Option<Finding> {
        self.unread.extend_from_slice(bytes);
        if self.body.is_none() {
            let found = match self.read_head()? {
                Ok(head) => self.judge_head(head),
                Err(finding) => Some(finding),
            };
            if found.is_some() {
                return found;
            }
        }
        self.judge_body()
    }

    fn end(&mut self) -> Finding {
        match (&self.body, &self.http.contains) {
            (Some(body), Some(text)) if matches!(body.framing, Framing::UntilTheEnd) => {
                Finding::Lacks(body.code, text.clone())
            }
            _ => Finding::Closed,
        }
    }
}

/// Parses a head. None: it is not whole yet.
fn head(bytes: &[u8]) -> Result<Option<Head>, Finding> {
    // One more, so that it does not depend on where the bytes are cut whether there are too many.
    let mut fields = [EMPTY_HEADER; MOST_FIELDS + 1];
    let mut response = Response::new(&mut fields);
    let parsed = ParserConfig::default().parse_response(&mut response, bytes);
    let length = match parsed {
        Ok(Status::Complete(length)) if length <= MOST_HEAD => length,
        Ok(Status::Partial) => return Ok(None),
        Ok(Status::Complete(_)) | Err(httparse::Error::TooManyHeaders) => {
            return Err(Finding::HeadTooLong);
        }
        Err(_) => return Err(Finding::IsNot("HTTP")),
    };
    if response.headers.len() > MOST_FIELDS {
        return Err(Finding::HeadTooLong);
    }
    let code = response.code.unwrap_or_default();
    let mut framing = Framing::UntilTheEnd;
    for field in response.headers.iter() {
        let value = field.value.trim_ascii();
        if field.name.eq_ignore_ascii_case("transfer-encoding") {
            // It beats a length (RFC 9112, 6.3), wherever that stands.
            framing = Framing::Chunk {
                left: 0,
                after_chunk: false,
            };
            let last = value.get(value.len().saturating_sub("chunked".len())..);
            if !last.is_some_and(|last| last.eq_ignore_ascii_case(b"chunked")) {
                framing = Framing::UntilTheEnd;
            }
            break;
        }
        if field.name.eq_ignore_ascii_case("content-length") {
            let length = str::from_utf8(value).ok().and_then(digits);
            framing = Framing::Bytes(length.ok_or(Finding::IsNot("HTTP"))?);
        }
    }
    if code == 204 || code == 304 {
        framing = Framing::Bytes(0);
    }
    Ok(Some(Head {
        length,
        code,
        reason: response.reason.unwrap_or_default().to_owned(),
        framing,
    }))
}

impl Body {
    /// Takes what belongs to the body out of the bytes. True: there is no more that counts.
    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Finding> {
        loop {
            let left = match &mut self.framing {
                Framing::Bytes(0) => return Ok(true),
                Framing::UntilTheEnd => None,
                Framing::Chunk {
                    left: left @ 0,
                    after_chunk,
                } => {
                    match next_chunk(bytes, after_chunk)? {
                        Some(0) => return Ok(true),
                        Some(size) => *left = size,
                        None => return Ok(false),
                    }
                    continue;
                }
                Framing::Bytes(left) | Framing::Chunk { left, .. } => Some(left),
            };
            if bytes.is_empty() {
                return Ok(false);
            }
            let wanted = left.as_ref().map_or(u64::MAX, |left| **left);
            let taken = usize::try_from(wanted)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            if let Some(left) = left {
                *left -= taken as u64;
            }
            let room = MOST_BODY - self.seen.len();
            let news = bytes.get(..taken.min(room)).unwrap_or_default();
            self.seen.extend_from_slice(news);
            bytes.drain(..taken);
            if self.seen.len() >= MOST_BODY {
                return Ok(true);
            }
        }
    }
}

/// The size of the next chunk; None if its line is not whole yet.
fn next_chunk(bytes: &mut Vec<u8>, after_chunk: &mut bool) -> Result<Option<u64>, Finding> {
    const WRONG: Finding = Finding::IsNot("HTTP");
    if *after_chunk {
        match bytes.as_slice() {
            [b'\r', b'\n', ..] => drop(bytes.drain(..2)),
            [] | [b'\r'] => return Ok(None),
            _ => return Err(WRONG),
        }
        *after_chunk = false;
    }
    match httparse::parse_chunk_size(bytes) {
        Ok(Status::Complete((length, size))) if length <= MOST_CHUNK_LINE => {
            bytes.drain(..length);
            *after_chunk = true;
            Ok(Some(size))
        }
        Ok(Status::Partial) if bytes.len() < MOST_CHUNK_LINE => Ok(None),
        _ => Err(WRONG),
    }
}

#[cfg(test)]
mod tests;
