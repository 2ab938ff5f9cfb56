//! Exhausted resources: hinit logs in one line why it does not launch the server, or continues with
//! a warning. (Other modules have more: `bad_input.rs` file systems that are full or read-only
//! before the start, `pid_file/changes.rs` other processes that change the PID file, `exec_errors.rs`
//! the limit of a user's processes, `listen/exhaustion.rs` connections without descriptors; and
//! `support/probing.rs` runs all probes in 1 MB of memory.)

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::*;

mod clock;
mod descriptors;
mod disk;
mod inherited;
mod memory;
mod mishaps;
mod processes;

/// A cgroup of one test, removed when dropped, and the file of its limit.
struct Cgroup(PathBuf, PathBuf);

impl Cgroup {
    /// A cgroup of this controller, limited by the first of these files that exists; None if it
    /// cannot be made.
    fn new(controller: &str, limits: &[&str]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hinit-it-{}-{count}", std::process::id());
        // In version 1 each controller has its own hierarchy, in version 2 there is one
        // (cgroups(7)).
        let cgroup = [controller, ""].iter().find_map(|tree| {
            let path = Path::new("/sys/fs/cgroup").join(tree).join(&name);
            fs::create_dir(&path).ok()?;
            let limit = limits
                .iter()
                .map(|file| path.join(file))
                .find(|file| file.exists());
            let cgroup = Self(path, limit.clone().unwrap_or_default());
            limit.is_some().then_some(cgroup)
        });
        let what = format!("needs root and cgroups of the controller {controller}");
        can_run(cgroup.is_some(), &what).then_some(())?;
        cgroup
    }

    fn limit(&self, value: &str) {
        fs::write(&self.1, value).unwrap();
    }

    /// The command that executes another one in the cgroup.
    fn wrapper(&self) -> [String; 3] {
        let join = format!(
            "echo 0 >{}/cgroup.procs; exec \"$0\" \"$@\"",
            self.0.display()
        );
        ["sh".to_owned(), "-c".to_owned(), join]
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // It can be removed when its last process has exited.
        if fs::remove_dir(&self.0).is_err() && !std::thread::panicking() {
            eventually("the cgroup is empty", || fs::remove_dir(&self.0).ok());
        }
    }
}
