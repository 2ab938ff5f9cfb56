//! Verdicts on the process that the file names.

use std::fs::{self};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::libc::{SIGKILL, SIGSTOP};

use super::check_contents;
use crate::support::*;

/// The verdict on a process, by the PID file of another program.
fn check_foreign(pid: i32) -> String {
    check_contents(format!("{pid}\n").as_bytes(), &["--foreign"])
}

#[test]
fn each_state_of_a_process() {
    let process = TestProcess::sleeping();
    let pid = process.pid();
    assert_eq!(
        check_foreign(pid),
        format!("healthy: process {pid} is alive")
    );
    kill(pid, SIGSTOP);
    process.wait_for_state('T');
    assert_eq!(
        check_foreign(pid),
        format!("unhealthy: process {pid} is suspended")
    );
    kill(pid, SIGKILL);
    process.wait_for_state('Z');
    assert_eq!(
        check_foreign(pid),
        format!("unhealthy: process {pid} is a zombie")
    );
    drop(process);
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
    let process = TestProcess::start(command.arg("1000"));
    process.wait_for_state('t');
    assert_eq!(
        check_foreign(process.pid()),
        format!("healthy: process {} is alive", process.pid())
    );
}

#[test]
fn a_thread_is_not_a_process() {
    let process = TestProcess::start(Command::new(fixture()).arg("leader-leaves"));
    let pid = process.pid();
    process.wait_for_state('Z');
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
        let process = TestProcess::start(Command::new(dir.join(name)).arg("1000"));
        assert_eq!(
            check_foreign(process.pid()),
            format!("healthy: process {} is alive", process.pid())
        );
    }
}

#[test]
fn without_proc_kill_alone_decides() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let process = TestProcess::sleeping();
    fs::write(&path, process.pid().to_string()).unwrap();
    let hidden = |script: &str| in_mount_namespace(script, &[path.as_os_str()]).stdout;
    let verdict = format!(
        "healthy: process {} is alive (state unknown)",
        process.pid()
    );
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
    let stopped = TestProcess::sleeping();
    kill(stopped.pid(), SIGSTOP);
    stopped.wait_for_state('T');
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
