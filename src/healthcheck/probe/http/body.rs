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
    /// The finding if the body contains all texts.
    finding: Option<Finding>,
    framing: Framing,
    /// The texts that are not found yet, and the part of the body that was searched for them.
    missing: Vec<&'a Written<String>>,
    searched: Vec<u8>,
}

impl<'a> Body<'a> {
    pub(super) fn new(http: &'a Http, head: Head) -> Self {
        let Head { code, reason, .. } = head;
        let mut missing = Vec::new();
        let mut expected = http.expect.iter();
        let finding = if expected.any(|codes| codes.contains(&code)) {
            missing.extend(&http.contains);
            Finding::ExpectedStatus(code, reason)
        } else {
            Finding::UnexpectedStatus(code, reason)
        };
        // These answers have no body, whatever their fields are (RFC 9112, 6.3).
        let framing = if http.head || matches!(code, 101 | 204 | 304) {
            Framing::Bytes(0)
        } else {
            head.framing
        };
        Self {
            code,
            finding: Some(finding),
            framing,
            missing,
            searched: Vec::new(),
        }
    }

    /// Takes what belongs to the answer. True: the answer is complete.
    pub(super) fn read(&mut self, unread: &mut &[u8]) -> Result<bool, Finding> {
        let before = self.searched.len();
        let is_complete = self.take(unread);
        let searched = &self.searched;
        self.missing.retain(|missing| {
            let text = missing.value.as_bytes();
            // The first part of the text may have come before.
            let from = before.saturating_sub(text.len().saturating_sub(1));
            let new = searched.get(from..).unwrap_or_default();
            !new.windows(text.len()).any(|part| part == text)
        });
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
            if !self.missing.is_empty() {
                let room = MAX_SEARCHED - self.searched.len();
                let fits = taken.get(..room).unwrap_or(taken);
                self.searched.extend_from_slice(fits);
            }
        }
    }

    /// The finding, if it is known after this result of [`Self::read`].
    pub(super) fn judge(&mut self, read: Result<bool, Finding>) -> Option<Finding> {
        if self.missing.is_empty() {
            return self.finding.take();
        }
        let is_searched =
            self.searched.len() >= MAX_SEARCHED || matches!(self.framing, Framing::Trailers);
        match read {
            Ok(false) if !is_searched => None,
            Err(finding) if !is_searched => Some(finding),
            Ok(_) | Err(_) => self.text_missing(),
        }
    }

    /// The finding if the server has closed the connection now.
    pub(super) fn judge_end(&mut self) -> Option<Finding> {
        match self.framing {
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
