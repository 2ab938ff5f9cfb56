//! HPACK (RFC 7541), as far as it takes to find two fields of an answer. There is no dynamic table:
//! the client's settings allow none. Huffman codes are compared, not decoded: of interest are one
//! name and numbers.

use super::push_varint;
use crate::cli::Header;

/// The fields that decide.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Statuses {
    pub(super) http: Option<u32>,
    pub(super) grpc: Option<u32>,
}

const STATUS: &[u8] = b":status";
const GRPC_STATUS: &[u8] = b"grpc-status";
/// The same, Huffman-coded.
const STATUS_CODED: &[u8] = &[0xb8, 0x84, 0x8d, 0x36, 0xa3];
const GRPC_STATUS_CODED: &[u8] = &[0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f];

/// The header block of the request, with fields of the user's own.
pub(super) fn request(path: &str, host: &str, metadata: &[Header]) -> Vec<u8> {
    let is_host = |name: &str| name.eq_ignore_ascii_case("host");
    let given_host = metadata.iter().find(|(name, _)| is_host(name));
    let host = given_host.map_or(host, |(_, value)| value);
    // `:method: POST` and `:scheme: http` are entries of the static table.
    let mut block = vec![0x83, 0x86];
    // `:path` and `:authority` are there by name.
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
        // HTTP/2 has no other letters (RFC 9113, 8.2).
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
    // A length of up to 126 fits its byte; what a longer one has more goes on in the next (5.1).
    if let Ok(length @ 0..127) = u8::try_from(text.len()) {
        block.push(length);
    } else {
        block.push(127);
        push_varint(block, text.len().saturating_sub(127));
    }
    block.extend(text.as_bytes());
}

/// Reads a header block. None: it is none.
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
            return Bits(self.bytes).number();
        }
        let digits = self.bytes.iter().all(u8::is_ascii_digit) && self.bytes.len() <= 4;
        str::from_utf8(self.bytes)
            .ok()
            .filter(|_| digits)?
            .parse()
            .ok()
    }
}

/// Huffman-coded text (RFC 7541, B), bit by bit.
struct Bits<'a>(&'a [u8]);

impl Bits<'_> {
    fn number(&self) -> Option<u32> {
        let (mut at, mut number, mut digits) = (0, 0, 0);
        while !self.is_padding(at) {
            // 0 to 2 have 5 bits, 3 to 9 have 6.
            let (digit, length) = match self.take(at, 5)? {
                short @ 0..=2 => (short, 5),
                _ => (self.take(at, 6)?.checked_sub(0b01_1001)? + 3, 6),
            };
            at += length;
            digits += 1;
            number = number * 10 + digit;
            if digit > 9 || digits > 4 {
                return None;
            }
        }
        (digits > 0).then_some(number)
    }

    /// Whether only the end of the last byte is left, which is padded with ones.
    fn is_padding(&self, at: usize) -> bool {
        let left = self.0.len() * 8 - at;
        left < 8 && (0..left).all(|offset| self.bit(at + offset) == 1)
    }

    fn take(&self, at: usize, count: usize) -> Option<u32> {
        let bits = (at..at + count).map(|at| self.bit(at));
        (at + count <= self.0.len() * 8).then(|| bits.fold(0, |value, bit| value << 1 | bit))
    }

    fn bit(&self, at: usize) -> u32 {
        let byte = self.0.get(at / 8).copied().unwrap_or_default();
        u32::from(byte >> (7 - at % 8) & 1)
    }
}

