//! HTTP/1.1, as far as a health check needs it (RFC 9112): one request, one answer, no redirects.

use httparse::{EMPTY_HEADER, ParserConfig, Response, Status};

use super::{Finding, Progress, Reader};
use crate::cli::{Http, Url};
use crate::text::digits;

/// The most bytes and fields that the head of an answer may have.
const MAX_HEAD: usize = 16 * 1024;
const MAX_FIELDS: usize = 100;
/// How much of a body is looked at.
const MAX_BODY: usize = 64 * 1024;
/// The most bytes of a line that tells the size of a chunk.
const MAX_CHUNK_LINE: usize = 1024;

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
    body: Option<Body<'a>>,
    found: Option<Finding>,
}

/// A body that is searched for texts.
struct Body<'a> {
    code: u16,
    /// What is found if it holds all texts.
    found: Option<Finding>,
    framing: Framing,
    /// The texts that were not found yet, and the part of the body that was searched for them.
    missing: Vec<&'a str>,
    seen: Vec<u8>,
}

/// What is left of a body.
enum Framing {
    Bytes(u64),
    UntilTheEnd,
    /// The fields after the last chunk, up to an empty line.
    Trailers,
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
            found: None,
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
                Ok(None) if self.unread.len() < MAX_HEAD => return None,
                Ok(None) => return Some(Err(Finding::HeadTooLong)),
                Err(finding) => return Some(Err(finding)),
            }
        }
    }

    fn judge_head(&mut self, head: Head) {
        let Head { code, reason, .. } = head;
        let mut missing = Vec::new();
        let mut expected = self.http.expect.iter();
        let found = if expected.any(|codes| codes.contains(&code)) {
            let texts = self.http.contains.iter();
            missing.extend(texts.map(String::as_str));
            Finding::Answered(code, reason)
        } else {
            Finding::Unexpected(code, reason)
        };
        let mut body = Body {
            code,
            found: Some(found),
            framing: head.framing,
            missing,
            seen: Vec::new(),
        };
        // By the method or the code there is no body, whatever the fields say (RFC 9112, 6.3).
        if self.http.head || matches!(code, 101 | 204 | 304) {
            body.framing = Framing::Bytes(0);
        }
        self.body = Some(body);
    }
}

impl Reader for Answer<'_> {
    fn take(&mut self, bytes: &[u8]) -> Progress {
        self.unread.extend_from_slice(bytes);
        if self.body.is_none() {
            match self.read_head() {
                None => return Progress::Undecided,
                Some(Ok(head)) => self.judge_head(head),
                Some(Err(finding)) => {
                    self.found = Some(finding);
                    return Progress::Complete;
                }
            }
        }
        let Some(body) = &mut self.body else {
            return Progress::Undecided;
        };
        let (is_over, fault) = match body.read(&mut self.unread) {
            Ok(is_over) => (is_over, None),
            Err(fault) => (true, Some(fault)),
        };
        if self.found.is_none() {
            self.found = body.judge(is_over, fault);
        }
        match self.found {
            _ if is_over => Progress::Complete,
            Some(_) => Progress::Decided,
            None => Progress::Undecided,
        }
    }

    fn end(&mut self) -> Finding {
        let body = self.body.as_ref();
        let ended = body.filter(|body| matches!(body.framing, Framing::UntilTheEnd));
        let found = self.found.take();
        let found = found.or_else(|| ended.and_then(Body::lacks));
        found.unwrap_or(Finding::Closed)
    }
}

