//! Every verdict of a health check, on real files and real processes.

use std::fs::{self};
use std::path::Path;
use std::process::Command;

use crate::support::*;

mod default_file;
mod file;
mod process;

fn check(pid_file: &Path, more: &[&str]) -> String {
    verdict_by(&mut Command::new(hinit()), pid_file, more)
}

/// A PID file with these contents, of this user, and the verdict on it.
fn check_contents(contents: &[u8], more: &[&str]) -> String {
    let dir = TempDir::new();
    let path = dir.join("pid");
    fs::write(&path, contents).unwrap();
    set_mode(&path, 0o644);
    let verdict = check(&path, more);
    verdict.replace(path.to_str().unwrap(), "P")
}

#[test]
fn the_deadline_bounds_the_check() {
    // A malformed file is read again for 30 ms in all.
    let verdict = check_contents(b"junk", &["--timeout", "5ms"]);
    assert_eq!(verdict, "unhealthy: no verdict within 5ms");
    // A caller that blocks SIGALRM changes nothing.
    let dir = TempDir::new();
    fs::write(dir.join("pid"), "junk").unwrap();
    let mut command = Command::new("env");
    command.arg("--block-signal=ALRM").arg(hinit());
    let verdict = verdict_by(&mut command, &dir.join("pid"), &["--timeout", "5ms"]);
    assert_eq!(verdict, "unhealthy: no verdict within 5ms");
}

#[test]
fn quiet_prints_nothing() {
    assert_eq!(check_quiet("1\n", &["--foreign"]), (0, String::new()));
    assert_eq!(check_quiet("1\n", &[]), (1, String::new()));
    assert_eq!(
        check_quiet("junk", &["--timeout", "5ms"]),
        (1, String::new())
    );
}

fn check_quiet(contents: &str, more: &[&str]) -> (i32, String) {
    let dir = TempDir::new();
    fs::write(dir.join("pid"), contents).unwrap();
    let mut command = Command::new(hinit());
    command
        .args(["healthcheck", "-q"])
        .arg("--pid-file")
        .arg(dir.join("pid"))
        .args(more);
    let ended = Ended::of(&command.output().unwrap());
    (ended.code, ended.stdout + &ended.log)
}

#[test]
fn the_exit_code_is_0_or_1_even_with_a_closed_stdout() {
    let dir = TempDir::new();
    fs::write(dir.join("pid"), "1\n").unwrap();
    for stdout in [">&-", "2>&- >&-", "<&- >&- 2>&-", ">/dev/full"] {
        for (more, code) in [("--foreign", 0), ("", 1)] {
            let script = format!("\"$0\" healthcheck --pid-file \"$1\" {more} {stdout}; exit $?");
            let mut command = Command::new("sh");
            command
                .args(["-c", &script])
                .arg(hinit())
                .arg(dir.join("pid"));
            let ended = Ended::of(&command.output().unwrap());
            assert_eq!(ended.code, code, "{stdout} {more}");
        }
    }
    // A pipe without a reader.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(hinit());
    command
        .args(["healthcheck", "--foreign", "--pid-file"])
        .arg(dir.join("pid"));
    let status = command.stdout(writer).status().unwrap();
    assert_eq!(Ended::code_of(status), 0);
}
