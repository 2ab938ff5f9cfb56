//! A control group of its own for what is measured, as every container has one.
//!
//! In the root's group the kernel schedules each session apart ("autogroup"). There dumb-init, which gives its server
//! a session, looks a quarter faster at forwarding than its own `--single-child`; in a container nobody has that.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::id;

use crate::live::eventually;
use crate::program::Result;

pub(crate) struct Cgroup {
    path: PathBuf,
    before: PathBuf,
}

impl Cgroup {
    /// Moves this process there, and with it those that it will start. Where it may not, it says so and stays.
    pub(crate) fn enter() -> Option<Self> {
        match Self::create() {
            Ok(cgroup) => Some(cgroup),
            Err(error) => {
                println!("skipped: a control group of its own: {error}");
                None
            }
        }
    }

    fn create() -> Result<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup")?;
        let group = |controller: &str| {
            groups.lines().find_map(|line| {
                let (_, rest) = line.split_once(':')?;
                let (controllers, path) = rest.split_once(':')?;
                let mut controllers = controllers.split(',');
                controllers.any(|one| one == controller).then_some(path)
            })
        };
        let (root, before) = match (group("cpu"), group("")) {
            (Some(path), _) => (Path::new("/sys/fs/cgroup/cpu"), path),
            (None, Some(path)) => {
                let root = Path::new("/sys/fs/cgroup");
                write(&root.join("cgroup.subtree_control"), "+cpu")?;
                (root, path)
            }
            (None, None) => return Err("the kernel has none".into()),
        };
        let cgroup = Self {
            path: root.join(format!("hinit-bench-{}", id())),
            before: root.join(before.trim_start_matches('/')),
        };
        fs::create_dir(&cgroup.path)?;
        join(&cgroup.path)?;
        Ok(cgroup)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = join(&self.before);
        // It goes with the last of its processes, and a server may have a moment left.
        let _ = eventually(|| fs::remove_dir(&self.path).ok());
    }
}

fn join(group: &Path) -> Result<()> {
    write(&group.join("cgroup.procs"), &id().to_string())
}

/// Not `fs::write`: what is no control group must not get files.
fn write(path: &Path, word: &str) -> Result<()> {
    let file = File::options().write(true).open(path);
    let written = file.and_then(|mut file| file.write_all(word.as_bytes()));
    Ok(written.map_err(|error| format!("cannot write `{}`: {error}", path.display()))?)
}
