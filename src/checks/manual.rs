//! Checks that the man page matches the tables of the help texts.

use crate::cli::options::{HEALTHCHECK, INSTALL, Opt, RUN, SIGNAL, STATUS, Topic};

const PAGE: &str = include_str!("../../docker/hinit.1");

/// Escapes a text for troff, so that it contains no commands, hyphens or escapes.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let guarded = text.lines().map(|line| {
        let guard = if line.starts_with(['.', '\'']) {
            "\\&"
        } else {
            ""
        };
        format!("{guard}{line}")
    });
    guarded.collect::<Vec<_>>().join("\n")
}

fn option(option: &Opt) -> String {
    let value = if option.takes_value() {
        format!(" \\fI{}\\fR", quoted(option.value()))
    } else {
        String::new()
    };
    let short = if option.short().is_empty() {
        String::new()
    } else {
        format!("\\fB{}\\fR, ", quoted(option.short()))
    };
    let variable = if option.is_variable_only() {
        String::new()
    } else {
        option.env_name()
    };
    let mut text = format!(
        ".TP\n{short}\\fB{}\\fR{value}\n{}.",
        quoted(option.long()),
        quoted(option.help())
    );
    for (what, is) in [("Default", option.default()), ("Environment", &variable)] {
        if !is.is_empty() {
            text = format!("{text} {what}: {}.", quoted(is));
        }
    }
    if option.is_expanded() {
        text += " Expands ${NAME}.";
    }
    text + "\n"
}

fn topic(topic: &Topic) -> String {
    let usage = quoted(topic.usage.strip_prefix("usage: ").unwrap());
    let titled = |one: &&Opt| match topic.title_of(one) {
        Some(title) => format!(".SS \"{title}\"\n{}", option(one)),
        None => option(one),
    };
    let options: String = topic.options.iter().map(titled).collect();
    let about = quoted(topic.about).replace("\n\n", "\n.PP\n");
    let name = topic.call.to_uppercase();
    let examples = match topic.examples.trim() {
        "" => String::new(),
        examples => format!(".PP\n.nf\n{}\n.fi\n", quoted(examples)),
    };
    format!(".SH \"{name}\"\n.nf\n{usage}\n.fi\n.PP\n{about}\n{options}{examples}")
}

/// The part of the page that is generated from the tables.
fn expected() -> String {
    [&RUN, &HEALTHCHECK, &SIGNAL, &STATUS, &INSTALL]
        .map(topic)
        .concat()
}

/// `HINIT_WRITE_MANUAL=1 cargo test manual` updates the page.
#[test]
fn the_man_page_matches_the_help() {
    let (head, rest) = PAGE.split_once(".\\\" begin\n").unwrap();
    let (tables, tail) = rest.split_once(".\\\" end\n").unwrap();
    if std::env::var_os("HINIT_WRITE_MANUAL").is_some() {
        let page = format!("{head}.\\\" begin\n{}.\\\" end\n{tail}", expected());
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docker/hinit.1"), page).unwrap();
    } else {
        let expected = expected();
        let mut lines = tables.lines().zip(expected.lines());
        assert_eq!(lines.find(|(shown, expected)| shown != expected), None);
        assert_eq!(tables.len(), expected.len());
    }
    let version = concat!("\"hinit ", env!("CARGO_PKG_VERSION"), "\"");
    assert!(head.contains(version), "{head}");
}
