//! The parts of the guides' Markdown that the checks compare with the code.

/// The cells of a table's row.
pub(super) fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// The code in a text: between backquotes, as many after it as before it. Without those inside of it.
pub(super) fn code(text: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('`') {
        let (_, start) = rest.split_at(at);
        let after = start.trim_start_matches('`');
        let (fence, _) = start.split_at(start.len() - after.len());
        let (inside, next) = after.split_once(fence).unwrap_or((after, ""));
        found.push(inside.replace('`', ""));
        rest = next;
    }
    found
}

#[test]
fn code_is_found_between_backquotes() {
    for (text, found) in [
        ("`a b`, `c`", &["a b", "c"][..]),
        ("``try `a` ``: `b`", &["try a ", "b"]),
        ("none", &[]),
    ] {
        assert_eq!(code(text), found, "{text}");
    }
}
