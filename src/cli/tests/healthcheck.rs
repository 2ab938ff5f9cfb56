//! Health checks: their probes, and the three places from which options come.

use std::time::Duration;

use crate::cli::{Answer, Command, Healthcheck, Probe, Written};

mod tls;
mod usage;

/// What a command line and the environment make of a health check.
fn check_with(words: &[&str], variables: &[(&str, &str)]) -> Result<Healthcheck, String> {
    let words = [&["healthcheck"], words].concat();
    match super::parse_as("hinit", &words, variables) {
        Ok(Command::Healthcheck(check)) => Ok(check),
        Err(error) => Err(error.why),
        other => panic!("{other:?}"),
    }
}

/// The names of its probes, in their order.
fn probes_of(check: &Healthcheck) -> Vec<String> {
    let name = |probe: &Written<Probe>| match &probe.value {
        Probe::Heartbeat(_, age) => format!("{} {age:?}", probe.text),
        _ => probe.text.clone(),
    };
    check.probes.iter().map(name).collect()
}

#[test]
fn the_probes_of_a_health_check() {
    let words = [
        "--grpc",
        "[::1]:5/s",
        "--fastcgi=localhost:9/p,q",
        "--fastcgi",
        "unix:/f:/p?q",
        "--http",
        "http://localhost/",
        "--tcp=127.0.0.1:1",
        "--unix",
        "/a b",
        "--http=http://127.0.0.1/x",
        "--heartbeat",
        "/beat",
        "--max-age",
        "60",
        "--no-pid",
        "--json",
        "--expect",
        "200,204",
        "--expect=301-302",
        "--header",
        "A: b",
        "--header=C: d, e",
        "--contains",
        "a b",
        "--contains=c",
        "--lacks=d, e",
        "--method=POST",
        "--body",
        "{\"f\": 1}",
        "--send",
        "PING a\\r\\n",
        "--reply=+PONG",
    ];
    let check = check_with(&words, &[]).unwrap();
    let expected = [
        "/beat 60s",
        "/a b",
        "127.0.0.1:1",
        "http://localhost/",
        "http://127.0.0.1/x",
        "localhost:9/p,q",
        "unix:/f:/p?q",
        "[::1]:5/s",
    ];
    assert_eq!(probes_of(&check), expected);
    assert_eq!((check.pid_file, check.answer), (None, Answer::Json));
    assert_eq!(check.http.expect, [200..=200, 204..=204, 301..=302]);
    let headers = [("A", "b"), ("C", "d, e")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(check.http.headers, headers);
    let contains = check.http.contains.iter().map(|text| text.value.as_str());
    assert!(contains.eq(["a b", "c"]));
    assert_eq!(check.http.lacks[0].value, "d, e");
    assert_eq!(
        (check.http.method.as_str(), check.http.body.as_str()),
        ("POST", "{\"f\": 1}")
    );
    assert_eq!(check.exchange.send, b"PING a\r\n");
    assert_eq!(check.exchange.reply, b"+PONG");
    // The same by variables.
    let variables = [
        ("HINIT_GRPC", "[::1]:5/s"),
        ("HINIT_FASTCGI", "localhost:9/p,q unix:/f:/p?q"),
        ("HINIT_HTTP", "http://localhost/ http://127.0.0.1/x"),
        ("HINIT_TCP", "127.0.0.1:1"),
        ("HINIT_UNIX", "/a b"),
        ("HINIT_HEARTBEAT", "/beat"),
        ("HINIT_MAX_AGE", "60"),
        ("HINIT_NO_PID", "1"),
        ("HINIT_JSON", "1"),
        ("HINIT_EXPECT", "200,204 301-302"),
        ("HINIT_HEADER", "A: b\nC: d, e"),
        ("HINIT_CONTAINS", "a b\nc"),
        ("HINIT_LACKS", "d, e"),
        ("HINIT_METHOD", "POST"),
        ("HINIT_BODY", "{\"f\": 1}"),
        ("HINIT_SEND", "PING a\r\n"),
        ("HINIT_REPLY", "+PONG"),
    ];
    assert_eq!(check_with(&[], &variables), check_with(&words, &[]));
    // And by the variable for all options.
    let all = "--grpc [::1]:5/s --fastcgi localhost:9/p,q --fastcgi=unix:/f:/p?q --http http://localhost/ --tcp=127.0.0.1:1 --unix '/a b' \
        --http=http://127.0.0.1/x --heartbeat /beat --max-age 60 --no-pid --json --expect 200,204 \
        --expect=301-302 --header \"A: b\" --header='C: d, e' --contains a' 'b --contains c \
        --lacks='d, e' --method=POST --body '{\"f\": 1}' \
        --send 'PING a\\r\\n' --reply +PONG";
    assert_eq!(
        check_with(&[], &[("HINIT_HEALTH", all)]),
        check_with(&words, &[])
    );
}

#[test]
fn argument_then_own_variable_then_hinit_health() {
    let timeout = |words: &[&str], variables: &[_]| check_with(words, variables).unwrap().timeout;
    let all = ("HINIT_HEALTH", "--timeout 3s --foreign");
    let own = ("HINIT_TIMEOUT", "2s");
    for (words, variables, seconds) in [
        (&["--timeout", "1s"][..], &[own, all][..], 1),
        (&[], &[own, all], 2),
        (&[], &[all], 3),
    ] {
        assert_eq!(timeout(words, variables), Duration::from_secs(seconds));
    }
    // A 0 switches off what the variable for all options switches on.
    let foreign = |variables: &[_]| check_with(&[], variables).unwrap().foreign;
    assert!(foreign(&[all]));
    assert!(!foreign(&[all, ("HINIT_FOREIGN", "0")]));
    // An option overrides only itself.
    let both = [("HINIT_HEALTH", "--http http://[::1]/ --expect 204")];
    let check = check_with(&["--http", "http://[::1]/x"], &both).unwrap();
    assert_eq!(probes_of(&check), ["http://[::1]/x"]);
    assert_eq!(check.http.expect, [204..=204]);
}

#[test]
fn fields_other_than_host_may_be_repeated() {
    let words = ["--http=http://[::1]/", "--header=A: b", "--header=A: c"];
    assert_eq!(check_with(&words, &[]).unwrap().http.headers.len(), 2);
}

#[test]
fn help_is_printed_despite_mistakes_in_variables() {
    for value in ["--tccp x", "--help", "'"] {
        match super::parse_with(&["healthcheck", "--help"], "HINIT_HEALTH", value) {
            Ok(Command::Print(text)) => assert!(text.starts_with("usage: hinit healthcheck")),
            other => panic!("{value}: {other:?}"),
        }
    }
}

#[test]
fn a_flag_beats_a_variable_that_it_cannot_be_used_with() {
    let check = |words: &[&str], variables: &[_]| check_with(words, variables).unwrap();
    let tcp = "--tcp=127.0.0.1:1";
    for (word, variable, answer) in [
        ("--json", "HINIT_QUIET", Answer::Json),
        ("-q", "HINIT_JSON", Answer::Silence),
    ] {
        assert_eq!(check(&[word], &[(variable, "1")]).answer, answer);
    }
    let (no_pid, ready, foreign) = ("HINIT_NO_PID", "HINIT_READY", "HINIT_FOREIGN");
    let found = check(&["--no-pid", tcp], &[(ready, "1"), (foreign, "1")]);
    assert_eq!((found.pid_file, found.ready), (None, false));
    let found = check(&["--ready", tcp], &[(no_pid, "1")]);
    assert_eq!((found.pid_file.is_some(), found.ready), (true, true));
    let found = check(&["--foreign", tcp], &[(no_pid, "1")]);
    assert_eq!((found.pid_file.is_some(), found.foreign), (true, true));
    let found = check(&["--pid-file=/p", tcp], &[(no_pid, "1")]);
    assert_eq!(found.pid_file, Some(super::at("/p")));
    // HINIT_PID_FILE is also for the other commands.
    let found = check(
        &[],
        &[
            ("HINIT_PID_FILE", "/p"),
            ("HINIT_HEALTH", "--no-pid --tcp 127.0.0.1:1"),
        ],
    );
    assert_eq!(found.pid_file, None);
    // hinit cannot know which of two variables is meant.
    assert_eq!(
        check_with(&[], &[(no_pid, "1"), (ready, "1")]),
        Err("`--ready` cannot be used with `--no-pid`".into())
    );
}
