//! A control group for the processes that are measured, because every container has one.
//!
//! In the root group the kernel schedules each session separately ("autogroup", sched(7)). There dumb-init, which
//! starts its server in a new session, seems to forward a quarter faster than with `--single-child`. A container does
//! not have that effect.

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
    /// Moves this process, and so its future children, into a new group. If it may not, it reports that and continues.
    pub(crate) fn enter() -> Option<Self> {
        match Self::create() {
            Ok(cgroup) => Some(cgroup),
            Err(error) => {
                println!("skipped: a separate control group: {error}");
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
        // The group can be removed only once its last process has ended, and a server may still be ending.
        let _ = eventually(|| fs::remove_dir(&self.path).ok());
    }
}

fn join(group: &Path) -> Result<()> {
    write(&group.join("cgroup.procs"), &id().to_string())
}

/// Unlike `fs::write` it does not create a file, in case this is not a control group.
fn write(path: &Path, word: &str) -> Result<()> {
    let file = File::options().write(true).open(path);
    let written = file.and_then(|mut file| file.write_all(word.as_bytes()));
    Ok(written.map_err(|error| format!("cannot write `{}`: {error}", path.display()))?)
}
