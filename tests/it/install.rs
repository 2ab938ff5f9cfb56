//! `hinit install`: the copy is complete and executable in one step, or there is none.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use nix::libc::SIGTERM;

use crate::support::*;

fn install(path: impl AsRef<Path>) -> Ended {
    run_hinit([Path::new("install"), path.as_ref()])
}

/// Asserts that the installation fails for this reason and leaves nothing behind.
#[track_caller]
fn assert_refused(dir: &TempDir, path: impl AsRef<Path>, reason: &str) {
    let before = names_in(dir);
    let ended = install(&path);
    let line = format!(
        "hinit: cannot install `{}`: {reason}",
        path.as_ref().display()
    );
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.log),
        (125, "", line)
    );
    assert_eq!(names_in(dir), before);
}

fn names_in(dir: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Asserts that the copy exists, is executable and complete.
#[track_caller]
fn assert_complete(path: impl AsRef<Path>) {
    let path = path.as_ref();
    assert!(fs::read(path).unwrap() == fs::read(hinit()).unwrap());
    assert_eq!(mode_of(path), 0o755);
    let ended = Ended::of(&Command::new(path).arg("--version").output().unwrap());
    assert_eq!(ended.code, 0);
}

#[test]
fn the_copy_is_whole_and_executable_whatever_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let dir = TempDir::new();
        let path = dir.join("hinit");
        let mut command = Command::new("sh");
        command.args(["-c", "umask $1; exec \"$2\" install \"$3\"", "sh", umask]);
        let ended = Ended::of(&command.arg(hinit()).arg(&path).output().unwrap());
        let output = format!("installed {}", path.display());
        assert_eq!((ended.code, ended.stdout), (0, output), "{}", ended.log);
        assert_eq!(names_in(&dir), ["hinit"]);
        assert_complete(&path);
        // And the copy can do the same.
        let mut copy = Command::new(&path);
        let copied = copy.arg("install").arg(dir.join("again")).output();
        assert!(copied.unwrap().status.success());
        assert_complete(dir.join("again"));
    }
}

#[test]
fn a_path_may_be_relative_and_a_name_long() {
    let dir = TempDir::new();
    fs::create_dir(dir.join("sub")).unwrap();
    let long = "x".repeat(255);
    for path in ["hinit", "./a", "sub/b", "sub/../c", &long, "sub/\u{fc} \n"] {
        let mut command = hinit_with(["install", path]);
        let ended = Ended::of(&command.current_dir(&dir).output().unwrap());
        assert_eq!(ended.code, 0, "{}", ended.log);
        assert_complete(dir.join(path));
    }
    assert_eq!(names_in(&dir).len(), 5);
    assert_eq!(names_in(dir.join("sub")).len(), 2);
}

#[test]
fn a_running_copy_is_replaced_and_continues() {
    let dir = TempDir::new();
    let path = dir.join("hinit");
    assert_eq!(install(&path).code, 0);
    let mut command = Command::new(&path);
    command.args(["--no-pid-file", "--"]).arg(fixture());
    command.arg("signals");
    let running = Start::of(Mode::Subreaper, command).start().ready();
    let before = path.metadata().unwrap().ino();
    assert_eq!(install(&path).code, 0);
    assert_ne!(path.metadata().unwrap().ino(), before);
    assert_complete(&path);
    assert_eq!(names_in(&dir), ["hinit"]);
    running.signal(SIGTERM);
    assert_eq!(running.line(), "signal 15");
    assert_eq!(running.end().code, 0);
}

#[test]
fn the_path_names_a_whole_copy_at_every_instant() {
    let dir = TempDir::new();
    let path = dir.join("hinit");
    assert_eq!(install(&path).code, 0);
    thread::scope(|scope| {
        let installing = scope.spawn(|| (0..20).all(|_| install(&path).code == 0));
        while !installing.is_finished() {
            // Neither ETXTBSY nor an incomplete copy.
            let ended = Command::new(&path).arg("--version").output().unwrap();
            assert!(ended.status.success());
        }
        assert!(installing.join().unwrap());
    });
    assert_eq!(names_in(&dir), ["hinit"]);
}

#[test]
fn an_existing_file_is_replaced_and_keeps_neither_mode_nor_links() {
    let dir = TempDir::new();
    let path = dir.join("hinit");
    fs::write(&path, "old").unwrap();
    set_mode(&path, 0o4777);
    fs::hard_link(&path, dir.join("other")).unwrap();
    assert_eq!(install(&path).code, 0);
    assert_complete(&path);
    assert_eq!(fs::read_to_string(dir.join("other")).unwrap(), "old");
}

