//! Checks that the tables of the guides match the code.

use super::markdown::{cells, code};
use crate::checks::tidy::root;
use crate::cli::options::{HEALTHCHECK, INSTALL, Opt, RUN, SIGNAL, STATUS, Topic};
use crate::error::exit_code;
use crate::run::phases;
use crate::verdict::{findings, verdicts};

macro_rules! guide {
    ($name:literal) => {
        include_str!(concat!("../../docker/guide/", $name, ".md"))
    };
}

/// The rows of the first table after `start`, each as its cells.
fn table_after(start: &str, guide: &'static str) -> Vec<Vec<&'static str>> {
    let (_, rest) = guide.split_once(start).unwrap();
    let lines = rest.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(cells).collect()
}

/// The rows of the table of a command's options.
fn option_rows(topic: &Topic) -> String {
    let in_code = |text: &str| match text {
        "" => String::new(),
        text => format!("`{text}`"),
    };
    let row = |option: &&Opt| {
        let default = match option.default() {
            several if several.contains(' ') => {
                "[several](pid-file.md#the-default-pid-file)".to_owned()
            }
            one => in_code(one),
        };
        let cells = [
            in_code(option.synopsis()),
            option.help().to_owned(),
            default,
            in_code(&option.env_name()),
        ];
        format!("| {} |\n", cells.join(" | "))
            .replace("|  |", "| |")
            .replace("|  |", "| |")
    };
    topic.options.iter().map(row).collect()
}

/// `HINIT_WRITE_MANUAL=1 cargo test the_options` updates the tables.
#[test]
fn the_options() {
    for (name, guide, tables) in [
        (
            "running",
            guide!("running"),
            &[("## Options of `hinit run`", &RUN)][..],
        ),
        (
            "health-checks",
            guide!("health-checks"),
            &[("## hinit healthcheck", &HEALTHCHECK)],
        ),
        (
            "commands",
            guide!("commands"),
            &[
                ("| option of signal |", &SIGNAL),
                ("| option of status |", &STATUS),
                ("| option of install |", &INSTALL),
            ],
        ),
    ] {
        let mut updated = guide.to_owned();
        for (heading, topic) in tables {
            let (before, rest) = updated.split_once(heading).unwrap();
            let (head, rest) = rest.split_once("|---|---|---|---|\n").unwrap();
            let (_, after) = rest.split_once("\n\n").unwrap();
            let rows = option_rows(topic);
            updated = format!("{before}{heading}{head}|---|---|---|---|\n{rows}\n{after}");
            let usage = topic.usage.strip_prefix("usage: ").unwrap();
            assert!(guide.contains(&format!("\n    {usage}\n")), "{usage}");
        }
        if std::env::var_os("HINIT_WRITE_MANUAL").is_some() {
            std::fs::write(root().join(format!("docker/guide/{name}.md")), updated).unwrap();
        } else {
            let mut lines = guide.lines().zip(updated.lines());
            assert_eq!(lines.find(|(shown, expected)| shown != expected), None);
            assert_eq!(guide.len(), updated.len());
        }
    }
    for path in RUN.options[0].default().split(", else ") {
        assert!(guide!("pid-file").contains(&format!("`{path}`")), "{path}");
    }
}

#[test]
fn the_exit_codes() {
    let rows = table_after("| exit code |", guide!("running"));
    let codes: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let own = |code: u8| code.to_string();
    assert_eq!(codes[0], "0 to 255");
    assert_eq!(codes[1], format!("{}+N", exit_code::KILLED_BY));
    assert_eq!(codes[2], own(exit_code::NOT_FOUND));
    assert_eq!(codes[3], own(exit_code::NOT_EXECUTABLE));
    assert_eq!(codes[4], own(exit_code::HINIT_FAILED));
    assert_eq!(codes.len(), 5);
}

#[test]
fn the_verdicts() {
    let rows = table_after("| verdict |", guide!("health-checks"));
    let shown: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    let lines: Vec<&str> = verdicts().into_iter().map(|(_, line)| line).collect();
    assert_eq!(shown, lines);
}

#[test]
fn the_findings() {
    let rows = table_after("| a probe's finding |", guide!("health-checks"));
    let shown: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    for (_, text) in findings() {
        let matches = |row: &&str| is_instance(text, row.trim_matches('`'));
        assert!(shown.iter().any(matches), "{text}");
    }
}

/// The words for values in the table of findings.
const VALUES: [&str; 9] = [
    "AGE", "CODE", "LIMIT", "N", "NAME", "PROTOCOL", "REASON", "TEXT", "WHY",
];

/// Whether a text is a row of the table with values in place of the words for them.
fn is_instance(text: &str, row: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut pieces = vec![String::new()];
    for word in row.split_inclusive(|c| !is_word(c)) {
        let name = word.trim_end_matches(|c| !is_word(c));
        if VALUES.contains(&name) {
            pieces.push(word.split_at(name.len()).1.to_owned());
        } else {
            pieces.last_mut().unwrap().push_str(word);
        }
    }
    let (first, others) = pieces.split_first().unwrap();
    let Some(mut rest) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    for (index, piece) in others.iter().enumerate() {
        let is_last = index + 1 == others.len();
        let end = if is_last && rest.ends_with(piece.as_str()) {
            Some(rest.len() - piece.len())
        } else {
            rest.find(piece.as_str())
        };
        // A value is not empty.
        let Some(end) = end.filter(|end| *end > 0) else {
            return false;
        };
        rest = rest.split_at(end + piece.len()).1;
    }
    rest.is_empty()
}

#[test]
fn a_text_is_an_instance_of_its_own_row_only() {
    for (text, row) in [
        ("answered SERVING", "answered SERVING"),
        ("answered 200 OK", "answered CODE REASON"),
        ("a gRPC status 5 (unknown)", "a gRPC status N (NAME)"),
        ("process 42's, not", "process N's, not"),
    ] {
        assert!(is_instance(text, row), "{text}");
    }
    for (text, row) in [
        ("answered NOT_SERVING", "answered SERVING"),
        ("was touched  ago", "was touched AGE ago"),
        ("was touched 5s ago, too long", "was touched AGE ago"),
        ("a gRPC status 5 ()", "a gRPC status N (NAME)"),
    ] {
        assert!(!is_instance(text, row), "{text}");
    }
}

#[test]
fn the_phases() {
    let rows = table_after("| phase | `/livez` |", guide!("readiness"));
    let shown: Vec<_> = rows.iter().map(|row| [row[0], row[1], row[2]]).collect();
    let code = |is_well: bool| if is_well { "200" } else { "503" };
    let phases = phases();
    let names: Vec<String> = phases
        .iter()
        .map(|phase| format!("`{}`", phase.name))
        .collect();
    let expected: Vec<_> = phases
        .iter()
        .zip(&names)
        .map(|(phase, name)| [name.as_str(), code(phase.live), code(phase.ready)])
        .collect();
    assert_eq!(shown, expected);
}

/// Each row of the threat model names a test as `MODULE::NAME`, without the mode in which it runs.
#[test]
fn the_tests_of_the_threat_model() {
    let rows = table_after("# Threat model", guide!("security"));
    assert!(rows.len() > 20, "{rows:?}");
    for row in rows {
        let test = row[3].trim_matches('`');
        let (module, name) = test.rsplit_once("::").unwrap();
        let file = format!(
            "{}/tests/it/{}.rs",
            env!("CARGO_MANIFEST_DIR"),
            module.replace("::", "/")
        );
        let source = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(source.contains(&format!("fn {name}(")), "{test}");
    }
}

/// What a command that runs tests names, and does not exist: the script; the name in the list beside the script, or a
/// machine after `--arch`; else `MODULE::` or `MODULE::NAME` of the tests in the script's directory.
fn missing(command: &str) -> Option<String> {
    let mut words = command.split(' ');
    let script = root().join(words.next().unwrap());
    if !script.is_file() {
        return Some(script.display().to_string());
    }
    let first_words = |list: &str| {
        let lines = list.lines().filter(|line| !line.starts_with('#'));
        let words = lines.filter_map(|line| line.split_whitespace().next());
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let machines = first_words(include_str!("../../docker/machines"));
    let list = std::fs::read_to_string(script.with_file_name("list"));
    let known = |word: &str| match (&list, word.split_once("::")) {
        (_, None) if word == "--arch" => true,
        (Ok(list), _) => first_words(list).contains(&word.to_owned()),
        (Err(_), None) => machines.contains(&word.to_owned()),
        (Err(_), Some((module, name))) => {
            let source = std::fs::read_to_string(script.with_file_name(format!("{module}.rs")));
            source.is_ok_and(|source| name.is_empty() || source.contains(&format!("fn {name}(")))
        }
    };
    words.find(|word| !known(word)).map(str::to_owned)
}

/// Each row of the README's table names the commands that show it.
#[test]
fn the_tests_of_what_hinit_runs_on() {
    let rows = table_after("## Runs on", include_str!("../../README.md"));
    assert!(rows.len() > 9, "{rows:?}");
    for row in rows {
        let commands = code(row[2]);
        assert_ne!(commands, [""; 0], "{row:?}");
        for command in commands {
            assert_eq!(missing(&command), None, "{row:?}");
        }
    }
}

#[test]
fn a_command_that_names_no_test_is_found() {
    for (command, expected) in [
        ("tests/engines/go docker", "tests/engines/go"),
        ("tests/engines/run docke", "docke"),
        ("tests/kernels/run 4.18 sud", "sud"),
        ("tests/run --arch i585", "i585"),
        ("tests/docker/run swarms::", "swarms::"),
        (
            "tests/docker/run podman::is_not_there",
            "podman::is_not_there",
        ),
    ] {
        let missing = missing(command).unwrap();
        assert!(missing.ends_with(expected), "{missing}");
    }
}

#[test]
fn the_changelog_has_a_date_and_a_link_for_this_version() {
    let changelog = include_str!("../../CHANGELOG.md");
    let heading = concat!("\n## [", env!("CARGO_PKG_VERSION"), "] - 20");
    let link = concat!("\n[", env!("CARGO_PKG_VERSION"), "]: ");
    assert!(changelog.contains(heading), "{heading}");
    assert!(changelog.contains(link), "{link}");
}
