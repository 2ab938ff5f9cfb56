//! Answers that a fuzzer comes up with: no finding depends on where the bytes are cut, and none of them
//! makes a parser panic or keep what it may not.

use super::{Finding, Progress, Reader, grpc, http};
use crate::cli::Http;

/// An answer by gRPC, or by HTTP, with a text to look for in it or without.
pub(crate) fn fuzz(kind: u8, answer: &[u8]) {
    let options = |contains: &[&str]| Http {
        head: false,
        headers: Vec::new(),
        expect: vec![200..=399],
        contains: contains.iter().map(|&text| text.to_owned()).collect(),
    };
    let (plain, searching) = (options(&[]), options(&["up", "200"]));
    match kind {
        b'g' => cut(grpc::Answer::new, answer),
        b'p' => cut(|| http::Answer::new(&plain), answer),
        _ => cut(|| http::Answer::new(&searching), answer),
    }
}

fn cut<R: Reader>(reader: impl Fn() -> R, bytes: &[u8]) {
    let whole = found(reader(), bytes, usize::MAX);
    for size in [1, 7, 1000] {
        assert_eq!(found(reader(), bytes, size), whole, "in pieces of {size}");
    }
}

fn found(mut reader: impl Reader, bytes: &[u8], size: usize) -> Finding {
    let mut pieces = bytes.chunks(size);
    let _complete = pieces.any(|piece| reader.take(piece) == Progress::Complete);
    reader.end()
}
