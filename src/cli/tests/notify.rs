//! What the server tells, and where hinit answers.

use nix::libc::{SIGABRT, SIGKILL};

use super::*;

fn notify(words: &[&str]) -> Option<Notify> {
    run(words).notify
}

#[test]
fn whether_the_server_is_to_say_that_it_is_ready() {
    let watched = |seconds, signal| {
        Some(Notify {
            watchdog: Some(Duration::from_secs(seconds)),
            signal,
        })
    };
    assert_eq!(notify(&["x"]), None);
    assert_eq!(notify(&["--notify", "x"]), Some(Notify::default()));
    assert_eq!(notify(&["--watchdog", "30", "x"]), watched(30, None));
    assert_eq!(
        notify(&[
            "--notify",
            "--watchdog=5s",
            "--watchdog-signal",
            "ABRT",
            "x"
        ]),
        watched(5, Some(SIGABRT))
    );
    assert_eq!(
        notify(&["--watchdog=5s", "--watchdog-signal=9", "x"]),
        watched(5, Some(SIGKILL))
    );
    for (words, refusal) in [
        (
            &["--watchdog-signal=ABRT", "x"][..],
            "run: `--watchdog-signal` needs `--watchdog`",
        ),
        (
            &["--watchdog=0", "x"],
            "run: `--watchdog 0`: not a time above 0 and up to 365d such as 500ms, 2s, 1m30s, 5h or 1d",
        ),
        (
            &["--watchdog=1s", "--watchdog-signal=TREM", "x"],
            "run: `--watchdog-signal TREM`: `TREM` is not a signal (did you mean TERM?)",
        ),
    ] {
        assert_eq!(usage_error(words), refusal);
    }
}

#[test]
fn the_same_by_the_environment() {
    let with = |variable, value| match parse_with(&["x"], variable, value) {
        Ok(Command::Run(run)) => (run.notify, run.listen.len()),
        other => panic!("{other:?}"),
    };
    let watchdog = Some(Notify {
        watchdog: Some(Duration::from_secs(2)),
        signal: None,
    });
    assert_eq!(with("HINIT_NOTIFY", "1"), (Some(Notify::default()), 0));
    assert_eq!(with("HINIT_NOTIFY", "0"), (None, 0));
    assert_eq!(with("HINIT_WATCHDOG", "2s"), (watchdog, 0));
    assert_eq!(with("HINIT_LISTEN", "127.0.0.1:1 unix:/s"), (None, 2));
}

#[test]
fn addresses_to_listen_at() {
    let tcp = |text: &str| Address::Tcp(vec![text.parse().unwrap()]);
    for (text, expected) in [
        ("127.0.0.1:9101", tcp("127.0.0.1:9101")),
        ("[::]:9101", tcp("[::]:9101")),
        (
            "unix:/run/hinit.sock",
            Address::Unix("/run/hinit.sock".into()),
        ),
    ] {
        let expected = Written {
            text: text.to_owned(),
            value: expected,
        };
        assert_eq!(run(&["--listen", text, "x"]).listen, [expected], "{text}");
    }
    let both = ["127.0.0.1:1", "[::1]:1"].map(|text| text.parse().unwrap());
    let found = run(&["--listen=localhost:1", "x"]).listen;
    assert_eq!(found[0].value, Address::Tcp(both.into()));
    for (bad, why) in [
        (
            "9101",
            "`9101` needs an address and a port, such as 127.0.0.1:8000",
        ),
        ("/x", "a path needs a prefix: write `unix:/x`"),
    ] {
        let refusal = format!("run: `--listen {bad}`: {why}");
        assert_eq!(usage_error(&["--listen", bad, "x"]), refusal);
    }
    let many = ["--listen=127.0.0.1:1"; 9];
    let many = [&many[..], &["x"]].concat();
    assert_eq!(
        usage_error(&many),
        "run: more than 8 addresses to listen at"
    );
}

#[test]
fn ready_needs_hinits_own_pid_file() {
    assert!(!healthcheck(&["healthcheck"]).ready);
    assert!(healthcheck(&["healthcheck", "--ready"]).ready);
    for other in ["--no-pid", "--foreign"] {
        let refusal = format!("healthcheck: `--ready` cannot be used with `{other}`");
        assert_eq!(usage_error(&["healthcheck", "--ready", other]), refusal);
    }
}

