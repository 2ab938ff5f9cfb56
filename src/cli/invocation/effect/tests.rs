use crate::cli::options::{HEALTHCHECK, HELP, Opt, RUN, SIGNAL, STATUS, Topic};
use crate::cli::tests::parse_as;

fn mistake(words: &[&str], variables: &[(&str, &str)]) -> Option<String> {
    let error = parse_as("hinit", words, variables).err()?;
    Some(error.why)
}

/// From a command line in one string.
fn of_check(words: &str, variables: &[(&str, &str)]) -> Option<String> {
    let words: Vec<&str> = ["healthcheck"]
        .into_iter()
        .chain(words.split_whitespace())
        .collect();
    mistake(&words, variables)
}

#[test]
fn an_option_of_a_health_check_that_has_no_effect() {
    for (words, why) in [
        ("--expect 204", "`--expect` needs `--http` or `--fastcgi`"),
        (
            "--method HEAD --tcp 127.0.0.1:1",
            "`--method` needs `--http`",
        ),
        (
            "--contains x --grpc 127.0.0.1:1",
            "`--contains` needs `--http` or `--fastcgi`",
        ),
        (
            "--lacks x --grpc 127.0.0.1:1",
            "`--lacks` needs `--http` or `--fastcgi`",
        ),
        (
            "--method HEAD --fastcgi 127.0.0.1:1/p",
            "`--method` needs `--http`",
        ),
        ("--body x --tcp 127.0.0.1:1", "`--body` needs `--http`"),
        (
            "--header A:b --unix /x",
            "`--header` needs `--http` or `--grpc`",
        ),
        ("--send x --tcp 127.0.0.1:1", "`--send` needs `--reply`"),
        (
            "--reply x --http http://127.0.0.1:1/",
            "`--reply` needs `--tcp` or `--unix`",
        ),
        (
            "--send x --reply x --grpc 127.0.0.1:1",
            "`--reply` needs `--tcp` or `--unix`",
        ),
        ("--max-age 60s", "`--max-age` needs `--heartbeat`"),
        (
            "--foreign --no-pid --tcp 127.0.0.1:1",
            "`--foreign` cannot be used with `--no-pid`",
        ),
        (
            "--pid-file /p --no-pid --tcp 127.0.0.1:1",
            "`--pid-file` cannot be used with `--no-pid`",
        ),
    ] {
        assert_eq!(of_check(words, &[]).as_deref(), Some(why), "{words}");
        let in_variable = format!("in HINIT_HEALTH: {why}");
        let variables = [("HINIT_HEALTH", words)];
        assert_eq!(of_check("", &variables), Some(in_variable), "{words}");
    }
    let url = "http://127.0.0.1:1/";
    for (words, variables) in [
        ("--expect 204", &[("HINIT_HTTP", url)][..]),
        (
            "--expect 204",
            &[("HINIT_HEALTH", "--http http://127.0.0.1:1/")],
        ),
        (
            "--http http://127.0.0.1:1/",
            &[("HINIT_HEALTH", "--expect 204 --tcp 127.0.0.1:1")],
        ),
        ("--header A:b --grpc 127.0.0.1:1", &[]),
        ("--send x --unix /x", &[("HINIT_REPLY", "x")]),
        ("--reply x", &[("HINIT_TCP", "127.0.0.1:1")]),
        (
            "--expect 204 --contains x --lacks y --fastcgi 127.0.0.1:1/p",
            &[],
        ),
        ("--max-age 60s", &[("HINIT_HEARTBEAT", "/beat")]),
        // The variables of an image are for all its commands.
        (
            "--tcp 127.0.0.1:1",
            &[
                ("HINIT_EXPECT", "204"),
                ("HINIT_METHOD", "HEAD"),
                ("HINIT_CONTAINS", "x"),
                ("HINIT_HEADER", "A: b"),
                ("HINIT_SEND", "x"),
                ("HINIT_MAX_AGE", "60s"),
                ("HINIT_FOREIGN", "1"),
            ],
        ),
    ] {
        assert_eq!(of_check(words, variables), None, "{words} {variables:?}");
    }
}

