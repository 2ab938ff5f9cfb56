//! Help, version and usage errors, as a caller sees them.

use std::process::Command;

use crate::support::*;

fn hinit_says(args: &[&str]) -> Ended {
    Ended::of(
        &Command::new(hinit())
            .args(args)
            .env_remove("HINIT_PID_FILE")
            .output()
            .unwrap(),
    )
}

#[test]
fn help_and_version_are_on_stdout() {
    for (args, start) in [
        (
            &["--help"][..],
            "usage: hinit [run] [OPTIONS] [--] COMMAND [ARG...]\n",
        ),
        (
            &["run", "--help"],
            "usage: hinit [run] [OPTIONS] [--] COMMAND [ARG...]\n",
        ),
        (
            &["healthcheck", "--help"],
            "usage: hinit healthcheck [OPTIONS]\n",
        ),
        (&["--version"], concat!("hinit ", env!("CARGO_PKG_VERSION"))),
    ] {
        let ended = hinit_says(args);
        assert_eq!((ended.code, ended.log.as_str()), (0, ""));
        assert!(ended.stdout.starts_with(start), "{}", ended.stdout);
    }
}

#[test]
fn a_usage_error_of_run_is_125_and_two_lines() {
    let usage = "hinit: usage: hinit [run] [OPTIONS] [--] COMMAND [ARG...]";
    for (args, line) in [
        (&[][..], "hinit: no command given"),
        (
            &["--pidfile", "x"],
            "hinit: unknown option `--pidfile`; the nearest is `--pid-file`",
        ),
    ] {
        let ended = hinit_says(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (125, ""));
        assert_eq!(ended.log, format!("{line}\n{usage}"));
    }
}

#[test]
fn a_usage_error_of_healthcheck_is_a_verdict() {
    let ended = hinit_says(&["healthcheck", "--forein"]);
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.stdout,
        "unhealthy: usage: unknown option `--forein`; the nearest is `--foreign`"
    );
    assert_eq!(ended.log, "hinit: usage: hinit healthcheck [OPTIONS]");
}
