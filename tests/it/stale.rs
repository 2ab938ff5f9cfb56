//! `--remove-stale`: which files are removed and which are kept, with the line for each. The server
//! is launched in each case.

use std::fs::{self};
use std::path::Path;

use nix::libc::SIGKILL;

use crate::support::*;

mod kept;

/// Launches a server with this option, and returns hinit's line about the file, if any.
#[track_caller]
fn remove(mode: Mode, path: &Path) -> String {
    let start = Start::new(mode)
        .no_pid_file()
        .arg("--remove-stale")
        .arg(path);
    let ended = start.fixture(["exit", "7"]).run();
    assert_eq!(ended.code, 7, "{}", ended.log);
    let shown = path.to_string_lossy().replace(char::is_control, "?");
    let (warning, end) = ended.log.rsplit_once('\n').unwrap_or(("", &ended.log));
    assert!(end.starts_with("hinit: the server exited 7"), "{end}");
    warning.replace(&shown, "P")
}

fn kept_line(reason: &str) -> String {
    format!("hinit: did not remove the PID file `P`: {reason}")
}

fn removed_line(content: &str) -> String {
    format!("hinit: removed the stale PID file `P`: {content}")
}

/// A PID that no process has.
fn unused_pid() -> i32 {
    let process = TestProcess::sleeping();
    process.pid()
}

in_both_modes!(
    a_file_with_an_unused_pid_is_removed,
    a_file_with_a_living_pid_is_kept_except_by_pid_1,
    a_missing_file_is_not_logged,
    one_of_two_hard_links_is_removed,
    several_files_and_the_environment,
    a_server_can_create_its_pid_file_again
);

fn a_file_with_an_unused_pid_is_removed(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("server.pid");
    let pid = unused_pid();
    for (contents, content) in [
        (format!("{pid}\n"), format!("it named process {pid}")),
        (format!("{pid}"), format!("it named process {pid}")),
        (format!("  {pid} \r\n"), format!("it named process {pid}")),
        (
            "4194303\n".to_owned(),
            "it named process 4194303".to_owned(),
        ),
        // As PostgreSQL writes it.
        (
            format!("{pid}\n/var/lib/postgresql\n1700000000\n5432\n/tmp\n*\n  1 2\nready\n"),
            format!("it named process {pid}"),
        ),
        (
            format!("{pid}\n{}", "x".repeat(5000)),
            format!("it named process {pid}"),
        ),
        (String::new(), "it was empty".to_owned()),
    ] {
        fs::write(&path, &contents).unwrap();
        assert_eq!(remove(mode, &path), removed_line(&content), "{contents:?}");
        assert!(!path.exists());
    }
}

fn a_file_with_a_living_pid_is_kept_except_by_pid_1(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("server.pid");
    // PID 1: the init of the machine, or hinit itself.
    fs::write(&path, "1\n").unwrap();
    let expected = match mode {
        Mode::Subreaper => kept_line("process 1 is alive"),
        Mode::Pid1 => removed_line("it named process 1"),
    };
    assert_eq!(remove(mode, &path), expected);
    assert_eq!(path.exists(), mode == Mode::Subreaper);
    let process = TestProcess::sleeping();
    let pid = process.pid();
    fs::write(&path, pid.to_string()).unwrap();
    let expected = match mode {
        Mode::Subreaper => kept_line(&format!("process {pid} is alive")),
        Mode::Pid1 => removed_line(&format!("it named process {pid}")),
    };
    assert_eq!(remove(mode, &path), expected);
    // A zombie does not count as alive.
    kill(pid, SIGKILL);
    process.wait_for_state('Z');
    fs::write(&path, pid.to_string()).unwrap();
    assert_eq!(
        remove(mode, &path),
        removed_line(&format!("it named process {pid}"))
    );
}

fn a_missing_file_is_not_logged(mode: Mode) {
    let dir = TempDir::new();
    assert_eq!(remove(mode, &dir.join("none")), "");
    assert_eq!(remove(mode, &dir.join("none/none")), "");
}

fn one_of_two_hard_links_is_removed(mode: Mode) {
    let dir = TempDir::new();
    fs::write(dir.join("pid"), "4194303\n").unwrap();
    fs::hard_link(dir.join("pid"), dir.join("other")).unwrap();
    assert_eq!(
        remove(mode, &dir.join("pid")),
        removed_line("it named process 4194303")
    );
    assert_eq!(fs::read_to_string(dir.join("other")).unwrap(), "4194303\n");
}

fn several_files_and_the_environment(mode: Mode) {
    let dir = TempDir::new();
    for name in ["a b", "c,d", "e"] {
        fs::write(dir.join(name), "4194303\n").unwrap();
    }
    let start = Start::new(mode).no_pid_file().with(|command| {
        command
            .current_dir(&dir)
            .env("HINIT_REMOVE_STALE", "a b\nc,d\n");
    });
    let ended = start.args(["-q"]).fixture(["exit", "0"]).run();
    assert_eq!((ended.code, ended.log.as_str()), (0, ""));
    assert!(!dir.join("a b").exists() && !dir.join("c,d").exists() && dir.join("e").exists());
    // A relative path is relative to the server's directory.
    fs::create_dir(dir.join("work")).unwrap();
    fs::write(dir.join("work/x"), "4194303\n").unwrap();
    let start = Start::new(mode)
        .no_pid_file()
        .arg("--workdir")
        .arg(dir.join("work"));
    let ended = start
        .args(["--remove-stale", "x", "--remove-stale", "y"])
        .fixture(["exit", "0"])
        .run();
    assert!(
        ended
            .log
            .starts_with("hinit: removed the stale PID file `x`: "),
        "{}",
        ended.log
    );
    assert!(!dir.join("work/x").exists());
}

fn a_server_can_create_its_pid_file_again(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("server.pid");
    let script = format!("set -C; echo $$ >{0}; cat {0}; echo $$", path.display());
    for _ in 0..2 {
        // The server leaves the file behind, and still starts again.
        let start = Start::new(mode)
            .no_pid_file()
            .arg("--remove-stale")
            .arg(&path);
        let ended = start.script(&script).run();
        let (written, own) = ended.stdout.split_once('\n').unwrap_or_default();
        assert_eq!((ended.code, written), (0, own), "{}", ended.log);
        assert!(path.exists());
    }
}