#[test]
fn an_option_of_run_that_has_no_effect() {
    for (words, why) in [
        (
            &["--keep-groups", "x"][..],
            "`--keep-groups` needs `--user`",
        ),
        (
            &["--watchdog-signal=ABRT", "--notify", "x"],
            "`--watchdog-signal` needs `--watchdog`",
        ),
        (
            &["--pid-file-mode=0600", "--no-pid-file", "x"],
            "`--pid-file-mode` cannot be used with `--no-pid-file`",
        ),
        (
            &["-q", "--quiet-success", "x"],
            "`--quiet-success` cannot be used with `--quiet`",
        ),
    ] {
        assert_eq!(mistake(words, &[]).as_deref(), Some(why), "{words:?}");
    }
    for (words, variables) in [
        (&["--keep-groups", "x"][..], &[("HINIT_USER", "app")][..]),
        (
            &["--watchdog-signal=ABRT", "x"],
            &[("HINIT_WATCHDOG", "5s")],
        ),
        (
            &["--pid-file-mode=0600", "--no-pid-file", "x"],
            &[("HINIT_LISTEN", "unix:/s")],
        ),
        (&["-v", "--quiet-success", "x"], &[]),
        (
            &["x"],
            &[
                ("HINIT_KEEP_GROUPS", "1"),
                ("HINIT_WATCHDOG_SIGNAL", "ABRT"),
            ],
        ),
        (&["-q", "x"], &[("HINIT_QUIET_SUCCESS", "1")]),
        (&["--no-pid-file", "x"], &[("HINIT_PID_FILE", "/p")]),
    ] {
        assert_eq!(mistake(words, variables), None, "{words:?} {variables:?}");
    }
}

/// A value that an option takes.
fn value_of(option: &Opt) -> &'static str {
    match option.value() {
        "FILE" | "PATH" | "DIR" => "/x",
        "MODE" => "0600",
        "SIGNAL" | "LIST" => "TERM",
        "DURATION" => "5s",
        "FROM=TO" if option.long() == "--map-exit" => "1=0",
        "FROM=TO" => "HUP=",
        "USER" => "app",
        "URL" => "http://127.0.0.1:1/",
        "METHOD" => "GET",
        "FIELD" => "A: b",
        "CODES" => "200",
        "TEXT" => "ok",
        "ADDRESS" => "127.0.0.1:1",
        "ADDRESS/PATH" => "127.0.0.1:1/ping",
        "LEVEL" => "quiet",
        "PROBE..." => "--tcp 127.0.0.1:1",
        other => panic!("{other}"),
    }
}

/// A right command line of this command: these words, what this option needs beside itself, and the operand.
fn command_line<'w>(topic: &Topic, option: &Opt, words: &[&'w str]) -> Vec<&'w str> {
    let beside: &[&str] = match option.long() {
        "--method" | "--body" | "--header" | "--expect" | "--contains" | "--lacks" => {
            &["--http=http://[::1]/"]
        }
        "--send" => &["--unix=/x", "--reply=x"],
        "--reply" => &["--unix=/x"],
        "--heartbeat" => &["--max-age=1s"],
        "--max-age" => &["--heartbeat=/x"],
        "--watchdog-signal" => &["--watchdog=1s"],
        _ => &[],
    };
    let operand: &[&str] = match topic.word() {
        "run" => &["x"],
        "signal" => &["TERM"],
        _ => &[],
    };
    [&[topic.word()], beside, words, operand].concat()
}

/// The default of an entry is the value of the text that the help shows.
#[test]
fn a_default_is_the_one_that_the_help_shows() {
    let mut count = 0;
    for topic in [&RUN, &HEALTHCHECK, &SIGNAL, &STATUS] {
        for option in topic.options {
            // That of the PID file is looked for, see pidfile::default_path.
            if option.default().is_empty() || option.long() == "--pid-file" {
                continue;
            }
            let given = [option.long(), option.default()];
            let parse = |words| parse_as("hinit", &command_line(topic, option, words), &[]);
            assert_eq!(parse(&given), parse(&[]), "{given:?}");
            assert!(parse(&[]).is_ok(), "{given:?}");
            count += 1;
        }
    }
    assert_eq!(count, 6);
}

/// Compares the help with the parser. A flag may be repeated without effect.
#[test]
fn the_help_says_what_may_be_repeated() {
    for topic in [&RUN, &HEALTHCHECK, &SIGNAL, &STATUS] {
        for option in topic.options {
            if !option.takes_value() || option.is_variable_only() {
                continue;
            }
            let twice = [option.long(), value_of(option)].repeat(2);
            let words = command_line(topic, option, &twice);
            let refusal = format!("`{}` may be given only once", option.long());
            let expected = (!option.help().ends_with("; may be repeated")).then_some(refusal);
            assert_eq!(mistake(&words, &[]), expected, "{words:?}");
        }
        for option in topic.options {
            if !option.takes_value() && option.long() != HELP.long() {
                let words = [topic.word(), option.long(), option.long()];
                let why = mistake(&words, &[]).unwrap_or_default();
                assert!(!why.contains("only once"), "{why}");
            }
        }
    }
    let twice = "--timeout 1s --timeout 2s";
    let why = "in HINIT_HEALTH: `--timeout` may be given only once";
    // Even if an argument overrides it.
    for words in ["", "--timeout 3s"] {
        assert_eq!(
            of_check(words, &[("HINIT_HEALTH", twice)]).as_deref(),
            Some(why)
        );
    }
    // An argument overrides the variable: neither is repeated.
    assert_eq!(
        of_check("--timeout 3s", &[("HINIT_HEALTH", "--timeout 2s")]),
        None
    );
}
