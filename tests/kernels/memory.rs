//! A system that promises no more memory than it has (`vm.overcommit_memory=2`), and has none left.

use super::*;

/// Memory that the kernel has promised, in KiB.
fn committed() -> u64 {
    let memory = fs::read_to_string("/proc/meminfo").unwrap();
    let line = memory
        .lines()
        .find_map(|line| line.strip_prefix("Committed_AS:"));
    line.unwrap().trim_end_matches("kB").trim().parse().unwrap()
}

/// From now on the kernel promises only that many KiB more. (The ratio is set first because a write to the kilobytes
/// resets it.)
fn leave(kilobytes: u64) -> OwnSystem {
    let mut own = OwnSystem::new();
    own.set("vm/overcommit_ratio", "50");
    own.set("vm/admin_reserve_kbytes", "0");
    own.set("vm/user_reserve_kbytes", "0");
    own.set(
        "vm/overcommit_kbytes",
        &(committed() + kilobytes).to_string(),
    );
    own.set("vm/overcommit_memory", "2");
    own
}

/// With a little more memory each time: the kernel refuses hinit's exec, hinit refuses the launch in one line, or the
/// server's exit code is kept.
#[test]
fn a_launch_is_refused_or_keeps_the_exit_code() {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let fixture = fixture();
    let mut codes = Vec::new();
    for kilobytes in (0..2048).step_by(32) {
        let mut command = hinit_with(["--pid-file"]);
        command
            .arg(&pid_file)
            .arg("--")
            .arg(&fixture)
            .args(["exit", "7"]);
        let own = leave(kilobytes);
        let result = command.output();
        drop(own);
        // An exec that fails after the old program is gone is a death by a signal.
        let Ok(output) = result else {
            codes.push(0);
            continue;
        };
        let ended = Ended::of(&output);
        match ended.code {
            125 | 126 => assert_eq!(ended.log.lines().count(), 1, "{}", ended.log),
            // The kernel's exec of hinit or of the server.
            134 | 137 | 139 | 7 => {}
            _ => panic!("{kilobytes} KiB: {ended:?}"),
        }
        if ended.code == 7 || ended.code == 125 {
            assert!(!pid_file.exists(), "{kilobytes} KiB: {ended:?}");
        }
        codes.push(ended.code);
    }
    assert!(codes.contains(&7) && codes[0] != 7, "{codes:?}");
}
