//! The cgroup's limit of processes, reached before the start or later.

use nix::libc::{SIGKILL, SIGUSR1};

use super::*;

/// A cgroup with a limit of processes, which is one at first.
fn alone() -> Option<Cgroup> {
    let cgroup = Cgroup::new("pids", &["pids.max"])?;
    cgroup.limit("1");
    Some(cgroup)
}

/// hinit, alone in the cgroup.
fn start(cgroup: &Cgroup, mode: Mode) -> Start {
    Start::by(mode, &cgroup.wrapper().each_ref().map(String::as_str))
}

in_both_modes!(
    the_limit_is_reached_before_the_start,
    the_limit_is_reached_while_the_server_runs
);

fn the_limit_is_reached_before_the_start(mode: Mode) {
    let Some(cgroup) = alone() else { return };
    let dir = TempDir::new();
    let path = dir.join("pid");
    for options in [&[][..], &["--notify"]] {
        let start = start(&cgroup, mode).pid_file(&path).args(options);
        let ended = start.args(["touch"]).arg(dir.join("launched")).run();
        let line = "hinit: cannot start `touch`: the limit of processes is reached; \
            raise it (--pids-limit, pids.max, ulimit -u)";
        assert_eq!((ended.code, ended.log.as_str()), (125, line));
        assert!(!path.exists() && !socket_beside(&path).exists() && !dir.join("launched").exists());
    }
    cgroup.limit("2");
    let ended = start(&cgroup, mode)
        .pid_file(&path)
        .args(["sh", "-c", "exit 7"])
        .run();
    assert_eq!(ended.code, 7, "{}", ended.log);
}

fn the_limit_is_reached_while_the_server_runs(mode: Mode) {
    let Some(cgroup) = alone() else { return };
    cgroup.limit("max");
    let dir = TempDir::new();
    let path = dir.join("pid");
    // The orphan exits before the server does.
    let script = "trap 'echo usr1' USR1; trap 'exit 3' TERM; (sleep 1000 >/dev/null 2>&1 &); \
        echo ready; while :; do read -r _ <>/dev/null; done";
    let hinit = start(&cgroup, mode)
        .pid_file(&path)
        .args(["--notify"])
        .script(script)
        .start()
        .ready();
    recorded(&path);
    let pid = hinit.pid();
    let orphan = eventually("there is an orphan", || {
        let server = hinit.server();
        children_of(pid).into_iter().find(|child| *child != server)
    });
    cgroup.limit("1");
    hinit.signal(SIGUSR1);
    assert_eq!(hinit.line(), "usr1");
    assert!(hinit.verdict(&path).starts_with("healthy: "));
    kill(orphan, SIGKILL);
    eventually("the process is reaped", || {
        (children_of(pid).len() == 1).then_some(())
    });
    let ended = hinit.stop();
    ended.assert_code_and_lines(3, 1);
    assert!(!path.exists() && !socket_beside(&path).exists());
}
