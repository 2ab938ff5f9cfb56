//! Checks the man pages in docker/man: one for each command, and hinit(1), which is about all of them.
//!
//! In a page the lines from `.\" begin PART` to `.\" end` are generated, and the rest is written by hand. A part comes
//! from the tables of options, or from a guide, whose tables guides.rs compares with the code:
//!
//! - `options`: the options of the page's command
//! - `section stopping The course of a stop`: what the guide has below this heading
//! - `table running exit code`: the guide's table whose first cell is this
//!
//! and others, see page.rs.

use std::collections::BTreeSet;
use std::fs;

use super::tidy::{files_below, name};
use crate::cli::{Env, parse, words_of};
use page::{DIRECTORY, pages};
use troff::{literal, shown};

mod markdown;
mod page;
mod troff;

/// `HINIT_WRITE_MANUAL=1 cargo test manual` updates the pages.
#[test]
fn the_man_pages_match_the_code() {
    for page in pages() {
        let expected = page.generated();
        if std::env::var_os("HINIT_WRITE_MANUAL").is_some() {
            fs::write(page.path(), expected).unwrap();
        } else {
            let source = page.source();
            let mut lines = source.lines().zip(expected.lines());
            let differs = lines.find(|(shown, expected)| shown != expected);
            assert_eq!(differs, None, "{}", page.name);
            assert_eq!(source.len(), expected.len(), "{}", page.name);
        }
    }
}

#[test]
fn every_page_is_that_of_a_command() {
    let found: BTreeSet<String> = files_below(DIRECTORY)
        .iter()
        .map(|path| name(path))
        .collect();
    let expected = pages().into_iter().map(|page| name(&page.path()));
    assert_eq!(found, expected.collect());
}

/// The sections that each page has, in this order, and maybe others between them.
const SECTIONS: [&str; 8] = [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "OPTIONS",
    "EXIT STATUS",
    "FILES",
    "EXAMPLES",
    "SEE ALSO",
];

fn sections(source: &str) -> Vec<(&str, &str)> {
    let sections = source.split("\n.SH ").skip(1);
    let sections = sections.map(|section| section.split_once('\n').unwrap_or((section, "")));
    sections
        .map(|(title, text)| (title.trim_matches('"'), text))
        .collect()
}

/// What a section defines.
fn defined(section: &str) -> BTreeSet<String> {
    let tags = section.split(".TP\n").skip(1);
    tags.map(|definition| shown(definition.lines().next().unwrap()))
        .collect()
}

#[test]
fn the_options_of_a_command_are_on_its_page_and_on_no_other() {
    for page in pages() {
        let source = page.source();
        let sections = sections(&source);
        let titles = sections.iter().map(|(title, _)| *title);
        let common: Vec<&str> = titles.filter(|title| SECTIONS.contains(title)).collect();
        assert_eq!(common, SECTIONS, "{}", page.name);

        let (_, text) = sections
            .iter()
            .find(|(title, _)| *title == "OPTIONS")
            .unwrap();
        let expected = page.options().into_iter();
        let expected: BTreeSet<String> = expected.map(|opt| opt.synopsis().to_owned()).collect();
        assert_eq!(defined(text), expected, "{}", page.name);
        let others = sections.iter().filter(|(title, _)| *title != "OPTIONS");
        for (title, text) in others {
            let defined = defined(text);
            let option = defined.iter().find(|tag| tag.starts_with('-'));
            assert_eq!(option, None, "{}: {title} defines it again", page.name);
        }
    }
}

#[test]
fn every_page_refers_to_all_others() {
    for page in pages() {
        let source = page.source();
        let (title, references) = sections(&source).pop().unwrap();
        assert_eq!(title, "SEE ALSO");
        for other in pages() {
            let reference = format!(".BR {} (1)", literal(&other.name));
            let refers = references.contains(&reference);
            assert_eq!(
                refers,
                other.name != page.name,
                "{}: {reference}",
                page.name
            );
        }
    }
}

#[test]
fn hinit_accepts_the_examples() {
    for page in pages() {
        let source = page.source();
        let sections = sections(&source);
        let (_, text) = sections
            .iter()
            .find(|(title, _)| *title == "EXAMPLES")
            .unwrap();
        let lines = text.lines().filter(|line| line.starts_with("hinit"));
        let mut count = 0;
        for line in lines.map(shown) {
            let words = words_of(line.as_bytes()).unwrap();
            let parsed = parse(words, Env::EMPTY).map_err(|error| error.why);
            assert!(parsed.is_ok(), "{}: {line}: {parsed:?}", page.name);
            count += 1;
        }
        assert!(count > 0, "{}", page.name);
    }
}
