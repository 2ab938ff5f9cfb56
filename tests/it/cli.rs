//! Help, version and usage errors, as a caller sees them.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::support::*;

fn run(args: &[&str]) -> Ended {
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
        let ended = run(args);
        assert_eq!((ended.code, ended.log.as_str()), (0, ""));
        assert!(ended.stdout.starts_with(start), "{}", ended.stdout);
    }
}

/// The version names the build: stable, tiny, TLS, or one by cargo alone.
#[test]
fn the_version_says_how_hinit_was_built() {
    let version = format!(
        "hinit {} ({})",
        env!("CARGO_PKG_VERSION"),
        build_under_test().0
    );
    assert_eq!(run(&["--version"]).stdout, version);
}

#[test]
fn the_long_version_is_what_a_report_of_a_fault_needs() {
    let (line, build) = build_under_test();
    let features = if build == "tls" { "tls" } else { "none" };
    let version = env!("CARGO_PKG_VERSION");
    let machine = machine_under_test();
    let shown = run(&["--version", "--verbose"]).stdout;
    let commit = shown.split_once("\ncommit: ").unwrap().1;
    let commit = commit.lines().next().unwrap();
    let digits = commit.trim_end_matches("-dirty");
    let is_hash = digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    // tests/reproducible compares it with that of git.
    assert!(is_hash || commit == "unknown", "{shown}");
    assert_eq!(
        shown,
        format!(
            "hinit {version} ({line})\nversion: {version}\ncommit: {commit}\nbuild: {build}\n\
             machine: {machine}\nlibc: musl\nfeatures: {features}"
        )
    );
}

/// Both names of the build, of the first line and of its own.
fn build_under_test() -> (&'static str, &'static str) {
    match std::env::var("TEST_BINARY") {
        Ok(path) if path.contains("/tiny/") => ("static, tiny build", "tiny"),
        Ok(path) if path.contains("/tls/") => ("static, TLS build", "tls"),
        Ok(path) if path.contains("/coverage/") => ("static, built by cargo", "cargo"),
        Ok(_) => ("static, stable build", "stable"),
        Err(_) => ("static, built by cargo", "cargo"),
    }
}

/// The path of a binary contains its target, and docker/machines the name of the machine for it.
fn machine_under_test() -> &'static str {
    let path = std::env::var("TEST_BINARY").unwrap_or_default();
    let mut machines = include_str!("../../docker/machines").lines();
    let named = machines.find_map(|line| {
        if line.starts_with('#') {
            return None;
        }
        let mut words = line.split_whitespace();
        let (name, target) = (words.next()?, words.nth(1)?);
        path.contains(&format!("/{target}/")).then_some(name)
    });
    named.unwrap_or(std::env::consts::ARCH)
}

/// One line says what is wrong, and which help to read.
#[test]
fn a_usage_error_is_125_and_one_line() {
    for (args, line) in [
        (
            &[][..],
            "no command given (an ENTRYPOINT in a derived image clears the CMD of its base: set \
             both); \
             try `hinit run --help`",
        ),
        (
            &["--pidfile", "x"],
            "unknown option `--pidfile` (did you mean `--pid-file`?); try `hinit run --help`",
        ),
        (
            &["run", "-s", "x"],
            "unknown option `-s`: leave it out, hinit always adopts orphans; try `hinit run \
             --help`",
        ),
        (
            &["--stop-signal", "SIGTRM", "x"],
            "`--stop-signal SIGTRM`: `SIGTRM` is not a signal (did you mean SIGTERM?); \
             try `hinit run --help`",
        ),
        (
            &["signal", "TREM"],
            "`TREM` is not a signal (did you mean TERM?); try `hinit signal --help`",
        ),
        (
            &["status", "now"],
            "unexpected word `now`; try `hinit status --help`",
        ),
        (
            &["install"],
            "`hinit install` needs a PATH; try `hinit install --help`",
        ),
    ] {
        let ended = run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (125, ""));
        assert_eq!(ended.log, format!("hinit: {line}"));
    }
}

#[test]
fn a_usage_error_of_another_inits_command_line_names_its_help() {
    let mut command = Command::new(hinit());
    let ended = Ended::of(&command.arg0("tini").arg("--x-y-z").output().unwrap());
    let line = "hinit: unknown option `--x-y-z`; try `tini --help`";
    assert_eq!((ended.code, ended.log.as_str()), (1, line));
}

#[test]
fn a_usage_error_of_healthcheck_is_a_verdict_and_nothing_else() {
    let ended = run(&["healthcheck", "--forein"]);
    assert_eq!((ended.code, ended.log.as_str()), (1, ""));
    assert_eq!(
        ended.stdout,
        "unhealthy: usage: unknown option `--forein` (did you mean `--foreign`?); \
         try `hinit healthcheck --help`"
    );
}

#[test]
fn a_usage_error_of_healthcheck_has_the_output_that_is_asked_for() {
    let ended = run(&["healthcheck", "--forein", "--json"]);
    assert_eq!((ended.code, ended.log.as_str()), (1, ""));
    assert_eq!(
        ended.stdout,
        "{\"verdict\":\"unhealthy\",\"reason\":\"usage: unknown option `--forein` (did you mean `--foreign`?); \
         try `hinit healthcheck --help`\",\"pid\":null,\"probes\":[]}"
    );
    let ended = run(&["healthcheck", "-q", "--forein"]);
    assert_eq!((ended.code, ended.log.as_str()), (1, ""));
    assert_eq!(ended.stdout, "");
}

/// Each command prints its own help, in at most 80 columns.
#[test]
fn each_command_has_a_help_of_80_columns() {
    for command in ["run", "healthcheck", "signal", "status", "install"] {
        let ended = run(&[command, "--help"]);
        assert_eq!((ended.code, ended.log.as_str()), (0, ""));
        assert!(ended.stdout.starts_with("usage: hinit "), "{command}");
        let widest = ended.stdout.lines().map(str::len).max();
        assert!(widest <= Some(80), "{command}: {widest:?}");
    }
}
