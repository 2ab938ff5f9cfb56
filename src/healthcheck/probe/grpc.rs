//! The gRPC health protocol (`grpc.health.v1.Health/Check`) over HTTP/2 (RFC 9113): one
//! fixed request, and as much of the answer as the finding needs.

use super::{Finding, Progress, Reader};
use crate::cli::{Endpoint, Header};

mod hpack;
mod varint;

use varint::{push_varint, take_varint};

/// The maximum size of a frame: the protocol's default (`SETTINGS_MAX_FRAME_SIZE`).
const MAX_FRAME: usize = 16 * 1024;
/// The maximum sizes of a header block and of the message.
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

const NOT_GRPC: Finding = Finding::WrongProtocol("gRPC");

/// All bytes that the client sends: the preface, its settings, the request and its one message.
pub(super) fn request(endpoint: &Endpoint, metadata: &[Header]) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS_HEADER_TABLE_SIZE 0, so that there is no dynamic table; SETTINGS_ENABLE_PUSH 0.
    push_frame(
        &mut bytes,
        SETTINGS,
        0,
        0,
        &[0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0],
    );
    let headers = hpack::request(
        "/grpc.health.v1.Health/Check",
        &endpoint.host,
        endpoint.transport,
        metadata,
    );
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

/// An answer that is being read.
#[derive(Default)]
pub(super) struct Answer {
    has_settings: bool,
    /// A header block whose end has not come yet, and whether the stream ends with it.
    headers: Vec<u8>,
    ends_stream: bool,
    message: Vec<u8>,
    /// The finding in the message. It counts only if the trailers then report that the call succeeded.
    reported: Option<Finding>,
    finding: Option<Finding>,
}

impl Answer {
    fn read_frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Option<Finding> {
        // The first frame must be the server's settings (RFC 9113, 3.4).
        self.has_settings |= kind == SETTINGS;
        if !self.has_settings {
            return Some(NOT_GRPC);
        }
        let Some(content) = unpadded(kind, flags, payload) else {
            return Some(NOT_GRPC);
        };
        match (kind, stream) {
            (GOAWAY, _) => match (number_at(payload, 4), number_at(payload, 0) & 0x7fff_ffff) {
                // The connection is about to end, but the server still answers on stream 1 (RFC 9113, 6.8).
                (0, 1..) => None,
                (code, _) => Some(Finding::Refused("HTTP/2", code)),
            },
            (RST_STREAM, 1) => Some(Finding::Refused("HTTP/2", number_at(payload, 0))),
            (DATA, 1) => self.read_data(flags, content),
            (HEADERS, 1) => {
                self.ends_stream = flags & END_STREAM != 0;
                let priority = if flags & PRIORITY != 0 { 5 } else { 0 };
                self.read_headers(flags, content.get(priority..).unwrap_or_default())
            }
            (CONTINUATION, 1) => self.read_headers(flags, content),
            // Settings, pings and window updates need no answer within the time of a check.
            _ => None,
        }
    }

    fn read_headers(&mut self, flags: u8, block: &[u8]) -> Option<Finding> {
        if self.headers.len() + block.len() > MAX_HEADERS {
            return Some(Finding::HeadersTooLong);
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
            (Some(code), None) if code != 200 => Some(Finding::UnexpectedStatus(
                u16::try_from(code).unwrap_or_default(),
                String::new(),
            )),
            (_, Some(0)) if self.ends_stream => {
                Some(self.reported.take().unwrap_or(Finding::ClosedEarly))
            }
            // Without a status the answer is not complete.
            _ if self.ends_stream => Some(Finding::ClosedEarly),
            _ => None,
        }
    }

    fn read_data(&mut self, flags: u8, bytes: &[u8]) -> Option<Finding> {
        if self.message.len() + bytes.len() > MAX_MESSAGE {
            return Some(NOT_GRPC);
        }
        self.message.extend(bytes);
        let Some((&[compressed, ..], _)) = self.message.split_first_chunk::<5>() else {
            return (flags & END_STREAM != 0).then_some(Finding::ClosedEarly);
        };
        let length = usize::try_from(number_at(&self.message, 1)).unwrap_or(usize::MAX);
        if compressed != 0 || length > MAX_MESSAGE {
            return Some(NOT_GRPC);
        }
        if let Some(response) = self.message.get(5..).and_then(|rest| rest.get(..length)) {
            match serving_status(response) {
                Some(1) => self.reported = Some(Finding::Serving),
                Some(status) => self.reported = Some(Finding::NotServing(status)),
                None => return Some(NOT_GRPC),
            }
        }
        (flags & END_STREAM != 0).then_some(Finding::ClosedEarly)
    }
}

impl Reader for Answer {
    fn read(&mut self, unread: &mut &[u8]) -> Progress {
        self.finding = self.read_frames(unread);
        match self.finding {
            Some(_) => Progress::Complete,
            None => Progress::Undecided,
        }
    }

    fn finish(&mut self) -> Finding {
        self.finding.take().unwrap_or(Finding::ClosedEarly)
    }
}

impl Answer {
    /// Reads the frames that are complete.
    fn read_frames(&mut self, unread: &mut &[u8]) -> Option<Finding> {
        loop {
            let &[a, b, c, kind, flags, s0, s1, s2, s3] = unread.first_chunk()?;
            let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
            if length > MAX_FRAME {
                return Some(NOT_GRPC);
            }
            let frame = unread.split_off(..9 + length)?;
            let payload = frame.get(9..).unwrap_or_default();
            let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
            let finding = self.read_frame(kind, flags, stream, payload);
            if finding.is_some() {
                return finding;
            }
        }
    }
}

/// The payload without the padding that DATA and HEADERS may have. None: there is more padding than
/// payload.
fn unpadded(kind: u8, flags: u8, payload: &[u8]) -> Option<&[u8]> {
    if flags & PADDED == 0 || ![DATA, HEADERS].contains(&kind) {
        return Some(payload);
    }
    let (&padding, rest) = payload.split_first()?;
    rest.get(..rest.len().checked_sub(padding.into())?)
}

/// A number of 32 bits; 0 if there are too few bytes.
fn number_at(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Field 1 of a `HealthCheckResponse`, a number; 0 if it is left out. None: this is not a message.
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
                message.split_off(..length)?;
            }
            _ => return None,
        }
    }
    Some(status)
}

#[cfg(test)]
mod tests;
