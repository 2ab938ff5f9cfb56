//! PID files that hinit refuses: one line, the exit code 125, nothing is launched or changed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;

use crate::support::*;

const REMEDY: &str =
    "name another with --pid-file or HINIT_PID_FILE, or keep none with --no-pid-file";

/// Asserts that hinit refuses this PID file for this reason and does not launch the server.
#[track_caller]
fn assert_refused(pid_file: impl AsRef<OsStr>, reason: &str) {
    let dir = TempDir::new();
    let marker = dir.join("launched");
    let script = format!("touch {}", marker.display());
    let ended = Start::new(Mode::Subreaper)
        .pid_file(&pid_file)
        .script(&script)
        .run();
    let path = pid_file.as_ref().display();
    assert_eq!(
        ended.log,
        format!("hinit: cannot claim the PID file `{path}`: {reason}; {REMEDY}")
    );
    assert_eq!(ended.code, 125);
    assert!(!marker.exists());
}

#[test]
fn the_server_is_launched_where_nothing_is_wrong() {
    // The control for all other tests here.
    let dir = TempDir::new();
    let marker = dir.join("launched");
    let script = format!("touch {}", marker.display());
    let ended = Start::new(Mode::Subreaper)
        .pid_file(dir.join("pid"))
        .script(&script)
        .run();
    assert_eq!(ended.code, 0);
    assert!(marker.exists());
}

#[test]
fn a_pid_file_that_is_something_else() {
    let dir = TempDir::new();
    for (kind, path) in irregular_files(&dir) {
        let before = fs::symlink_metadata(&path).unwrap();
        assert_refused(&path, &format!("it is a {kind}"));
        let after = fs::symlink_metadata(&path).unwrap();
        assert_eq!(
            (before.ino(), before.mtime_nsec()),
            (after.ino(), after.mtime_nsec())
        );
    }
    assert_eq!(fs::read_to_string(dir.join("target")).unwrap(), "1\n");
    assert_refused("/dev/null", "it is a device");
    assert_refused("/dev/full", "it is a device");
    for path in ["/tmp/", "/tmp/..", "/"] {
        assert_refused(path, "Is a directory");
    }
}

#[test]
fn a_dangling_symlink_is_not_followed() {
    let dir = TempDir::new();
    symlink(dir.join("target"), dir.join("pid")).unwrap();
    assert_refused(dir.join("pid"), "it is a symlink");
    assert!(!dir.join("target").exists());
}

#[test]
fn a_file_that_is_no_pid_file_keeps_its_contents() {
    let dir = TempDir::new();
    let path = dir.join("conf.toml");
    let no_pid_file = "it contains something other than a PID";
    for contents in [
        "workers = 4\n",
        "0\n",
        "4194304\n",
        "1\ngarbage",
        "1 2",
        "\n",
        &"1".repeat(33),
    ] {
        fs::write(&path, contents).unwrap();
        assert_refused(&path, no_pid_file);
        assert_eq!(fs::read_to_string(&path).unwrap(), contents);
    }
}

#[test]
fn a_file_of_two_names_or_of_another_user() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    fs::write(&path, "1\n").unwrap();
    fs::hard_link(&path, dir.join("other")).unwrap();
    assert_refused(&path, "it has 2 hard links, not one");
    fs::remove_file(dir.join("other")).unwrap();
    if can_be_root("to give a file away") {
        chown(&path, Some(65534), None).unwrap();
        assert_refused(&path, "it belongs to UID 65534");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
}

#[test]
fn a_file_that_another_hinit_holds() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let first = start_fixture(Mode::Subreaper, &path, "ready");
    let pid = recorded(&path);
    assert_refused(
        &path,
        &format!("another hinit has locked it, for process {pid}"),
    );
    assert_eq!(recorded(&path), pid);
    assert_eq!(first.stop().code, 143);
}

#[test]
fn a_file_that_another_process_keeps_locked() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let other = File::create(&path).unwrap();
    fs2::FileExt::try_lock_shared(&other).unwrap();
    assert_refused(&path, "another process keeps it locked");
    fs2::FileExt::try_lock_exclusive(&other).unwrap();
    assert_refused(
        &path,
        "another hinit has locked it, and has no running server",
    );
}

#[test]
fn a_directory_that_cannot_be_made() {
    let dir = TempDir::new();
    fs::write(dir.join("file"), "x").unwrap();
    assert_refused(dir.join("file/pid"), "Not a directory");
    assert_refused(dir.join("file/below/pid"), "Not a directory");
    assert_refused("/proc/hinit.pid", "No such file or directory");
    assert_refused("/proc/below/pid", "No such file or directory");
    assert_refused(dir.join("x".repeat(256)), "Filename too long");
}

