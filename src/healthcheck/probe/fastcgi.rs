//! FastCGI 1.0, as far as a health check needs it: one request, and its answer, which HTTP's reader judges.

use super::{Finding, Progress, Reader, Unread, http};
use crate::cli::Http;

const END_REQUEST: u8 = 3;
const PARAMS: u8 = 4;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;

/// Begins a request to a responder, on a connection that is closed afterwards, with the variables that are always the
/// same. Go's server refuses a request without the protocol.
const BEGIN: &[u8] = b"\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0\
\x01\x04\0\x01\0\x2c\0\0\x0e\x03REQUEST_METHODGET\x0f\x08SERVER_PROTOCOLHTTP/1.1";
/// The ends of the variables and of the body.
const END: &[u8] = &[1, PARAMS, 0, 1, 0, 0, 0, 0, 1, 5, 0, 1, 0, 0, 0, 0];

const FASTCGI: &str = "FastCGI";
const NOT_FASTCGI: Finding = Finding::WrongProtocol(FASTCGI);

/// All bytes that the client sends: a GET request without a body. The target fits a record.
// Not inlined, because variables of the caller's large stack frame take longer instructions.
#[inline(never)]
pub(super) fn request(target: &str) -> Vec<u8> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut bytes = BEGIN.to_vec();
    // PHP-FPM compares its ping.path with the first, and runs the script of the second. It needs all of a variable in
    // one record.
    for (name, value) in &[
        ("SCRIPT_NAME", path),
        ("SCRIPT_FILENAME", path),
        ("QUERY_STRING", query),
    ] {
        let [.., high, low] = (name.len() + 5 + value.len()).to_be_bytes();
        let [.., name_length] = name.len().to_be_bytes();
        // A length of four bytes has the highest bit set.
        let [.., c, d] = value.len().to_be_bytes();
        bytes.extend(&[1, PARAMS, 0, 1, high, low, 0, 0, name_length, 0x80, 0, c, d]);
        bytes.extend(name.as_bytes());
        bytes.extend(value.as_bytes());
    }
    bytes.extend(END);
    bytes
}

/// An answer that is being read. Unlike that of HTTP it counts only once the server has ended it, because every
/// answer has an end, and a worker that crashes sends none.
pub(super) struct Answer<'a> {
    /// What the script has printed, which the records cut anywhere.
    stdout: Unread,
    http: http::Answer<'a>,
    finding: Option<Finding>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(http: &'a Http) -> Self {
        let mut answer = Self {
            stdout: Unread::default(),
            http: http::Answer::of_cgi(http),
            finding: None,
        };
        // For the reader of HTTP. A field replaces this status (RFC 3875, 6.3.3).
        let _undecided = answer.stdout.feed(b"HTTP/1.1 200 OK\r\n", &mut answer.http);
        answer
    }

    /// Reads the records that are complete.
    fn read_records(&mut self, unread: &mut &[u8]) -> Option<Finding> {
        loop {
            let &[version, kind, id_high, id_low, high, low, padding, _] = unread.first_chunk()?;
            if [version, id_high, id_low] != [1, 0, 1] {
                return Some(NOT_FASTCGI);
            }
            let length = usize::from(u16::from_be_bytes([high, low]));
            let record = unread.split_off(..8 + length + usize::from(padding))?;
            let content = record.get(8..8 + length).unwrap_or_default();
            match (kind, content) {
                (STDERR, _) => continue,
                (STDOUT, _) => {
                    if self.stdout.feed(content, &mut self.http) != Progress::Complete {
                        continue;
                    }
                }
                (END_REQUEST, [_, _, _, _, 0, ..]) => {}
                (END_REQUEST, [_, _, _, _, status, ..]) => {
                    return Some(Finding::Refused(FASTCGI, (*status).into()));
                }
                _ => return Some(NOT_FASTCGI),
            }
            return Some(match self.http.finish() {
                Finding::WrongProtocol(_) => NOT_FASTCGI,
                finding => finding,
            });
        }
    }
}

impl Reader for Answer<'_> {
    fn read(&mut self, unread: &mut &[u8]) -> Progress {
        self.finding = self.read_records(unread);
        match self.finding {
            Some(_) => Progress::Complete,
            None => Progress::Undecided,
        }
    }

    fn finish(&mut self) -> Finding {
        self.finding.take().unwrap_or(Finding::ClosedEarly)
    }
}

#[cfg(test)]
mod tests;
