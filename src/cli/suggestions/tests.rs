use super::*;
use crate::cli::options::{INSTALL, STATUS};

/// Typos, with the option that was meant; none, if none is near.
#[test]
fn options_are_suggested_only_where_near() {
    for (word, topic, near) in [
        ("--pidfile", &RUN, "--pid-file"),
        ("--pid_file", &RUN, "--pid-file"),
        ("-pid-file", &RUN, "--pid-file"),
        ("--PID-FILE", &RUN, "--pid-file"),
        ("--pid", &RUN, "--pid-file"),
        ("--no-pidfile", &RUN, "--no-pid-file"),
        ("--gracee", &RUN, "--grace"),
        ("--garce", &RUN, "--grace"),
        ("--grace-period", &RUN, "--grace"),
        ("--stopsignal", &RUN, "--stop-signal"),
        ("--stop-sig", &RUN, "--stop-signal"),
        ("--watchdog-sig", &RUN, "--watchdog-signal"),
        ("--watchdogs", &RUN, "--watchdog"),
        ("--usr", &RUN, "--user"),
        ("--workdri", &RUN, "--workdir"),
        ("--work-dir", &RUN, "--workdir"),
        ("-help", &RUN, "--help"),
        ("-verbose", &RUN, "--verbose"),
        ("--health", &RUN, "hinit healthcheck"),
        ("--hinit-log", &RUN, "HINIT_LOG"),
        ("--htpp", &HEALTHCHECK, "--http"),
        ("--https", &HEALTHCHECK, "--http"),
        ("--http-url", &HEALTHCHECK, "--http"),
        ("--time-out", &HEALTHCHECK, "--timeout"),
        ("--contain", &HEALTHCHECK, "--contains"),
        ("--no-pid-file", &HEALTHCHECK, "--no-pid"),
        ("foreign", &HEALTHCHECK, "--foreign"),
        ("--jsn", &STATUS, "--json"),
        ("wait", &SIGNAL, "--wait"),
    ] {
        let message = unknown("unknown", word.as_bytes(), topic);
        assert_eq!(
            message,
            format!("unknown `{word}` (did you mean `{near}`?)")
        );
    }
    assert_eq!(
        unknown("unknown option", b"--healthcheck", &RUN),
        "unknown option `--healthcheck` (did you mean `hinit healthcheck`?)"
    );
    for (word, topic) in [
        ("-x", &RUN),
        ("-h2", &RUN),
        ("--x", &RUN),
        ("--foo", &RUN),
        ("--timeout-stop-sec", &RUN),
        ("--force", &INSTALL),
        ("b", &INSTALL),
        ("-99", &SIGNAL),
        ("-9", &STATUS),
        ("-qx", &RUN),
        ("--interval", &RUN),
        ("--killed", &SIGNAL),
        ("http://127.0.0.1/", &HEALTHCHECK),
        ("-s", &HEALTHCHECK),
        ("healthcheck", &HEALTHCHECK),
        ("", &STATUS),
    ] {
        let message = unknown("unknown", word.as_bytes(), topic);
        assert_eq!(message, format!("unknown `{word}`"));
    }
}

#[test]
fn an_option_of_another_command_is_named_with_its_command() {
    for (word, topic, other) in [
        ("--http", &RUN, "healthcheck"),
        ("--wait", &RUN, "signal"),
        ("--grace", &HEALTHCHECK, "run"),
        ("--json", &SIGNAL, "healthcheck"),
        ("-g", &STATUS, "run"),
        ("--foreign", &INSTALL, "healthcheck"),
    ] {
        let message = unknown("unknown", word.as_bytes(), topic);
        let expected = format!("unknown `{word}`: it is an option of `hinit {other}`");
        assert_eq!(message, expected);
    }
}

#[test]
fn options_of_other_inits_have_an_equivalent() {
    for (words, instead) in [
        (&["-s"][..], "leave it out, hinit always adopts orphans"),
        (&["-w"], "write `--verbose`"),
        (&["-vv", "-vvv"], "write `-v`"),
        (&["-p", "-pSIGTERM"], "write `--parent-death SIGNAL`"),
        (&["-e", "-e143"], "write `--map-exit 143=0` for `-e 143`"),
        (&["-r", "-r15:3"], "write `--rewrite 15=3` for `-r 15:3`"),
        (
            &["-c", "--single-child"],
            "leave it out, hinit signals only the server unless `--group` is given",
        ),
    ] {
        for word in words {
            let message = unknown("unknown", word.as_bytes(), &RUN);
            assert_eq!(message, format!("unknown `{word}`: {instead}"));
        }
    }
}

#[test]
fn letters_behind_one_dash_are_written_apart() {
    for (word, topic, apart) in [
        ("-qv", &RUN, "-q -v"),
        ("-vgq", &RUN, "-v -g -q"),
        ("-vvg", &RUN, "-v -g"),
        ("-qh", &HEALTHCHECK, "-q -h"),
    ] {
        let message = unknown("unknown", word.as_bytes(), topic);
        assert_eq!(message, format!("unknown `{word}`: write `{apart}`"));
    }
}

#[test]
fn options_of_dockers_healthcheck_go_before_cmd() {
    for word in [
        "--interval",
        "--retries",
        "--start-period",
        "--start-interval",
    ] {
        let why = "it is an option of Docker's HEALTHCHECK; put it before CMD";
        let message = unknown("unknown", word.as_bytes(), &HEALTHCHECK);
        assert_eq!(message, format!("unknown `{word}`: {why}"));
    }
}

