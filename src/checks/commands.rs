//! Checks that each command that README.md and the guides show has a row in tests/commands, and that what the row names
//! is there. tests/docker/guides.rs runs the commands that no other test or script runs.

use std::collections::BTreeSet;

use super::shown::{file, name_of, rows, shown, shown_by};

const TABLE: &str = include_str!("../../tests/commands");

/// How tests/docker/guides.rs runs commands.
const RUN: &str = include_str!("../../tests/docker/guides.rs");

#[test]
fn each_command_of_the_pages_has_a_row_and_each_row_a_command() {
    let rows = rows(TABLE);
    let named: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(named.len(), rows.len(), "two rows have one name");
    let shown: BTreeSet<String> = shown().iter().map(|(text, _)| name_of(text)).collect();
    let without: Vec<_> = shown
        .iter()
        .filter(|text| !named.contains(text.as_str()))
        .collect();
    let superfluous: Vec<_> = named
        .iter()
        .filter(|name| !shown.contains(**name))
        .collect();
    assert!(
        without.is_empty() && superfluous.is_empty(),
        "tests/commands lacks {without:#?}; no page shows {superfluous:#?}"
    );
    assert!(rows.len() > 150, "{}", rows.len());
}

/// Two blocks with one first line would share a row.
#[test]
fn what_has_one_name_is_the_same() {
    let mut all = shown();
    all.sort();
    all.dedup_by(|(text, _), (other, _)| text == other);
    for pair in all.windows(2) {
        let [(text, page), (other, _)] = pair else {
            continue;
        };
        assert_ne!(name_of(text), name_of(other), "{page}: {text}");
    }
}

/// Why the test or script that a row names does not run the command.
fn fault(how: &str, name: &str) -> Option<String> {
    let (path, words) = how.split_once(": ").unwrap_or((how, name));
    let Some(text) = file(path) else {
        return Some(format!("{name}: no file {path}"));
    };
    let is_there = if words == "the name" {
        let last = name.split(' ').next_back();
        text.lines().any(|line| line.split(' ').next() == last)
    } else {
        text.contains(words)
    };
    (!is_there).then(|| format!("{name}: {path} does not contain {words}"))
}

#[test]
fn each_row_names_what_runs_the_command() {
    for row in rows(TABLE) {
        if let Some(by) = row.how.strip_prefix("by ") {
            assert_eq!(fault(by, &row.name), None);
        } else if !row.how.starts_with("not run: ") {
            assert!(RUN.contains(&format!("\"{}\"", row.how)), "{}", row.how);
        }
    }
}

#[test]
fn a_row_that_names_nothing_is_found() {
    let name = "docker/build";
    for how in [".ci/fresh", ".ci/run: tests/run", "tests/run: --part"] {
        assert_eq!(fault(how, name), None, "{how}");
    }
    for how in ["LICENSE", ".ci/run: tests/walk", "tests/walk"] {
        assert!(fault(how, name).is_some(), "{how}");
    }
    assert_eq!(fault("tests/kernels/list: the name", "run 6.1"), None);
    assert!(fault("tests/kernels/list: the name", "run 6").is_some());
}

#[test]
fn commands_are_found_in_blocks_and_in_lines() {
    let page = "Run `docker stop`, `docker\nlogs NAME` or `tests/none`, see `docker/guide` and `hinit lacks`.\n\
        ```sh\na \\\n  b    # why\n# no\n\nc\n```\n```\nd {\n    e\n}\n```\n\n    f g\n    hinit: h\n\
        | `ENV`, `ENV A=b` | ``no `ENV A=b` `` |";
    let found = [
        "a b",
        "c",
        "d {\n    e\n}",
        "f g",
        "docker logs NAME",
        "tests/none",
        "ENV A=b",
    ];
    assert_eq!(shown_by(page), found);
}

#[test]
fn a_row_has_what_is_above_and_below_it() {
    let rows = rows("# a\nhow\n    b\n        = c\n        + d\n    e\nother: f\n    g\n");
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.how.as_str(), row.name.as_str(), row.details.len()))
        .collect();
    assert_eq!(
        rows,
        [("how", "b", 2), ("how", "e", 0), ("other: f", "g", 0)]
    );
}
