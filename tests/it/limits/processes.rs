//! The limit of processes of a cgroup, reached before the start or later.

use std::fs;
use std::path::PathBuf;

use nix::libc::{SIGKILL, SIGTERM, SIGUSR1};

use super::*;

/// A cgroup of a test's own, gone at its end.
struct Cgroup(PathBuf);

impl Cgroup {
    /// One whose processes can be limited. None, where this machine lets nobody make one.
    fn of_processes() -> Option<Self> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("hinit-it-{}-{count}", std::process::id());
        // Version 1 has a tree of its own for it, in version 2 it is one of several controllers.
        let cgroup = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"]
            .iter()
            .find_map(|root| {
                let cgroup = Self(PathBuf::from(root).join(&name));
                fs::create_dir(&cgroup.0).ok()?;
                cgroup.0.join("pids.max").exists().then_some(cgroup)
            });
        can_run(
            cgroup.is_some(),
            "needs root and a cgroup that limits processes",
        )
        .then_some(())?;
        cgroup
    }

    fn limit(&self, most: &str) {
        fs::write(self.0.join("pids.max"), most).unwrap();
    }

    /// hinit in it, alone.
    fn start(&self, mode: Mode) -> Start {
        let script = format!(
            "echo 0 >{}/cgroup.procs; exec \"$0\" \"$@\"",
            self.0.display()
        );
        Start::by(mode, &["sh", "-c", &script])
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // It goes with the last of its processes.
        for _ in 0..1000 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

in_both_modes! {
    fn reached_before_the_start(mode: Mode) {
        let Some(cgroup) = Cgroup::of_processes() else { return };
        cgroup.limit("1");
        let dir = TempDir::new();
        let path = dir.join("pid");
        for options in [&[][..], &["--notify"]] {
            let start = cgroup.start(mode).pid_file(&path).args(options);
            let ended = start.args(["touch"]).arg(dir.join("launched")).run();
            let line = "hinit: cannot start `touch`: the limit of processes is reached; \
                raise it (--pids-limit, pids.max, ulimit -u)";
            assert_eq!((ended.code, ended.log.as_str()), (125, line));
            assert!(!path.exists() && !socket_beside(&path).exists() && !dir.join("launched").exists());
        }
        cgroup.limit("2");
        let ended = cgroup.start(mode).pid_file(&path).args(["sh", "-c", "exit 7"]).run();
        assert_eq!(ended.code, 7, "{}", ended.log);
    }

    fn reached_while_the_server_runs(mode: Mode) {
        let Some(cgroup) = Cgroup::of_processes() else { return };
        let dir = TempDir::new();
        let path = dir.join("pid");
        // Its orphan ends before the server does.
        let script = "trap 'echo usr1' USR1; trap 'exit 3' TERM; (sleep 1000 >/dev/null 2>&1 &); \
            echo ready; while :; do read -r _ <>/dev/null; done";
        let hinit = cgroup.start(mode).pid_file(&path).args(["--notify"]).script(script).start().ready();
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
        eventually("it is reaped", || (children_of(pid).len() == 1).then_some(()));
        hinit.signal(SIGTERM);
        let ended = hinit.end();
        assert_eq!((ended.code, ended.log.lines().count()), (3, 1), "{}", ended.log);
        assert!(!path.exists() && !socket_beside(&path).exists());
    }
}
