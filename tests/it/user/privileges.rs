//! The capabilities that `--user` needs, and those that remain.

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

/// hinit as a user other than root, by setpriv with these options.
fn by_plain_user(options: &[&str]) -> Start {
    Start::by(Mode::Subreaper, &[&AS_NOBODY[..], options].concat())
}

#[test]
fn a_plain_user_can_only_be_itself() {
    if !can_be_root("to be another user") {
        return;
    }
    for user in ["nobody", "65534", "65534:65534", "nobody:nogroup"] {
        let start = by_plain_user(&[]).no_pid_file().args(["--user", user]);
        let ended = start.args(["cat", "/proc/self/status"]).run();
        assert_eq!(ended.code, 0, "{}", ended.log);
        let mut expected = without_capabilities("65534", "65534", "");
        expected[2] = fields(&ended.stdout)[2].clone();
        assert_eq!(fields(&ended.stdout), expected);
    }
    for user in ["root", "4242"] {
        let why = format!(
            "cannot run as `{user}`: hinit runs as UID 65534 and lacks CAP_SETGID; \
            drop USER from the image, so that hinit starts as root, \
            or start hinit as that user (docker run --user, runAsUser)"
        );
        assert_refused(by_plain_user(&[]), &["--user", user], &why);
    }
    // hinit could become root again; its server cannot.
    let half = ["setpriv", "--euid=65534", "--egid=65534", "--clear-groups"];
    let start = Start::by(Mode::Subreaper, &half).no_pid_file();
    let start = start.args(["--user", "nobody"]);
    let ended = start.args(["cat", "/proc/self/status"]).run();
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(
        fields(&ended.stdout),
        without_capabilities("65534", "65534", "")
    );
}

#[test]
fn ambient_capabilities_of_a_plain_user_are_dropped() {
    if !can_be_root("to have capabilities") {
        return;
    }
    let capabilities = "+setuid,+setgid,+kill,+net_bind_service";
    let [inherited, ambient] = ["inh", "ambient"].map(|set| format!("--{set}-caps={capabilities}"));
    let start = by_plain_user(&[&inherited, &ambient]).no_pid_file();
    let ended = start
        .args(["--user", "4242", "cat", "/proc/self/status"])
        .run();
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(
        fields(&ended.stdout),
        without_capabilities("4242", "4242", "4242")
    );
}

