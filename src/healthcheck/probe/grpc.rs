//! The gRPC health protocol (`grpc.health.v1.Health/Check`) over cleartext HTTP/2 (RFC 9113): one
//! fixed request, and of the answer as much as decides.

use super::{Finding, Progress, Reader};
use crate::cli::{Endpoint, Header};

mod hpack;

/// The most bytes of a frame: the protocol's default, and we allow no more.
const MAX_FRAME: usize = 16 * 1024;
/// The most bytes of all header blocks, and of the message.
const MAX_HEADERS: usize = 16 * 1024;
const MAX_MESSAGE: usize = 1024;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

const NOT_GRPC: Finding = Finding::IsNot("gRPC");

/// All that the client has to say: the preface, its settings, the request and its one message.
pub(super) fn request(endpoint: &Endpoint, metadata: &[Header]) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS_HEADER_TABLE_SIZE 0, so that there is no table to keep; SETTINGS_ENABLE_PUSH 0.
    push_frame(
        &mut bytes,
        SETTINGS,
        0,
        0,
        &[0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0],
    );
    let headers = hpack::request("/grpc.health.v1.Health/Check", &endpoint.host, metadata);
    push_frame(&mut bytes, HEADERS, END_HEADERS, 1, &headers);
    push_frame(&mut bytes, DATA, END_STREAM, 1, &message(&endpoint.service));
    bytes
}

fn push_frame(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u8, payload: &[u8]) {
    let [.., a, b, c] = payload.len().to_be_bytes();
    bytes.extend([a, b, c, kind, flags, 0, 0, 0, stream]);
    bytes.extend(payload);
}

/// A `HealthCheckRequest`, uncompressed: its field 1 is the service, a string.
fn message(service: &str) -> Vec<u8> {
    let mut request = Vec::new();
    if !service.is_empty() {
        request.push(0x0a);
        push_varint(&mut request, service.len());
        request.extend(service.as_bytes());
    }
    let [.., a, b, c, d] = request.len().to_be_bytes();
    let mut message = vec![0, a, b, c, d];
    message.extend(request);
    message
}

/// A number by 7 bits a byte, the lowest first, as both protocol buffers and HPACK have it.
fn push_varint(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        let [low, ..] = value.to_le_bytes();
        bytes.push(low | 0x80);
        value >>= 7;
    }
    let [low, ..] = value.to_le_bytes();
    bytes.push(low);
}

/// An answer on its way.
pub(super) struct Answer {
    unread: Vec<u8>,
    is_first: bool,
    /// A header block whose end has not come yet, and whether the stream ends with it.
    headers: Vec<u8>,
    ends_stream: bool,
    message: Vec<u8>,
    /// What the message says. It counts only if the trailers then say that the call went well.
    said: Option<Finding>,
    found: Option<Finding>,
}