/// Parses a head. None: it is not whole yet.
fn head(bytes: &[u8]) -> Result<Option<Head>, Finding> {
    // One more, so that it does not depend on where the bytes are cut whether there are too many.
    let mut fields = [EMPTY_HEADER; MAX_FIELDS + 1];
    let mut response = Response::new(&mut fields);
    let parsed = ParserConfig::default().parse_response(&mut response, bytes);
    let length = match parsed {
        Ok(Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(Status::Partial) => return Ok(None),
        Ok(Status::Complete(_)) | Err(httparse::Error::TooManyHeaders) => {
            return Err(Finding::HeadTooLong);
        }
        Err(_) => return Err(Finding::IsNot("HTTP")),
    };
    if response.headers.len() > MAX_FIELDS {
        return Err(Finding::HeadTooLong);
    }
    let code = response.code.unwrap_or_default();
    let mut framing = Framing::UntilTheEnd;
    let mut is_coded = false;
    for field in response.headers.iter() {
        let value = field.value.trim_ascii();
        if field.name.eq_ignore_ascii_case("transfer-encoding") {
            // Several fields are one list, whose last coding decides. It beats a length (RFC 9112, 6.3).
            let codings = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
            for coding in codings.filter(|coding| !coding.is_empty()) {
                is_coded = true;
                framing = Framing::UntilTheEnd;
                if coding.eq_ignore_ascii_case(b"chunked") {
                    framing = Framing::Chunk {
                        left: 0,
                        after_chunk: false,
                    };
                }
            }
        } else if field.name.eq_ignore_ascii_case("content-length") && !is_coded {
            let length = str::from_utf8(value).ok().and_then(digits);
            framing = Framing::Bytes(length.ok_or(Finding::IsNot("HTTP"))?);
        }
    }
    Ok(Some(Head {
        length,
        code,
        reason: response.reason.unwrap_or_default().to_owned(),
        framing,
    }))
}

impl Body<'_> {
    /// Takes what belongs to the answer out of the bytes. True: there is no more of it.
    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Finding> {
        let before = self.seen.len();
        let is_over = self.take(bytes);
        let seen = &self.seen;
        self.missing.retain(|text| {
            // A part of the text may have come before.
            let from = before.saturating_sub(text.len().saturating_sub(1));
            let news = seen.get(from..).unwrap_or_default();
            !news.windows(text.len()).any(|part| part == text.as_bytes())
        });
        is_over
    }

    fn take(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Finding> {
        loop {
            let left = match &mut self.framing {
                Framing::Bytes(0) => return Ok(true),
                Framing::Trailers => return Ok(skip_trailers(bytes)),
                Framing::UntilTheEnd => None,
                Framing::Chunk {
                    left: left @ 0,
                    after_chunk,
                } => {
                    match next_chunk(bytes, after_chunk)? {
                        Some(0) => self.framing = Framing::Trailers,
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
            if !self.missing.is_empty() {
                let room = MAX_BODY - self.seen.len();
                let news = bytes.get(..taken.min(room)).unwrap_or_default();
                self.seen.extend_from_slice(news);
            }
            bytes.drain(..taken);
        }
    }

    /// What the body tells, as far as it was read.
    fn judge(&mut self, is_over: bool, fault: Option<Finding>) -> Option<Finding> {
        if self.missing.is_empty() {
            return self.found.take();
        }
        let is_searched = self.seen.len() >= MAX_BODY || matches!(self.framing, Framing::Trailers);
        if is_searched || (is_over && fault.is_none()) {
            self.lacks()
        } else {
            fault
        }
    }

    /// The first text that was not found.
    fn lacks(&self) -> Option<Finding> {
        let text = self.missing.first()?;
        Some(Finding::Lacks(self.code, (*text).to_owned()))
    }
}

/// Takes the trailers that have come. True: the empty line after them was read, or a line is too long.
fn skip_trailers(bytes: &mut Vec<u8>) -> bool {
    while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
        let is_empty = matches!(bytes.first(), Some(b'\r' | b'\n'));
        bytes.drain(..=end);
        if is_empty {
            return true;
        }
    }
    bytes.len() > MAX_CHUNK_LINE
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
        Ok(Status::Complete((length, size))) if length <= MAX_CHUNK_LINE => {
            bytes.drain(..length);
            *after_chunk = true;
            Ok(Some(size))
        }
        Ok(Status::Partial) if bytes.len() < MAX_CHUNK_LINE => Ok(None),
        _ => Err(WRONG),
    }
}

#[cfg(test)]
mod tests;
