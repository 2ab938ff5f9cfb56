//! What is wrong with a value, and what the message shows of it.

use super::{check, run};
use crate::cli::probes::reserved_by_grpc;

/// A message shows the text as it was written, and never what a variable contains.
#[test]
fn usage_errors() {
    for (words, variables, message) in [
        (
            &["--tcp=127.0.0.1:${NO}"][..],
            &[][..],
            "`--tcp 127.0.0.1:${NO}`: the variable NO is not set",
        ),
        (
            &[],
            &[("HINIT_TCP", "127.0.0.1:${NO}")],
            "`HINIT_TCP=127.0.0.1:${NO}`: the variable NO is not set",
        ),
        (
            &[],
            &[("HINIT_HEALTH", "--tcp 127.0.0.1:${NO}")],
            "in HINIT_HEALTH: `--tcp 127.0.0.1:${NO}`: the variable NO is not set",
        ),
        (
            &["--pid-file=${NO}"],
            &[],
            "`--pid-file ${NO}`: the variable NO is not set",
        ),
        (
            &["--tcp=${PORT"],
            &[],
            "`--tcp ${PORT`: write `${NAME}` or `${NAME:-DEFAULT}`, and `$$` for a dollar",
        ),
        (
            &["--tcp=${PORT:?}"],
            &[],
            "`--tcp ${PORT:?}`: write `${NAME}` or `${NAME:-DEFAULT}`, and `$$` for a dollar",
        ),
        (
            &["--http=http://[::1]/", "--contains=${NO:-}"],
            &[],
            "`--contains ${NO:-}`: the value is empty",
        ),
        (
            &["--pid-file=${NO:-}"],
            &[],
            "`--pid-file ${NO:-}`: the value is empty",
        ),
    ] {
        assert_eq!(check(words, variables), Err(message.into()));
    }
}

/// Words, lists and fields: each is split before its names are replaced, and checked afterwards.
#[test]
fn what_is_replaced_is_checked_and_not_shown() {
    for (words, variables, message) in [
        // A list is not split again.
        (
            &["--tcp=${TWO}"][..],
            &[][..],
            "`--tcp ${TWO}`: `${TWO}` is more than one address: repeat the option",
        ),
        (
            &["--http=http://[::1]/", "--expect=404,${CODES}"],
            &[],
            "`--expect ${CODES}`: not status codes such as 200 or 200-299,304",
        ),
        (
            &["--http=http://[::1]/", "--expect=200,"],
            &[],
            "`--expect `: the value is empty",
        ),
        // A field is checked when it is expanded.
        (
            &["--http=http://[::1]/", "--header=X: ${LINES}"],
            &[],
            "`--header X: ${LINES}`: not a field such as `Accept: text/plain`",
        ),
        (
            &["--http=http://[::1]/${NAME}"],
            &[],
            "`--http http://[::1]/${NAME}`: the path may contain only ASCII without blanks: write \
             a blank as %20",
        ),
        (
            &["--tcp=127.0.0.1:${SECRET}"],
            &[],
            "`--tcp 127.0.0.1:${SECRET}`: `127.0.0.1:${SECRET}` is not a port from 1 to 65535",
        ),
        (
            &["--http=${SECRET}://x"],
            &[],
            "`--http ${SECRET}://x`: the scheme `${SECRET}://x` is not http or http+unix",
        ),
        (
            &["--timeout=${SECRET}"],
            &[],
            "`--timeout ${SECRET}`: not a time above 0 and up to 365d such as 500ms, 2s, 1m30s, 5h or 1d",
        ),
        (
            &["--grpc=[::1]:1", "--header=grpc-${SECRET}: x"],
            &[],
            "`--header grpc-`: gRPC reserves this field",
        ),
    ] {
        let why = check(words, variables).unwrap_err();
        assert_eq!(why, message);
        assert!(!why.contains("s3cret"));
    }
    assert_eq!(reserved_by_grpc("grpc-s3cret"), Some("grpc-"));
    assert_eq!(
        run(&["--listen=${SECRET}:1", "x"], &[]),
        Err(
            "`--listen ${SECRET}:1`: `${SECRET}:1` is a name, and hinit resolves none: use an IP \
             address or localhost"
                .into()
        )
    );
    let of_ready_when = run(&["--ready-when", "--tcp 127.0.0.1:${NO}", "x"], &[]);
    assert_eq!(
        of_ready_when,
        Err(
            "in --ready-when: `--tcp 127.0.0.1:${NO}`: the variable NO is not set (an example is \
             `--ready-when \"--tcp 127.0.0.1:8000\"`)"
                .into()
        )
    );
}
