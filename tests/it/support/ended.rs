//! The results of a command: its exit code, its output and its verdict.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output};

use super::*;

/// The verdict of a health check.
pub fn verdict(pid_file: &Path) -> String {
    verdict_by(&mut Command::new(hinit()), pid_file, &[])
}

/// The verdict of a health check by this command; its exit code must match.
#[track_caller]
pub fn verdict_by(command: &mut Command, pid_file: &Path, more: &[&str]) -> String {
    // On a machine under load a check must not miss its deadline.
    command
        .env("HINIT_TIMEOUT", bound().as_secs().to_string())
        .args(["healthcheck", "--pid-file"])
        .arg(pid_file)
        .args(more);
    let ended = Ended::of(&command.output().unwrap());
    let expected = i32::from(!ended.stdout.starts_with("healthy: "));
    assert_eq!(
        (ended.code, ended.log.as_str()),
        (expected, ""),
        "{}",
        ended.stdout
    );
    ended.stdout
}

/// How a hinit ended.
#[derive(Debug)]
pub struct Ended {
    /// As in a shell: 128 plus the number of the signal that killed it.
    pub code: i32,
    pub stdout: String,
    pub log: String,
}

impl Ended {
    pub fn code_of(status: ExitStatus) -> i32 {
        status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap())
    }

    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Self {
            code: Self::code_of(output.status),
            stdout: text(&output.stdout),
            log: text(&output.stderr),
        }
    }

    /// Asserts that this is the exit code, and that the log has this number of lines.
    #[track_caller]
    pub fn assert_code_and_lines(&self, code: i32, lines: usize) {
        let found = (self.code, self.log.lines().count());
        assert_eq!(found, (code, lines), "{}", self.log);
    }

    /// Asserts that the log has this line, in which each `*` matches any text.
    #[track_caller]
    pub fn assert_logged(&self, line: &str) {
        assert!(
            self.log.lines().any(|logged| matches_pattern(logged, line)),
            "no `{line}`: {}",
            self.log
        );
    }
}

/// Whether a line matches a pattern, in which each `*` matches any text.
pub fn matches_pattern(line: &str, pattern: &str) -> bool {
    let (first, others) = pattern.split_once('*').unwrap_or((pattern, ""));
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    if first == pattern {
        return rest.is_empty();
    }
    let (between, last) = others.rsplit_once('*').unwrap_or(("", others));
    between.split('*').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    }) && rest.ends_with(last)
}
