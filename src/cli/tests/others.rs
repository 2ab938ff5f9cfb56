//! The small commands, and the options of run about the server's user, directory and old files.

use std::path::Path;

use super::*;

fn signal(words: &[&str]) -> Signal {
    match parse_in(&[&["signal"], words].concat(), "") {
        Ok(Command::Signal(signal)) => signal,
        other => panic!("{words:?}: {other:?}"),
    }
}

fn status(words: &[&str]) -> Status {
    match parse_in(&[&["status"], words].concat(), "") {
        Ok(Command::Status(status)) => status,
        other => panic!("{words:?}: {other:?}"),
    }
}

#[test]
fn the_options_of_signal() {
    let plain = || Signal {
        number: 15,
        pid_file: PidFile::Default,
        foreign: false,
        wait: None,
    };
    assert_eq!(signal(&["TERM"]), plain());
    let all = || Signal {
        pid_file: at("/p"),
        foreign: true,
        wait: Some(Duration::from_millis(1500)),
        ..plain()
    };
    for words in [
        &["TERM", "--pid-file", "/p", "--foreign", "--wait", "1.5s"][..],
        &["--pid-file", "/p", "--foreign", "--wait", "1.5s", "TERM"],
        &["--pid-file=/p", "15", "--foreign", "--wait=1500ms"],
        &["sigterm", "--pid-file=/p", "--wait=1s500ms", "--foreign"],
        &["--wait=1.5s", "--foreign", "--pid-file=/p", "--", "TERM"],
    ] {
        assert_eq!(signal(words), all(), "{words:?}");
    }
    for (text, number) in [
        ("1", 1),
        ("hup", 1),
        ("32", 32),
        ("RTMIN+3", 37),
        ("RTMAX", 64),
    ] {
        assert_eq!(signal(&[text]).number, number);
    }
}

#[test]
fn the_options_of_status_and_install() {
    let plain = Status {
        pid_file: PidFile::Default,
        foreign: false,
        json: false,
        plain: false,
    };
    assert_eq!(status(&[]), plain);
    let all = Status {
        pid_file: at("/p"),
        foreign: true,
        json: true,
        plain: false,
    };
    assert_eq!(status(&["--json", "--pid-file=/p", "--foreign"]), all);
    for (value, is_plain) in [("", false), ("1", true), ("0", true)] {
        match parse_with(&["status"], "NO_COLOR", value) {
            Ok(Command::Status(status)) => assert_eq!(status.plain, is_plain),
            other => panic!("{other:?}"),
        }
    }
    for (words, path) in [
        (&["install", "/x/hinit"][..], "/x/hinit"),
        (&["install", "--", "--x"], "--x"),
        (&["install", "-"], "-"),
    ] {
        assert_eq!(parse_in(words, ""), Ok(Command::Install(path.into())));
    }
}

