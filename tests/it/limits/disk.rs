//! A file system that is full, read-only or unmounted, at each step with the PID file after the
//! launch.

use std::ffi::OsStr;

use super::*;

/// Runs `script` in a mount namespace, in a directory whose `mnt` is a tmpfs with these options.
fn on_tmpfs(options: &str, script: &str) -> Ended {
    let dir = TempDir::new();
    let script = format!("cd \"$1\"; mkdir mnt; mount -t tmpfs -o {options} none mnt; {script}");
    let mut ended = in_mount_namespace(&script, &[dir.as_ref().as_os_str()]);
    let path = dir.join("mnt/pid");
    for text in [&mut ended.stdout, &mut ended.log] {
        *text = text.replace(path.to_str().unwrap(), "P");
    }
    ended
}

/// A shell script that starts hinit (`$hinit`) with that PID file, and waits for the PID of its
/// server (`$pid`), which exits with 3 at SIGTERM.
const START: &str = "\"$HINIT\" --pid-file mnt/pid sh -c \
    \"trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done\" >output & hinit=$!; \
    until test -s mnt/pid && test -s output; do :; done; read -r pid <mnt/pid; ";
/// A shell script that stops hinit, and prints its exit code.
const STOP: &str = "kill -TERM $hinit; wait $hinit || echo $?; ";

/// The log without the line on the server's end.
fn warnings(log: &str) -> Vec<&str> {
    let (end, warnings): (Vec<_>, Vec<_>) = log
        .lines()
        .partition(|line| line.contains(" later (exited 3, up "));
    assert_eq!(end.len(), 1, "{log}");
    warnings
}

/// hinit is stopped between the claim and the launch, and meanwhile the file system fills up.
#[test]
fn a_disk_that_fills_up_after_the_claim_does_no_harm() {
    let server = "until test -s mnt/pid || test -e filled; do :; done; \
        \"$HINIT\" healthcheck --pid-file mnt/pid; exit 3";
    let script = format!(
        "strace -f -o trace -e trace=pipe2 -e inject=pipe2:signal=STOP \"$HINIT\" --pid-file \
         mnt/pid \
        sh -c '{server}' >output & tracer=$!; until grep -q 'stopped by' trace; do :; done \
        2>/dev/null; \
        read -r tracee rest <trace; {{ head -c 4096 /dev/zero >mnt/filler && touch filled; }} \
        2>/dev/null \
        || echo full; kill -CONT $tracee; wait $tracer || echo $?; tr -d 0-9 <output; ls mnt"
    );
    // The only page was reserved at the claim.
    let ended = on_tmpfs("size=4k", &script);
    let output = "full\n3\nhealthy: process  is alive\nfiller";
    assert_eq!(ended.stdout, output, "{}", ended.log);
    assert!(
        ended.log.starts_with("hinit: the server exited 3 after "),
        "{}",
        ended.log
    );
    assert_eq!(ended.log.lines().count(), 1, "{}", ended.log);
}

#[test]
fn no_inode_for_the_socket_beside_the_file() {
    let script = "\"$HINIT\" --notify --pid-file mnt/pid touch launched || echo $?; ls mnt; ls";
    let ended = on_tmpfs("nr_inodes=2", script);
    assert_eq!(
        ended.log,
        "hinit: cannot listen at `P.sock`: No space left on device"
    );
    assert_eq!(ended.stdout, "125\nmnt");
}

#[test]
fn a_default_directory_that_is_full_is_named() {
    let script = "cp \"$HINIT\" /mnt/hinit; mount -t tmpfs -o nr_inodes=1 none /run; \
        /mnt/hinit true || echo $?; /mnt/hinit healthcheck || echo $?";
    let ended = in_mount_namespace(
        &format!("mount -t tmpfs none /mnt; {script}"),
        &[OsStr::new("")],
    );
    assert_eq!(
        ended.log,
        "hinit: cannot claim the PID file `/run/hinit.pid`: No space left on device; \
        name another with --pid-file or HINIT_PID_FILE, or keep none with --no-pid-file"
    );
    assert_eq!(
        ended.stdout,
        "125\nunhealthy: PID file /run/hinit.pid does not exist\n1"
    );
}

