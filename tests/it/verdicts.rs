//! Every verdict of a health check, on real files and real processes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::libc::{SIGKILL, SIGSTOP};

use crate::support::*;

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
fn contents_that_are_not_a_pid() {
    for (contents, verdict) in [
        (&b""[..], "unhealthy: PID file P is empty"),
        (b"\n", "unhealthy: PID file P does not contain a PID"),
        (b"abc\n", "unhealthy: PID file P does not contain a PID"),
        (
            b"1\ngarbage",
            "unhealthy: PID file P does not contain a PID",
        ),
        (b"1\0junk", "unhealthy: PID file P does not contain a PID"),
        (b"-1\n", "unhealthy: PID file P does not contain a PID"),
        (b"\xff\xfe", "unhealthy: PID file P does not contain a PID"),
        (
            b"0\n",
            "unhealthy: PID file P contains a number out of range",
        ),
        (
            b"4194304\n",
            "unhealthy: PID file P contains a number out of range",
        ),
        (
            b"99999999999999999999",
            "unhealthy: PID file P contains a number out of range",
        ),
        (&[b' '; 33], "unhealthy: PID file P is too large"),
        (&[b'1'; 10_000], "unhealthy: PID file P is too large"),
    ] {
        for more in [&[][..], &["--foreign"]] {
            assert_eq!(
                check_contents(contents, more),
                verdict,
                "{contents:?} {more:?}"
            );
        }
    }
}

#[test]
fn a_file_without_a_lock_is_stale() {
    let own = std::process::id();
    let stale = "unhealthy: PID file P is stale: no hinit has locked it";
    assert_eq!(check_contents(format!("{own}\n").as_bytes(), &[]), stale);
    // A shared lock, such as that of another health check, is not hinit's.
    let dir = TempDir::new();
    fs::write(dir.join("pid"), "1\n").unwrap();
    let reader = File::open(dir.join("pid")).unwrap();
    fs2::FileExt::try_lock_shared(&reader).unwrap();
    assert!(check(&dir.join("pid"), &[]).ends_with("is stale: no hinit has locked it"));
}

#[test]
fn each_kind_of_file_that_is_not_regular() {
    let dir = TempDir::new();
    for (kind, path) in irregular_files(&dir) {
        let name = path.display();
        let verdict = format!("unhealthy: PID file {name} is not a regular file ({kind})");
        for more in [&[][..], &["--foreign"]] {
            assert_eq!(check(&path, more), verdict);
        }
    }
    for device in ["/dev/null", "/dev/zero", "/dev/tty", "/dev/full"] {
        let verdict = format!("unhealthy: PID file {device} is not a regular file (device)");
        assert_eq!(check(Path::new(device), &[]), verdict);
    }
}

#[test]
fn a_missing_and_an_unreadable_file() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let missing = format!("unhealthy: PID file {} does not exist", path.display());
    assert_eq!(check(&path, &[]), missing);
    fs::write(&path, "1\n").unwrap();
    let below = path.join("pid");
    let verdict = format!(
        "unhealthy: PID file {} cannot be read: Not a directory",
        below.display()
    );
    assert_eq!(check(&below, &[]), verdict);
    if can_be_root("to be another user") {
        set_mode(&path, 0o600);
        let verdict = format!(
            "unhealthy: PID file {} cannot be read: Permission denied",
            path.display()
        );
        assert_eq!(
            verdict_by(Command::new(hinit()).uid(65534), &path, &[]),
            verdict
        );
    }
}

#[test]
fn a_name_with_control_characters_still_makes_one_line() {
    let verdict = check(Path::new("/nowhere/a\nhealthy: b\x1b[1m"), &[]);
    assert_eq!(
        verdict,
        "unhealthy: PID file /nowhere/a?healthy: b?[1m does not exist"
    );
}

/// In a user namespace all users without a mapping have the same UID, and so may the caller.
#[test]
fn a_file_of_a_user_without_a_mapping_is_not_the_callers_own() {
    if !can_be_root("to be two other users") {
        return;
    }
    let dir = TempDir::new();
    set_mode(&dir, 0o777);
    let (path, copy) = (dir.join("pid"), dir.join("hinit"));
    copy_program(&hinit(), &copy);
    set_mode(&copy, 0o755);
    let victim = Victim::sleeping();
    let _held = locked_pid_file(&path, victim.pid().to_string());
    set_mode(&path, 0o644);
    let trusted = format!("healthy: process {} is alive", victim.pid());
    let distrusted = format!(
        "unhealthy: PID file {} belongs to UID 65534, which is not trusted",
        path.display()
    );
    let unshare = ["unshare", "--user", "--map-user=65534"];
    for (owner, caller, namespace, expected) in [
        // The caller's own, where every user has a mapping.
        (65_534, "65534", &[][..], &trusted),
        // The caller's file and that of another unmapped user look the same.
        (4242, "4243", &unshare, &distrusted),
        (4243, "4243", &unshare, &distrusted),
    ] {
        chown(&path, Some(owner), None).unwrap();
        let mut command = Command::new("setpriv");
        let (user, group) = (format!("--reuid={caller}"), format!("--regid={caller}"));
        command.args([&user, &group, "--clear-groups"]);
        command.args(namespace).arg(&copy);
        assert_eq!(&verdict_by(&mut command, &path, &[]), expected, "{owner}");
    }
}

