//! Answers that a fuzzer comes up with: no finding depends on where the bytes are cut, and none of them
//! makes a parser panic or keep what it may not.

use super::{Finding, Reader, grpc, http};
use crate::cli::Http;

/// An answer by gRPC, or by HTTP, with a text to look for in it or without.
pub(crate) fn fuzz(kind: u8, answer: &[u8]) {
    let options = |contains: Option<&str>| Http {
        head: false,
        headers: Vec::new(),
        expect: vec![200..=399],
        contains: contains.map(str::to_owned),
    };
    let (plain, searching) = (options(None), options(Some("up")));
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
    let found = bytes.chunks(size).find_map(|piece| reader.take(piece));
    found.unwrap_or_else(|| reader.end())
}
