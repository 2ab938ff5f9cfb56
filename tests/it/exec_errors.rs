//! Commands that cannot be executed: one line names the cause; the exit code is 127 for a missing
//! command and 126 for others. Each test uses a real file of that kind.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::libc::ETXTBSY;

use crate::support::*;
use binaries::{binary, with_loader};

mod binaries;
mod path;
mod scripts;

/// Starts this command, and asserts that it is not executed for this reason.
#[track_caller]
fn assert_refused(mode: Mode, command: impl AsRef<OsStr>, code: i32, reason: &str) {
    let dir = TempDir::new();
    let command = command.as_ref();
    let pid_file = dir.join("pid");
    let start = Start::new(mode).pid_file(&pid_file);
    let ended = start.args([OsStr::new("--"), command]).run();
    let line = format!("hinit: cannot run `{}`: {reason}", command.display());
    assert_eq!((ended.code, ended.log), (code, line));
    assert!(!pid_file.exists());
}

/// A file with a mode, made by cp: if this process had it open for writing, a child that another
/// test forks would inherit the descriptor, and the kernel executes no file that is open for
/// writing (ETXTBSY).
fn file(path: &Path, contents: impl AsRef<[u8]>, mode: u32) {
    let draft = path.with_extension("draft");
    fs::write(&draft, contents).unwrap();
    set_mode(&draft, mode);
    let mut copy = Command::new("cp");
    let copied = copy.arg("--preserve=mode").arg(&draft).arg(path).status();
    assert!(copied.unwrap().success());
}

in_both_modes!(
    commands_that_are_not_there,
    a_likely_command_is_suggested,
    files_that_may_not_be_executed,
    a_file_that_is_open_for_writing
);

fn commands_that_are_not_there(mode: Mode) {
    let dir = TempDir::new();
    file(&dir.join("plain"), "#!/bin/sh\n", 0o755);
    symlink("/no/such", dir.join("symlink")).unwrap();
    assert_refused(mode, "no-such-command", 127, "not found in PATH");
    assert_refused(mode, "", 127, "the command is empty");
    assert_refused(mode, "/no/such/file", 127, "No such file or directory");
    assert_refused(mode, dir.join("plain/below"), 127, "Not a directory");
    assert_refused(
        mode,
        dir.join("symlink"),
        127,
        "it is a symlink to `/no/such`, which is not there",
    );
}

// An option or command of hinit in the place of the command, or several words in one argument.
fn a_likely_command_is_suggested(mode: Mode) {
    let separate = "the command and its arguments must be separate words, \
        as in CMD [\"server\", \"--port\", \"80\"]";
    let after = "`--grace` after the command is an argument of the command, not an option of hinit";
    for (arguments, remedy) in [
        (&["healtcheck"][..], "did you mean `hinit healthcheck`?"),
        (&["python9 -m http.server"], separate),
        (
            &["--", "--grace", "5s", "true"],
            "options go before `--`, the command after it",
        ),
        (&["no-such-server", "--grace", "5s"], after),
        (
            &["root", "true"],
            "to run a command as this user, write `--user root`",
        ),
    ] {
        let ended = Start::new(mode).no_pid_file().args(arguments).run();
        let command = arguments.iter().find(|word| **word != "--").unwrap();
        let line = format!("hinit: cannot run `{command}`: not found in PATH; {remedy}");
        assert_eq!((ended.code, ended.log), (127, line));
    }
    // A server may have any name.
    let dir = TempDir::new();
    file(&dir.join("healtcheck"), "#!/bin/sh\nexit 7\n", 0o755);
    let path = format!(
        "{}:{}",
        dir.as_ref().display(),
        std::env::var("PATH").unwrap()
    );
    let start = Start::new(mode).with(|command| {
        command.env("PATH", &path);
    });
    assert_eq!(start.no_pid_file().args(["healtcheck"]).run().code, 7);
}

fn files_that_may_not_be_executed(mode: Mode) {
    let dir = TempDir::new();
    file(&dir.join("plain"), "#!/bin/sh\n", 0o644);
    assert_refused(mode, dir.join("plain"), 126, "no execute permission");
    assert_refused(mode, dir.join(""), 126, "it is a directory");
    assert_refused(mode, "/dev/null", 126, "it is not a regular file");
}

fn a_file_that_is_open_for_writing(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("busy");
    file(&path, binary(), 0o755);
    let writer = OpenOptions::new().append(true).open(&path).unwrap();
    let own = Command::new(&path).status();
    if own.is_err_and(|error| error.raw_os_error() == Some(ETXTBSY)) {
        assert_refused(mode, &path, 126, "it is open for writing (text file busy)");
    } else {
        // Linux 6.11 and 6.12.
        assert!(
            std::env::var_os("CI").is_none(),
            "this kernel runs a file that is open for writing"
        );
        eprintln!("skipped: this kernel runs a file that is open for writing");
    }
    drop(writer);
}

#[test]
fn a_file_system_that_is_mounted_noexec() {
    let dir = TempDir::new();
    fs::create_dir(dir.join("mnt")).unwrap();
    let script = "
        mount -t tmpfs -o noexec none \"$1/mnt\"
        cp /bin/true \"$1/mnt/binary\"
        printf '#!%s' \"$1/mnt/binary\" > \"$1/script\"
        chmod +x \"$1/script\"
        \"$HINIT\" --no-pid-file \"$1/mnt/binary\" || echo $?
        \"$HINIT\" --no-pid-file \"$1/script\" || echo $?
        mount -o remount,exec \"$1/mnt\"
        \"$HINIT\" --quiet --no-pid-file \"$1/script\" && echo $?";
    let ended = in_mount_namespace(script, &[dir.as_ref().as_os_str()]);
    let here = dir.as_ref().display();
    let noexec = "it lies on a file system that is mounted noexec";
    let lines = format!(
        "hinit: cannot run `{here}/mnt/binary`: {noexec}\n\
         hinit: cannot run `{here}/script`: its interpreter `{here}/mnt/binary` cannot run: \
         {noexec}"
    );
    assert_eq!(ended.log, lines);
    assert_eq!(ended.stdout, "126\n126\n0");
}

#[test]
fn a_file_that_this_user_may_not_execute() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    set_mode(&dir, 0o755);
    let as_nobody = |path: &Path, reason: &str| {
        let start = Start::new(Mode::Subreaper).with(|command| {
            command.uid(65534);
        });
        let ended = start.no_pid_file().args([path]).run();
        let line = format!("hinit: cannot run `{}`: {reason}", path.display());
        assert_eq!((ended.code, ended.log), (126, line));
    };
    let path = dir.join("script");
    file(&path, "#!/bin/sh\n", 0o744);
    as_nobody(&path, "no execute permission for UID 65534");
    // Executable but not readable.
    file(&path, with_loader("/no/such"), 0o711);
    as_nobody(&path, "its interpreter or loader is not there");
    set_mode(&dir, 0o700);
    as_nobody(
        &path,
        "no permission to search a directory on the way to it",
    );
}

#[test]
fn a_limit_of_processes() {
    if !can_be_root("to be a user who has no processes yet") {
        return;
    }
    let start = Start::by(
        Mode::Subreaper,
        &[
            "prlimit",
            "--nproc=1",
            "setpriv",
            "--reuid=65532",
            "--clear-groups",
        ],
    );
    let ended = start.no_pid_file().args(["true"]).run();
    let line = "hinit: cannot start `true`: the limit of processes is reached; \
        raise it (--pids-limit, pids.max, ulimit -u)";
    assert_eq!((ended.code, ended.log.as_str()), (125, line));
}
