//! Options, exit codes where there is no command, and what each says of itself.

use super::*;

#[test]
fn what_each_exits_with() {
    let dir = TempDir::new();
    let [no_program, empty] = ["no-program", "empty"].map(|name| dir.join(name));
    fs::write(&no_program, "").unwrap();
    fs::create_dir(&empty).unwrap();
    let no_program = no_program.to_str().unwrap();
    let directory = empty.to_str().unwrap();
    for (name, lines) in [
        (
            "tini",
            &[
                (1, &[][..]),
                (1, &["--"]),
                (1, &["-x", "true"]),
                (1, &["-e"]),
                (1, &["-p"]),
                (1, &["-e", "256", "true"]),
                (1, &["-e", "-1", "true"]),
                (1, &["-e", "x", "true"]),
                (1, &["-p", "SIGFOO", "true"]),
                (1, &["-p", "SIGRTMIN", "true"]),
                (0, &["-p", "SIGTERM", "true"]),
                (0, &["-s", "true"]),
                (0, &["-sgwvvv", "true"]),
                (0, &["-pSIGTERM", "-se3", "--", "sh", "-c", "exit 3"]),
                (0, &["-h"]),
                (0, &["-l"]),
                (0, &["--version"]),
                (127, &["-s", "no-such-command"]),
                (127, &["-s", "/no/such/command"]),
                (127, &["-s", ""]),
                (126, &["-s", no_program]),
                (126, &["-s", directory]),
                (126, &["-s", "/"]),
            ][..],
        ),
        (
            "dumb-init",
            &[
                (1, &[]),
                (1, &["--"]),
                (1, &["-x", "true"]),
                (1, &["--foo", "true"]),
                (1, &["-r"]),
                (1, &["-r", "15", "true"]),
                (1, &["-r", "15:", "true"]),
                (1, &["-r", ":15", "true"]),
                (1, &["-r", "0:15", "true"]),
                (1, &["-r", "15:-1", "true"]),
                (1, &["-r", "65:1", "true"]),
                (0, &["-r", "15:9", "true"]),
                (0, &["--rewrite=15:0", "true"]),
                (0, &["-r", "9:15", "true"]),
                (0, &["-r", "17:0", "-r19:1", "true"]),
                (0, &["--rewrite", "1:31", "true"]),
                (0, &["-c", "true"]),
                (0, &["--single-child", "true"]),
                (0, &["-vc", "true"]),
                (0, &["--verbose", "true"]),
                (3, &["sh", "-c", "exit 3"]),
                (0, &["-h"]),
                (0, &["--help"]),
                (0, &["-V"]),
                (0, &["--version"]),
                (0, &["-V", "x"]),
                (2, &["no-such-command"]),
                (2, &["/no/such/command"]),
                (2, &[""]),
                (2, &[no_program]),
                (2, &[directory]),
                (2, &["--", "/"]),
            ],
        ),
        (
            "catatonit",
            &[
                (1, &[]),
                (1, &["--"]),
                (1, &["-x", "true"]),
                (1, &["--foo", "true"]),
                (0, &["-g", "true"]),
                (3, &["--", "sh", "-c", "exit 3"]),
                (0, &["-h"]),
                (0, &["-V"]),
                (0, &["--version"]),
                (0, &["-L"]),
                (1, &["no-such-command"]),
                (1, &["/no/such/command"]),
                (1, &[""]),
                (1, &[no_program]),
                (1, &[directory]),
                (1, &["--", "/"]),
            ],
        ),
    ] {
        for (code, words) in lines {
            let run = |init: &Init| {
                let ended = init.with(Mode::Subreaper, words).run();
                // Whoever fails says why.
                assert!(
                    ended.code == 0 || ended.code == 3 || !ended.log.is_empty(),
                    "{words:?}"
                );
                ended.code
            };
            eprintln!("{name} {words:?}");
            alike(name, run, *code);
        }
    }
}

#[test]
fn all_its_names() {
    for (name, code) in [
        ("tini", 127),
        ("tini-static", 127),
        ("docker-init", 127),
        ("dumb-init", 2),
        ("catatonit", 1),
        ("podman-init", 1),
    ] {
        let init = Init::hinit_as(name);
        let run = |words: &[&str]| init.with(Mode::Subreaper, words).run();
        assert_eq!(run(&["--", "no-such-command"]).code, code, "{name}");
        assert_eq!(run(&["--", "sh", "-c", "exit 3"]).code, 3, "{name}");
    }
}

/// As execvp(3) has it; to hinit itself it is an error.
#[test]
fn a_script_without_an_interpreter_is_the_shells() {
    let dir = TempDir::new();
    let script = dir.join("script");
    // Written by another process: one that this one forks meanwhile must not have it open.
    let write = "printf 'echo $0 $#; exit 5\\n' >\"$0\"; chmod 755 \"$0\"";
    let mut sh = Command::new("sh");
    assert!(
        sh.args(["-c", write])
            .arg(&script)
            .status()
            .unwrap()
            .success()
    );
    let path = script.to_str().unwrap();
    for (name, words) in [("tini", "-s"), ("dumb-init", "-v"), ("catatonit", "-g")] {
        for (word, variable) in [
            (path, "/usr/bin:/bin"),
            ("script", dir.as_ref().to_str().unwrap()),
        ] {
            let run = |init: &Init| {
                let start = init.with(Mode::Subreaper, &[words, "--", word, "a", "b"]);
                let start = start.with(|command| {
                    command.env("PATH", variable);
                });
                let ended = start.run();
                (ended.code, ended.stdout)
            };
            alike(name, run, (5, format!("{path} 2")));
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
    for (name, version) in [
        ("tini", "0.19.0"),
        ("tini-static", "0.19.0"),
        ("catatonit", "0.1.7_catatonit"),
    ] {
        let run = |init: &Init| {
            let ended = init.with(Mode::Subreaper, &["--version"]).run();
            let (version, commit) = as_docker_reads(&ended.stdout);
            (version.map(str::to_owned), commit.map(str::to_owned))
        };
        // Debian's packages name no commit.
        let version = Some(version.to_owned());
        differ(
            name,
            run,
            (version.clone(), None),
            (version, Some("hinit".to_owned())),
        );
    }
    // It says it on the other channel: see `differences`.
    let run = |init: &Init| {
        let ended = init.with(Mode::Subreaper, &["--version"]).run();
        (ended.stdout + &ended.log).starts_with("dumb-init v1.2.5")
    };
    alike("dumb-init", run, true);
}