/// By strace, because the kernel does not remount read-only what is open for writing (see below),
/// but does so on a broken disk.
#[test]
fn a_call_that_fails_is_one_warning_and_the_exit_code_stays() {
    let check = "\"$HINIT\" healthcheck --pid-file mnt/pid | tr -d 0-9";
    for (call, error, verdict, warning, remaining) in [
        (
            "pwrite64",
            "ENOSPC",
            "unhealthy: the server has not started yet, or has ended",
            "write",
            "",
        ),
        (
            "pwrite64",
            "EDQUOT",
            "unhealthy: the server has not started yet, or has ended",
            "write",
            "",
        ),
        (
            "ftruncate",
            "EROFS",
            "healthy: process  is alive",
            "empty",
            "pid",
        ),
        (
            "ftruncate",
            "EIO",
            "healthy: process  is alive",
            "empty",
            "pid",
        ),
        (
            "unlinkat",
            "EROFS",
            "healthy: process  is alive",
            "remove",
            "pid",
        ),
    ] {
        let calls = of_any_width(call);
        let server = format!(
            "until grep -q INJECTED trace || test {call} != pwrite64 -a -s mnt/pid; do :; done; \
             {check}; exit 3"
        );
        let script = format!(
            "strace -o trace -e trace={calls} -e inject={calls}:error={error} \"$HINIT\" --pid-file \
             mnt/pid \
            sh -c '{server}' || echo $?; ls mnt; \"$HINIT\" healthcheck --pid-file mnt/pid || \
            true; \
            \"$HINIT\" --pid-file mnt/pid true; ls mnt"
        );
        let ended = on_tmpfs("size=1m", &script);
        let after = match (remaining, warning) {
            ("", _) => "unhealthy: PID file P does not exist".to_owned(),
            // The PID was reaped, so no process may hold the lock.
            (_, "empty") => {
                format!("{remaining}\nunhealthy: PID file P is stale: no hinit has locked it")
            }
            _ => format!("{remaining}\nunhealthy: PID file P is empty"),
        };
        let ended_code = format!("{verdict}\n3\n{after}");
        assert_eq!(
            ended.stdout.replace("mnt/pid", "P"),
            ended_code,
            "{call} {error} {}",
            ended.log
        );
        let why = match error {
            "ENOSPC" => "No space left on device",
            "EDQUOT" => "Quota exceeded",
            "EROFS" => "Read-only file system",
            _ => "I/O error",
        };
        let warnings: Vec<_> = ended
            .log
            .lines()
            .filter(|line| line.contains("PID file"))
            .collect();
        assert_eq!(
            warnings,
            [format!("hinit: cannot {warning} the PID file `P`: {why}")]
        );
        // The end of this hinit, and of the next one.
        assert_eq!(ended.log.lines().count(), 3, "{}", ended.log);
    }
}

/// While hinit waits for leftovers, the file names a PID that may be reused by any process.
#[test]
fn a_pid_that_cannot_be_erased_is_stale_at_once() {
    // The subshell inherits that TERM is ignored, and so outlives the drain's TERM.
    let server = "trap \"\" TERM; until test -s mnt/pid; do :; done; \
        (while test -e /proc/$$; do :; done; \"$HINIT\" healthcheck --pid-file mnt/pid) & exit 3";
    let calls = of_any_width("ftruncate");
    let script = format!(
        "strace -o trace -e trace={calls} -e inject={calls}:error=EROFS \
        \"$HINIT\" --pid-file mnt/pid sh -c '{server}' || echo $?"
    );
    let ended = on_tmpfs("size=1m", &script);
    let stale = "unhealthy: PID file mnt/pid is stale: no hinit has locked it";
    assert_eq!(ended.stdout, format!("{stale}\n3"), "{}", ended.log);
}

/// The first hinit could not empty the file when its server handed over, and released its locks. From then on the file
/// belongs to another hinit.
#[test]
fn a_file_whose_locks_were_released_is_not_changed() {
    let server = format!(
        "sleep 1000 & echo $! >successor; {} notify \"MAINPID=$!\"; exit 3",
        fixture().display()
    );
    let calls = of_any_width("ftruncate");
    let script = format!(
        "strace -o trace -e trace={calls} -e inject={calls}:error=EROFS:when=1 \
        \"$HINIT\" --notify --pid-file mnt/pid sh -c '{server}' 2>log & \
        until grep -q 'cannot empty' log 2>/dev/null; do :; done; read -r first <mnt/pid; \
        \"$HINIT\" -q --pid-file mnt/pid sleep 1001 & other=$!; \
        until read -r second <mnt/pid && test \"$second\" != \"$first\"; do :; done 2>/dev/null; \
        kill $(cat successor); wait %1 || true; \
        \"$HINIT\" healthcheck --pid-file mnt/pid | tr -d 0-9; kill $other; wait $other || true"
    );
    let ended = on_tmpfs("size=1m", &script);
    assert_eq!(ended.stdout, "healthy: process  is alive", "{}", ended.log);
}

#[test]
fn while_hinit_runs_the_kernel_refuses_to_make_it_read_only() {
    let remount = "mount -o remount,ro mnt 2>/dev/null || echo busy; \
        mount -o remount,bind,ro mnt 2>/dev/null || echo busy; ";
    let script = format!("{START} {remount} {STOP} ls mnt; mount -o remount,ro mnt && echo idle");
    let ended = on_tmpfs("size=1m", &script);
    assert_eq!(ended.stdout, "busy\nbusy\n3\nidle", "{}", ended.log);
    assert_eq!(warnings(&ended.log), [""; 0]);
}

#[test]
fn a_health_check_works_on_a_read_only_mount() {
    // As in a container that mounts the volume read-only.
    let script = format!(
        "mkdir view; mount --bind mnt view; mount -o remount,bind,ro view; {START} \
        \"$HINIT\" healthcheck --pid-file view/pid | tr -d 0-9; {STOP} ls mnt"
    );
    let ended = on_tmpfs("size=1m", &script);
    assert_eq!(
        ended.stdout, "healthy: process  is alive\n3",
        "{}",
        ended.log
    );
    assert_eq!(warnings(&ended.log), [""; 0]);
}

#[test]
fn a_file_system_that_is_unmounted_lazily() {
    let script = format!(
        "{START} umount -l mnt; \"$HINIT\" healthcheck --pid-file mnt/pid || true; {STOP} ls mnt"
    );
    let ended = on_tmpfs("size=1m", &script);
    let missing = "unhealthy: PID file mnt/pid does not exist";
    assert_eq!(ended.stdout, format!("{missing}\n3"), "{}", ended.log);
    // hinit still reaches the file by its descriptor of the directory.
    assert_eq!(warnings(&ended.log), [""; 0]);
}
