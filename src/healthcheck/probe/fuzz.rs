//! Feeds arbitrary bytes to the readers of answers. No finding depends on where the bytes are cut, and no bytes
//! make a reader panic or keep more than it may.

use super::{Finding, Progress, Reader, Unread, fastcgi, grpc, http, reply};
use crate::cli::{Http, Written};

/// Texts that were written as they are.
pub(super) fn texts(texts: &[&str]) -> Vec<Written<String>> {
    let written = |text: &&str| Written {
        text: (*text).to_owned(),
        value: (*text).to_owned(),
    };
    texts.iter().map(written).collect()
}

/// An answer that must begin with a text, one over TLS, gRPC, FastCGI or HTTP: with texts that its body must contain,
/// with others that it must not, or with neither.
pub(crate) fn fuzz(kind: u8, answer: &[u8]) {
    const SIZES: &[usize] = &[1, 7, 1000];
    const LACKS: &[&str] = &["down", "n d", "0"];
    let of = |contains: &[&str], lacks: &[&str]| {
        let http = Http {
            contains: texts(contains),
            lacks: texts(lacks),
            ..Http::get(vec![200..=399])
        };
        finding(|| http::Answer::new(&http), answer, SIZES)
    };
    match kind {
        b'b' => drop(finding(|| reply::Answer::new(b"+PONG\n!"), answer, SIZES)),
        b'c' => {
            let http = Http {
                contains: texts(&["up"]),
                lacks: texts(LACKS),
                ..Http::get(vec![200..=399])
            };
            let found = finding(|| fastcgi::Answer::new(&http), answer, SIZES);
            // The end of an answer is a record of 16 bytes.
            assert!(!found.is_healthy() || answer.len() > 16, "it has no end");
        }
        b'g' => drop(finding(grpc::Answer::default, answer, SIZES)),
        #[cfg(feature = "tls")]
        b't' => super::tls::fuzz(answer),
        b'p' => drop(of(&[], &[])),
        b'l' => {
            if of(&["up"], LACKS).is_healthy() {
                let contains = |text: &&str| of(&[text], &[]).is_healthy();
                assert!(!LACKS.iter().any(contains), "it contains such a text");
            }
        }
        _ => drop(of(&["up", "200"], &[])),
    }
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
