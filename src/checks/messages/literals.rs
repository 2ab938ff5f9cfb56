//! The string literals of Rust sources.

/// A string literal: its text without escapes, and whether it is in a test.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) text: String,
    pub(super) in_test: bool,
}

/// A source, and what is left to read of it.
struct Source<'a> {
    rest: &'a str,
    literals: Vec<Literal>,
}

impl<'a> Source<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Takes the text up to this one, and this one; all, if it is not there.
    fn take_past(&mut self, end: &str) -> &'a str {
        let at = self.rest.find(end);
        self.take(at.map_or(self.rest.len(), |at| at + end.len()))
    }

    /// Takes one token, such as a whole word. Notes a string literal, unless it is a C or a byte string; with
    /// None, notes nothing.
    fn token(&mut self, in_test: Option<bool>) -> &'a str {
        let is_text = !self.rest.starts_with(['b', 'c']);
        if self.rest.starts_with("//") {
            self.take_past("\n")
        } else if self.rest.starts_with("/*") {
            self.take_past("*/")
        } else if let Some(hashes) = raw_string(self.rest) {
            self.take_past("\"");
            let end = format!("\"{hashes}");
            let text = self.take_past(&end);
            let text = text.strip_suffix(&end).unwrap_or(text);
            self.note(text.to_owned(), in_test.filter(|_| is_text));
            ""
        } else if ["\"", "b\"", "c\""]
            .iter()
            .any(|start| self.rest.starts_with(start))
        {
            self.take_past("\"");
            let text = self.unescaped();
            self.note(text, in_test.filter(|_| is_text));
            ""
        } else if self.rest.starts_with("'\\") {
            self.take(3);
            self.take_past("'")
        } else if self.rest.starts_with('\'') && self.rest.chars().nth(2) == Some('\'') {
            self.take_past("'");
            self.take_past("'")
        } else {
            let word = self.rest.len() - self.rest.trim_start_matches(is_part_of_word).len();
            let first = self.rest.chars().next().map_or(0, char::len_utf8);
            self.take(word.max(first))
        }
    }

    /// Takes the rest of a string, up to its quote, and resolves its escapes.
    fn unescaped(&mut self) -> String {
        let mut text = String::new();
        loop {
            let plain = self.rest.find(['"', '\\']).unwrap_or(self.rest.len());
            text.push_str(self.take(plain));
            if self.rest.is_empty() || self.take(1) == "\"" {
                return text;
            }
            match self.take(1) {
                "\n" => self.rest = self.rest.trim_start(),
                "n" => text.push('\n'),
                "r" => text.push('\r'),
                "t" => text.push('\t'),
                "0" => text.push('\0'),
                "x" => text.extend(character(self.take(2))),
                "u" => text.extend(character(self.take_past("}").trim_matches(['{', '}']))),
                other => text.push_str(other),
            }
        }
    }

    fn note(&mut self, text: String, in_test: Option<bool>) {
        if let Some(in_test) = in_test {
            self.literals.push(Literal { text, in_test });
        }
    }

    /// Takes an attribute, and returns it without its strings.
    fn attribute(&mut self) -> String {
        let (mut text, mut depth) = (String::new(), 0);
        while !self.rest.is_empty() {
            let token = self.token(None);
            text.push_str(token);
            match token {
                "[" => depth += 1,
                "]" if depth == 1 => break,
                "]" => depth -= 1,
                _ => {}
            }
        }
        text
    }

    /// Takes the item after an attribute: up to its semicolon or its last brace.
    fn item(&mut self) {
        let mut depth = 0;
        while !self.rest.is_empty() {
            match self.token(Some(true)) {
                "{" => depth += 1,
                ";" if depth == 0 => return,
                "}" if depth == 1 => return,
                "}" => depth -= 1,
                _ => {}
            }
        }
    }
}

/// The hashes of the raw string that starts here, if there is one.
fn raw_string(rest: &str) -> Option<&str> {
    let (prefix, _) = rest.split_once('"')?;
    let hashes = prefix.strip_prefix(['b', 'c']).unwrap_or(prefix);
    let hashes = hashes.strip_prefix('r')?;
    hashes.bytes().all(|byte| byte == b'#').then_some(hashes)
}

pub(super) fn is_part_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn character(hexadecimal: &str) -> Option<char> {
    char::from_u32(u32::from_str_radix(hexadecimal, 16).unwrap())
}

/// The string literals of a source, without those of attributes and comments.
pub(super) fn literals(source: &str, in_test: bool) -> Vec<Literal> {
    let mut source = Source {
        rest: source,
        literals: Vec::new(),
    };
    while !source.rest.is_empty() {
        if source.rest.starts_with("#[") || source.rest.starts_with("#![") {
            let attribute = source.attribute();
            if attribute.starts_with("#[cfg(") && attribute.contains("test") {
                source.item();
            }
        } else {
            source.token(Some(in_test));
        }
    }
    source.literals
}

#[test]
fn only_string_literals_are_found() {
    let source = r##"
        // "comment" it's
        #![allow(x, reason = "an attribute [")]
        /* "comment" */ const A: &'static str = "a \"b\" \
            c\u{fc}\x41{{}}\n"; let c = ['"', '\'', '\\'];
        let paths = (b"bytes", c"for C", br"raw bytes", r"raw \", r#"raw "too" "#);
        #[cfg(test)]
        mod tests {
            fn one() { "in a test"; }
        }
        #[cfg(not(x))] fn two() { "behind it" }
    "##;
    let found: Vec<_> = literals(source, false)
        .into_iter()
        .map(|Literal { text, in_test }| (text, in_test))
        .collect();
    let expected = [
        ("a \"b\" c\u{fc}A{{}}\n", false),
        ("raw \\", false),
        ("raw \"too\" ", false),
        ("in a test", true),
        ("behind it", false),
    ];
    assert_eq!(
        found,
        expected.map(|(text, in_test)| (text.to_owned(), in_test))
    );
}
