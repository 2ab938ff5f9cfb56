//! The default PID file, which `hinit run` and `hinit healthcheck` choose alike.

use std::ffi::OsStr;

use crate::support::*;

#[test]
fn run_and_healthcheck_agree_on_the_default_file() {
    let on_each = |command: &str, directories: &[&str]| {
        directories.iter().fold(String::new(), |script, dir| {
            script + command + " " + dir + "; "
        })
    };
    let tmpfs = |directories: &[&str]| on_each("mount -t tmpfs none", directories);
    let read_only = |directories: &[&str]| on_each("mount -t tmpfs -o ro none", directories);
    // hinit and the fixture may be below /tmp.
    let script = "cp \"$HINIT\" /mnt/hinit; ";
    let run = "/mnt/hinit sh -c 'ls /run /tmp /dev/shm | grep hinit; /mnt/hinit healthcheck'";
    let directories = ["/run", "/tmp", "/dev/shm"];
    for (unwritable, name) in [(0, "hinit.pid"), (1, "hinit-0-"), (2, "hinit-0-")] {
        let script = format!(
            "{}{script}{}{run}",
            tmpfs(&["/mnt"]),
            tmpfs(&directories) + &read_only(&directories[..unwritable])
        );
        let ended = in_mount_namespace(&script, &[OsStr::new("")]);
        let (file, verdict) = ended.stdout.split_once('\n').unwrap_or_default();
        assert!(file.starts_with(name), "{ended:?}");
        assert!(verdict.starts_with("healthy: process "), "{ended:?}");
    }
    let script = format!(
        "{}{script}{}{run} || echo $?; /mnt/hinit healthcheck || true",
        tmpfs(&["/mnt"]),
        tmpfs(&directories) + &read_only(&directories)
    );
    let ended = in_mount_namespace(&script, &[]);
    assert_eq!(
        ended.stdout,
        "125\nunhealthy: no directory for a PID file is writable; set HINIT_PID_FILE"
    );
    assert!(
        ended.log.contains(
            "cannot claim a PID file in `/run, /tmp, /dev/shm`: none is writable; mount one \
             (--tmpfs /tmp, or \
             an emptyDir), name a file with HINIT_PID_FILE, or keep none with --no-pid-file"
        ),
        "{ended:?}"
    );
}

/// A volume, a pod's emptyDir, or a directory of the host's, as under Singularity.
#[test]
fn containers_that_share_a_directory_have_files_of_their_own() {
    for directory in ["/tmp", "/dev/shm"] {
        let script = format!(
            "mount -t tmpfs none /mnt; cp \"$HINIT\" /mnt/hinit; \
             for d in /run /tmp /dev/shm; do test $d = {directory} || mount -t tmpfs -o ro none \
             $d; done; \
             mount -t tmpfs none {directory}; \
             /mnt/hinit -q sh -c 'unshare --mount /mnt/hinit -q sh -c \
             \"ls {directory} | wc -l; /mnt/hinit healthcheck\"; /mnt/hinit healthcheck'; \
             ls {directory} | wc -l"
        );
        let ended = in_mount_namespace(&script, &[OsStr::new("")]);
        let lines: Vec<_> = ended.stdout.lines().map(str::trim).collect();
        assert_eq!(lines.len(), 4, "{ended:?}");
        assert_eq!((lines[0], lines[3]), ("2", "0"), "{ended:?}");
        for verdict in &lines[1..3] {
            assert!(verdict.starts_with("healthy: process "), "{ended:?}");
        }
        assert_eq!(ended.log, "");
    }
}
