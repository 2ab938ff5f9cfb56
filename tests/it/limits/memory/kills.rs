//! The log says whether the kernel has killed processes because the cgroup ran out of memory.

use nix::libc::SIGUSR1;

use super::*;

const HINT: &str = "; the cgroup ran out of memory (1 killed)";

/// A cgroup with little memory.
fn little_memory() -> Option<Cgroup> {
    let cgroup = Cgroup::new("memory", &["memory.max", "memory.limit_in_bytes"])?;
    cgroup.limit("16777216");
    Some(cgroup)
}

fn start(cgroup: &Cgroup, mode: Mode) -> Start {
    Start::by(mode, &cgroup.wrapper().each_ref().map(String::as_str)).no_pid_file()
}

in_both_modes!(a_server_that_takes_all_memory_is_reported);

fn a_server_that_takes_all_memory_is_reported(mode: Mode) {
    let Some(cgroup) = little_memory() else {
        return;
    };
    let script = "trap 'exec tail /dev/zero' USR1; echo ready; sleep 1000 & wait";
    let hinit = start(&cgroup, mode).script(script).start().ready();
    // By then it has read the counter.
    wait_for_rest(hinit.pid());
    hinit.signal(SIGUSR1);
    let ended = hinit.end();
    assert_eq!(ended.code, 137);
    assert!(ended.log.contains(HINT), "{}", ended.log);
}

/// hinit reads the counter only when the server has run for a moment. In a container it began at 0; elsewhere its
/// value does not say what happened before.
#[test]
fn a_server_that_takes_all_memory_at_once_is_reported_in_a_container() {
    let Some(cgroup) = little_memory() else {
        return;
    };
    // A container sees its own cgroup as the root.
    let [shell, option, join] = cgroup.wrapper();
    let root = cgroup.0.parent().unwrap().display();
    let join = join.replace(
        "; ",
        &format!("; mount --bind {} {root}; ", cgroup.0.display()),
    );
    let hinit = Start::by(Mode::Pid1, &[&shell, &option, &join]).no_pid_file();
    let ended = hinit.args(["tail", "/dev/zero"]).run();
    assert_eq!(ended.code, 137);
    assert!(ended.log.ends_with(HINT), "{}", ended.log);

    for mode in [Mode::Subreaper, Mode::Pid1] {
        let ended = start(&cgroup, mode).script("kill -KILL $$").run();
        assert_eq!(ended.code, 137);
        assert!(!ended.log.contains(HINT), "{}", ended.log);
    }
}
