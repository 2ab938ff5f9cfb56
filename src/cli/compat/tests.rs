use nix::sys::signal::Signal;

use super::*;
use crate::cli::tests::parse_as;

fn run(name: &str, words: &[&str]) -> Run {
    match parse_as(name, words, &[]) {
        Ok(Command::Run(run)) => run,
        other => panic!("{name} {words:?}: {other:?}"),
    }
}

fn run_in(name: &str, variable: &str, value: &str) -> Run {
    match parse_as(name, &["x"], &[(variable, value)]) {
        Ok(Command::Run(run)) => run,
        other => panic!("{name} {variable:?}: {other:?}"),
    }
}

#[test]
fn the_programs_name_selects_the_init() {
    for (name, init) in [
        ("tini", "tini"),
        ("/usr/bin/tini-static", "tini"),
        ("/sbin/docker-init", "tini"),
        ("./dumb-init", "dumb-init"),
        ("catatonit", "catatonit"),
        ("/run/podman-init", "catatonit"),
    ] {
        let peer = peer(OsStr::new(name)).unwrap();
        assert_eq!(peer.topic.call, init);
        let run = run(name, &["--", "x", "-y"]);
        assert_eq!(run.command, ["x", "-y"]);
        // No options that these inits do not have.
        assert_eq!(
            (run.pid_file, run.notify, run.listen),
            (None, None, Vec::new())
        );
        assert!(run.stop.leftovers != Leftovers::Drain && run.stop.grace.is_none());
    }
    for name in ["", "hinit", "/hinit", "tini2", "my-tini", "init"] {
        assert!(peer(OsStr::new(name)).is_none(), "{name}");
    }
}

#[test]
fn options_of_tini() {
    let base = run("tini", &["x"]);
    assert_eq!(
        base,
        Run {
            command: vec!["x".into()],
            ..{
                let mut expected = super::base();
                expected.profile.exit_codes = FailureCodes([1, 126, 127]);
                expected
            }
        }
    );
    let all = run(
        "tini",
        &["-sgwe1", "-e", "143", "-pSIGKILL", "-vv", "--", "x"],
    );
    assert!(all.group && all.profile.subreaper && all.profile.names_orphans);
    assert_eq!(all.exit.map, [(1, 0), (143, 0)]);
    assert_eq!(all.parent_death, Some(Signal::SIGKILL));
    assert_eq!(all.verbosity, Verbosity::Verbose);
    for (value, verbosity) in [
        ("0", Verbosity::Quiet),
        ("1", Verbosity::Warnings),
        ("2", Verbosity::Normal),
        ("9", Verbosity::Verbose),
        ("x", Verbosity::Warnings),
    ] {
        assert_eq!(
            run_in("tini", "TINI_VERBOSITY", value).verbosity,
            verbosity,
            "{value}"
        );
    }
    assert!(run_in("tini", "TINI_SUBREAPER", "").profile.subreaper);
    assert!(run_in("tini", "TINI_KILL_PROCESS_GROUP", "").group);
    // hinit's own variables have no effect.
    assert!(!run_in("tini", "HINIT_GROUP", "1").group);
}

#[test]
fn options_of_dumb_init() {
    let session = run("dumb-init", &["x"]);
    assert!(session.group && session.profile.session && !session.profile.subreaper);
    assert_eq!(session.stop.leftovers, Leftovers::Tell);
    assert_eq!(session.profile.exit_codes, FailureCodes([1, 2, 2]));
    for signal in [SIGTSTP, SIGTTIN, SIGTTOU] {
        assert_eq!(session.rewrites.apply(signal), Some(SIGSTOP));
    }
    for single in [
        run("dumb-init", &["-c", "x"]),
        run("dumb-init", &["--single-child", "x"]),
        run_in("dumb-init", "DUMB_INIT_SETSID", "0"),
    ] {
        assert!(!single.group && !single.profile.session);
        assert_eq!(single.stop.leftovers, Leftovers::Leave);
        assert_eq!(single.rewrites, Rewrites::default());
    }
    let rewrites = run(
        "dumb-init",
        &[
            "-r15:3",
            "-vr",
            "1:0",
            "--rewrite",
            "20:18",
            "--rewrite=2:9",
            "x",
        ],
    );
    // A rule for a signal that hinit never passes on is accepted, as by dumb-init.
    assert!(
        run("dumb-init", &["-r", "9:15", "-r", "17:0", "x"])
            .profile
            .stops
    );
    for (from, to) in [
        (15, Some(3)),
        (1, None),
        (20, Some(18)),
        (2, Some(9)),
        (21, Some(SIGSTOP)),
    ] {
        assert_eq!(rewrites.rewrites.apply(from), to, "{from}");
    }
    assert_eq!(rewrites.verbosity, Verbosity::Verbose);
    assert_eq!(
        run_in("dumb-init", "DUMB_INIT_DEBUG", "1").verbosity,
        Verbosity::Verbose
    );
    assert_eq!(
        run_in("dumb-init", "DUMB_INIT_DEBUG", "0").verbosity,
        Verbosity::Warnings
    );
}

