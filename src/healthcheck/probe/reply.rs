//! An answer that must begin with some bytes, whatever the protocol is.

use super::{Finding, Progress, Reader};
use crate::text::Escaped;

/// An answer that is being read.
pub(super) struct Answer<'a> {
    reply: &'a [u8],
    /// All that has come: up to the length of the reply; or else, to show what came instead, up to the end of the line
    /// in which the two differ.
    bytes: Vec<u8>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(reply: &'a [u8]) -> Self {
        Self {
            reply,
            bytes: Vec::new(),
        }
    }

    /// What has come from the first byte on that is not that of the reply. None: there is no such byte.
    fn difference(&self) -> Option<&[u8]> {
        let mut pairs = self.bytes.iter().zip(self.reply);
        let at = pairs.position(|(byte, expected)| byte != expected)?;
        self.bytes.get(at..)
    }
}

impl Reader for Answer<'_> {
    fn read(&mut self, unread: &mut &[u8]) -> Progress {
        self.bytes.extend_from_slice(std::mem::take(unread));
        match self.difference() {
            None if self.bytes.len() < self.reply.len() => Progress::Undecided,
            Some(rest) if self.bytes.len() <= Escaped::MAX && !rest.contains(&b'\n') => {
                Progress::Decided
            }
            _ => Progress::Complete,
        }
    }

    fn finish(&mut self) -> Finding {
        if self.bytes.starts_with(self.reply) {
            return Finding::ExpectedReply;
        }
        if self.bytes.is_empty() {
            return Finding::ClosedEarly;
        }
        let rest = self.difference().unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\n');
        let behind = end.map_or(0, |end| rest.len() - end - "\n".len());
        // One byte more than is shown says that there is more.
        let shown = (self.bytes.len() - behind).min(Escaped::MAX + 1);
        self.bytes.truncate(shown);
        Finding::UnexpectedReply(std::mem::take(&mut self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fuzz::finding;
    use super::*;

    #[test]
    fn each_answer() {
        let unexpected = |bytes: &[u8]| Finding::UnexpectedReply(bytes.to_vec());
        let long = [b'y'; 5000];
        for (reply, answer, expected) in [
            (&b"+PONG"[..], &b"+PONG\r\n"[..], Finding::ExpectedReply),
            (b"+PONG\r\n", b"+PONG\r\n", Finding::ExpectedReply),
            (b"\0", b"\0", Finding::ExpectedReply),
            (b"+PONG", b"", Finding::ClosedEarly),
            (b"+PONG", b"+PON", unexpected(b"+PON")),
            (b"+PONG", b"+POND\r\nmore\n", unexpected(b"+POND\r\n")),
            (b"+PONG", b" +PONG", unexpected(b" +PONG")),
            (b"+PONG", b"\n", unexpected(b"\n")),
            (b"N", b"\0\xff", unexpected(b"\0\xff")),
            // The line with the difference is shown to its end, and all before it.
            (b"a\nb\n", b"a\nc\nd\n", unexpected(b"a\nc\n")),
            (&long, &long, Finding::ExpectedReply),
            (&long, &long[..4999], unexpected(&long[..101])),
            (b"x", &long, unexpected(&long[..101])),
            (b"x", &long[..100], unexpected(&long[..100])),
        ] {
            let found = finding(|| Answer::new(reply), answer, &[1, 2, 7, 100, 101]);
            assert_eq!(found, expected, "{}", answer.escape_ascii());
        }
    }

    #[test]
    fn nothing_is_read_that_says_nothing_more() {
        for (answer, progress) in [
            (&b""[..], Progress::Undecided),
            (b"+PON", Progress::Undecided),
            (b"+PONG", Progress::Complete),
            (b"-ERR", Progress::Decided),
            (b"-ERR\n", Progress::Complete),
            (&[b'-'; 100], Progress::Decided),
            (&[b'-'; 101], Progress::Complete),
        ] {
            let mut unread = answer;
            let read = Answer::new(b"+PONG").read(&mut unread);
            assert_eq!((read, unread), (progress, &b""[..]), "{answer:?}");
        }
    }
}
