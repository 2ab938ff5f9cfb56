//! Health checks: their probes, and the three places from which options come.

use std::ffi::{CStr, OsString};
use std::time::Duration;

use crate::cli::{Answer, Command, Healthcheck, Probe, parse};

/// What a command line and the environment make of a health check.
fn check_with(words: &[&str], variables: &[(&CStr, &str)]) -> Result<Healthcheck, String> {
    let env = |name: &CStr| {
        let mut variables = variables.iter();
        variables.find_map(|(known, value)| (*known == name).then(|| value.into()))
    };
    let words = ["hinit", "healthcheck"].iter().chain(words);
    match parse(words.map(OsString::from).collect(), &env) {
        Ok(Command::Healthcheck(check)) => Ok(check),
        Err(error) => Err(error.why.to_string()),
        other => panic!("{other:?}"),
    }
}

/// The names of its probes, in their order.
fn probes_of(check: &Healthcheck) -> Vec<String> {
    let name = |probe: &Probe| match probe {
        Probe::Heartbeat(path, age) => format!("{} {age:?}", path.display()),
        Probe::Unix(path) => path.display().to_string(),
        Probe::Tcp(endpoint) | Probe::Grpc(endpoint) => endpoint.text.clone(),
        Probe::Http(url) => url.text.clone(),
    };
    check.probes.iter().map(name).collect()
}