#[test]
fn an_own_file_that_others_may_write() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    fs::write(&path, "1\n").unwrap();
    for mode in [0o666, 0o662, 0o664, 0o622] {
        set_mode(&path, mode);
        let verdict = format!(
            "unhealthy: PID file {} is writable by others",
            path.display()
        );
        assert_eq!(check(&path, &[]), verdict, "{mode:o}");
    }
    set_mode(&path, 0o644);
    if can_be_root("to give a file away") {
        chown(&path, Some(65534), None).unwrap();
        let verdict = format!(
            "unhealthy: PID file {} belongs to UID 65534, which is not trusted",
            path.display()
        );
        assert_eq!(check(&path, &[]), verdict);
        assert_eq!(check(&path, &["--foreign"]), "healthy: process 1 is alive");
        // A file of root or of the caller is trusted.
        let stale = format!(
            "unhealthy: PID file {} is stale: no hinit has locked it",
            path.display()
        );
        assert_eq!(
            verdict_by(Command::new(hinit()).uid(65534), &path, &[]),
            stale
        );
        chown(&path, Some(0), None).unwrap();
        assert_eq!(
            verdict_by(Command::new(hinit()).uid(65534), &path, &[]),
            stale
        );
    }
}

/// The verdict on a process, by the PID file of another program.
fn check_foreign(pid: i32) -> String {
    check_contents(format!("{pid}\n").as_bytes(), &["--foreign"])
}

#[test]
fn each_state_of_a_process() {
    let victim = Victim::sleeping();
    let pid = victim.pid();
    assert_eq!(
        check_foreign(pid),
        format!("healthy: process {pid} is alive")
    );
    kill(pid, SIGSTOP);
    victim.becomes('T');
    assert_eq!(
        check_foreign(pid),
        format!("unhealthy: process {pid} is stopped")
    );
    kill(pid, SIGKILL);
    victim.becomes('Z');
    assert_eq!(
        check_foreign(pid),
        format!("unhealthy: process {pid} is a zombie")
    );
    drop(victim);
    assert_eq!(
        check_foreign(pid),
        format!("unhealthy: process {pid} does not exist")
    );
}

#[test]
fn a_traced_process_is_alive() {
    let mut command = Command::new("sleep");
    // SAFETY: ptrace(PTRACE_TRACEME) is async-signal-safe: the exec then stops the process.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(
            || match nix::libc::ptrace(nix::libc::PTRACE_TRACEME, 0, 0, 0) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            },
        );
    }
    let victim = Victim::start(command.arg("1000"));
    victim.becomes('t');
    assert_eq!(
        check_foreign(victim.pid()),
        format!("healthy: process {} is alive", victim.pid())
    );
}

#[test]
fn a_thread_is_not_a_process() {
    let victim = Victim::start(Command::new(fixture()).arg("leader-leaves"));
    let pid = victim.pid();
    victim.becomes('Z');
    assert_eq!(
        check_foreign(pid),
        format!("healthy: process {pid} is alive")
    );
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let ids = tasks.map(|task| task.file_name().to_str().unwrap().parse().unwrap());
    let thread: i32 = ids.max().unwrap();
    assert_eq!(
        check_foreign(thread),
        format!("unhealthy: {thread} is a thread of process {pid}")
    );
}

#[test]
fn a_process_of_another_user_is_alive() {
    if can_be_root("to be another user") {
        let dir = TempDir::new();
        fs::write(dir.join("pid"), "1\n").unwrap();
        let mut command = Command::new(hinit());
        let verdict = verdict_by(command.uid(65534), &dir.join("pid"), &["--foreign"]);
        assert_eq!(verdict, "healthy: process 1 is alive");
    }
}

#[test]
fn a_hostile_process_name_does_not_change_the_verdict() {
    for name in ["a) Z (b", "x\nState:\tZ (zombie)", "\u{1}\u{ff}"] {
        let dir = TempDir::new();
        copy_program(Path::new("/bin/sleep"), &dir.join(name));
        let victim = Victim::start(Command::new(dir.join(name)).arg("1000"));
        assert_eq!(
            check_foreign(victim.pid()),
            format!("healthy: process {} is alive", victim.pid())
        );
    }
}

#[test]
fn without_proc_kill_alone_decides() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let victim = Victim::sleeping();
    fs::write(&path, victim.pid().to_string()).unwrap();
    let hidden = |script: &str| in_mount_namespace(script, &[path.as_os_str()]).stdout;
    let verdict = format!("healthy: process {} is alive (state unknown)", victim.pid());
    let script = "mount -t tmpfs none /proc; \"$HINIT\" healthcheck --foreign --pid-file \"$1\"";
    assert_eq!(hidden(script), verdict);
    fs::write(&path, "4194303").unwrap();
    assert_eq!(
        hidden(&format!("{script} || true")),
        "unhealthy: process 4194303 does not exist"
    );
}

#[test]
fn proc_of_another_namespace_is_not_used() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    // In the new PID namespace 1 is the shell; the old /proc shows another process as 1.
    let stopped = Victim::sleeping();
    kill(stopped.pid(), SIGSTOP);
    stopped.becomes('T');
    let script = "echo $$ > \"$1\"; mount --bind /proc/$2 /proc/1; \
        \"$HINIT\" healthcheck --foreign --pid-file \"$1\"";
    let ended = {
        let mut command = unshare();
        command
            .args(["--pid", "--fork", "--mount", "sh", "-euc", script, "sh"])
            .arg(&path);
        command.arg(stopped.pid().to_string()).env("HINIT", hinit());
        Ended::of(&command.output().unwrap())
    };
    assert_eq!(
        ended.stdout, "healthy: process 1 is alive (state unknown)",
        "{}",
        ended.log
    );
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
