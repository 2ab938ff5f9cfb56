//! The guides' Markdown as the source of a man page, so that the two say the same. Only what the guides use: paragraphs,
//! lists, tables, links, and code that is indented or between fences.

use super::troff::{bold, code, definition, prose};
use crate::checks::markdown::cells;
use crate::checks::tidy::root;

fn guide(name: &str) -> String {
    std::fs::read_to_string(root().join(format!("docker/guide/{name}.md"))).unwrap()
}

/// The text below a heading, up to the next one.
pub(super) fn section(name: &str, heading: &str) -> String {
    let guide = guide(name);
    let start = format!("\n## {heading}\n");
    let (_, rest) = guide.split_once(&start).unwrap();
    let source = blocks(rest.split("\n## ").next().unwrap());
    // The heading before it begins a paragraph already.
    source.strip_prefix(".PP\n").unwrap_or(&source).to_owned()
}

/// The table whose first row begins with this cell.
pub(super) fn table(name: &str, first: &str) -> String {
    let guide = guide(name);
    let start = format!("\n| {first} |");
    let (_, rest) = guide.split_once(&start).unwrap();
    rows(&format!(
        "| {first} |{}",
        rest.split("\n\n").next().unwrap()
    ))
}

/// The blocks between blank lines. One of code may contain blank lines.
fn blocks(text: &str) -> String {
    let (mut source, mut open) = (String::new(), Vec::new());
    for block in text.split("\n\n") {
        open.push(block.trim_matches('\n'));
        let whole = open.join("\n\n");
        if whole.matches("```").count() % 2 == 0 {
            source += &converted(&whole);
            open.clear();
        }
    }
    source
}

fn converted(block: &str) -> String {
    if block.is_empty() {
        String::new()
    } else if let Some(fenced) = block.strip_prefix("```") {
        let (_, text) = fenced.split_once('\n').unwrap();
        code(text.trim_end_matches('`'))
    } else if block.starts_with("    ") {
        let lines = block.lines().map(|line| line.trim_start_matches("    "));
        code(&lines.collect::<Vec<_>>().join("\n"))
    } else if block.starts_with('|') {
        rows(block)
    } else if block.starts_with("- ") || block.starts_with("1. ") {
        list(block)
    } else {
        format!(".PP\n{}\n", text(block))
    }
}

/// A line that is not indented begins an item.
fn list(block: &str) -> String {
    let mut items: Vec<(&str, String)> = Vec::new();
    for line in block.lines() {
        match (line.split_once(' ').unwrap(), items.last_mut()) {
            (("", rest), Some((_, item))) => item.extend(["\n", rest.trim_start()]),
            ((mark, rest), _) => items.push((mark, rest.to_owned())),
        }
    }
    let item = |(mark, item): &(&str, String)| {
        let mark = if *mark == "-" { "\\(bu" } else { mark };
        format!(".IP {mark} 3\n{}\n", text(item))
    };
    items.iter().map(item).collect()
}

/// Each row as a definition of its first cell. Where a row has several others, each has the name of its column.
fn rows(block: &str) -> String {
    let mut lines = block.lines();
    let head = cells(lines.next().unwrap());
    let define = |line: &str| {
        let row = cells(line);
        let (tag, others) = row.split_first().unwrap();
        let named = others.iter().zip(&head[1..]);
        let named = named.filter(|(cell, _)| !cell.is_empty());
        let meaning: Vec<String> = named
            .map(|(cell, column)| match others.len() {
                1 => text(cell),
                _ => text(&format!("{column}: {cell}")),
            })
            .collect();
        assert!(!meaning.is_empty(), "a row needs a meaning: {line}");
        // A tag that is not code, such as a server's name, is bold all the same.
        let tag = if tag.contains('`') {
            text(tag)
        } else {
            bold(tag)
        };
        definition(&tag, &meaning.join("; "))
    };
    lines.skip(1).map(define).collect()
}

/// A text with the names of its links, and without their targets.
fn text(markdown: &str) -> String {
    let mut plain = String::new();
    let mut rest = markdown;
    while let Some((before, link)) = rest.split_once("](") {
        let (start, name) = before.rsplit_once('[').unwrap();
        let (_, after) = link.split_once(')').unwrap();
        plain.extend([start, name]);
        rest = after;
    }
    plain += rest;
    prose(&plain.replace("**", ""))
}

#[test]
fn the_blocks_of_a_guide_become_those_of_a_page() {
    for (markdown, source) in [
        ("a `b`\n[c](d.md#e) f-g", ".PP\na \\fBb\\fR\nc f\\-g\n"),
        ("- a\n  b\n- c", ".IP \\(bu 3\na\nb\n.IP \\(bu 3\nc\n"),
        ("1. a\n   b\n2. c", ".IP 1. 3\na\nb\n.IP 2. 3\nc\n"),
        ("    hinit -v\n", ".PP\n.RS 4\n.nf\nhinit \\-v\n.fi\n.RE\n"),
        ("```sh\na\n\nb\n```", ".PP\n.RS 4\n.nf\na\n\nb\n.fi\n.RE\n"),
        ("| a | b |\n|---|---|\n| `c` | d |", ".TP\n\\fBc\\fR\nd\n"),
        (
            "| a | b | e |\n|---|---|---|\n| c | d | f |\n| g | | h |",
            ".TP\n\\fBc\\fR\nb: d; e: f\n.TP\n\\fBg\\fR\ne: h\n",
        ),
    ] {
        assert_eq!(blocks(markdown), source);
    }
}
