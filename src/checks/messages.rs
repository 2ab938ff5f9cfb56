//! All messages to users, in one table: tests/messages. It changes with the source, so that a review sees
//! each change of a message. A test expects each message, and each follows the rules of plain English.
//!
//! A message is a string literal that contains a word and a blank. So the table contains the parts of
//! composed messages, but not single words such as `sleeping`.

use std::fs;
use std::path::Path;

use super::tidy::{files_below, name, root};

mod literals;

use literals::{Literal, is_part_of_word, literals};

const TABLE: &str = include_str!("../../tests/messages");

/// The messages that no test expects. Each needs another process that acts between two system calls of hinit, or a clock
/// that is before 1970.
const UNEXPECTED: [&str; 3] = [
    "another process keeps replacing it",
    "it was replaced meanwhile",
    "{signal} suspended the server; hinit gave it the terminal and continued it",
];

/// Sources without messages: help texts, which other tests of src/checks/ check, and assembly.
const OTHERS: [&str; 2] = ["src/cli/options", "src/sys/raw.rs"];

/// Parts of the paths of test files in src/.
const TESTS: [&str; 4] = ["/fuzz.rs", "src/checks", "/tests.rs", "/tests/"];

/// The tests of the texts of errors.
const ERROR_TABLES: &str = "src/error/tests.rs";

/// The other directories of tests that may expect a message.
const SUITES: [&str; 4] = ["tests/it", "tests/docker", "tests/faults", "tests/servers"];

/// Words and phrases that are hard to read, and pronouns of people: a process or a file is `it` or `which`.
const HARD_TO_READ: [&str; 20] = [
    "as good as",
    "asked to tell",
    "cannot be told",
    "for to",
    "hinit's to",
    "must stand",
    "nobody",
    "none of",
    "not believed",
    "not for",
    "please",
    "so long",
    "somebody",
    "stand",
    "stands",
    "stood",
    "who",
    "whoever",
    "whom",
    "whose",
];

/// The maximum length of a message, so that it is one line of a log.
const MAX_CHARACTERS: usize = 200;

/// The parts of a format string around its values. (A bar stands for a value in a `ParseError`.)
pub(super) fn pieces(template: &str) -> Vec<String> {
    // Neither brace of a pair is the start or the end of a value.
    let marked = template.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let marked = marked.replace('|', "{}");
    let pieces = marked.split('{').enumerate().map(|(at, part)| match at {
        0 => part,
        _ => part.split_once('}').map_or("", |(_, piece)| piece),
    });
    pieces
        .map(|piece| piece.replace('\u{1}', "{").replace('\u{2}', "}"))
        .collect()
}

/// Whether a literal is a message: words, and not a help text or a line of a protocol.
fn is_message(text: &str) -> bool {
    let text = text.trim_end_matches('\n');
    let has_word = pieces(text)
        .iter()
        .any(|piece| piece.contains(char::is_alphabetic));
    has_word && text.contains(' ') && !text.contains(char::is_control)
}

/// The literals of all files below these directories.
fn literals_below(directories: &[&str]) -> Vec<(String, Literal)> {
    let files = directories
        .iter()
        .flat_map(|directory| files_below(directory));
    let is_rust = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
    let files = files.filter(|path| is_rust(path));
    files
        .flat_map(|path| {
            let name = name(&path);
            let in_test = !name.starts_with("src/") || TESTS.iter().any(|test| name.contains(test));
            let literals = literals(&fs::read_to_string(path).unwrap(), in_test);
            literals
                .into_iter()
                .map(move |literal| (name.clone(), literal))
        })
        .collect()
}

/// All messages, each after its file.
pub(super) fn messages() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = literals_below(&["src"])
        .into_iter()
        .filter(|(file, literal)| {
            !literal.in_test
                && is_message(&literal.text)
                && !OTHERS.iter().any(|other| file.starts_with(other))
        })
        .map(|(file, literal)| (file, literal.text.trim_end_matches('\n').to_owned()))
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn the_table_contains_each_message() {
    let mut expected = String::new();
    let mut last = "";
    let messages = messages();
    for (file, message) in &messages {
        if file != last {
            expected.extend(["\n", file, "\n"]);
            last = file;
        }
        expected.extend(["    |", message, "|\n"]);
    }
    let (about, table) = TABLE.split_once("\n\n").unwrap();
    if std::env::var_os("WRITE_MESSAGES").is_some() {
        fs::write(
            root().join("tests/messages"),
            format!("{about}\n{expected}"),
        )
        .unwrap();
    } else {
        assert!(
            table == expected.trim_start(),
            "run `WRITE_MESSAGES=1 cargo test messages`, and review what that changes in tests/messages"
        );
    }
}