/// What hinit itself is to ask, as a health check without the PID file.
fn probes(words: &[&str]) -> Healthcheck {
    healthcheck(&[&["healthcheck", "--no-pid"], words].concat())
}

#[test]
fn when_the_server_is_ready() {
    assert_eq!(run(&["x"]).ready_when, None);
    let tcp = "--tcp 127.0.0.1:8000";
    let only_tcp = || Some(probes(&["--tcp", "127.0.0.1:8000"]));
    for words in [
        &["--ready-when", tcp, "x"][..],
        &["--ready-when", "--tcp=127.0.0.1:8000", "x"],
        &["--ready-when=--tcp=127.0.0.1:8000", "x"],
    ] {
        assert_eq!(run(words).ready_when, only_tcp(), "{words:?}");
    }
    // Repeated, the values are one.
    let http = "--http http://localhost/ --header 'A: b c' --expect 200 --timeout 2s";
    let others = "--heartbeat f --max-age 5s --unix /s --grpc [::1]:5/a --fastcgi [::1]:9/p";
    let all = || {
        Some(probes(&[
            "--http",
            "http://localhost/",
            "--header",
            "A: b c",
            "--expect",
            "200",
            "--timeout",
            "2s",
            "--heartbeat",
            "f",
            "--max-age",
            "5s",
            "--unix",
            "/s",
            "--grpc",
            "[::1]:5/a",
            "--fastcgi",
            "[::1]:9/p",
        ]))
    };
    let twice = ["--ready-when", http, "--ready-when", others, "x"];
    assert_eq!(run(&twice).ready_when, all());
    let by_variable = |value: &str| match parse_with(&["x"], "HINIT_READY_WHEN", value) {
        Ok(Command::Run(run)) => run.ready_when,
        other => panic!("{other:?}"),
    };
    assert_eq!(by_variable(tcp), only_tcp());
    assert_eq!(by_variable(&format!("{http}\n{others}\n")), all());
    // The health check's own variables are not meant.
    for (variable, value) in [("HINIT_UNIX", "/s"), ("HINIT_HEALTH", "--unix /s")] {
        let parsed = parse_with(&["--ready-when", tcp, "x"], variable, value);
        assert!(matches!(parsed, Ok(Command::Run(run)) if run.ready_when == only_tcp()));
    }
}

#[test]
fn what_cannot_be_asked_is_a_usage_error_that_names_the_option() {
    let none = "there is no probe";
    let example = "(an example is `--ready-when \"--tcp 127.0.0.1:8000\"`)";
    for (value, why) in [
        (" ", none),
        ("--timeout 2s", none),
        ("--tcp 'a", "a quote is not closed"),
        (
            "--tcpp 127.0.0.1:1",
            "unknown option `--tcpp` (did you mean `--tcp`?)",
        ),
        (
            "--heartbeat f",
            "`--heartbeat` needs `--max-age`: how old it may be",
        ),
        (
            "--unix /s --timeout soon",
            "`--timeout soon`: not a time above 0 and up to 365d such as 500ms, 2s, 1m30s, 5h or 1d",
        ),
    ] {
        let expected = format!("run: in --ready-when: {why} {example}");
        assert_eq!(usage_error(&["--ready-when", value, "x"]), expected);
    }
    for flag in [
        "-q",
        "--json",
        "--help",
        "--ready",
        "--no-pid",
        "--foreign",
        "--pid-file=f",
    ] {
        let value = format!("--unix /s {flag}");
        let why = "only probes and `--timeout` have an effect here";
        let expected = format!("run: in --ready-when: {why} {example}");
        assert_eq!(usage_error(&["--ready-when", &value, "x"]), expected);
    }
    for word in ["x", "--unknown"] {
        let value = format!("--unix /s {word}");
        let refused = usage_error(&["--ready-when", &value, "x"]);
        assert!(refused.starts_with("run: in --ready-when: "), "{refused}");
    }
    let by_variable = parse_with(&["x"], "HINIT_READY_WHEN", "--timeout 2s");
    assert_eq!(
        by_variable.unwrap_err().why,
        "in HINIT_READY_WHEN: there is no probe (an example is `--ready-when \"--tcp 127.0.0.1:8000\"`)"
    );
    assert_eq!(
        usage_error(&["--ready-when"]),
        "run: `--ready-when` needs a value: PROBE..."
    );
}