#[test]
fn a_signal_is_no_option() {
    for (word, signal) in [
        ("-TERM", "TERM"),
        ("--TERM", "TERM"),
        ("-sigterm", "sigterm"),
        ("-9", "9"),
        ("-RTMIN+3", "RTMIN+3"),
    ] {
        let message = unknown("unknown", word.as_bytes(), &SIGNAL);
        let expected = format!("unknown `{word}`: write `hinit signal {signal}`");
        assert_eq!(message, expected);
    }
}

/// In the form of dumb-init and tini.
#[test]
fn rules_are_written_with_an_equals_sign() {
    for (value, kind, right) in [
        ("15:3", values::REWRITE.expected, "15=3"),
        ("TERM:QUIT", values::REWRITE.expected, "TERM=QUIT"),
        ("1:0", values::REWRITE.expected, "1="),
        ("143", values::EXIT_CODES.expected, "143=0"),
        ("TERM", values::EXIT_CODES.expected, "TERM=0"),
        ("143:0", values::EXIT_CODES.expected, "143=0"),
    ] {
        assert_eq!(refusal(value, kind), format!("write `{right}`"));
    }
    for (value, kind) in [
        ("15", values::REWRITE.expected),
        ("9:15", values::REWRITE.expected),
        ("256", values::EXIT_CODES.expected),
        ("15:3", values::REWRITE_BY_COLON.expected),
        ("15", Expected::plain("a time")),
    ] {
        assert_eq!(
            refusal(value, kind),
            format!("not {}", kind.text),
            "{value}"
        );
    }
}

#[test]
fn signals() {
    let kind = values::SIGNAL.expected;
    for (value, wrong, near) in [
        ("SIGTRM", "SIGTRM", "SIGTERM"),
        ("sigtrm", "sigtrm", "SIGTERM"),
        ("TREM", "TREM", "TERM"),
        ("TERMM", "TERMM", "TERM"),
        ("HPU", "HPU", "HUP"),
        ("USR", "USR", "USR1"),
        ("WINHC", "WINHC", "WINCH"),
        ("TERM,QIUT", "QIUT", "QUIT"),
        ("TREM=QUIT", "TREM", "TERM"),
        ("TERM=QIUT", "QIUT", "QUIT"),
        ("15:INTT", "INTT", "INT"),
    ] {
        let expected = format!("`{wrong}` is not a signal (did you mean {near}?)");
        assert_eq!(refusal(value, kind), expected);
    }
    // Near no signal; or a signal that this option does not accept.
    for value in [
        "",
        "FOO",
        "99",
        "KILL",
        "SIGKILL",
        "KILL=TERM",
        "TERM=",
        "RTMIN+99",
        "é",
    ] {
        let expected = format!("not {}", kind.text);
        assert_eq!(refusal(value, kind), expected, "{value}");
    }
    let no_signals = refusal("TREM", Expected::plain("a time"));
    assert_eq!(no_signals, "not a time");
}

#[test]
fn each_parser_of_signals_suggests_signals() {
    for expected in [
        values::SIGNAL.expected,
        values::STANDARD_SIGNAL.expected,
        values::STOP_SIGNALS.expected,
        values::REWRITE.expected,
        values::REWRITE_BY_COLON.expected,
        values::EXIT_CODES.expected,
    ] {
        let refusal = refusal("SIGTRM", expected);
        assert!(refusal.ends_with("(did you mean SIGTERM?)"), "{refusal}");
    }
}

#[test]
fn hints_for_a_command_that_is_not_found() {
    let hint_for = |line: &[&str], is_own| {
        let words: Vec<_> = line
            .iter()
            .map(|word| CString::new(*word).unwrap())
            .collect();
        let is_user = |name: &str| ["www-data", "1000:1000"].contains(&name);
        command(&words, is_own, &is_user).map(|parts| parts.concat())
    };
    let options = "options go before `--`, the command after it";
    let words = "the command and its arguments must be separate words, \
        as in CMD [\"server\", \"--port\", \"80\"]";
    for (line, expected) in [
        (&["--grace", "5s", "server"][..], options),
        (&["-v"], options),
        (&["python3 -m http.server"], words),
        (&["/usr/bin/python3 -m http.server", "--grace"], words),
    ] {
        for is_own in [true, false] {
            assert_eq!(
                hint_for(line, is_own).as_deref(),
                Some(expected),
                "{line:?}"
            );
        }
    }
    let after = |option| {
        let why = "after the command is an argument of the command, not an option of hinit";
        format!("`{option}` {why}")
    };
    let meant = |word| format!("did you mean `hinit {word}`?");
    let user = |name| format!("to run a command as this user, write `--user {name}`");
    for (line, expected) in [
        (&["healtcheck"][..], meant("healthcheck")),
        (&["health", "--http", "x"], meant("healthcheck")),
        (&["healthcheck"], meant("healthcheck")),
        (&["singal", "TERM"], meant("signal")),
        (&["stat"], meant("status")),
        (&["instal", "/x"], meant("install")),
        (&["help"], meant("--help")),
        (&["version"], meant("--version")),
        (&["www-data", "server"], user("www-data")),
        (&["1000:1000", "server"], user("1000:1000")),
        (&["serverr", "--grace", "5s"], after("--grace")),
        (&["/no/server", "-x", "--pid-file=/p"], after("--pid-file")),
    ] {
        assert_eq!(hint_for(line, true), Some(expected), "{line:?}");
        assert_eq!(hint_for(line, false), None, "{line:?}");
    }
    for line in [
        &["server"][..],
        &["www-data"],
        &["status.sh"],
        &["./healthcheck"],
        &["static"],
        &["start"],
        &["server", "--help", "-v", "--port", "80", "grace"],
    ] {
        assert_eq!(hint_for(line, true), None, "{line:?}");
    }
}