#[test]
fn options_of_catatonit() {
    let base = run("catatonit", &["x"]);
    assert!(!base.group && base.profile.subreaper && !base.profile.session);
    assert_eq!(base.profile.exit_codes, FailureCodes([1; 3]));
    assert!(run("catatonit", &["-g", "x"]).group);
    assert_eq!(
        run_in("catatonit", "CATATONIT_DEBUG", "").verbosity,
        Verbosity::Verbose
    );
    assert_eq!(parse_as("catatonit", &["-P"], &[]), Ok(Command::Pause));
}

#[test]
fn help_version_and_licence() {
    let text = |name, word| match parse_as(name, &[word], &[]) {
        Ok(Command::Print(text)) => text,
        other => panic!("{name} {word}: {other:?}"),
    };
    for (name, version) in [
        ("tini", "tini version 0.19.0 - git.hinit\n"),
        ("docker-init", "tini version 0.19.0 - git.hinit\n"),
        ("dumb-init", "dumb-init v1.2.5 (hinit)\n"),
        ("podman-init", "tini version 0.1.7_catatonit - git.hinit\n"),
    ] {
        assert_eq!(text(name, "--version"), version);
        let help = text(name, "-h");
        assert!(help.contains("\nhinit, named "), "{help}");
    }
    for (name, start) in [
        (
            "tini",
            "usage: tini [OPTIONS] [--] COMMAND [ARG...]\n\nhinit, named tini; it reads TINI_SUBREAPER, \
             TINI_KILL_PROCESS_GROUP and\nTINI_VERBOSITY",
        ),
        (
            "dumb-init",
            "usage: dumb-init [OPTIONS] [--] COMMAND [ARG...]\n\nhinit, named dumb-init; it reads DUMB_INIT_SETSID \
             and DUMB_INIT_DEBUG",
        ),
        (
            "catatonit",
            "usage: catatonit [OPTIONS] [--] COMMAND [ARG...]\n\nhinit, named catatonit; it reads CATATONIT_DEBUG",
        ),
    ] {
        let help = text(name, "-h");
        assert!(help.starts_with(start), "{help}");
    }
    assert_eq!(text("tini", "-l"), "hinit: MIT licence\n");
    assert_eq!(text("tini", "-l"), text("catatonit", "-L"));
}

const NO_COMMAND: &str =
    "no command given (an ENTRYPOINT in a derived image clears the CMD of its base: set both)";

#[test]
fn usage_errors() {
    for (name, words, why) in [
        ("tini", &[][..], NO_COMMAND),
        ("tini", &["-x", "y"], "unknown option `-x`"),
        (
            "tini",
            &["-e", "256", "x"],
            "`-e 256`: not an exit code up to 255",
        ),
        (
            "tini",
            &["-p", "FOO", "x"],
            "`-p FOO`: not a signal such as TERM or 15",
        ),
        ("tini", &["-e"], "`-e` needs a value: CODE"),
        (
            "dumb-init",
            &["--rewrite", "15", "x"],
            "`--rewrite 15`: not FROM:TO with signals such as 15 or TERM",
        ),
        (
            "dumb-init",
            &["-r", "15:", "x"],
            "`--rewrite 15:`: not FROM:TO with signals such as 15 or TERM",
        ),
        ("dumb-init", &["--"], NO_COMMAND),
    ] {
        let Err(error) = parse_as(name, words, &[]) else {
            panic!("{name} takes {words:?}")
        };
        assert_eq!(
            (error.why.as_str(), error.output),
            (why, ErrorOutput::Exit(1))
        );
    }
}
