use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::sys::signal::Signal as StandardSignal;

use super::*;
use crate::output::Verbosity;

mod healthcheck;
mod notify;
mod others;

fn parse_in(words: &[&str], pid_file_variable: &str) -> Result<Command, UsageError> {
    parse_with(words, c"HINIT_PID_FILE", pid_file_variable)
}

/// With one environment variable set.
fn parse_with(words: &[&str], variable: &CStr, value: &str) -> Result<Command, UsageError> {
    let env = |name: &CStr| (name == variable).then(|| value.into());
    parse(
        ["hinit"].iter().chain(words).map(OsString::from).collect(),
        &env,
    )
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
            output: ErrorOutput::Verdict,
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
        why: Error::usage(why),
        call: "hinit run",
        output: ErrorOutput::Exit(125),
    }
}

fn at(path: &str) -> PidFile {
    PidFile::At(path.into())
}

#[test]
fn where_the_options_end_and_the_server_begins() {
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
fn options_of_run() {
    let plain = run(&["x"]);
    let expected = Run {
        pid_file: Some(PidFile::Default),
        mode: 0o644,
        group: false,
        parent_death: None,
        rewrites: Rewrites::default(),
        stop: Stop {
            signals: run::STOP_SIGNALS,
            delay: Duration::ZERO,
            grace: None,
            leftovers: Leftovers::Drain,
        },
        exit: Exit::default(),
        notify: None,
        listen: Vec::new(),
        ready_when: None,
        user: None,
        keep_groups: false,
        umask: None,
        workdir: None,
        stale: Vec::new(),
        follow: Vec::new(),
        profile: InitProfile::OWN,
        verbosity: Verbosity::Normal,
        quiet_success: false,
        command: vec!["x".into()],
    };
    assert_eq!(plain, expected);
    assert_eq!(run(&["--pid-file", "/p", "x"]).pid_file, Some(at("/p")));
    assert_eq!(run(&["--pid-file=/p=q", "x"]).pid_file, Some(at("/p=q")));
    assert_eq!(run(&["--no-pid-file", "--no-pid-file", "x"]).pid_file, None);
    for (words, verbosity) in [
        (&["-v", "x"][..], Verbosity::Verbose),
        (&["--verbose", "-v", "x"], Verbosity::Verbose),
        (&["-q", "x"], Verbosity::Quiet),
        (&["--quiet", "x"], Verbosity::Quiet),
    ] {
        assert_eq!(run(words).verbosity, verbosity, "{words:?}");
    }
}

#[test]
fn options_of_healthcheck() {
    let plain = || Healthcheck {
        pid_file: Some(PidFile::Default),
        ready: false,
        foreign: false,
        probes: Vec::new(),
        http: Http {
            head: false,
            headers: Vec::new(),
            expect: vec![200..=399],
            contains: Vec::new(),
        },
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

#[test]
fn flags_by_argument_or_environment() {
    let [group, no_drain, clean_stop, quiet_success]: [fn(&Run) -> bool; 4] = [
        |run| run.group,
        |run| run.stop.leftovers == Leftovers::Leave,
        |run| run.exit.clean_stop,
        |run| run.quiet_success,
    ];
    for (flag, variable, is_on) in [
        ("--group", c"HINIT_GROUP", group),
        ("--no-drain", c"HINIT_NO_DRAIN", no_drain),
        ("--clean-stop", c"HINIT_CLEAN_STOP", clean_stop),
        ("--quiet-success", c"HINIT_QUIET_SUCCESS", quiet_success),
    ] {
        let refusal = format!(
            "`{}=maybe`: not 1, 0, true, false, yes, no, on or off",
            variable.to_str().unwrap()
        );
        for (words, value, expected) in [
            (&["x"][..], "", Ok(false)),
            (&["x"], "1", Ok(true)),
            (&["x"], "0", Ok(false)),
            (&[flag, "x"], "", Ok(true)),
            (&[flag, "x"], "0", Ok(true)),
            (&[flag, "x"], "off", Ok(true)),
            (&["x"], "true", Ok(true)),
            (&["x"], "YES", Ok(true)),
            (&["x"], "On", Ok(true)),
            (&["x"], "False", Ok(false)),
            (&["x"], "no", Ok(false)),
            (&["x"], "off", Ok(false)),
            (&["x"], "maybe", Err(of_run(refusal))),
        ] {
            let on = parse_with(words, variable, value)
                .map(|command| matches!(command, Command::Run(run) if is_on(&run)));
            assert_eq!(on, expected, "{words:?} {variable:?}={value}");
        }
    }
    assert!(run(&["-g", "x"]).group);
}

#[test]
fn how_much_is_logged() {
    let verbosity = |words: &[&str], value| match parse_with(words, c"HINIT_LOG", value) {
        Ok(Command::Run(run)) => run.verbosity,
        other => panic!("{words:?} {value}: {other:?}"),
    };
    for (words, value, expected) in [
        (&["x"][..], "", Verbosity::Normal),
        (&["x"], "normal", Verbosity::Normal),
        (&["x"], "quiet", Verbosity::Quiet),
        (&["x"], "verbose", Verbosity::Verbose),
        (&["-v", "x"], "quiet", Verbosity::Verbose),
        (&["-q", "x"], "verbose", Verbosity::Quiet),
    ] {
        assert_eq!(verbosity(words, value), expected, "{words:?} {value}");
    }
    let refusal = of_run("`HINIT_LOG=debug`: not quiet, normal or verbose".into());
    assert_eq!(parse_with(&["x"], c"HINIT_LOG", "debug"), Err(refusal));
    // That one is the health check's.
    match parse_with(&["x"], c"HINIT_QUIET", "1") {
        Ok(Command::Run(run)) => assert_eq!(run.verbosity, Verbosity::Normal),
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_of_a_stop() {
    let seconds = Duration::from_secs;
    let (rewrites, map) = (vec![(15, Some(3)), (1, None)], vec![(143, 0), (7, 8)]);
    let words = [
        "--stop-delay",
        "3",
        "--grace=8s",
        "--no-drain",
        "--clean-stop",
        "--rewrite",
        "TERM=QUIT",
        "--rewrite=HUP=",
        "--map-exit=TERM=0",
        "--map-exit",
        "7=8",
        "x",
    ];
    let by_arguments = run(&words);
    let expected = Stop {
        signals: run::STOP_SIGNALS,
        delay: seconds(3),
        grace: Some(seconds(8)),
        leftovers: Leftovers::Leave,
    };
    assert_eq!(by_arguments.stop, expected);
    assert_eq!(by_arguments.rewrites, Rewrites(rewrites.clone()));
    assert_eq!(
        by_arguments.exit,
        Exit {
            clean_stop: true,
            map: map.clone()
        }
    );
    let by_variable = |variable, value| match parse_with(&["x"], variable, value) {
        Ok(Command::Run(run)) => run,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        by_variable(c"HINIT_GRACE", "8s").stop.grace,
        Some(seconds(8))
    );
    assert_eq!(by_variable(c"HINIT_STOP_DELAY", "3").stop.delay, seconds(3));
    // Several in one variable, and the argument beats them all.
    for value in ["TERM=QUIT HUP=", "TERM=QUIT,HUP=", " TERM=QUIT,\n HUP= "] {
        assert_eq!(
            by_variable(c"HINIT_REWRITE", value).rewrites,
            Rewrites(rewrites.clone())
        );
    }
    assert_eq!(by_variable(c"HINIT_MAP_EXIT", "TERM=0 7=8").exit.map, map);
    match parse_with(&["--rewrite=INT=TERM", "x"], c"HINIT_REWRITE", "TERM=QUIT") {
        Ok(Command::Run(run)) => assert_eq!(run.rewrites, Rewrites(vec![(2, Some(15))])),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bad_value_is_named_with_its_option() {
    let time = "not a time up to 365d such as 500ms, 2s or 1m30s; the units are ms, s, m, h and d";
    let rewrite =
        "not FROM=TO by signals such as TERM, 15 or RTMIN+3 (not from KILL, STOP or CHLD)";
    let codes = "not FROM=TO by exit codes up to 255, or from a signal such as TERM";
    for (option, variable, value, why) in [
        ("--grace", c"HINIT_GRACE", "soon", time),
        ("--stop-delay", c"HINIT_STOP_DELAY", "1y", time),
        ("--rewrite", c"HINIT_REWRITE", "KILL=TERM", rewrite),
        ("--map-exit", c"HINIT_MAP_EXIT", "TERM=300", codes),
        (
            "--parent-death",
            c"HINIT_PARENT_DEATH",
            "TREM",
            "`TREM` is not a signal (did you mean TERM?)",
        ),
    ] {
        assert_eq!(
            usage_error(&[option, value, "x"]),
            format!("run: `{option} {value}`: {why}")
        );
        let message = format!("`{}={value}`: {why}", variable.to_str().unwrap());
        let by_variable = parse_with(&["x"], variable, value);
        assert_eq!(by_variable, Err(of_run(message)));
    }
}

#[test]
fn the_last_rule_for_a_signal_counts() {
    let rewrites = Rewrites(vec![(15, Some(3)), (1, None), (15, Some(2))]);
    for (from, to) in [(15, Some(2)), (1, None), (3, Some(3)), (64, Some(64))] {
        assert_eq!(rewrites.apply(from), to);
    }
}

#[test]
fn help_and_version() {
    for (words, start) in [
        (&["--help"][..], "usage: hinit [run]"),
        (&["-h", "x"], "usage: hinit [run]"),
        (&["run", "--help"], "usage: hinit [run]"),
        (&["healthcheck", "--help"], "usage: hinit healthcheck"),
        (
            &["--version"],
            concat!("hinit ", env!("CARGO_PKG_VERSION"), " ("),
        ),
        (
            &["run", "-V"],
            concat!("hinit ", env!("CARGO_PKG_VERSION"), " ("),
        ),
    ] {
        match parse_in(words, "") {
            Ok(Command::Help(text)) => assert!(text.starts_with(start), "{words:?}: {text}"),
            other => panic!("{words:?}: {other:?}"),
        }
    }
}

const NO_COMMAND: &str = "run: no command given \
    (an ENTRYPOINT in a derived image clears the CMD of its base: set both)";

#[test]
fn a_usage_error_names_the_word_and_the_nearest_right_one() {
    for (words, message) in [
        (&[][..], NO_COMMAND),
        (&["run"], NO_COMMAND),
        (&["-v", "--"], NO_COMMAND),
        (
            &["--pidfile", "x"],
            "run: unknown option `--pidfile` (did you mean `--pid-file`?)",
        ),
        (
            &["--no-pidfile=x"],
            "run: unknown option `--no-pidfile` (did you mean `--no-pid-file`?)",
        ),
        (&["-x", "ls"], "run: unknown option `-x`"),
        (&["--pid-file"], "run: `--pid-file` needs a value: FILE"),
        (
            &["--pid-file=", "x"],
            "run: `--pid-file` needs a value: FILE",
        ),
        (
            &["--pid-file", "--quiet", "x"],
            "run: `--pid-file` needs a value: FILE; if it begins with `-`, put `=` before it",
        ),
        (
            &["--pid-file", "--", "x"],
            "run: `--pid-file` needs a value: FILE; if it begins with `-`, put `=` before it",
        ),
        (
            &["--pid-file", "-x=y", "x"],
            "run: `--pid-file` needs a value: FILE; if it begins with `-`, put `=` before it",
        ),
        (&["--quiet=yes", "x"], "run: `--quiet` takes no value"),
        (
            &["-v", "-q", "x"],
            "run: `--verbose` cannot be used with `--quiet`",
        ),
        (
            &["--pid-file", "p", "--no-pid-file", "x"],
            "run: `--pid-file` cannot be used with `--no-pid-file`",
        ),
        (
            &["--pid-file-mode", "0666", "x"],
            "run: `--pid-file-mode 0666`: not 0600, 0604, 0640 or 0644",
        ),
        (
            &["healthcheck", "--time-out", "1"],
            "healthcheck: unknown option `--time-out` (did you mean `--timeout`?)",
        ),
        (
            &["healthcheck", "--timeout", "fast"],
            "healthcheck: `--timeout fast`: not a time above 0 and up to 365d such as 500ms, 2s or 1m30s; the units are ms, s, m, h and d",
        ),
        (
            &["healthcheck", "foreign"],
            "healthcheck: unexpected word `foreign` (did you mean `--foreign`?)",
        ),
        (
            &["healthcheck", "--no-pid-file"],
            "healthcheck: unknown option `--no-pid-file` (did you mean `--no-pid`?)",
        ),
    ] {
        assert_eq!(usage_error(words), message, "{words:?}");
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
    let Ok(Command::Run(run)) = parse(words, &|_| None) else {
        panic!()
    };
    assert_eq!(run.pid_file, Some(PidFile::At(path.into())));
}

#[test]
fn the_signal_of_the_parents_death() {
    let expected = "run: `--parent-death TREM`: `TREM` is not a signal (did you mean TERM?)";
    assert_eq!(usage_error(&["--parent-death", "TREM", "x"]), expected);
    assert_eq!(
        run(&["--parent-death=hup", "x"]).parent_death,
        Some(StandardSignal::SIGHUP)
    );
}