#[test]
fn where_the_user_namespace_has_no_such_user() {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user"]).arg(hinit());
    let why = "cannot run as `4242`: the user namespace does not map that user or group";
    assert_refused(
        Start::of(Mode::Subreaper, command),
        &["--user", "4242"],
        why,
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user"]).arg(hinit());
    let start = Start::of(Mode::Subreaper, command).no_pid_file();
    assert_eq!(start.args(["--user", "0:0", "true"]).run().code, 0);
}

#[test]
fn where_the_user_namespace_has_that_user() {
    if !can_be_root("to map users") {
        return;
    }
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "sh",
        "-c",
        "echo here; read go; exec \"$@\"",
        "sh",
    ]);
    command
        .arg(hinit())
        .args(["-q", "--no-pid-file", "--user", "4242:7"]);
    command.args(["cat", "/proc/self/status"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let own = fs::read_link("/proc/self/ns/user").unwrap();
    let process = format!("/proc/{}", child.id());
    eventually("it is in a namespace of its own", || {
        (fs::read_link(format!("{process}/ns/user")).ok()? != own).then_some(())
    });
    for map in ["uid_map", "gid_map"] {
        fs::write(format!("{process}/{map}"), "0 0 65536").unwrap();
    }
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let ended = Ended::of(&child.wait_with_output().unwrap());
    assert_eq!(ended.code, 0);
    assert_eq!(
        fields(&ended.stdout),
        without_capabilities("4242", "7", "7")
    );
}

#[test]
fn the_parents_death_still_kills_the_server() {
    if !can_be_root("to become another user") {
        return;
    }
    let dir = TempDir::new();
    let script = format!(
        "{} --parent-death KILL --user 4242 --no-pid-file {} ready & wait",
        hinit().display(),
        fixture_for_all(&dir).display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    let parent = Start::of(Mode::Subreaper, command).start().ready();
    let hinit = parent.server();
    let server = eventually("hinit has a server", || children_of(hinit).pop());
    parent.signal(SIGKILL);
    for pid in [hinit, server] {
        eventually("the process dies", || {
            let state = status_of(pid, "State");
            state.is_none_or(|s| s.starts_with('Z')).then_some(())
        });
    }
}

/// The kernel makes a process that changes its user undumpable; hinit does not change its own.
#[test]
fn hinit_stays_dumpable() {
    if !can_be_root("to become another user") {
        return;
    }
    // As under an engine, which gives no container this capability.
    let as_in_a_container = ["setpriv", "--bounding-set=-sys_ptrace"];
    for options in [&[][..], &["--user", "4242"]] {
        let start = Start::by(Mode::Subreaper, &as_in_a_container).no_pid_file();
        let hinit = start
            .args(options)
            .script("echo ready; exec sleep 1000")
            .start()
            .ready();
        let mut readlink = Command::new(as_in_a_container[0]);
        readlink.args([as_in_a_container[1], "readlink"]);
        let ended = readlink
            .arg(format!("/proc/{}/exe", hinit.pid()))
            .output()
            .unwrap();
        assert!(ended.status.success(), "{options:?}");
        assert_eq!(hinit.stop().code, 143);
    }
}

#[test]
fn a_command_that_only_root_may_run_is_not_executed() {
    if !can_be_root("to become another user") {
        return;
    }
    let dir = TempDir::new();
    let program = fixture_for_all(&dir);
    set_mode(&program, 0o700);
    let run = || {
        let start = Start::new(Mode::Subreaper)
            .no_pid_file()
            .args(["--user", "4242"]);
        start.arg(&program).args(["exit", "0"]).run()
    };
    let line = format!(
        "hinit: cannot run `{}`: no permission for UID 4242",
        program.display()
    );
    let ended = run();
    assert_eq!((ended.code, ended.log.as_str()), (126, line.as_str()));
    set_mode(&program, 0o755);
    set_mode(&dir, 0o700);
    let ended = run();
    assert_eq!((ended.code, ended.log), (126, line));
}

/// setresuid(2) leaves it to execve(2) to refuse a user who has more processes than `RLIMIT_NPROC` allows.
#[test]
fn the_limit_of_processes_is_hinits_failure() {
    if !can_be_root("to become another user") {
        return;
    }
    // A user of this test alone that has a process already: the new one does not count yet.
    let mut other = Command::new("sleep");
    other.arg("1000").uid(4343);
    let _killed_at_the_end = Start::of(Mode::Subreaper, other).start();
    let why = "cannot start `touch`: UID 4343 has more processes than its limit allows \
               (RLIMIT_NPROC is 0); \
        raise it (--ulimit nproc=N, ulimit -u)";
    let start = Start::by(Mode::Subreaper, &["prlimit", "--nproc=0:0"]);
    assert_refused(start, &["--user", "4343"], why);
}

/// With `fs.suid_dumpable=1` setresuid(2) makes the child dumpable, so that only the capabilities that it has
/// until its exec keep its new user from tracing it.
#[test]
fn the_child_cannot_be_traced_by_its_user_before_its_exec() {
    if !can_be_root("to become another user") {
        return;
    }
    let setresuid = of_any_width("setresuid");
    let trace = format!("trace={setresuid}");
    let delayed = format!("inject={setresuid}:delay_exit=60000000");
    let strace = [
        "strace",
        "-f",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &delayed,
    ];
    let start = Start::by(Mode::Subreaper, &strace);
    let start = start.no_pid_file().args(["--user", "4242", "true"]);
    let strace = start.start();
    let (child, permitted) = eventually("the child is that user", || {
        let hinit = *children_of(strace.pid()).first()?;
        let child = *children_of(hinit).first()?;
        let is_user = status_of(child, "Uid")?.starts_with("4242\t4242\t");
        is_user.then(|| Some((child, status_of(child, "CapPrm")?)))?
    });
    // The kernel refuses this as it refuses ptrace(2). With `fs.suid_dumpable=1` only the capabilities make it so.
    let mut reader = Command::new("setpriv");
    reader.args(["--reuid=4242", "--regid=4242", "--clear-groups", "cat"]);
    let environ = format!("/proc/{child}/environ");
    let ended = Ended::of(&reader.arg(environ).output().unwrap());
    assert!(ended.log.ends_with("Permission denied"), "{ended:?}");
    assert_ne!(permitted, "0".repeat(16));
}
