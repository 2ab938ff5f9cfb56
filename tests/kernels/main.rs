//! Tests that need a system of their own: they set what belongs to all of its processes. tests/kernels/run starts them
//! in a virtual machine, one at a time. Elsewhere they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]
#![allow(
    clippy::wildcard_imports,
    reason = "the tests share one support module"
)]
#![deny(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../it/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "tests/it uses the rest of it"
)]
mod support;

mod clock;
mod disk;
mod groups;
mod memory;
mod pid_reuse;

use support::*;

/// The right to change the whole system, which must be a virtual machine of tests/kernels/vm: there PID 1 is the hinit
/// under test. Each setting that a test changes gets its old value back when this is dropped.
struct OwnSystem(Vec<(PathBuf, String)>);

impl OwnSystem {
    #[track_caller]
    fn new() -> Self {
        let is_own = fs::read_link("/proc/1/exe").is_ok_and(|init| init == hinit())
            && Path::new("/inside").exists();
        assert!(
            is_own,
            "type `tests/kernels/run`: this test changes the whole system"
        );
        Self(Vec::new())
    }

    /// Sets a file below /proc/sys.
    #[track_caller]
    fn set(&mut self, name: &str, value: &str) {
        let path = Path::new("/proc/sys").join(name);
        let before = fs::read_to_string(&path).unwrap();
        fs::write(&path, value).unwrap();
        self.0.push((path, before));
    }
}

impl Drop for OwnSystem {
    fn drop(&mut self) {
        for (path, before) in self.0.drain(..).rev() {
            let _best_effort = fs::write(path, before);
        }
    }
}

/// A cgroup of version 2, which is killed and removed when dropped.
struct Group(PathBuf);

impl Group {
    fn new(name: &str) -> Self {
        let path = Path::new("/sys/fs/cgroup").join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    #[track_caller]
    fn set(&self, file: &str, value: &str) {
        fs::write(self.0.join(file), value).unwrap();
    }

    /// hinit in this cgroup, with its server.
    fn start(&self, mode: Mode) -> Start {
        let join = format!(
            "echo 0 >{}/cgroup.procs; exec \"$0\" \"$@\"",
            self.0.display()
        );
        Start::by(mode, &["sh", "-c", &join])
    }

    /// Waits for an event in cgroup.events or memory.events.
    #[track_caller]
    fn wait_for(&self, file: &str, reached: impl Fn(&str) -> bool) {
        eventually(file, || {
            let events = fs::read_to_string(self.0.join(file)).unwrap();
            events.lines().any(&reached).then_some(())
        });
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _unfrozen = fs::write(self.0.join("cgroup.freeze"), "0");
        let processes = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        for pid in processes.lines().filter_map(|pid| pid.parse().ok()) {
            let pid = nix::unistd::Pid::from_raw(pid);
            let _gone = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        if !std::thread::panicking() {
            eventually("the cgroup is empty", || fs::remove_dir(&self.0).ok());
        }
    }
}
