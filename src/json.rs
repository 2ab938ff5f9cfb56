//! JSON (RFC 8259), written piece by piece into any `fmt::Write`. It allocates nothing, so that the HTTP
//! responder can write into its fixed buffers. Not by `serde_json`: strings must be cut at a length in bytes, so that
//! the output of a health check fits into the 4,096 bytes that Docker keeps.

use std::fmt::{self, Display, Write};

/// Writes one object, whose members `members` adds.
pub(crate) fn write_object(
    out: &mut dyn Write,
    members: impl FnOnce(&mut JsonWriter),
) -> fmt::Result {
    let mut json = JsonWriter {
        out,
        needs_comma: false,
        result: Ok(()),
    };
    json.object(members);
    json.result
}

/// Where the next value goes. In an object each value follows its [`key`](Self::key).
pub(crate) struct JsonWriter<'a> {
    out: &'a mut dyn Write,
    /// The next key or element follows another one.
    needs_comma: bool,
    /// Nothing is written after the first error.
    result: fmt::Result,
}

impl JsonWriter<'_> {
    /// The key of the next value.
    pub(crate) fn key(&mut self, key: &str) -> &mut Self {
        self.string(&key, usize::MAX);
        self.push(":");
        self.needs_comma = false;
        self
    }

    pub(crate) fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.open("{");
        members(self);
        self.close("}");
    }

    pub(crate) fn array(&mut self, elements: impl FnOnce(&mut Self)) {
        self.open("[");
        elements(self);
        self.close("]");
    }

    /// A string that is cut after `max` bytes, quotes not counted and escapes counted as they are written.
    pub(crate) fn string(&mut self, text: &dyn Display, max: usize) {
        self.separate();
        self.push("\"");
        let mut body = StringBody {
            out: self.out,
            room: max,
        };
        self.result = self.result.and_then(|()| write!(body, "{text}"));
        self.push("\"");
    }

    /// A number, or null for none.
    pub(crate) fn number(&mut self, number: Option<u64>) {
        self.separate();
        match number {
            Some(number) => self.result = self.result.and_then(|()| write!(self.out, "{number}")),
            None => self.push("null"),
        }
    }

    pub(crate) fn boolean(&mut self, is_true: bool) {
        self.separate();
        self.push(if is_true { "true" } else { "false" });
    }

    fn open(&mut self, bracket: &str) {
        self.separate();
        self.push(bracket);
        self.needs_comma = false;
    }

    fn close(&mut self, bracket: &str) {
        self.push(bracket);
        self.needs_comma = true;
    }

    fn separate(&mut self) {
        if self.needs_comma {
            self.push(",");
        }
        self.needs_comma = true;
    }

    #[inline(never)]
    fn push(&mut self, text: &str) {
        self.result = self.result.and_then(|()| self.out.write_str(text));
    }
}

/// What is between the quotes of a string (RFC 8259, 7). C1 control characters are escaped too, because
/// terminals obey them.
struct StringBody<'a> {
    out: &'a mut dyn Write,
    room: usize,
}

impl Write for StringBody<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            let is_control = c.is_control();
            let length = match c {
                '"' | '\\' => 2,
                _ if is_control => 6,
                _ => c.len_utf8(),
            };
            if length > self.room {
                // A shorter character that follows must not be added behind the gap.
                self.room = 0;
                break;
            }
            self.room -= length;
            match c {
                '"' | '\\' => write!(self.out, "\\{c}")?,
                _ if is_control => write!(self.out, "\\u{:04x}", u32::from(c))?,
                _ => self.out.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Buffer;

    fn object(members: impl FnOnce(&mut JsonWriter)) -> String {
        let mut json = String::new();
        write_object(&mut json, members).unwrap();
        json
    }

    #[test]
    fn strings_are_escaped_and_bounded() {
        for (text, max, expected) in [
            ("", 9, ""),
            ("ab", 1, "a"),
            ("a\"\\\n\u{7f}\0", 99, r#"a\"\\\u000a\u007f\u0000"#),
            ("\u{9b}m\u{a0}", 99, "\\u009bm\u{a0}"),
            ("\n\n", 11, r"\u000a"),
            ("\na", 5, ""),
            ("\"\"", 3, r#"\""#),
            ("üü", 3, "ü"),
        ] {
            let json = object(|json| json.key("k").string(&text, max));
            assert_eq!(json, format!("{{\"k\":\"{expected}\"}}"), "{text:?}");
        }
    }

    #[test]
    fn keys_are_escaped_as_strings_are() {
        let json = object(|json| json.key("a\"\n").number(None));
        assert_eq!(json, r#"{"a\"\u000a":null}"#);
    }

    #[test]
    fn the_pieces_of_a_string_share_its_bound() {
        let (a, b) = ("ab\n", "cd");
        let json = object(|json| json.key("k").string(&format_args!("{a}{b}"), 9));
        assert_eq!(json, r#"{"k":"ab\u000ac"}"#);
        let json = object(|json| json.key("k").string(&format_args!("{a}{b}"), 7));
        assert_eq!(json, r#"{"k":"ab"}"#);
    }

    #[test]
    fn values_and_nesting() {
        assert_eq!(object(|_| {}), "{}");
        let json = object(|json| {
            json.key("none").number(None);
            json.key("max").number(Some(u64::MAX));
            json.key("empty").array(|_| {});
            json.key("array").array(|json| {
                json.boolean(true);
                json.object(|json| json.key("a").number(Some(0)));
                json.object(|json| {
                    json.key("b").boolean(false);
                    json.key("c").string(&"", 0);
                });
                json.array(|json| json.number(None));
            });
            json.key("last").object(|_| {});
        });
        assert_eq!(
            json,
            "{\"none\":null,\"max\":18446744073709551615,\"empty\":[],\
             \"array\":[true,{\"a\":0},{\"b\":false,\"c\":\"\"},[null]],\"last\":{}}"
        );
    }

    #[test]
    fn nothing_is_written_after_an_error() {
        let mut full = Buffer::<6>::new();
        let written = write_object(&mut full, |json| {
            json.key("key").string(&"text", 9);
            json.key("b").number(Some(1));
        });
        assert!(written.is_err());
        assert_eq!(full.text(), "{\"key\"");
    }
}
