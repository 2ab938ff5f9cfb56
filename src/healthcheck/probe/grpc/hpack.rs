//! HPACK (RFC 7541), as far as it takes to find two fields of an answer. There is no dynamic table,
//! because the client's settings allow none. Huffman codes of names are compared, not decoded; only
//! numbers are decoded. Crates for HPACK decode all fields, for which they contain the table of Huffman codes.

use super::varint::push_varint;
use crate::cli::{Header, Transport};
use crate::text::digits;

/// The fields that the finding depends on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Statuses {
    pub(super) http: Option<u32>,
    pub(super) grpc: Option<u32>,
}

const STATUS: &[u8] = b":status";
const GRPC_STATUS: &[u8] = b"grpc-status";
/// Both names, Huffman-coded.
const STATUS_CODED: &[u8] = &[0xb8, 0x84, 0x8d, 0x36, 0xa3];
const GRPC_STATUS_CODED: &[u8] = &[0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f];

/// The header block of the request, with the user's own fields.
pub(super) fn request(
    path: &str,
    host: &str,
    transport: Transport,
    metadata: &[Header],
) -> Vec<u8> {
    let is_host = |name: &str| name.eq_ignore_ascii_case("host");
    let given_host = metadata.iter().find(|(name, _)| is_host(name));
    let host = given_host.map_or(host, |(_, value)| value);
    // `:method: POST`, `:scheme: http` and `:scheme: https` are entries of the static table.
    let scheme = if transport.is_tls() { 0x87 } else { 0x86 };
    let mut block = vec![0x83, scheme];
    // The static table has the names `:path` and `:authority`.
    push_literal(&mut block, Some(4), "", path);
    push_literal(&mut block, Some(1), "", host);
    push_literal(&mut block, None, "content-type", "application/grpc");
    push_literal(&mut block, None, "te", "trailers");
    push_literal(
        &mut block,
        None,
        "user-agent",
        concat!("hinit/", env!("CARGO_PKG_VERSION")),
    );
    for (name, value) in metadata.iter().filter(|(name, _)| !is_host(name)) {
        // Names must be in lower case (RFC 9113, 8.2).
        push_literal(&mut block, None, &name.to_ascii_lowercase(), value);
    }
    block
}

/// A literal field that is not put into the table (RFC 7541, 6.2.2).
fn push_literal(block: &mut Vec<u8>, index: Option<u8>, name: &str, value: &str) {
    block.push(index.unwrap_or_default());
    if index.is_none() {
        push_string(block, name);
    }
    push_string(block, value);
}

fn push_string(block: &mut Vec<u8>, text: &str) {
    // A length of up to 126 fits its byte; the rest of a longer one follows (5.1).
    if let Ok(length @ 0..127) = u8::try_from(text.len()) {
        block.push(length);
    } else {
        block.push(127);
        push_varint(block, text.len().saturating_sub(127));
    }
    block.extend(text.as_bytes());
}

/// Reads a header block. None: it is malformed.
pub(super) fn statuses(mut block: &[u8]) -> Option<Statuses> {
    let mut statuses = Statuses::default();
    while let Some(&first) = block.first() {
        if first & 0x80 != 0 {
            if let Some(code) = static_status(take_number(&mut block, 7)?) {
                statuses.http = Some(code);
            }
            continue;
        }
        if first & 0xe0 == 0x20 {
            // A new size of the table, which stays 0.
            take_number(&mut block, 5)?;
            continue;
        }
        // A literal, to be put into the table (of 6 bits) or not (of 4).
        let index = take_number(&mut block, if first & 0x40 == 0 { 4 } else { 6 })?;
        let name = match index {
            0 => Some(take_string(&mut block)?),
            _ => None,
        };
        let value = take_string(&mut block)?;
        match name {
            None if static_status(index).is_some() => statuses.http = value.number(),
            Some(name) if name.is(STATUS, STATUS_CODED) => statuses.http = value.number(),
            Some(name) if name.is(GRPC_STATUS, GRPC_STATUS_CODED) => {
                statuses.grpc = Some(value.number()?);
            }
            _ => {}
        }
    }
    Some(statuses)
}

/// The entries of the static table that are a `:status` (RFC 7541, A).
fn static_status(index: usize) -> Option<u32> {
    const CODES: [u32; 7] = [200, 204, 206, 304, 400, 404, 500];
    index.checked_sub(8).and_then(|at| CODES.get(at)).copied()
}

struct Text<'a> {
    is_coded: bool,
    bytes: &'a [u8],
}

impl Text<'_> {
    fn is(&self, plain: &[u8], coded: &[u8]) -> bool {
        self.bytes == if self.is_coded { coded } else { plain }
    }

    /// A decimal number of up to 4 digits. None: it is another text.
    fn number(&self) -> Option<u32> {
        if self.is_coded {
            return decoded_number(self.bytes);
        }
        let number = digits(str::from_utf8(self.bytes).ok()?)?;
        u32::try_from(number).ok().filter(|&number| number < 10_000)
    }
}

/// A Huffman-coded decimal number (RFC 7541, B). The digits 0 to 2 have codes of 5 bits, 3 to 9 of 6; what is
/// left of the last byte is padded with ones.
fn decoded_number(coded: &[u8]) -> Option<u32> {
    // Four digits have up to 24 bits.
    if coded.len() > 3 {
        return None;
    }
    let byte = |at| coded.get(at).copied().unwrap_or(0xff);
    // All bytes, with ones after them.
    let mut bits = u32::from_be_bytes([byte(0), byte(1), byte(2), 0xff]);
    let mut left = coded.len() * 8;
    let mut number = None;
    while left >= 8 || bits != u32::MAX {
        let (digit, length) = match bits >> 27 {
            digit @ 0..=2 => (digit, 5),
            _ => ((bits >> 26).checked_sub(0b01_1001)? + 3, 6),
        };
        if digit > 9 {
            return None;
        }
        left = left.checked_sub(length)?;
        // Shifts ones in.
        bits = !(!bits << length);
        number = Some(number.unwrap_or(0) * 10 + digit);
    }
    number
}

/// An integer with a prefix of `prefix` bits (RFC 7541, 5.1).
fn take_number(bytes: &mut &[u8], prefix: u8) -> Option<usize> {
    let first = *bytes.split_off_first()?;
    let max = (1_u8 << prefix) - 1;
    let mut number = usize::from(first & max);
    if number < usize::from(max) {
        return Some(number);
    }
    // A larger number does not fit a frame.
    for shift in [0, 7, 14] {
        let byte = *bytes.split_off_first()?;
        number += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take_string<'a>(bytes: &mut &'a [u8]) -> Option<Text<'a>> {
    let is_coded = bytes.first()? & 0x80 != 0;
    let length = take_number(bytes, 7)?;
    let bytes = bytes.split_off(..length)?;
    Some(Text { is_coded, bytes })
}

#[cfg(test)]
mod tests;
