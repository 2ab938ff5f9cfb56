//! What a container engine does with a cgroup of version 2: it freezes, kills and throttles.

use std::time::{Duration, Instant};

use nix::libc::{SIGTERM, SIGUSR1};

use super::*;

/// Longer than the delay that hinit attributes to load, and than each timeout here.
const PAUSE: Duration = Duration::from_secs(3);

impl Group {
    fn pause(&self) {
        self.set("cgroup.freeze", "1");
        self.wait_for("cgroup.events", |line| line == "frozen 1");
        let start = Instant::now();
        eventually("the time has passed", || {
            (start.elapsed() > PAUSE).then_some(())
        });
        self.set("cgroup.freeze", "0");
    }
}

in_both_modes!(
    a_freeze_does_not_shorten_the_grace_time,
    a_freeze_is_no_silence,
    after_cgroup_kill_the_next_start_works,
    a_throttled_container_is_healthy_and_stops
);

fn a_freeze_does_not_shorten_the_grace_time(mode: Mode) {
    let (_own, group, dir) = (OwnSystem::new(), Group::new("pause"), TempDir::new());
    let (pid_file, go) = (dir.join("pid"), dir.join("go"));
    let script = format!(
        "trap 'echo got TERM; until test -e {}; do :; done; exit 7' TERM; echo ready; while :; do :; done",
        go.display()
    );
    let start = group.start(mode).pid_file(&pid_file);
    let start = start.args(["-v", "--grace", "2s"]).script(&script);
    let hinit = start.start().ready();
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "got TERM");
    group.pause();
    // It logs that when it has moved the deadline.
    while !hinit.log_line().contains("hinit was paused for ") {}
    fs::write(&go, "").unwrap();
    assert_eq!(hinit.end().code, 7);
}

fn a_freeze_is_no_silence(mode: Mode) {
    let (_own, group, dir) = (OwnSystem::new(), Group::new("watchdog"), TempDir::new());
    let pid_file = dir.join("pid");
    let options = ["--watchdog", "2s", "--watchdog-signal", "KILL"];
    let start = group.start(mode).pid_file(&pid_file).args(options);
    let start = start.notifies(&["READY=1", "WATCHDOG_USEC=0"]);
    let hinit = start.start().ready();
    group.pause();
    // From here on no watchdog can run out.
    hinit.next_message();
    assert!(get(&pid_file, "/livez").status.starts_with("200 "));
    assert_eq!(hinit.stop().code, 143);
}

/// What `runc kill` and Kubernetes do since Linux 5.14; before, each process is killed.
fn after_cgroup_kill_the_next_start_works(mode: Mode) {
    let (_own, dir) = (OwnSystem::new(), TempDir::new());
    let pid_file = dir.join("pid");
    for _ in 0..20 {
        let group = Group::new("kill");
        let start = group.start(mode).pid_file(&pid_file).args(["--notify"]);
        let hinit = start.fixture(["ready"]).start().ready();
        let pid = recorded(&pid_file);
        assert_eq!(
            hinit.verdict(&pid_file),
            format!("healthy: process {pid} is alive")
        );
        if group.0.join("cgroup.kill").exists() {
            group.set("cgroup.kill", "1");
            // `unshare`, which is outside of the cgroup, has an exit code of its own.
            let code = hinit.end().code;
            assert!(code == 137 || mode == Mode::Pid1, "{code}");
        } else {
            hinit.kill_with_server();
        }
        assert!(verdict(&pid_file).contains(" is stale: no hinit has locked it"));
    }
    let hinit = start_fixture(mode, &pid_file, "ready");
    assert!(hinit.verdict(&pid_file).starts_with("healthy: "));
    assert_eq!(hinit.stop().code, 143);
    assert!(!pid_file.exists());
}

/// Above memory.high the kernel lets each process of the cgroup sleep whenever it returns from a system call.
fn a_throttled_container_is_healthy_and_stops(mode: Mode) {
    let (_own, group, dir) = (OwnSystem::new(), Group::new("high"), TempDir::new());
    let pid_file = dir.join("pid");
    let script = "trap 'tail /dev/zero &' USR1; trap 'kill $!; exit 6' TERM; echo ready; while :; do read -r _ <>/dev/null; done";
    let start = group.start(mode).pid_file(&pid_file).script(script);
    let hinit = start.start().ready();
    group.set("memory.high", "8M");
    hinit.signal(SIGUSR1);
    group.wait_for("memory.events", |line| {
        line.strip_prefix("high ")
            .is_some_and(|count| count.parse::<u32>().unwrap() > 100)
    });
    assert!(hinit.verdict(&pid_file).starts_with("healthy: "));
    let ended = hinit.stop();
    assert_eq!(ended.code, 6, "{}", ended.log);
    assert!(!ended.log.contains("ran out of memory"), "{}", ended.log);
}
