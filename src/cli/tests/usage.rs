//! Usage errors: each names the word that is wrong, and the remedy.

use super::*;

#[test]
fn a_bad_value_is_named_with_its_option() {
    let time = "not a time up to 365d such as 500ms, 2s, 1m30s, 5h or 1d";
    let rewrite =
        "not FROM=TO with signals such as TERM, 15 or RTMIN+3 (not from KILL, STOP or CHLD)";
    let codes = "not FROM=TO with exit codes up to 255, or from a signal such as TERM";
    for (option, variable, value, why) in [
        ("--grace", "HINIT_GRACE", "soon", time),
        ("--stop-delay", "HINIT_STOP_DELAY", "1y", time),
        ("--rewrite", "HINIT_REWRITE", "KILL=TERM", rewrite),
        ("--map-exit", "HINIT_MAP_EXIT", "TERM=300", codes),
        ("--rewrite", "HINIT_REWRITE", "15:3", "write `15=3`"),
        ("--map-exit", "HINIT_MAP_EXIT", "143", "write `143=0`"),
        (
            "--parent-death",
            "HINIT_PARENT_DEATH",
            "TREM",
            "`TREM` is not a signal (did you mean TERM?)",
        ),
    ] {
        assert_eq!(
            usage_error(&[option, value, "x"]),
            format!("run: `{option} {value}`: {why}")
        );
        let message = format!("`{variable}={value}`: {why}");
        let by_variable = parse_with(&["x"], variable, value);
        assert_eq!(by_variable, Err(of_run(message)));
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
            "healthcheck: `--timeout fast`: not a time above 0 and up to 365d such as 500ms, 2s, 1m30s, 5h or 1d",
        ),
        (
            &["healthcheck", "--interval=5s"],
            "healthcheck: unknown option `--interval`: it is an option of Docker's HEALTHCHECK; put it before CMD",
        ),
        (&["-qg", "x"], "run: unknown option `-qg`: write `-q -g`"),
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
fn other_values_are_text() {
    let words = [&b"hinit"[..], b"--user", b"a\xff", b"x"];
    let words = words.map(|word| OsStr::from_bytes(word).to_owned());
    let why = parse(words.into(), Env::EMPTY).unwrap_err().why;
    assert_eq!(why, "`--user a\u{fffd}`: not UTF-8 text");
}

#[test]
fn usage_errors_of_the_small_commands() {
    let no_user = "not a user such as www-data, 1000, www-data:www-data or 1000:1000";
    let no_signal = "not a signal such as ABRT, 6 or RTMIN+3";
    for (words, message) in [
        (&["signal"][..], "`hinit signal` needs a SIGNAL".to_owned()),
        (
            &["signal", "--wait", "1s"],
            "`hinit signal` needs a SIGNAL".into(),
        ),
        (
            &["signal", "TREM"],
            "`TREM` is not a signal (did you mean TERM?)".into(),
        ),
        (&["signal", "0"], format!("`0` is {no_signal}")),
        (&["signal", "65"], format!("`65` is {no_signal}")),
        (&["signal", ""], format!("`` is {no_signal}")),
        (
            &["signal", "-9"],
            "unknown option `-9`: write `hinit signal 9`".into(),
        ),
        (
            &["signal", "--foreign", "-TERM"],
            "unknown option `-TERM`: write `hinit signal TERM`".into(),
        ),
        (
            &["signal", "--TERM"],
            "unknown option `--TERM`: write `hinit signal TERM`".into(),
        ),
        (
            &["signal", "--wait", "TERM"],
            "`--wait TERM`: this is taken as the time; write `--wait 10s TERM`".into(),
        ),
        (
            &["signal", "--wait=sigterm"],
            "`--wait sigterm`: this is taken as the time; write `--wait 10s sigterm`".into(),
        ),
        (
            &["signal", "TERM", "--json"],
            "unknown option `--json`: it is an option of `hinit healthcheck`".into(),
        ),
        (
            &["signal", "TERM", "--forein"],
            "unknown option `--forein` (did you mean `--foreign`?)".into(),
        ),
        (
            &["signal", "TERM", "wait"],
            "unexpected word `wait` (did you mean `--wait`?)".into(),
        ),
        (
            &["signal", "TERM", "--wait"],
            "`--wait` needs a value: DURATION".into(),
        ),
        (
            &["signal", "TERM", "--wait", "0"],
            "`--wait 0`: not a time above 0 and up to 365d such as 500ms, 2s, 1m30s, 5h or 1d"
                .into(),
        ),
        (
            &["signal", "TERM", "--wait=soon"],
            "`--wait soon`: not a time above 0 and up to 365d such as 500ms, 2s, 1m30s, 5h or 1d"
                .into(),
        ),
        (
            &["status", "--jsn"],
            "unknown option `--jsn` (did you mean `--json`?)".into(),
        ),
        (
            &["status", "json"],
            "unexpected word `json` (did you mean `--json`?)".into(),
        ),
        (&["status", "--json=1"], "`--json` takes no value".into()),
        (&["install"], "`hinit install` needs a PATH".into()),
        (&["install", "a", "b"], "unexpected word `b`".into()),
        (
            &["install", "a", "--force"],
            "unknown option `--force`".into(),
        ),
        (
            &["--user", "a:b:c", "x"],
            format!("`--user a:b:c`: {no_user}"),
        ),
        (&["--user", ":a", "x"], format!("`--user :a`: {no_user}")),
        (
            &["--umask", "1000", "x"],
            "`--umask 1000`: not an octal mode from 0 to 0777, such as 0027".into(),
        ),
        (
            &["--usr", "a", "x"],
            "unknown option `--usr` (did you mean `--user`?)".into(),
        ),
        (
            &["--work-dir", "a", "x"],
            "unknown option `--work-dir` (did you mean `--workdir`?)".into(),
        ),
    ] {
        assert_eq!(usage_error(words), format!("run: {message}"), "{words:?}");
    }
}
