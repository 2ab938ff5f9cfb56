//! Usage errors of a health check.

use super::*;
use crate::cli::ErrorOutput;
use crate::cli::tests::parse_as;

#[test]
fn usage_errors_of_a_health_check() {
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
            "the answer to `--method HEAD` has no body for `--contains` and `--lacks`",
        ),
        (
            &["--http=http://[::1]/", "--method=HEAD", "--lacks=x"],
            &[],
            "the answer to `--method HEAD` has no body for `--contains` and `--lacks`",
        ),
        (
            &["--http=http://[::1]/", "--header", "Connection: close"],
            &[],
            "`--header Connection: close`: hinit sets this field itself",
        ),
        (
            &["--grpc=[::1]:1"],
            &[("HINIT_HEADER", "A: b\nTE: c")],
            "`HINIT_HEADER=te`: gRPC reserves this field",
        ),
        (
            &[
                "--http=http://[::1]/",
                "--header=Host: a",
                "--header=HOST: b",
            ],
            &[],
            "`--header HOST: b`: a request has only one Host",
        ),
        (
            &["--http=http://[::1]/", "--method", "M-SEARCH"],
            &[],
            "`--method M-SEARCH`: not a method such as GET, HEAD or POST",
        ),
        (
            &["--http=http://[::1]/", "--method=GET /x"],
            &[],
            "`--method GET /x`: not a method such as GET, HEAD or POST",
        ),
        (
            &["--http=http://[::1]/", "--body=a", "--body=b"],
            &[],
            "`--body` may be given only once",
        ),
        (&seventeen, &[], "more than 16 probes"),
        (
            &["--unix=/x", r"--reply=\0"],
            &[],
            r"`--reply \0`: a backslash begins one of the escapes \r, \n, \t, \\ and \xNN",
        ),
        (
            &["--unix=/x", "--reply=x"],
            &[("HINIT_SEND", r"PING\")],
            r"`HINIT_SEND=PING\`: a backslash begins one of the escapes \r, \n, \t, \\ and \xNN",
        ),
        (
            &["--tcp", "example.org:80"],
            &[],
            "`--tcp example.org:80`: `example.org` is a name, and hinit resolves none: use an IP \
             address or localhost",
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
fn usage_errors_in_hinit_health() {
    for (words, variables, message) in [
        (
            &[][..],
            &[("HINIT_HEALTH", "--tcp 'x")][..],
            "in HINIT_HEALTH: a quote is not closed",
        ),
        (
            &[],
            &[("HINIT_HEALTH", "--tccp x")],
            "in HINIT_HEALTH: unknown option `--tccp` (did you mean `--tcp`?)",
        ),
        (
            &[],
            &[("HINIT_HEALTH", "-q x")],
            "in HINIT_HEALTH: unexpected word `x`",
        ),
        (
            &[],
            &[("HINIT_HEALTH", "--timeout soon")],
            "in HINIT_HEALTH: `--timeout soon`: not a time above 0 and up to 365d such as 500ms, 2s, 1m30s, 5h or 1d",
        ),
        // As a help text it would be exit code 0: healthy.
        (
            &[],
            &[("HINIT_HEALTH", "--help")],
            "in HINIT_HEALTH: `--help` belongs on the command line",
        ),
        (
            &["--tcp", "127.0.0.1:1"],
            &[("HINIT_HEALTH", "--tcp 127.0.0.1:2 -h")],
            "in HINIT_HEALTH: `--help` belongs on the command line",
        ),
        (
            &[],
            &[("HINIT_HEALTH", "--version")],
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

/// An option of the output counts wherever it is, before and after the mistake.
#[test]
fn a_usage_error_has_the_output_that_the_arguments_ask_for() {
    for (words, answer) in [
        (&["--tpc", "x"][..], Answer::Line),
        (&["--json", "--tpc", "x"], Answer::Json),
        (&["--timeout", "soon", "--json"], Answer::Json),
        (&["-q", "--tpc=x"], Answer::Silence),
        (&["--no-pid", "--quiet"], Answer::Silence),
        (&["--json", "-q"], Answer::Json),
        (&["--tpc", "--json=1"], Answer::Line),
    ] {
        let words = [&["healthcheck"], words].concat();
        let error = parse_as("hinit", &words, &[]).unwrap_err();
        assert_eq!(error.output, ErrorOutput::Verdict(answer), "{}", error.why);
    }
}
