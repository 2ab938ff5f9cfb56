use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::sys::signal::Signal as StandardSignal;

use super::*;
use crate::output::Verbosity;

mod expansion;
mod healthcheck;
mod notify;
mod of_run;
mod others;
mod usage;

fn parse_in(words: &[&str], pid_file_variable: &str) -> Result<Command, UsageError> {
    parse_with(words, "HINIT_PID_FILE", pid_file_variable)
}

/// With one environment variable set.
fn parse_with(words: &[&str], variable: &str, value: &str) -> Result<Command, UsageError> {
    parse_as("hinit", words, &[(variable, value)])
}

/// A program of this name, with these environment variables.
pub(super) fn parse_as(
    name: &str,
    words: &[&str],
    variables: &[(&str, &str)],
) -> Result<Command, UsageError> {
    let is_own = |(name, _): &&(&str, &str)| name.starts_with(OWN_VARIABLES);
    let own = variables.iter().filter(is_own);
    let own: Vec<_> = own
        .map(|(name, value)| [*name, "=", *value].concat().into_bytes())
        .collect();
    let own: Vec<_> = own.iter().map(Vec::as_slice).collect();
    let other = |name: &[u8]| {
        let mut variables = variables.iter();
        variables.find_map(|(known, value)| (known.as_bytes() == name).then(|| value.into()))
    };
    let env = Env {
        own: &own,
        other: &other,
    };
    let words = [name].into_iter().chain(words.iter().copied());
    parse(words.map(OsString::from).collect(), env)
}

fn run(words: &[&str]) -> Run {
    match parse_in(words, "") {
        Ok(Command::Run(run)) => run,
        other => panic!("{words:?}: {other:?}"),
    }
}

fn healthcheck(words: &[&str]) -> Healthcheck {
    match parse_in(words, "") {
        Ok(Command::Healthcheck(check)) => check,
        other => panic!("{words:?}: {other:?}"),
    }
}

/// The usage error for `words`, with the command that it is for in front.
fn usage_error(words: &[&str]) -> String {
    match parse_in(words, "") {
        Err(UsageError {
            why,
            output: ErrorOutput::Verdict(_),
            ..
        }) => format!("healthcheck: {why}"),
        Err(error) => {
            assert_eq!(error.output, ErrorOutput::Exit(125));
            format!("run: {}", error.why)
        }
        other => panic!("{words:?}: {other:?}"),
    }
}

fn of_run(why: String) -> UsageError {
    UsageError {
        why,
        call: "hinit run",
        output: ErrorOutput::Exit(125),
    }
}

fn at(path: &str) -> PidFile {
    PidFile::At {
        path: path.into(),
        shown: path.into(),
    }
}

#[test]
fn the_options_end_at_the_first_operand() {
    for (words, command) in [
        (&["ls"][..], &["ls"][..]),
        (&["ls", "-l"], &["ls", "-l"]),
        (&["run", "ls", "-v"], &["ls", "-v"]),
        (&["--", "ls"], &["ls"]),
        (&["run", "--", "ls", "--", "x"], &["ls", "--", "x"]),
        (&["-v", "ls", "-q"], &["ls", "-q"]),
        (&["--", "--pid-file", "x"], &["--pid-file", "x"]),
        (
            &["ls", "--pid-file", "x", "--help"],
            &["ls", "--pid-file", "x", "--help"],
        ),
        (&["--", "healthcheck"], &["healthcheck"]),
        (&["-v", "healthcheck"], &["healthcheck"]),
        (&["--", "run"], &["run"]),
        (&["run", "run"], &["run"]),
        (&["-"], &["-"]),
        (&["--pid-file=/p", ""], &[""]),
    ] {
        assert_eq!(run(words).command, command, "{words:?}");
    }
}

#[test]
fn options_of_healthcheck() {
    let plain = || Healthcheck {
        pid_file: Some(PidFile::Default),
        ready: false,
        foreign: false,
        probes: Vec::new(),
        exchange: Exchange {
            send: Vec::new(),
            reply: Vec::new(),
            transport: Transport::Plain,
        },
        http: Http::get(vec![200..=399]),
        timeout: Duration::from_millis(900),
        answer: Answer::Line,
    };
    assert_eq!(healthcheck(&["healthcheck"]), plain());
    let words = [
        "healthcheck",
        "--pid-file=/p",
        "--foreign",
        "--timeout",
        "2s",
        "-q",
        "--",
    ];
    let expected = Healthcheck {
        pid_file: Some(at("/p")),
        foreign: true,
        timeout: Duration::from_secs(2),
        answer: Answer::Silence,
        ..plain()
    };
    assert_eq!(healthcheck(&words), expected);
}

#[test]
fn flag_then_environment_then_default() {
    let pid_file = |words, variable| match parse_in(words, variable) {
        Ok(Command::Run(run)) => run.pid_file,
        Ok(Command::Healthcheck(check)) => check.pid_file,
        other => panic!("{words:?}: {other:?}"),
    };
    for (words, variable, expected) in [
        (&["x"][..], "", Some(PidFile::Default)),
        (&["x"], "/env", Some(at("/env"))),
        (&["--pid-file", "/flag", "x"], "/env", Some(at("/flag"))),
        (&["--no-pid-file", "x"], "/env", None),
        (&["healthcheck"], "", Some(PidFile::Default)),
        (&["healthcheck"], "/env", Some(at("/env"))),
        (
            &["healthcheck", "--pid-file", "/flag"],
            "/env",
            Some(at("/flag")),
        ),
    ] {
        assert_eq!(pid_file(words, variable), expected, "{words:?} {variable}");
    }
}

/// What `--version` prints of the unit tests.
const OWN_VERSION: &str = if cfg!(target_feature = "crt-static") {
    concat!(
        "hinit ",
        env!("CARGO_PKG_VERSION"),
        " (static, built by cargo)\n"
    )
} else {
    concat!(
        "hinit ",
        env!("CARGO_PKG_VERSION"),
        " (dynamically linked, built by cargo)\n"
    )
};

#[test]
fn help_and_version() {
    for (words, start) in [
        (&["--help"][..], "usage: hinit [run]"),
        (&["-h", "x"], "usage: hinit [run]"),
        (&["run", "--help"], "usage: hinit [run]"),
        (&["healthcheck", "--help"], "usage: hinit healthcheck"),
        (&["--version"], OWN_VERSION),
        (&["run", "-V"], OWN_VERSION),
        (&["-v", "-V", "x"], OWN_VERSION),
    ] {
        match parse_in(words, "") {
            Ok(Command::Print(text)) => assert!(text.starts_with(start), "{words:?}: {text}"),
            other => panic!("{words:?}: {other:?}"),
        }
    }
}

#[test]
fn a_path_may_be_any_bytes() {
    let path = OsStr::from_bytes(b"/p\xff");
    let words = vec![
        "hinit".into(),
        "--pid-file".into(),
        path.to_owned(),
        "x".into(),
    ];
    let Ok(Command::Run(run)) = parse(words, Env::EMPTY) else {
        panic!()
    };
    let expected = PidFile::At {
        path: path.into(),
        shown: path.into(),
    };
    assert_eq!(run.pid_file, Some(expected));
}
