//! Text as the source of a man page: see `man(7)` and `groff_char(7)`.

/// A literal text, such as an option or a command: no commands of troff, hyphens that can be copied, straight quotes.
pub(super) fn literal(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|letter| match letter {
            '\\' => "\\e".to_owned(),
            '-' => "\\-".to_owned(),
            '\'' => "\\(aq".to_owned(),
            '`' => "\\(ga".to_owned(),
            '^' => "\\(ha".to_owned(),
            '~' => "\\(ti".to_owned(),
            other => other.to_string(),
        })
        .collect();
    guarded(&escaped)
}

/// A sentence. Its apostrophes may become typographic ones. Words in backquotes are literal, and bold.
pub(super) fn prose(text: &str) -> String {
    let spans = text.split('`').enumerate();
    let text: String = spans
        .map(|(at, span)| match at % 2 {
            0 => span.replace('\\', "\\e").replace('-', "\\-"),
            _ => bold(span),
        })
        .collect();
    guarded(&text)
}

pub(super) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", literal(text))
}

/// A definition: the tag, and below it, indented, what it means.
pub(super) fn definition(tag: &str, meaning: &str) -> String {
    format!(".TP\n{tag}\n{meaning}\n")
}

/// A block of code, with its line breaks.
pub(super) fn code(text: &str) -> String {
    format!(
        ".PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n",
        literal(text.trim_matches('\n'))
    )
}

/// Puts a character without width before what would be a command at the start of a line.
fn guarded(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let guard = if line.starts_with(['.', '\'']) {
            "\\&"
        } else {
            ""
        };
        format!("{guard}{line}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text of a literal, as a reader sees it.
pub(super) fn shown(source: &str) -> String {
    let escapes = [
        ("\\fB", ""),
        ("\\fI", ""),
        ("\\fR", ""),
        ("\\&", ""),
        ("\\-", "-"),
        ("\\(aq", "'"),
        ("\\(ga", "`"),
        ("\\(ha", "^"),
        ("\\(ti", "~"),
        ("\\e", "\\"),
    ];
    let all = |text: String, (escape, character): (&str, &str)| text.replace(escape, character);
    escapes.into_iter().fold(source.to_owned(), all)
}

#[test]
fn texts_are_shown_as_they_were() {
    for text in [
        ".PP is no command",
        "'tis a quote",
        "a --long 'PING\\r\\n' `x` ~ ^",
    ] {
        assert_eq!(shown(&literal(text)), text);
        assert!(!literal(text).starts_with(['.', '\'']), "{text}");
    }
    assert_eq!(
        prose("see `--a b`: it's\n.so"),
        "see \\fB\\-\\-a b\\fR: it's\n\\&.so"
    );
}