/// Whether the text contains all pieces, in their order.
pub(super) fn expects(mut text: &str, pieces: &[String]) -> bool {
    pieces
        .iter()
        .all(|piece| match text.split_once(piece.as_str()) {
            Some((_, rest)) => {
                text = rest;
                true
            }
            None => false,
        })
}

#[test]
fn a_test_expects_each_message() {
    let expected: Vec<String> = literals_below(&[&["src"], &SUITES[..]].concat())
        .into_iter()
        .filter(|(file, literal)| {
            // The tables in src/error/tests.rs have the text of each error, but do not show that hinit says it.
            let is_table = file.starts_with("src/checks") || file == ERROR_TABLES;
            literal.in_test && !is_table
        })
        .map(|(_, literal)| literal.text)
        .collect();
    let mut unexpected: Vec<_> = messages()
        .into_iter()
        .map(|(_, message)| message)
        .filter(|message| {
            let pieces = pieces(message);
            !expected.iter().any(|text| expects(text, &pieces))
        })
        .collect();
    unexpected.sort();
    unexpected.dedup();
    assert_eq!(unexpected, UNEXPECTED, "the messages that no test expects");
}

/// The texts of src/error/capability.rs are in the tests of src/run/launch/identity/check.rs.
#[test]
fn the_tables_of_errors_are_complete() {
    let tables: Vec<String> = literals_below(&["src/error"])
        .into_iter()
        .filter(|(file, _)| file == ERROR_TABLES)
        .map(|(_, literal)| literal.text)
        .collect();
    let missing: Vec<_> = messages()
        .into_iter()
        .filter(|(file, message)| {
            let has_table = file.starts_with("src/error/") && file != "src/error/capability.rs";
            let pieces = pieces(message);
            has_table && !tables.iter().any(|text| expects(text, &pieces))
        })
        .collect();
    assert_eq!(missing, [], "the errors that no table has");
}

/// Why a message is hard to read, if it is.
fn fault(message: &str) -> Option<String> {
    let shown = pieces(message).join("X");
    let words = shown.split(|c: char| !is_part_of_word(c) && c != '\'');
    let words = format!(" {} ", words.collect::<Vec<_>>().join(" "));
    let hard = HARD_TO_READ
        .iter()
        .find(|hard| words.contains(&format!(" {hard} ")));
    let mut first = message.chars();
    let starts_large = first.next().is_some_and(char::is_uppercase)
        && first.next().is_some_and(char::is_lowercase);
    if let Some(hard) = hard {
        Some(format!("it contains `{hard}`"))
    } else if starts_large {
        Some("it starts with a capital letter".into())
    } else if message.ends_with(['.', '!']) {
        Some("it ends with a full stop".into())
    } else if message.chars().count() > MAX_CHARACTERS {
        Some(format!("it is longer than {MAX_CHARACTERS} characters"))
    } else {
        None
    }
}

#[test]
fn each_message_is_plain_english() {
    let faults: Vec<_> = messages()
        .into_iter()
        .filter_map(|(file, message)| {
            fault(&message).map(|why| format!("{file}: `{message}`: {why}"))
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn hard_words_are_detected() {
    for (message, why) in [
        ("process {pid} is no child of {who}", None),
        ("ignored: the sender has exited", None),
        ("PID file {} is empty", None),
        ("a process who left", Some("it contains `who`")),
        ("{} stood in it", Some("it contains `stood`")),
        ("Cannot open it", Some("it starts with a capital letter")),
        ("cannot open it.", Some("it ends with a full stop")),
        (
            &"long ".repeat(41),
            Some("it is longer than 200 characters"),
        ),
    ] {
        assert_eq!(fault(message).as_deref(), why, "{message}");
    }
}
