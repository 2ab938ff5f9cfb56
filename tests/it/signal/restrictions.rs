//! A sender that lacks something: a permission, standard output, /proc or pidfds.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::SignalReceiver;
use crate::support::*;

#[test]
fn a_server_that_this_user_may_not_signal() {
    if can_be_root("to be another user") {
        let dir = TempDir::new();
        set_mode(&dir, 0o755);
        let (path, receiver) = (dir.join("pid"), SignalReceiver::start());
        let _held = locked_pid_file(&path, receiver.pid().to_string());
        let mut command = hinit_with(["signal", "HUP", "--wait", "30", "--pid-file"]);
        let ended = Ended::of(&command.arg(&path).uid(65534).output().unwrap());
        let line = "hinit: cannot send SIGHUP: Operation not permitted";
        assert_eq!(
            (ended.code, ended.stdout.as_str(), ended.log.as_str()),
            (1, "", line)
        );
        assert_eq!(receiver.received(), "signal 15\n");
    }
}

#[test]
fn a_closed_stdout_keeps_the_exit_code() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let receiver = SignalReceiver::start();
    let _held = locked_pid_file(&path, receiver.pid().to_string());
    for stdout in [">&-", ">/dev/full", "2>&- >&- <&-", "| true"] {
        for (file, code) in [(path.as_path(), 0), (Path::new("/none"), 1)] {
            let script =
                format!("{{ \"$0\" signal CONT --pid-file \"$1\"; echo $? >&3; }} {stdout}");
            let mut command = Command::new("sh");
            command.args(["-c", &format!("exec 3>&1; {script}")]);
            let ended = Ended::of(&command.arg(hinit()).arg(file).output().unwrap());
            assert_eq!(ended.stdout, code.to_string(), "{stdout} {}", ended.log);
        }
    }
}

#[test]
fn without_proc_the_pid_alone_is_used() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let receiver = SignalReceiver::start();
    let _held = locked_pid_file(&path, receiver.pid().to_string());
    let script = "mount -t tmpfs none /proc; \"$HINIT\" signal HUP --pid-file \"$1\"";
    let ended = in_mount_namespace(script, &[path.as_os_str()]);
    let output = format!("sent SIGHUP to process {}", receiver.pid());
    assert_eq!((ended.code, ended.stdout), (0, output), "{}", ended.log);
    assert_eq!(receiver.received(), "signal 1\nsignal 15\n");
}

/// Where the kernel or a seccomp profile refuses `pidfd_open(2)`.
#[test]
fn without_pidfds_kill_is_used() {
    let calls = ["pidfd_open", "pidfd_send_signal"];
    for (call, error) in calls.iter().flat_map(|c| [(c, "ENOSYS"), (c, "EPERM")]) {
        let dir = TempDir::new();
        let path = dir.join("pid");
        let hinit = start_fixture(Mode::Subreaper, &path, "signals");
        let server = format!("process {} (fixture)", recorded(&path));
        let without = |arguments: &[&str]| {
            let mut command = Command::new("strace");
            command.args(["--quiet=all", "--output=/dev/null"]);
            command.args(["-e", &format!("inject={call}:error={error}")]);
            command.arg(crate::support::hinit()).arg("signal");
            command.arg("--pid-file").arg(&path).args(arguments);
            Ended::of(&command.output().unwrap())
        };
        let ended = without(&["USR1", "--wait=1ms"]);
        let output = format!("sent SIGUSR1 to {server}\n{server} has not ended within 1ms");
        assert_eq!((ended.code, ended.stdout), (1, output), "{}", ended.log);
        assert_eq!(hinit.line(), "signal 10");
        let ended = without(&["TERM", "--wait=30"]);
        let output = format!("sent SIGTERM to {server}\n{server} ended after ");
        assert!(ended.stdout.starts_with(&output), "{ended:?}");
        assert_eq!((ended.code, hinit.line().as_str()), (0, "signal 15"));
        assert_eq!(hinit.end().code, 0);
        // A zombie that its parent does not reap.
        let process = TestProcess::sleeping();
        fs::write(&path, process.pid().to_string()).unwrap();
        let ended = without(&["KILL", "--wait=30", "--foreign"]);
        assert_eq!(ended.code, 0, "{call} {error} {ended:?}");
    }
}