/// An integer with a prefix of that many bits (RFC 7541, 5.1).
fn take_number(bytes: &mut &[u8], prefix: u8) -> Option<usize> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    let most = (1_u8 << prefix) - 1;
    let mut number = usize::from(first & most);
    if number < usize::from(most) {
        return Some(number);
    }
    // More than that is nothing that fits a frame.
    for shift in [0, 7, 14] {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
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
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(Text {
        is_coded,
        bytes: text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(is_coded: bool, bytes: &[u8]) -> Option<u32> {
        Text { is_coded, bytes }.number()
    }

    #[test]
    fn numbers_plain_and_coded() {
        for (is_coded, bytes, number) in [
            (false, &b"0"[..], Some(0)),
            (false, b"12", Some(12)),
            (false, b"5x", None),
            (false, b"", None),
            (false, b"12345", None),
            // 0: 00000, padded with 111. 5: 011011 11. 12: 00001 00010 111111.
            (true, &[0b0000_0111], Some(0)),
            (true, &[0b0110_1111], Some(5)),
            (true, &[0b0000_1000, 0b1011_1111], Some(12)),
            // 200: 00010 00000 00000 1.
            (true, &[0b0001_0000, 0b0000_0001], Some(200)),
            // 16: 00001 011100 11111.
            (true, &[0b0000_1011, 0b1001_1111], Some(16)),
            // `a` is 00011; padding of a whole byte is none.
            (true, &[0b0001_1111], None),
            (true, &[0b0000_0111, 0xff], None),
            (true, &[], None),
        ] {
            assert_eq!(text(is_coded, bytes), number, "{bytes:?}");
        }
    }

    #[test]
    fn the_coded_names_are_the_names() {
        // RFC 7541, B: the codes of its letters.
        let code = |letter| match letter {
            b'g' => "100110",
            b'r' => "101100",
            b'p' => "101011",
            b'c' => "00100",
            b'-' => "010110",
            b's' => "01000",
            b't' => "01001",
            b'a' => "00011",
            b'u' => "101101",
            b':' => "1011100",
            _ => panic!("{letter}"),
        };
        for (name, coded) in [(STATUS, STATUS_CODED), (GRPC_STATUS, GRPC_STATUS_CODED)] {
            let mut bits: String = name.iter().map(|letter| code(*letter)).collect();
            while !bits.len().is_multiple_of(8) {
                bits.push('1');
            }
            let number = u64::from_str_radix(&bits, 2).unwrap();
            assert!(number.to_be_bytes().ends_with(coded), "{number:x}");
            assert_eq!(coded.len(), bits.len() / 8);
        }
    }

    #[test]
    fn header_blocks() {
        let both = |http, grpc| Some(Statuses { http, grpc });
        let literal = |name: &[u8], value: &[u8]| {
            let mut block = vec![0, u8::try_from(name.len()).unwrap()];
            block.extend(name);
            block.push(u8::try_from(value.len()).unwrap());
            block.extend(value);
            block
        };
        let status = literal(b"grpc-status", b"5");
        let mut coded = vec![0x40, 0x88];
        coded.extend(GRPC_STATUS_CODED);
        coded.extend([0x81, 0b0110_1111]);
        for (block, expected) in [
            (vec![], both(None, None)),
            (vec![0x88], both(Some(200), None)),
            (vec![0x8d], both(Some(404), None)),
            // `:status` by name, 200 as a Huffman code; then a table size of 0.
            (vec![0x20, 0x48, 0x82, 0x10, 0x01], both(Some(200), None)),
            (status.clone(), both(None, Some(5))),
            (literal(b":status", b"503"), both(Some(503), None)),
            (coded.clone(), both(None, Some(5))),
            (
                [vec![0x88], literal(b"x", b"y"), coded].concat(),
                both(Some(200), Some(5)),
            ),
            (literal(b"grpc-message", b"5"), both(None, None)),
            // A static name of another field, never to be indexed.
            (vec![0x1f, 0x10, 1, b'x'], both(None, None)),
            (literal(b"grpc-status", b"five"), None),
            (status[..status.len() - 1].to_vec(), None),
            (vec![0xff, 0xff, 0xff, 0xff, 0xff], None),
            (vec![0x00, 0x7f], None),
        ] {
            assert_eq!(statuses(&block), expected, "{block:x?}");
        }
    }

    #[test]
    fn metadata() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = [
            field("X-Token", "a, B"),
            field("Host", "example.org"),
            field("key-bin", "AAE="),
        ];
        let block = request("/p", "h:1", &fields);
        let contains = |bytes: &[u8]| block.windows(bytes.len()).any(|part| part == bytes);
        assert!(contains(b"\x01\x0bexample.org\0"));
        assert!(block.ends_with(b"\0\x07x-token\x04a, B\0\x07key-bin\x04AAE="));
        assert!(!contains(b"h:1") && !contains(b"host"));
    }

    #[test]
    fn long_strings() {
        for length in [0, 126, 127, 128, 254, 255, 256, 5000] {
            let mut block = Vec::new();
            push_string(&mut block, &"x".repeat(length));
            let mut rest = &block[..];
            assert_eq!(take_string(&mut rest).unwrap().bytes.len(), length);
            assert!(rest.is_empty());
        }
    }
}
