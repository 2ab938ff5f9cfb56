//! Changes of the PID file and its directory while hinit runs.

use std::fs::{self, File, OpenOptions};
use std::io::Write;

use crate::support::*;

in_both_modes!(
    the_directory_may_be_renamed_meanwhile,
    a_file_removed_meanwhile_is_a_warning,
    a_file_that_replaces_the_pid_file_stays,
    a_pid_that_another_process_writes_is_ignored
);

fn the_directory_may_be_renamed_meanwhile(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("old/pid");
    let hinit = start_fixture(mode, &path, "ready");
    recorded(&path);
    fs::rename(dir.join("old"), dir.join("new")).unwrap();
    assert_eq!(hinit.stop().code, 143);
    assert!(dir.join("new").exists() && !dir.join("new/pid").exists());
}

fn a_file_removed_meanwhile_is_a_warning(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = start_fixture(mode, &path, "ready");
    recorded(&path);
    fs::remove_file(&path).unwrap();
    assert!(hinit.verdict(&path).ends_with("does not exist"));
    let ended = hinit.stop();
    assert_eq!(ended.code, 143);
    let warning = "it was removed or replaced meanwhile";
    assert!(
        ended.log.ends_with(&format!(
            "hinit: cannot remove the PID file `{}`: {warning}",
            path.display()
        )),
        "{}",
        ended.log
    );
}

fn a_file_that_replaces_the_pid_file_stays(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = start_fixture(mode, &path, "ready");
    let old = recorded(&path);
    fs::write(dir.join("new"), format!("{old}\n")).unwrap();
    fs::rename(dir.join("new"), &path).unwrap();
    assert!(
        hinit
            .verdict(&path)
            .ends_with("is stale: no hinit has locked it")
    );
    let ended = hinit.stop();
    assert!(
        ended.log.ends_with("it was removed or replaced meanwhile"),
        "{}",
        ended.log
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{old}\n"));
}

fn a_pid_that_another_process_writes_is_ignored(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = start_fixture(mode, &path, "ready");
    recorded(&path);
    OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"junk")
        .unwrap();
    assert!(hinit.verdict(&path).ends_with("does not contain a PID"));
    File::create(&path).unwrap();
    assert_eq!(
        hinit.verdict(&path),
        "unhealthy: the server has not started yet, or has ended"
    );
    assert_eq!(hinit.stop().code, 143);
    assert!(!path.exists());
}
