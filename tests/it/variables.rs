//! hinit's environment variables, and variables that only look like them.

use std::process::Command;

use crate::support::*;

fn run_with(start: Start, variables: &[(&str, &str)]) -> Ended {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    start
        .with(move |command| {
            command.envs(variables.clone());
        })
        .run()
}

in_both_modes!(
    unknown_variables_are_one_warning,
    quiet_success_hides_a_success
);

fn unknown_variables_are_one_warning(mode: Mode) {
    let typo = ("HINIT_GRCE", "1s");
    let warning = "hinit: unknown variable ignored: `HINIT_GRCE` (did you mean `HINIT_GRACE`?)";
    let start = || Start::new(mode).no_pid_file().args(["--quiet-success"]);
    let ended = run_with(start().script("true"), &[typo]);
    assert_eq!((ended.code, ended.log.as_str()), (0, warning));
    // All unknown variables are in one line; known ones and those of other programs are not.
    let ended = run_with(
        start().script("true"),
        &[
            typo,
            ("HINIT_X", ""),
            ("HINIT_EXPECT", "204"),
            ("HINIT_VERSION", "1"),
            ("HINIT_HOST", "x"),
            ("HINIT_PORT", "tcp://10.0.0.1:80"),
            ("HINIT_PORT_80_TCP_PROTO", "tcp"),
            ("HINIT_SERVICE_HOST", "10.0.0.1"),
            ("XHINIT_GRCE", "1s"),
        ],
    );
    let mut found: Vec<&str> = ended
        .log
        .split('`')
        .filter(|part| part.starts_with("HINIT_"))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        ["HINIT_GRACE", "HINIT_GRCE", "HINIT_X"],
        "{}",
        ended.log
    );
    assert_eq!(ended.log.lines().count(), 1, "{}", ended.log);
    for quiet in [
        start().script("true"),
        Start::new(mode).no_pid_file().args(["-q"]).script("true"),
    ] {
        let ended = run_with(quiet, &[typo, ("HINIT_LOG", "quiet")]);
        assert_eq!((ended.code, ended.log.as_str()), (0, ""));
    }
}

fn quiet_success_hides_a_success(mode: Mode) {
    let start = || Start::new(mode).no_pid_file();
    for (flag, variable, is_logged) in [
        (&[][..], "", true),
        (&["--quiet-success"], "", false),
        (&[], "yes", false),
        (&[], "off", true),
    ] {
        for code in [0, 3] {
            let ended = run_with(
                start().args(flag).script(&format!("exit {code}")),
                &[("HINIT_QUIET_SUCCESS", variable)],
            );
            assert_eq!(ended.code, code);
            assert_eq!(
                !ended.log.is_empty(),
                is_logged || code != 0,
                "{flag:?} {variable}: {}",
                ended.log
            );
        }
    }
    // hinit's exit code decides, not the server's.
    let ended = start()
        .args(["--quiet-success", "--map-exit", "3=0"])
        .script("exit 3")
        .run();
    assert_eq!((ended.code, ended.log.as_str()), (0, ""));
}

/// The other inits do not know hinit's variables.
#[test]
fn another_init_does_not_warn_of_variables() {
    for name in ["tini", "dumb-init", "catatonit"] {
        let dir = TempDir::new();
        let link = dir.join(name);
        std::os::unix::fs::symlink(hinit(), &link).unwrap();
        let output = Command::new(&link)
            .args(["--", "true"])
            .env("HINIT_GRCE", "1s")
            .output()
            .unwrap();
        let ended = Ended::of(&output);
        assert!(!ended.log.contains("HINIT_"), "{}", ended.log);
        assert_eq!(ended.code, 0);
    }
}

#[test]
fn no_mistake_in_a_variable_makes_a_container_healthy() {
    for (value, why) in [
        ("--help", "`--help` belongs on the command line"),
        ("-h", "`--help` belongs on the command line"),
        ("--version", "unknown option `--version`"),
        (
            "--tcp 127.0.0.1:1 --expect 204",
            "`--expect` needs `--http` or `--fastcgi`",
        ),
        (
            "--timeout 1s --timeout 2s",
            "`--timeout` may be given only once",
        ),
    ] {
        let ended = check_with(&[], &[("HINIT_HEALTH", value)]);
        assert_eq!(ended.code, 1, "{value}");
        let verdict = format!("unhealthy: usage: in HINIT_HEALTH: {why}");
        assert!(ended.stdout.starts_with(&verdict), "{}", ended.stdout);
    }
}

#[test]
fn a_variable_for_one_probe_breaks_no_other() {
    let (port, _server) = serve(drop);
    let variables = [
        ("HINIT_EXPECT", "204"),
        ("HINIT_METHOD", "HEAD"),
        ("HINIT_CONTAINS", "x"),
    ];
    let ended = check_with(&["--tcp", &format!("127.0.0.1:{port}")], &variables);
    assert_eq!(ended.code, 0, "{}", ended.stdout);
}