#[test]
fn a_directory_that_this_user_may_not_write() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    set_mode(&dir, 0o755);
    let path = dir.join("pid");
    let as_nobody = |path: &Path| {
        let start = Start::new(Mode::Subreaper).with(|command| {
            command.uid(65534);
        });
        let ended = start.pid_file(path).fixture(["exit", "0"]).run();
        assert_eq!(ended.code, 125);
        ended.log
    };
    let denied = |path: &Path| {
        format!(
            "hinit: cannot claim the PID file `{}`: Permission denied; {REMEDY}",
            path.display()
        )
    };
    assert_eq!(as_nobody(&path), denied(&path));
    assert_eq!(
        as_nobody(&dir.join("new/pid")),
        denied(&dir.join("new/pid"))
    );
    set_mode(&dir, 0o700);
    assert_eq!(as_nobody(&path), denied(&path));
}

#[test]
fn a_file_system_that_is_read_only_or_full() {
    let dir = TempDir::new();
    fs::create_dir(dir.join("mnt")).unwrap();
    let at = dir.join("mnt/pid");
    let refused_for = |options: &str, prepare: &str, reason: &str| {
        let script = format!(
            "cd \"$1\"; mount -t tmpfs -o {options} none mnt; {prepare}; ls mnt; \
            \"$HINIT\" --pid-file \"$1/mnt/pid\" touch \"$1/launched\" || echo $?; ls mnt"
        );
        let ended = in_mount_namespace(&script, &[dir.as_ref().as_os_str()]);
        let line = format!(
            "hinit: cannot claim the PID file `{}`: {reason}; {REMEDY}",
            at.display()
        );
        assert_eq!(ended.log, line);
        assert!(!dir.join("launched").exists());
        ended.stdout
    };
    assert_eq!(refused_for("ro", "true", "Read-only file system"), "125");
    let fill = "head -c 4096 /dev/zero > mnt/filler";
    assert_eq!(
        refused_for("size=4k", fill, "No space left on device"),
        "filler\n125\nfiller"
    );
    let no_inode = refused_for("nr_inodes=1", "true", "No space left on device");
    assert_eq!(no_inode, "125");
}

#[test]
fn a_long_path_leaves_room_for_the_reason_and_the_remedy() {
    let dir = TempDir::new();
    let long = dir.join(format!("{}end", "long/".repeat(600)));
    fs::create_dir_all(&long).unwrap();
    let ended = Start::new(Mode::Subreaper)
        .pid_file(&long)
        .fixture(["ready"])
        .run();
    let start = format!(
        "hinit: cannot claim the PID file `{}",
        dir.join("long/").display()
    );
    assert_eq!(ended.code, 125);
    assert!(ended.log.starts_with(&start), "{}", ended.log);
    assert!(ended.log.contains("..."), "{}", ended.log);
    let end = format!("/long/end`: it is a directory; {REMEDY}");
    assert!(ended.log.ends_with(&end), "{}", ended.log);
    let found = verdict(&long);
    assert!(found.starts_with("unhealthy: PID file /"), "{found}");
    assert!(
        found.ends_with("/long/end is not a regular file (directory)"),
        "{found}"
    );
}

/// As /var/lock is a symlink of root in many images.
#[test]
fn a_symlink_of_an_unmapped_root_is_named() {
    if !can_be_root("to make what another user finds") {
        return;
    }
    let dir = TempDir::new();
    let (server, own) = (fixture_for_all(&dir), dir.join("own"));
    copy_program(&hinit(), &dir.join("hinit"));
    fs::create_dir(&own).unwrap();
    chown(&own, Some(4242), Some(4242)).unwrap();
    symlink("own", dir.join("link")).unwrap();
    let run = |path: &Path, arguments: &[&str]| {
        let mut command = std::process::Command::new("setpriv");
        command
            .args(["--reuid=4242", "--regid=4242", "--clear-groups"])
            .args(arguments);
        command
            .arg(dir.join("hinit"))
            .args(["-q", "--pid-file"])
            .arg(path);
        Ended::of(&command.arg(&server).args(["exit", "7"]).output().unwrap())
    };
    let path = dir.join("link/pid");
    assert_eq!(run(&path, &[]).code, 7);
    let within = ["unshare", "--user", "--map-user=4242", "--map-group=4242"];
    let ended = run(&own.join("pid"), &within);
    if !can_run(
        ended.code == 7,
        &format!("needs user namespaces: {}", ended.log),
    ) {
        return;
    }
    let line = format!(
        "hinit: cannot claim the PID file `{}`: `{}` is a symlink that belongs to UID 65534 (as \
         root's do where a \
         user namespace does not map root); hinit follows only those of root and of its own user; \
         {REMEDY}",
        path.display(),
        dir.join("link").display()
    );
    let ended = run(&path, &within);
    assert_eq!((ended.code, ended.log), (125, line));
}