#[test]
fn the_probes_of_a_health_check() {
    let words = [
        "--grpc",
        "[::1]:5/s",
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
    ];
    let check = check_with(&words, &[]).unwrap();
    let expected = [
        "/beat 60s",
        "/a b",
        "127.0.0.1:1",
        "http://localhost/",
        "http://127.0.0.1/x",
        "[::1]:5/s",
    ];
    assert_eq!(probes_of(&check), expected);
    assert_eq!((check.pid_file, check.answer), (None, Answer::Json));
    assert_eq!(check.http.expect, [200..=200, 204..=204, 301..=302]);
    let headers = [("A", "b"), ("C", "d, e")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(check.http.headers, headers);
    assert_eq!(check.http.contains, ["a b", "c"]);
    // The same by variables.
    let variables = [
        (c"HINIT_GRPC", "[::1]:5/s"),
        (c"HINIT_HTTP", "http://localhost/ http://127.0.0.1/x"),
        (c"HINIT_TCP", "127.0.0.1:1"),
        (c"HINIT_UNIX", "/a b"),
        (c"HINIT_HEARTBEAT", "/beat"),
        (c"HINIT_MAX_AGE", "60"),
        (c"HINIT_NO_PID", "1"),
        (c"HINIT_JSON", "1"),
        (c"HINIT_EXPECT", "200,204 301-302"),
        (c"HINIT_HEADER", "A: b\nC: d, e"),
        (c"HINIT_CONTAINS", "a b\nc"),
    ];
    assert_eq!(check_with(&[], &variables), check_with(&words, &[]));
    // And by the one for all.
    let all = "--grpc [::1]:5/s --http http://localhost/ --tcp=127.0.0.1:1 --unix '/a b' \
        --http=http://127.0.0.1/x --heartbeat /beat --max-age 60 --no-pid --json --expect 200,204 \
        --expect=301-302 --header \"A: b\" --header='C: d, e' --contains a' 'b --contains c";
    assert_eq!(
        check_with(&[], &[(c"HINIT_HEALTH", all)]),
        check_with(&words, &[])
    );
}

#[test]
fn argument_then_own_variable_then_the_one_for_all() {
    let timeout = |words: &[&str], variables: &[_]| check_with(words, variables).unwrap().timeout;
    let all = (c"HINIT_HEALTH", "--timeout 3s --foreign");
    let own = (c"HINIT_TIMEOUT", "2s");
    for (words, variables, seconds) in [
        (&["--timeout", "1s"][..], &[own, all][..], 1),
        (&[], &[own, all], 2),
        (&[], &[all], 3),
    ] {
        assert_eq!(timeout(words, variables), Duration::from_secs(seconds));
    }
    // A 0 switches off what the one for all switches on.
    let foreign = |variables: &[_]| check_with(&[], variables).unwrap().foreign;
    assert!(foreign(&[all]));
    assert!(!foreign(&[all, (c"HINIT_FOREIGN", "0")]));
    // What is given for one option leaves the others as they are.
    let both = [(c"HINIT_HEALTH", "--http http://[::1]/ --expect 204")];
    let check = check_with(&["--http", "http://[::1]/x"], &both).unwrap();
    assert_eq!(probes_of(&check), ["http://[::1]/x"]);
    assert_eq!(check.http.expect, [204..=204]);
}

#[test]
fn what_makes_no_sense_as_a_health_check() {
    let seventeen = ["--unix=/x"; 17];
    for (words, variables, message) in [
        (
            &["--no-pid"][..],
            &[][..],
            "there is nothing to check: name a probe, such as `--http`",
        ),
        (
            &["--no-pid", "--pid-file", "/p", "--unix", "/x"],
            &[],
            "`--pid-file` cannot be used with `--no-pid`",
        ),
        (
            &["--json", "-q"],
            &[],
            "`--json` cannot be used with `--quiet`",
        ),
        (
            &["--heartbeat", "/b"],
            &[],
            "`--heartbeat` needs `--max-age`: how old it may be",
        ),
        (
            &["--http=http://[::1]/", "--method=HEAD", "--contains=x"],
            &[],
            "the answer to `--method HEAD` has no body that `--contains` could look into",
        ),
        (
            &["--http=http://[::1]/", "--header", "Connection: close"],
            &[],
            "`--header Connection: close`: hinit sets this field itself",
        ),
        (
            &["--grpc=[::1]:1"],
            &[(c"HINIT_HEADER", "A: b\nTE: c")],
            "`HINIT_HEADER=TE: c`: gRPC reserves this field",
        ),
        (
            &["--method", "POST"],
            &[],
            "`--method POST`: not GET or HEAD",
        ),
        (&seventeen, &[], "more than 16 probes"),
        (
            &["--tcp", "example.org:80"],
            &[],
            "`--tcp example.org:80`: `example.org` is a name, and hinit resolves none: use an IP \
             address or localhost",
        ),
        (
            &[],
            &[(c"HINIT_HTTP", "https://127.0.0.1/")],
            "`HINIT_HTTP=https://127.0.0.1/`: hinit speaks no TLS: ask the server's plain HTTP \
             port, or use `--tcp`",
        ),
        (
            &[],
            &[(c"HINIT_HEALTH", "--tcp 'x")],
            "in HINIT_HEALTH: a quote is not closed",
        ),
        (
            &[],
            &[(c"HINIT_HEALTH", "--tccp x")],
            "in HINIT_HEALTH: unknown option `--tccp` (did you mean `--tcp`?)",
        ),
        (
            &[],
            &[(c"HINIT_HEALTH", "-q x")],
            "in HINIT_HEALTH: unexpected word `x`",
        ),
        (
            &[],
            &[(c"HINIT_HEALTH", "--timeout soon")],
            "in HINIT_HEALTH: `--timeout soon`: not a time above 0 and up to 365d such as 500ms, 2s or 1m30s; \
             the units are ms, s, m, h and d",
        ),
        // As a help text it would be exit code 0: healthy.
        (
            &[],
            &[(c"HINIT_HEALTH", "--help")],
            "in HINIT_HEALTH: `--help` belongs on the command line",
        ),
        (
            &["--tcp", "127.0.0.1:1"],
            &[(c"HINIT_HEALTH", "--tcp 127.0.0.1:2 -h")],
            "in HINIT_HEALTH: `--help` belongs on the command line",
        ),
        (
            &[],
            &[(c"HINIT_HEALTH", "--version")],
            "in HINIT_HEALTH: unknown option `--version`: it is an option of `hinit run`",
        ),
    ] {
        assert_eq!(
            check_with(words, variables),
            Err(message.into()),
            "{words:?}"
        );
    }
}

#[test]
fn help_is_there_whatever_the_variables_are() {
    for value in ["--tccp x", "--help", "'"] {
        match super::parse_with(&["healthcheck", "--help"], c"HINIT_HEALTH", value) {
            Ok(Command::Help(text)) => assert!(text.starts_with("usage: hinit healthcheck")),
            other => panic!("{value}: {other:?}"),
        }
    }
}

#[test]
fn a_flag_beats_a_variable_that_it_cannot_be_used_with() {
    let check = |words: &[&str], variables: &[_]| check_with(words, variables).unwrap();
    let tcp = "--tcp=127.0.0.1:1";
    for (word, variable, answer) in [
        ("--json", c"HINIT_QUIET", Answer::Json),
        ("-q", c"HINIT_JSON", Answer::Silence),
    ] {
        assert_eq!(check(&[word], &[(variable, "1")]).answer, answer);
    }
    let (no_pid, ready, foreign) = (c"HINIT_NO_PID", c"HINIT_READY", c"HINIT_FOREIGN");
    let found = check(&["--no-pid", tcp], &[(ready, "1"), (foreign, "1")]);
    assert_eq!((found.pid_file, found.ready), (None, false));
    let found = check(&["--ready", tcp], &[(no_pid, "1")]);
    assert_eq!((found.pid_file.is_some(), found.ready), (true, true));
    let found = check(&["--foreign", tcp], &[(no_pid, "1")]);
    assert_eq!((found.pid_file.is_some(), found.foreign), (true, true));
    let found = check(&["--pid-file=/p", tcp], &[(no_pid, "1")]);
    assert_eq!(found.pid_file, Some(super::at("/p")));
    // hinit's own PID file is named for its other commands.
    let found = check(
        &[],
        &[
            (c"HINIT_PID_FILE", "/p"),
            (c"HINIT_HEALTH", "--no-pid --tcp 127.0.0.1:1"),
        ],
    );
    assert_eq!(found.pid_file, None);
    // Which of two variables is meant hinit cannot know.
    assert_eq!(
        check_with(&[], &[(no_pid, "1"), (ready, "1")]),
        Err("`--ready` cannot be used with `--no-pid`".into())
    );
}
