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
    let block = request("/p", "h:1", Transport::Plain, &fields);
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