#[test]
fn flag_then_environment_then_default() {
    for (words, variable, expected) in [
        (&["signal", "TERM"][..], "", PidFile::Default),
        (&["signal", "TERM"], "/env", at("/env")),
        (&["signal", "TERM", "--pid-file=/flag"], "/env", at("/flag")),
        (&["status"], "", PidFile::Default),
        (&["status"], "/env", at("/env")),
        (&["status", "--pid-file", "/flag"], "/env", at("/flag")),
    ] {
        let pid_file = match parse_in(words, variable) {
            Ok(Command::Signal(signal)) => signal.pid_file,
            Ok(Command::Status(status)) => status.pid_file,
            other => panic!("{words:?}: {other:?}"),
        };
        assert_eq!(pid_file, expected, "{words:?} {variable}");
    }
    for words in [&["signal", "TERM"][..], &["status"]] {
        for (value, expected) in [
            ("", Ok(false)),
            ("0", Ok(false)),
            ("1", Ok(true)),
            ("x", Err(())),
        ] {
            let foreign = match parse_with(words, "HINIT_FOREIGN", value) {
                Ok(Command::Signal(signal)) => Ok(signal.foreign),
                Ok(Command::Status(status)) => Ok(status.foreign),
                Ok(other) => panic!("{other:?}"),
                Err(error) => {
                    let why = "`HINIT_FOREIGN=x`: not 1, 0, true, false, yes, no, on or off";
                    assert_eq!(error.why, why);
                    Err(())
                }
            };
            assert_eq!(foreign, expected, "{words:?} {value}");
        }
    }
    match parse_with(&["status"], "HINIT_JSON", "1") {
        Ok(Command::Status(status)) => assert!(status.json),
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_of_the_servers_process() {
    let user = |user: &str, group: Option<&str>| {
        Some(User {
            user: user.into(),
            group: group.map(str::to_owned),
        })
    };
    assert_eq!(run(&["--user", "app", "x"]).user, user("app", None));
    assert_eq!(run(&["--user=1:2", "x"]).user, user("1", Some("2")));
    assert_eq!(
        run(&["--workdir", "/w", "x"]).workdir.as_deref(),
        Some(Path::new("/w"))
    );
    let stale = |words: &[&str]| run(words).stale;
    let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    assert_eq!(
        stale(&["--remove-stale", "/a", "--remove-stale=b,c d", "x"]),
        paths(&["/a", "b,c d"])
    );
    let with = |words: &[&str], variable, value| match parse_with(words, variable, value) {
        Ok(Command::Run(run)) => run,
        other => panic!("{other:?}"),
    };
    assert_eq!(with(&["x"], "HINIT_USER", "1:2").user, user("1", Some("2")));
    assert_eq!(
        with(&["--user=a", "x"], "HINIT_USER", "1:2").user,
        user("a", None)
    );
    assert_eq!(with(&["x"], "HINIT_USER", "").user, None);
    assert!(run(&["--user=a", "--keep-groups", "x"]).keep_groups);
    assert!(with(&["x"], "HINIT_KEEP_GROUPS", "1").keep_groups);
    assert!(!with(&["x"], "HINIT_KEEP_GROUPS", "0").keep_groups);
    assert_eq!(run(&["--umask", "0027", "x"]).umask, Some(0o27));
    assert_eq!(run(&["--umask=0", "x"]).umask, Some(0));
    assert_eq!(with(&["x"], "HINIT_UMASK", "77").umask, Some(0o77));
    assert_eq!(
        with(&["--umask=22", "x"], "HINIT_UMASK", "77").umask,
        Some(0o22)
    );
    assert_eq!(
        with(&["x"], "HINIT_WORKDIR", "/w").workdir,
        Some("/w".into())
    );
    assert_eq!(
        with(&["--workdir=/v", "x"], "HINIT_WORKDIR", "/w").workdir,
        Some("/v".into())
    );
    let variable = "HINIT_REMOVE_STALE";
    assert_eq!(
        with(&["x"], variable, "/a b\n\n/c,d\n").stale,
        paths(&["/a b", "/c,d"])
    );
    assert_eq!(
        with(&["--remove-stale=/e", "x"], variable, "/a\n/b").stale,
        paths(&["/e"])
    );
}

#[test]
fn each_has_its_help_and_its_usage() {
    for (name, usage) in [
        ("signal", "usage: hinit signal [OPTIONS] SIGNAL"),
        ("status", "usage: hinit status [OPTIONS]"),
        ("install", "usage: hinit install PATH"),
    ] {
        for words in [[name, "--help"], [name, "-h"]] {
            match parse_in(&words, "") {
                Ok(Command::Print(text)) => assert!(text.starts_with(usage), "{text}"),
                other => panic!("{words:?}: {other:?}"),
            }
        }
        // --help counts after operands too.
        let words = [name, "a", "b", "--help"];
        assert!(matches!(parse_in(&words, ""), Ok(Command::Print(_))));
        let call = format!("hinit {name}");
        assert_eq!(parse_in(&[name, "--x"], "").unwrap_err().call, call);
        // A server of that name.
        assert_eq!(run(&["--", name, "x"]).command, [name, "x"]);
        assert_eq!(run(&["-v", name]).command, [name]);
    }
}
