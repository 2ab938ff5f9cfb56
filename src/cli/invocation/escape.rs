//! The escapes in what is sent to a server and in what it must answer.

use crate::cli::probes::hex_byte;

/// How many bytes a text may have: the buffer of any socket takes them at once, also if the server answers before it
/// reads.
pub(super) const MAX_EXCHANGED: usize = 4 * 1024;
pub(super) const TOO_LONG: &str = "this is longer than 4 KiB";

/// The byte of an escape, and the text after it; `text` follows the backslash. These are the escapes with which
/// [`Escaped`](crate::text::Escaped) shows bytes.
pub(super) fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let (letter, rest) = text.split_first()?;
    let byte = match letter {
        b'r' => b'\r',
        b'n' => b'\n',
        b't' => b'\t',
        b'\\' => b'\\',
        b'x' => return hex_byte(rest),
        _ => return None,
    };
    Some((byte, rest))
}

/// The bytes of a text with escapes.
#[cfg(any(fuzzing, test))]
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut text) = (Vec::new(), text.as_bytes());
    while let Some((&first, mut rest)) = text.split_first() {
        let mut byte = first;
        if first == b'\\' {
            (byte, rest) = escape(rest)?;
        }
        bytes.push(byte);
        text = rest;
    }
    Some(bytes)
}

/// The escapes with which bytes are shown are those bytes again.
#[cfg(any(fuzzing, test))]
pub(in crate::cli) fn fuzz(text: &str) {
    use crate::text::Escaped;
    if let Some(bytes) = bytes_of(text).filter(|bytes| bytes.len() <= Escaped::MAX) {
        assert_eq!(
            bytes_of(&Escaped(&bytes).to_string()),
            Some(bytes),
            "{text}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_and_the_guide_name_the_limit() {
        let limit = format!("{} KiB", MAX_EXCHANGED / 1024);
        assert!(TOO_LONG.ends_with(&limit));
        let guide = include_str!("../../../docker/guide/health-checks.md");
        assert!(guide.contains(&format!("Each is at most {limit}.")));
    }

    #[test]
    fn escapes() {
        for (text, expected) in [
            ("PING", &b"PING"[..]),
            (r"PING\r\n", b"PING\r\n"),
            ("PING\r\n", b"PING\r\n"),
            (r"\t\\r\x00\xfF\x4a", b"\t\\r\0\xffJ"),
            ("ü\\n", b"\xc3\xbc\n"),
            (r"\\xzz", br"\xzz"),
        ] {
            assert_eq!(bytes_of(text).as_deref(), Some(expected), "{text}");
            fuzz(text);
        }
        for text in [
            "\\", r"a\", r"\0", r"\R", r"\x", r"\x4", r"\x4g", r"\xü", r"\'", r"\ü", "\\\n",
        ] {
            assert_eq!(bytes_of(text), None, "{text}");
        }
    }
}
