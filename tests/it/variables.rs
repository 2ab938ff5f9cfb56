//! What hinit's environment variables do, and those that only look like them.

use crate::support::*;

fn end_of(start: Start, variables: &[(&str, &str)]) -> Ended {
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

in_both_modes! {
    fn a_success_can_go_unsaid(mode: Mode) {
        let start = || Start::new(mode).no_pid_file();
        for (flag, variable, is_told) in [
            (&[][..], "", true),
            (&["--quiet-success"], "", false),
            (&[], "yes", false),
            (&[], "off", true),
        ] {
            for code in [0, 3] {
                let ended = end_of(
                    start().args(flag).script(&format!("exit {code}")),
                    &[("HINIT_QUIET_SUCCESS", variable)],
                );
                assert_eq!(ended.code, code);
                assert_eq!(!ended.log.is_empty(), is_told || code != 0, "{flag:?} {variable}: {}", ended.log);
            }
        }
        // It is hinit's exit code that counts.
        let ended = start().args(["--quiet-success", "--map-exit", "3=0"]).script("exit 3").run();
        assert_eq!((ended.code, ended.log.as_str()), (0, ""));
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
            "`--expect` needs `--http`",
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
fn what_an_image_sets_for_one_probe_breaks_no_other() {
    let (port, _server) = serve(drop);
    let variables = [
        ("HINIT_EXPECT", "204"),
        ("HINIT_METHOD", "HEAD"),
        ("HINIT_CONTAINS", "x"),
    ];
    let ended = check_with(&["--tcp", &format!("127.0.0.1:{port}")], &variables);
    assert_eq!(ended.code, 0, "{}", ended.stdout);
}
