//! hinit and its server from the start to the end.

use std::process::Command;

use nix::libc::SIGKILL;

use super::*;

in_both_modes!(
    out_of_memory_leftovers_are_ended_and_the_exit_code_kept,
    a_mebibyte_is_enough_for_a_whole_life
);

fn out_of_memory_leftovers_are_ended_and_the_exit_code_kept(mode: Mode) {
    // So many that their list does not fit into the memory that hinit has from the start.
    const LEFTOVERS: usize = 450;
    let mut was_short = false;
    for extra in [0, 16, 64, 256] {
        let dir = TempDir::new();
        let path = dir.join("pid");
        fs::write(dir.join("marker"), "").unwrap();
        let marker = dir.join("marker").display().to_string();
        let script = format!(
            "i=0; while [ $i -lt {LEFTOVERS} ]; do tail -f {marker} >/dev/null 2>&1 & i=$((i+1)); \
             done; echo ready; wait"
        );
        let hinit = Start::new(mode)
            .pid_file(&path)
            .script(&script)
            .start()
            .ready();
        recorded(&path);
        let (pid, server) = (hinit.pid(), hinit.server());
        let kib: u64 = status_of(pid, "VmSize")
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let limit = format!("--as={}", (kib + extra) * 1024);
        let limited = Command::new("prlimit")
            .args(["--pid", &pid.to_string(), &limit])
            .status();
        assert!(limited.unwrap().success());
        kill(server, SIGKILL);
        let ended = hinit.end();
        assert_eq!(ended.code, 137, "{extra}: {}", ended.log);
        let (last, warnings) = ended
            .log
            .rsplit_once('\n')
            .map_or((ended.log.as_str(), ""), |(a, b)| (b, a));
        assert!(
            last.starts_with("hinit: the server was killed by SIGKILL after "),
            "{}",
            ended.log
        );
        let short = "hinit: cannot list the server's processes: Out of memory";
        assert!(["", short].contains(&warnings), "{}", ended.log);
        was_short |= warnings == short;
        eventually("no process is left", || {
            let mut remaining = fs::read_dir("/proc").unwrap().flatten().filter(|process| {
                fs::read(process.path().join("cmdline")).is_ok_and(|arguments| {
                    String::from_utf8_lossy(&arguments).contains(&format!("tail\0-f\0{marker}"))
                })
            });
            remaining.next().is_none().then_some(())
        });
        assert!(!path.exists());
    }
    assert!(was_short, "there was always enough");
}

fn a_mebibyte_is_enough_for_a_whole_life(mode: Mode) {
    let Some(cgroup) = Cgroup::new("memory", &["memory.limit_in_bytes", "memory.max"]) else {
        return;
    };
    cgroup.limit("1048576");
    let dir = TempDir::new();
    let path = dir.join("pid");
    let around = cgroup.wrapper();
    let around = around.each_ref().map(String::as_str);
    let hinit = Start::by(mode, &around).pid_file(&path).args(["--notify"]);
    let hinit = hinit.fixture(["signals"]).start().ready();
    let pid = recorded(&path);
    // The health check is in the cgroup as well, beside hinit and the server.
    for more in [&[][..], &["--json"]] {
        let mut check = Command::new(around[0]);
        check.args(&around[1..]).arg(self::hinit()).args([
            "healthcheck",
            "--no-pid",
            "--timeout",
            "30s",
        ]);
        check.args([
            "--http",
            &format!("http+unix://{}:/livez", socket_beside(&path).display()),
        ]);
        let ended = Ended::of(&check.args(more).output().unwrap());
        assert_eq!(
            (ended.code, ended.log.as_str()),
            (0, ""),
            "{}",
            ended.stdout
        );
    }
    assert_eq!(
        hinit.verdict(&path),
        format!("healthy: process {pid} is alive")
    );
    let ended = hinit.stop();
    ended.assert_code_and_lines(0, 1);
    assert!(!path.exists());
}
