//! Checks that the guide on troubleshooting has each message, with its cause and what to do.

use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::markdown::{cells, code};
use super::messages::{expects, messages, pieces};
use super::tidy::root;
use crate::error::{Change, Error, MissingCapability, Reason, Verb};

const BEGIN: &str = "<!-- begin remedies -->\n";
const END: &str = "<!-- end remedies -->\n";

/// Literals that are no messages: a field of the kernel's, and one of HTTP.
const NO_MESSAGES: [&str; 2] = ["oom_kill ", "text/plain; charset=utf-8"];

fn path() -> PathBuf {
    root().join("docker/guide/troubleshooting.md")
}

/// The rows of all tables, each as its cells.
fn rows(guide: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = guide.lines().collect();
    let is_row = |at: usize| {
        let is_head = lines
            .get(at + 1)
            .is_some_and(|next| next.starts_with("|---"));
        lines[at].starts_with("| ") && !is_head
    };
    let rows = (0..lines.len()).filter(|at| is_row(*at));
    rows.map(|at| cells(lines[at])).collect()
}

/// The parts of a message around its values, as in the code of the guide.
fn shown_pieces(message: &str) -> Vec<String> {
    pieces(&message.replace('`', ""))
}

/// Errors whose remedy is in the source, each as an example.
fn errors_with_a_remedy() -> [Box<Error>; 12] {
    let of_user = |own_user, name, change| {
        let missing = MissingCapability {
            user: "USER".to_owned(),
            name,
            change,
            own_user,
            own_group: 0,
            gid: 1000,
        };
        let reason = Reason::MissingCapability(Box::new(missing));
        Error::failed(Verb::RunAs, "USER", reason)
    };
    let limit = Reason::ProcessLimitOfUser {
        uid: 1000,
        limit: 512,
    };
    [
        Error::failed(
            Verb::ClaimPidFileIn,
            "/run, /tmp, /dev/shm",
            Reason::NoneWritable,
        ),
        Error::failed(Verb::ClaimPidFile, "P", Reason::LockedFor(Pid::from_raw(7))),
        Error::failed(Verb::Install, "PATH", Reason::NoDirectory("DIR".into())),
        Error::failed(Verb::ReadSelf, "/proc/self/exe", Errno::ENOENT),
        Error::failed(Verb::ListenAt, "[::]:9101", Reason::NoIpv6(9101)),
        Error::failed(Verb::Start, "COMMAND", Reason::ProcessLimit),
        Error::failed(Verb::Start, "COMMAND", limit),
        of_user(0, "CAP_SETUID", Change::User),
        of_user(1000, "CAP_SETUID", Change::User),
        of_user(1000, "CAP_SETGID", Change::Group),
        of_user(0, "CAP_SETGID", Change::Leave(27)),
        of_user(0, "CAP_SETGID", Change::Join(27)),
    ]
}

fn remedies() -> String {
    let row = |error: Box<Error>| {
        let text = error.to_string();
        let (fault, remedy) = text.split_once("; ").unwrap();
        format!("| ``{fault}`` | `{remedy}` |\n")
    };
    let rows = errors_with_a_remedy().into_iter().map(row);
    let rows: String = rows.collect();
    format!("| error | what it says to do |\n|---|---|\n{rows}")
}

/// `HINIT_WRITE_MANUAL=1 cargo test troubles` updates the table.
#[test]
fn the_remedies_are_those_of_the_errors() {
    let guide = std::fs::read_to_string(path()).unwrap();
    let (head, rest) = guide.split_once(BEGIN).unwrap();
    let (shown, tail) = rest.split_once(END).unwrap();
    if std::env::var_os("HINIT_WRITE_MANUAL").is_some() {
        let updated = [head, BEGIN, &remedies(), END, tail].concat();
        std::fs::write(path(), updated).unwrap();
    } else {
        assert_eq!(shown, remedies());
    }
}

#[test]
fn the_guide_has_each_message() {
    let guide = std::fs::read_to_string(path()).unwrap();
    let rows = rows(&guide);
    let shown: Vec<String> = rows.iter().flatten().flat_map(|cell| code(cell)).collect();
    let mut missing: Vec<String> = messages()
        .into_iter()
        .map(|(_, message)| message)
        .filter(|message| {
            let pieces = shown_pieces(message);
            let is_shown = shown.iter().any(|text| expects(text, &pieces));
            !is_shown && !NO_MESSAGES.contains(&message.as_str())
        })
        .collect();
    missing.dedup();
    assert!(missing.is_empty(), "add a row for each: {missing:#?}");
}

#[test]
fn each_row_is_about_a_message_and_says_what_to_do() {
    let guide = std::fs::read_to_string(path()).unwrap();
    // Not those that match anything, such as `{} {}`.
    let messages: Vec<Vec<String>> = messages()
        .iter()
        .map(|(_, message)| shown_pieces(message))
        .filter(|pieces| {
            pieces
                .concat()
                .chars()
                .filter(|c| c.is_alphanumeric())
                .count()
                > 3
        })
        .collect();
    // What the kernel says, in place of a reason of hinit's own.
    let kernels = [Errno::ENOENT, Errno::EACCES, Errno::EROFS].map(Errno::desc);
    for row in rows(&guide) {
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        for text in code(row[0]) {
            let is_message = kernels.contains(&text.as_str())
                || messages.iter().any(|pieces| expects(&text, pieces));
            assert!(is_message, "hinit does not say this: {text}");
        }
    }
}
