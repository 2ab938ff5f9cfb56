//! Feeds arbitrary bytes to the readers of answers. No finding depends on where the bytes are cut, and no bytes
//! make a reader panic or keep more than it may.

use super::{Finding, Progress, Reader, Unread, grpc, http};
use crate::cli::{Http, Written};

/// An answer by gRPC, or by HTTP: with texts that its body must contain, or without.
pub(crate) fn fuzz(kind: u8, answer: &[u8]) {
    let options = |contains: &[&str]| Http {
        head: false,
        headers: Vec::new(),
        expect: vec![200..=399],
        contains: contains
            .iter()
            .map(|&text| Written {
                text: text.to_owned(),
                value: text.to_owned(),
            })
            .collect(),
    };
    let (plain, searching) = (options(&[]), options(&["up", "200"]));
    match kind {
        b'g' => finding(grpc::Answer::default, answer, &[1, 7, 1000]),
        b'p' => finding(|| http::Answer::new(&plain), answer, &[1, 7, 1000]),
        _ => finding(|| http::Answer::new(&searching), answer, &[1, 7, 1000]),
    };
}

/// The finding of an answer, which is the same in pieces of these sizes.
#[track_caller]
pub(super) fn finding<R: Reader>(
    reader: impl Fn() -> R,
    answer: &[u8],
    sizes: &[usize],
) -> Finding {
    let whole = finding_in_pieces(reader(), answer, usize::MAX);
    for &size in sizes {
        let pieces = finding_in_pieces(reader(), answer, size);
        assert_eq!(pieces, whole, "in pieces of {size}");
    }
    whole
}

pub(super) fn finding_in_pieces(mut reader: impl Reader, answer: &[u8], size: usize) -> Finding {
    let mut unread = Unread::default();
    let mut pieces = answer.chunks(size);
    let _complete = pieces.any(|piece| unread.feed(piece, &mut reader) == Progress::Complete);
    reader.finish()
}
