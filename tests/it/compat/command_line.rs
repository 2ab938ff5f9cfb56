//! Options, exit codes without a command, and the version lines.

use super::*;

/// An exit code, and the command lines that end with it; `''` is an empty argument.
type Lines = (i32, &'static [&'static str]);

const TINI: [Lines; 4] = [
    (
        0,
        &[
            "-h",
            "-l",
            "--version",
            "-s true",
            "-p SIGTERM true",
            "-sgwvvv true",
            "-e 1 false",
            "-pSIGTERM -wse1 -- false",
        ],
    ),
    (
        1,
        &[
            "",
            "--",
            "-s",
            "-x true",
            "-e",
            "-p",
            "-e 256 true",
            "-e -1 true",
            "-e x true",
            "-p SIGFOO true",
            "-p SIGRTMIN true",
            "-e 2 false",
        ],
    ),
    (126, &["/etc/passwd", "-- /etc/passwd", "/", "-s /tmp"]),
    (
        127,
        &[
            "no-such-command",
            "-s -- no-such-command",
            "/no/such/command",
            "''",
            "-- -x",
        ],
    ),
];

const DUMB_INIT: [Lines; 3] = [
    (
        0,
        &[
            "-h",
            "--help",
            "-V",
            "--version",
            "-V x",
            "-c true",
            "--single-child true",
            "-vc -- true",
            "--verbose true",
            "-r 15:9 true",
            "--rewrite=15:0 true",
            "--rewrite 1:31 true",
            "-r 9:15 true",
            "-r 17:0 -r19:1 true",
        ],
    ),
    (
        1,
        &[
            "",
            "--",
            "-c",
            "-x true",
            "--foo true",
            "-r",
            "-r 15 true",
            "-r 15: true",
            "-r :15 true",
            "-r 0:15 true",
            "-r 15:-1 true",
            "-r 65:1 true",
            "false",
        ],
    ),
    (
        2,
        &[
            "no-such-command",
            "-- no-such-command",
            "/no/such/command",
            "/etc/passwd",
            "/",
            "''",
        ],
    ),
];

const CATATONIT: [Lines; 2] = [
    (
        0,
        &[
            "-h",
            "-V",
            "--version",
            "-L",
            "true",
            "-g true",
            "-g -- true",
        ],
    ),
    (
        1,
        &[
            "",
            "--",
            "-x true",
            "--foo true",
            "false",
            "no-such-command",
            "/no/such/command",
            "/etc/passwd",
            "-- /",
            "''",
        ],
    ),
];

#[test]
fn each_exit_code() {
    let all = [
        ("tini", &TINI[..]),
        ("dumb-init", &DUMB_INIT),
        ("catatonit", &CATATONIT),
    ];
    for (name, lines) in all {
        for (code, line) in lines
            .iter()
            .flat_map(|(code, lines)| lines.iter().map(move |l| (code, l)))
        {
            // Shown only if the test fails.
            eprintln!("{name} {line}");
            let arguments: Vec<&str> = line
                .split_whitespace()
                .map(|argument| argument.trim_matches('\''))
                .collect();
            let run = |init: &Init| {
                let ended = init.with(Mode::Subreaper, &arguments).run();
                // Each failure prints its reason, except that of `false`.
                let has_reason = *code == 0 || line.ends_with("false") || !ended.log.is_empty();
                (ended.code, has_reason)
            };
            assert_alike(name, run, (*code, true));
        }
    }
}

#[test]
fn each_name_of_each_init() {
    for (name, code) in [
        ("tini", 127),
        ("tini-static", 127),
        ("docker-init", 127),
        ("dumb-init", 2),
        ("catatonit", 1),
        ("podman-init", 1),
    ] {
        let init = Init::hinit_as(name);
        let run = |arguments: &[&str]| init.with(Mode::Subreaper, arguments).run();
        assert_eq!(run(&["--", "no-such-command"]).code, code, "{name}");
        assert_eq!(run(&["--", "sh", "-c", "exit 3"]).code, 3, "{name}");
    }
}

/// As execvp(3) does; for hinit by its own name it is an error.
#[test]
fn a_script_without_an_interpreter_is_the_shells() {
    let dir = TempDir::new();
    let script = dir.join("script");
    write_program(&script, "echo $0 $#; exit 5\n");
    let path = script.to_str().unwrap();
    for (name, arguments) in [("tini", "-s"), ("dumb-init", "-v"), ("catatonit", "-g")] {
        for (program, variable) in [
            (path, "/usr/bin:/bin"),
            ("script", dir.as_ref().to_str().unwrap()),
        ] {
            let run = |init: &Init| {
                let start = init.with(Mode::Subreaper, &[arguments, "--", program, "a", "b"]);
                let start = start.with(|command| {
                    command.env("PATH", variable);
                });
                let ended = start.run();
                (ended.code, ended.stdout)
            };
            assert_alike(name, run, (5, format!("{path} 2")));
        }
    }
}

/// Docker's `parseInitVersion`: version and commit, from a line as `tini version 0.19.0 - git.de40ad0`.
fn as_docker_reads(line: &str) -> (Option<&str>, Option<&str>) {
    let parts: Vec<&str> = line.split(" - ").collect();
    let commit = parts.get(1).and_then(
        |part| match part.trim().split('.').collect::<Vec<_>>()[..] {
            ["git", commit] => Some(commit),
            _ => None,
        },
    );
    (parts[0].trim().strip_prefix("tini version "), commit)
}

#[test]
fn the_version_is_one_that_engines_read() {
    // catatonit's of bookworm and of trixie.
    for (name, versions) in [
        ("tini", &["0.19.0"][..]),
        ("tini-static", &["0.19.0"]),
        ("catatonit", &["0.1.7_catatonit", "0.2.1_catatonit"]),
    ] {
        let run = |init: &Init| {
            let ended = init.with(Mode::Subreaper, &["--version"]).run();
            let (version, commit) = as_docker_reads(&ended.stdout);
            let is_known = version.is_some_and(|version| versions.contains(&version));
            (is_known, commit.map(str::to_owned))
        };
        // Debian's packages name no commit.
        let ours = (true, Some("hinit".to_owned()));
        assert_differ(name, run, &(true, None), &ours);
    }
    // The other init prints it on the other stream: see `differences`.
    let run = |init: &Init| {
        let ended = init.with(Mode::Subreaper, &["--version"]).run();
        (ended.stdout + &ended.log).starts_with("dumb-init v1.2.5")
    };
    assert_alike("dumb-init", run, true);
}
