//! The body of an HTTP answer: where it ends, and whether it contains what it must.

use httparse::Status;

use super::NOT_HTTP;
use super::head::{Framing, Head};
use crate::cli::{Http, Written};
use crate::verdict::Finding;

/// How much of a body is searched for texts.
pub(super) const MAX_SEARCHED: usize = 64 * 1024;
/// The maximum length of a line that contains the size of a chunk.
const MAX_CHUNK_LINE: usize = 1024;

pub(super) struct Body<'a> {
    code: u16,
    /// The finding if the body contains all texts that it must, and none of the others.
    finding: Option<Finding>,
    framing: Framing,
    /// The texts that are not found yet, those that must not be found, and the part of the body that was searched.
    missing: Vec<&'a Written<String>>,
    lacks: &'a [Written<String>],
    searched: Vec<u8>,
    /// There was more of the body.
    is_cut: bool,
}

impl<'a> Body<'a> {
    pub(super) fn new(http: &'a Http, head: Head, is_cgi: bool) -> Self {
        let Head { code, reason, .. } = head;
        let mut missing = Vec::new();
        let mut lacks: &[_] = &[];
        let mut expected = http.expect.iter();
        let finding = if expected.any(|codes| codes.contains(&code)) {
            missing.extend(&http.contains);
            lacks = &http.lacks;
            Finding::ExpectedStatus(code, reason)
        } else {
            Finding::UnexpectedStatus(code, reason)
        };
        // These answers have no body, whatever their fields are (RFC 9112, 6.3).
        let is_head = http.method == "HEAD" && !is_cgi;
        let framing = if is_head || matches!(code, 101 | 204 | 304) {
            Framing::Bytes(0)
        } else {
            head.framing
        };
        Self {
            code,
            finding: Some(finding),
            framing,
            missing,
            lacks,
            searched: Vec::new(),
            is_cut: false,
        }
    }

    /// Takes what belongs to the answer. True: the answer is complete.
    pub(super) fn read(&mut self, unread: &mut &[u8]) -> Result<bool, Finding> {
        let before = self.searched.len();
        let is_complete = self.take(unread);
        let searched = &self.searched;
        // Where a text ends for the first time.
        let end_of = |text: &Written<String>| {
            let text = text.value.as_bytes();
            // The first part of the text may have come before.
            let from = before.saturating_sub(text.len().saturating_sub(1));
            let new = searched.get(from..).unwrap_or_default();
            let at = new.windows(text.len()).position(|part| part == text)?;
            Some(from + at + text.len())
        };
        self.missing.retain(|text| end_of(text).is_none());
        let present = self
            .lacks
            .iter()
            .filter_map(|text| Some((end_of(text)?, text)));
        // The first one, so that the finding does not depend on where the bytes are cut.
        if let Some((_, text)) = present.min_by_key(|(end, _)| *end) {
            self.finding = Some(Finding::TextPresent(self.code, text.text.clone()));
            self.missing.clear();
            self.lacks = &[];
        }
        is_complete
    }

    fn take(&mut self, unread: &mut &[u8]) -> Result<bool, Finding> {
        loop {
            let mut unlimited = u64::MAX;
            let left = match &mut self.framing {
                Framing::Bytes(0) => return Ok(true),
                Framing::Trailers => return Ok(skip_trailers(unread)),
                Framing::Chunk {
                    left: left @ 0,
                    after_chunk,
                } => {
                    match next_chunk(unread, after_chunk)? {
                        Some(0) => self.framing = Framing::Trailers,
                        Some(size) => *left = size,
                        None => return Ok(false),
                    }
                    continue;
                }
                Framing::UntilClose => &mut unlimited,
                Framing::Bytes(left) | Framing::Chunk { left, .. } => left,
            };
            if unread.is_empty() {
                return Ok(false);
            }
            let length = usize::try_from(*left).map_or(unread.len(), |left| left.min(unread.len()));
            *left -= length as u64;
            let taken = unread.split_off(..length).unwrap_or_default();
            if !(self.missing.is_empty() && self.lacks.is_empty()) {
                let room = MAX_SEARCHED - self.searched.len();
                let fits = taken.get(..room).unwrap_or(taken);
                self.is_cut |= fits.len() < taken.len();
                self.searched.extend_from_slice(fits);
            }
        }
    }

    /// The finding, if it is known after this result of [`Self::read`].
    pub(super) fn judge(&mut self, read: Result<bool, Finding>) -> Option<Finding> {
        let has_ended = matches!(read, Ok(true)) || matches!(self.framing, Framing::Trailers);
        let is_searched = has_ended || self.searched.len() >= MAX_SEARCHED;
        if is_searched && !self.missing.is_empty() {
            self.text_missing()
        } else if self.is_cut && !self.lacks.is_empty() {
            Some(Finding::BodyTooLong(self.code))
        } else if self.missing.is_empty() && (has_ended || self.lacks.is_empty()) {
            self.finding.take()
        } else {
            read.err()
        }
    }

    /// The finding if the server has closed the connection now.
    pub(super) fn judge_end(&mut self) -> Option<Finding> {
        match self.framing {
            Framing::UntilClose if self.missing.is_empty() => self.finding.take(),
            Framing::UntilClose => self.text_missing(),
            Framing::Bytes(_) | Framing::Trailers | Framing::Chunk { .. } => None,
        }
    }

    fn text_missing(&self) -> Option<Finding> {
        let text = self.missing.first()?;
        Some(Finding::TextMissing(self.code, text.text.clone()))
    }
}

/// Takes the trailers that have come. True: the empty line after them was read, or a line is too long.
fn skip_trailers(unread: &mut &[u8]) -> bool {
    while let Some(end) = unread.iter().position(|&byte| byte == b'\n') {
        let line = unread.split_off(..=end);
        if matches!(line, Some([b'\r' | b'\n', ..])) {
            return true;
        }
    }
    unread.len() > MAX_CHUNK_LINE
}

/// The size of the next chunk. None: its line is not complete.
fn next_chunk(unread: &mut &[u8], after_chunk: &mut bool) -> Result<Option<u64>, Finding> {
    if *after_chunk {
        match *unread {
            [b'\r', b'\n', rest @ ..] => *unread = rest,
            [] | [b'\r'] => return Ok(None),
            _ => return Err(NOT_HTTP),
        }
        *after_chunk = false;
    }
    match httparse::parse_chunk_size(unread) {
        Ok(Status::Complete((length, size))) if length <= MAX_CHUNK_LINE => {
            let _line = unread.split_off(..length);
            *after_chunk = true;
            Ok(Some(size))
        }
        Ok(Status::Partial) if unread.len() < MAX_CHUNK_LINE => Ok(None),
        Ok(_) | Err(_) => Err(NOT_HTTP),
    }
}