impl Answer {
    pub(super) fn new() -> Self {
        Self {
            unread: Vec::new(),
            is_first: true,
            headers: Vec::new(),
            ends_stream: false,
            message: Vec::new(),
            said: None,
            found: None,
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Option<Finding> {
        if std::mem::take(&mut self.is_first) && kind != SETTINGS {
            return Some(NOT_GRPC);
        }
        let Some(content) = unpadded(kind, flags, payload) else {
            return Some(NOT_GRPC);
        };
        match (kind, stream) {
            (GOAWAY, _) => match (number_at(payload, 4), number_at(payload, 0) & 0x7fff_ffff) {
                // The connection is about to end, but our stream, which is the first, goes on (RFC 9113, 6.8).
                (0, 1..) => None,
                (code, _) => Some(Finding::Refused(code)),
            },
            (RST_STREAM, 1) => Some(Finding::Refused(number_at(payload, 0))),
            (DATA, 1) => self.data(flags, content),
            (HEADERS, 1) => {
                self.ends_stream = flags & END_STREAM != 0;
                let priority = if flags & PRIORITY != 0 { 5 } else { 0 };
                self.headers(flags, content.get(priority..).unwrap_or_default())
            }
            (CONTINUATION, 1) => self.headers(flags, content),
            // Settings, pings and window updates ask for answers that come too late to matter.
            _ => None,
        }
    }

    fn headers(&mut self, flags: u8, block: &[u8]) -> Option<Finding> {
        if self.headers.len() + block.len() > MAX_HEADERS {
            return Some(Finding::HeadTooLong);
        }
        self.headers.extend(block);
        if flags & END_HEADERS == 0 {
            return None;
        }
        let Some(statuses) = hpack::statuses(&self.headers) else {
            return Some(NOT_GRPC);
        };
        self.headers.clear();
        match (statuses.http, statuses.grpc) {
            // An interim response: the final one follows.
            (Some(100..=199), _) if !self.ends_stream => None,
            (_, Some(status @ 1..)) => Some(Finding::GrpcStatus(status)),
            (Some(code), None) if code != 200 => Some(Finding::Unexpected(
                u16::try_from(code).unwrap_or_default(),
                String::new(),
            )),
            (_, Some(0)) if self.ends_stream => Some(self.said.take().unwrap_or(Finding::Closed)),
            // Without a status it is no whole answer.
            _ if self.ends_stream => Some(Finding::Closed),
            _ => None,
        }
    }

    fn data(&mut self, flags: u8, bytes: &[u8]) -> Option<Finding> {
        if self.message.len() + bytes.len() > MAX_MESSAGE {
            return Some(NOT_GRPC);
        }
        self.message.extend(bytes);
        let Some((&[compressed, ..], _)) = self.message.split_first_chunk::<5>() else {
            return (flags & END_STREAM != 0).then_some(Finding::Closed);
        };
        let length = usize::try_from(number_at(&self.message, 1)).unwrap_or(usize::MAX);
        if compressed != 0 || length > MAX_MESSAGE {
            return Some(NOT_GRPC);
        }
        if let Some(response) = self.message.get(5..).and_then(|rest| rest.get(..length)) {
            match serving_status(response) {
                Some(1) => self.said = Some(Finding::Serving),
                Some(status) => self.said = Some(Finding::NotServing(status)),
                None => return Some(NOT_GRPC),
            }
        }
        (flags & END_STREAM != 0).then_some(Finding::Closed)
    }
}

impl Reader for Answer {
    fn take(&mut self, bytes: &[u8]) -> Progress {
        self.unread.extend_from_slice(bytes);
        self.found = self.read();
        match self.found {
            Some(_) => Progress::Complete,
            None => Progress::Undecided,
        }
    }

    fn end(&mut self) -> Finding {
        self.found.take().unwrap_or(Finding::Closed)
    }
}

impl Answer {
    /// Reads the frames that have come as a whole.
    fn read(&mut self) -> Option<Finding> {
        loop {
            let &[a, b, c, kind, flags, s0, s1, s2, s3] = self.unread.first_chunk()?;
            let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
            if length > MAX_FRAME {
                return Some(NOT_GRPC);
            }
            let frame = self.unread.get(9..9 + length)?.to_vec();
            self.unread.drain(..9 + length);
            let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
            let found = self.frame(kind, flags, stream, &frame);
            if found.is_some() {
                return found;
            }
        }
    }
}

/// What a frame holds, without the padding that two kinds may have. None, if there is more padding than
/// payload.
fn unpadded(kind: u8, flags: u8, payload: &[u8]) -> Option<&[u8]> {
    if flags & PADDED == 0 || ![DATA, HEADERS].contains(&kind) {
        return Some(payload);
    }
    let (&padding, rest) = payload.split_first()?;
    rest.get(..rest.len().checked_sub(padding.into())?)
}

/// A number of 32 bits; 0 where there are too few bytes.
fn number_at(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Field 1 of a `HealthCheckResponse`, a number; 0 where it is left out. None: this is no message.
fn serving_status(mut message: &[u8]) -> Option<u64> {
    let mut status = 0;
    while !message.is_empty() {
        let tag = take_varint(&mut message)?;
        match (tag >> 3, tag & 7) {
            (1, 0) => status = take_varint(&mut message)?,
            (_, 0) => drop(take_varint(&mut message)?),
            (_, kind @ (1 | 2 | 5)) => {
                let length = match kind {
                    1 => 8,
                    5 => 4,
                    _ => usize::try_from(take_varint(&mut message)?).ok()?,
                };
                message = message.get(length..)?;
            }
            _ => return None,
        }
    }
    Some(status)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
