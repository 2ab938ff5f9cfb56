//! Processes and their PID files in the namespaces of the test.

use std::fs;
use std::path::Path;

use nix::libc;

use super::eventually;

/// Sends any of the 64 signals to a process, which must exist.
#[track_caller]
#[allow(unsafe_code, reason = "nix's signals end at 31")]
pub fn kill(pid: i32, number: i32) {
    // SAFETY: no memory is passed.
    let result = unsafe { libc::kill(pid, number) };
    assert_eq!(
        result,
        0,
        "kill({pid}, {number}): {}",
        std::io::Error::last_os_error()
    );
}

/// A field of /proc/PID/status.
pub fn status_of(pid: i32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(":\t"));
    line.map(str::to_owned)
}

/// Waits until a process has this state, by its letter in proc(5).
#[track_caller]
pub fn wait_for_state(pid: i32, state: char) {
    eventually("the state of the process changes", || {
        status_of(pid, "State")?.starts_with(state).then_some(())
    });
}

/// The number of read(2) on this machine, and that on i686, whose binaries `x86_64` runs.
const READ: [libc::c_long; 2] = [libc::SYS_read, 3];

/// Waits until hinit waits for nothing but signals: it runs a server that has started, without a deadline or a socket.
#[track_caller]
pub fn wait_for_rest(hinit: i32) {
    let process = format!("/proc/{hinit}");
    eventually("hinit waits for signals alone", || {
        // The number of the system call and its arguments (proc(5)); wchan is always 0 on x86_64 before Linux 5.16.
        let call = fs::read_to_string(format!("{process}/syscall")).ok()?;
        let (number, arguments) = call.split_once(" 0x")?;
        let fd = i32::from_str_radix(arguments.split(' ').next()?, 16).ok()?;
        let file = fs::read_link(format!("{process}/fd/{fd}")).ok()?;
        let reads =
            READ.contains(&number.parse().ok()?) && file == Path::new("anon_inode:[signalfd]");
        reads.then_some(())
    });
}

/// The numbers of poll(2) on this machine and others, as in /proc/PID/syscall, and of ppoll(2), which some have alone.
pub const POLL: [&str; 2] = ["7", "168"];
pub const PPOLL: [&str; 2] = ["271", "73"];

/// The children of a process, in the order of their PIDs.
pub fn children_of(parent: i32) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = Some(parent.to_string());
    let mut children: Vec<i32> = pids
        .filter(|&pid| status_of(pid, "PPid") == parent)
        .collect();
    children.sort_unstable();
    children
}

/// Waits until a PID file contains a PID, and returns it.
#[track_caller]
pub fn recorded(pid_file: &Path) -> i32 {
    eventually("a PID is recorded", || {
        fs::read_to_string(pid_file).ok()?.trim().parse().ok()
    })
}

/// A shell command that waits until a PID is recorded, which may be after the server's first
/// instruction, and prints the file.
pub fn print_recorded(pid_file: &Path) -> String {
    let path = pid_file.display();
    format!("until test -s {path}; do :; done; cat {path}")
}
