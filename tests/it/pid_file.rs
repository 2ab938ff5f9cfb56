//! The properties of the PID file, also while other processes change it.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use nix::libc::{SIGKILL, SIGSTOP, SIGTERM};

use crate::support::*;

mod changes;
mod modes;

in_both_modes!(
    the_umask_does_not_change_the_mode,
    missing_directories_are_made_and_paths_may_be_relative,
    only_hinit_keeps_the_lock,
    a_stale_or_empty_file_does_not_stop_the_next_start,
    the_server_is_a_zombie_as_long_as_the_file_names_it,
    a_failed_launch_leaves_no_file
);

fn the_umask_does_not_change_the_mode(mode: Mode) {
    for (options, expected) in [
        (&[][..], 0o644),
        (&["--pid-file-mode", "0600"], 0o600),
        (&["--pid-file-mode=640"], 0o640),
    ] {
        for umask in ["000", "077", "777"] {
            let dir = TempDir::new();
            let path = dir.join("pid");
            let script = "umask $1; shift; exec \"$@\"";
            let mut command = command_in(mode, "sh");
            command
                .args(["-c", script, "sh", umask])
                .arg(hinit())
                .args(options);
            command
                .arg("--pid-file")
                .arg(&path)
                .args(["stat", "-c", "%a"])
                .arg(&path);
            let ended = Ended::of(&command.output().unwrap());
            assert_eq!(
                ended.stdout,
                format!("{expected:o}"),
                "{options:?} {umask} {}",
                ended.log
            );
        }
    }
}

fn missing_directories_are_made_and_paths_may_be_relative(mode: Mode) {
    let dir = TempDir::new();
    for path in ["a/b/c/pid", "./d/../d2/pid", "pid"] {
        let start = Start::new(mode).with(|c| {
            c.current_dir(&dir);
        });
        let ended = start
            .pid_file(path)
            .script(&format!("{}; echo $$", print_recorded(&dir.join(path))))
            .run();
        let (recorded, own) = ended.stdout.split_once('\n').unwrap();
        assert_eq!(recorded, own, "{}", ended.log);
        assert!(!dir.join(path).exists());
    }
}

fn only_hinit_keeps_the_lock(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = start_fixture(mode, &path, "ready");
    let server = hinit.server();
    let file = File::open(&path).unwrap();
    assert!(fs2::FileExt::try_lock_shared(&file).is_err());
    let descriptors = fs::read_dir(format!("/proc/{server}/fd"))
        .unwrap()
        .flatten();
    for descriptor in descriptors {
        assert_ne!(
            fs::read_link(descriptor.path()).ok().as_deref(),
            Some(path.as_path())
        );
    }
    recorded(&path);
    // Killed by SIGKILL hinit cannot remove the file; the kernel releases the lock.
    kill(hinit.pid(), SIGKILL);
    eventually("the lock is free", || {
        fs2::FileExt::try_lock_shared(&file).ok()
    });
    if mode == Mode::Subreaper {
        // The server outlives hinit, and yet no health check accepts the file.
        let stale = format!(
            "unhealthy: PID file {} is stale: no hinit has locked it",
            path.display()
        );
        assert_eq!(hinit.verdict(&path), stale);
        kill(server, SIGKILL);
    }
}

fn a_stale_or_empty_file_does_not_stop_the_next_start(mode: Mode) {
    for contents in ["", "1\n", "4194303\n", " 7 ", "\0\0\0\0\0"] {
        let dir = TempDir::new();
        let path = dir.join("pid");
        fs::write(&path, contents).unwrap();
        let script = format!("{}; echo $$", print_recorded(&path));
        let ended = Start::new(mode).pid_file(&path).script(&script).run();
        let (recorded, own) = ended.stdout.split_once('\n').unwrap();
        assert_eq!(recorded, own, "{contents:?} {}", ended.log);
        assert!(!path.exists());
    }
}

fn the_server_is_a_zombie_as_long_as_the_file_names_it(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = start_fixture(mode, &path, "ready");
    let (pid, server) = (hinit.pid(), hinit.server());
    let recorded = recorded(&path);
    kill(pid, SIGSTOP);
    kill(server, SIGKILL);
    wait_for_state(server, 'Z');
    assert_eq!(
        hinit.verdict(&path),
        format!("unhealthy: process {recorded} is a zombie")
    );
    kill(pid, nix::libc::SIGCONT);
    assert_eq!(hinit.end().code, 137);
    assert!(!path.exists());
}

fn a_failed_launch_leaves_no_file(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    assert_eq!(
        Start::new(mode)
            .pid_file(&path)
            .args(["/nowhere/x"])
            .run()
            .code,
        127
    );
    assert!(!path.exists());
}

#[test]
fn a_file_that_is_a_mount_point_stays_and_is_empty() {
    let dir = TempDir::new();
    let script = "cd \"$1\"; touch host pid; mount --bind host pid; \
        \"$HINIT\" --pid-file pid sh -c 'until test -s pid; do :; done; cat pid'; stat -c %s pid";
    let ended = in_mount_namespace(script, &[dir.as_ref().as_os_str()]);
    let (pid, size) = ended.stdout.split_once('\n').unwrap();
    assert!(pid.parse::<u32>().is_ok(), "{}", ended.log);
    assert_eq!(size, "0");
    assert!(ended.log.starts_with("hinit: the server exited 0") && !ended.log.contains('\n'));
}

#[test]
fn the_claim_does_not_change_the_file_but_for_its_contents() {
    // The file is claimed in place: no other file is ever put under its name.
    let dir = TempDir::new();
    let path = dir.join("pid");
    fs::write(&path, "1\n").unwrap();
    let before = path.metadata().unwrap().ino();
    let hinit = start_fixture(Mode::Subreaper, &path, "ready");
    recorded(&path);
    assert_eq!(path.metadata().unwrap().ino(), before);
    assert_eq!(mode_of(&path), 0o644);
    hinit.stop();
}