#[test]
fn a_file_that_is_not_regular_is_not_replaced() {
    let dir = TempDir::new();
    for (kind, path) in irregular_files(&dir) {
        assert_refused(&dir, &path, &format!("it is a {kind}"));
        assert!(fs::symlink_metadata(&path).is_ok());
    }
    symlink(dir.join("nowhere"), dir.join("dangling")).unwrap();
    assert_refused(&dir, dir.join("dangling"), "it is a symlink");
    assert_eq!(fs::read_to_string(dir.join("target")).unwrap(), "1\n");
    assert_refused(&dir, "/dev/null", "it is a device");
    assert_refused(&dir, "/", "it is a directory");
    assert_refused(&dir, "..", "it is a directory");
}

#[test]
fn a_path_that_cannot_be_made() {
    let dir = TempDir::new();
    fs::write(dir.join("file"), "").unwrap();
    for directory in [dir.join("none"), dir.join("none/below"), "no-such".into()] {
        let reason = format!(
            "the directory `{}` does not exist; create it or mount it first",
            directory.display()
        );
        assert_refused(&dir, directory.join("hinit"), &reason);
    }
    assert_refused(&dir, dir.join("file/hinit"), "Not a directory");
    assert_refused(&dir, dir.join("x".repeat(256)), "Filename too long");
    // A path with a slash at the end names a directory.
    for name in ["new/", "new/.", "new//"] {
        assert_refused(&dir, dir.join(name), "Is a directory");
    }
    assert_refused(&dir, "/proc/hinit", "No such file or directory");
    if can_be_root("to be another user") {
        set_mode(&dir, 0o755);
        let mut command = hinit_with(["install"]);
        let ended = command.arg(dir.join("hinit")).uid(65534).output().unwrap();
        assert!(Ended::of(&ended).log.ends_with(": Permission denied"));
        assert_eq!(names_in(&dir), ["file"]);
    }
}

#[test]
fn a_file_system_that_is_read_only_or_full() {
    let dir = TempDir::new();
    fs::create_dir(dir.join("mnt")).unwrap();
    for (options, reason) in [
        ("ro", "Read-only file system"),
        ("size=64k", "No space left on device"),
        ("nr_inodes=1", "No space left on device"),
    ] {
        let script = format!(
            "cd \"$1\"; mount -t tmpfs -o {options} none mnt; \
            \"$HINIT\" install mnt/hinit || echo $?; ls -A mnt"
        );
        let ended = in_mount_namespace(&script, &[dir.as_ref().as_os_str()]);
        let line = format!("hinit: cannot install `mnt/hinit`: {reason}");
        assert_eq!((ended.stdout.as_str(), ended.log), ("125", line));
    }
    // The existing file does not change.
    let script = "cd \"$1\"; mount -t tmpfs -o size=64k none mnt; echo old >mnt/hinit; \
        \"$HINIT\" install mnt/hinit || ls -A mnt; cat mnt/hinit";
    let ended = in_mount_namespace(script, &[dir.as_ref().as_os_str()]);
    assert_eq!(ended.stdout, "hinit\nold");
}

/// In an init container hinit has the same PID at each restart.
#[test]
fn a_killed_install_does_not_stop_the_next_one() {
    let dir = TempDir::new();
    let path = dir.join("hinit");
    let try_it = |inject: &[&str]| {
        let mut command = command_in(Mode::Pid1, "strace");
        command.args(["--follow-forks", "--quiet=all", "--output=/dev/null"]);
        command.args(inject).arg(hinit()).arg("install").arg(&path);
        Ended::of(&command.output().unwrap())
    };
    for _ in 0..3 {
        assert_eq!(try_it(&["-e", "inject=fchmod:signal=KILL"]).code, 137);
        assert!(!path.exists());
    }
    let ended = try_it(&[]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_complete(&path);
}

#[test]
fn the_running_binary_is_copied_however_it_was_started() {
    let dir = TempDir::new();
    let script = "cd \"$1\"; exec 7<\"$HINIT\"; /proc/self/fd/7 install by-number; \
        cp \"$HINIT\" gone; ./gone --no-pid-file sh -c 'rm gone; /proc/$PPID/exe install \
        of-the-gone'; \
        (exec -a '' \"$HINIT\" install nameless)";
    let mut command = Command::new("bash");
    command.args(["-euc", script, "bash"]).arg(dir.as_ref());
    let ended = Ended::of(&command.env("HINIT", hinit()).output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(names_in(&dir), ["by-number", "nameless", "of-the-gone"]);
    for name in names_in(&dir) {
        assert_complete(dir.join(name));
    }
}

#[test]
fn without_proc_the_error_says_what_it_needs() {
    let dir = TempDir::new();
    copy_program(&hinit(), &dir.join("hinit"));
    let script = "chroot \"$1\" /hinit install /copy";
    let ended = in_mount_namespace(script, &[dir.as_ref().as_os_str()]);
    let line = "hinit: cannot read `/proc/self/exe`: No such file or directory; mount /proc";
    assert_eq!((ended.code, ended.log.as_str()), (125, line));
    assert_eq!(names_in(&dir), ["hinit"]);
}
