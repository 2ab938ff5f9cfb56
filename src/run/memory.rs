//! Whether the cgroup ran out of memory while the server ran.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::uio::pread;

use crate::file;

/// The kernel's counter of processes of hinit's cgroup that it killed because memory ran out, and its first value.
/// None where there is no such counter, or no descriptor to spare for it.
pub(super) struct OomKills(Option<(OwnedFd, u64)>);

impl OomKills {
    /// Before the server runs.
    pub(super) const NONE: Self = Self(None);

    /// Opens the counter and reads its first value.
    pub(super) fn so_far() -> Self {
        // In cgroup version 1 there are a dozen lines, each with a path that an orchestrator may make long.
        let mut bytes = [0; 4096];
        let own = open("/proc/self/cgroup").and_then(|file| read(&file, &mut bytes));
        let files = candidates(own.unwrap_or_default());
        Self(files.iter().find_map(|path| {
            let file = open(path)?;
            let before = kills(&file)?;
            leaves_descriptors(&file).then_some(())?;
            Some((file, before))
        }))
    }

    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(|(file, _)| file.as_fd())
    }

    /// How many processes were killed since.
    pub(super) fn since(&self) -> u64 {
        let Some((file, before)) = &self.0 else {
            return 0;
        };
        kills(file).map_or(0, |now| now.saturating_sub(*before))
    }
}

/// Whether two more files can be opened: so many hinit needs to find the processes that the server leaves behind.
fn leaves_descriptors(file: &OwnedFd) -> bool {
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    u64::from(file.as_raw_fd().unsigned_abs()) + 2 < limit
}

fn open(path: &str) -> Option<OwnedFd> {
    file::open(path.as_ref(), OFlag::O_RDONLY).ok()
}

fn kills(file: &OwnedFd) -> Option<u64> {
    count(read(file, &mut [0; 512])?)
}

/// The file's current content: the kernel generates these files at each read from their start.
fn read<'a>(file: &OwnedFd, bytes: &'a mut [u8]) -> Option<&'a str> {
    let length = pread(file, bytes, 0).ok()?;
    str::from_utf8(bytes.get(..length)?).ok()
}

/// The files that may contain the counter, given the content of /proc/self/cgroup (cgroups(7)). In a container
/// without a cgroup namespace that has the path on the host, while the container's own cgroup is mounted as the root.
fn candidates(own: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in own.split('\n') {
        let mut fields = line.splitn(3, ':');
        let (_id, Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (mount, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.events"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.oom_control"),
            _ => continue,
        };
        files.push(format!("{mount}{path}/{file}"));
        files.push(format!("{mount}/{file}"));
    }
    files
}

/// The counter in `memory.events` (version 2) or `memory.oom_control` (version 1).
fn count(text: &str) -> Option<u64> {
    text.split('\n')
        .find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_may_contain_the_counter() {
        assert_eq!(
            candidates("0::/docker/abc\n"),
            [
                "/sys/fs/cgroup/docker/abc/memory.events",
                "/sys/fs/cgroup/memory.events"
            ]
        );
        assert_eq!(
            candidates("11:cpu,cpuacct:/a\n4:memory:/docker/a:b\n1:name=systemd:/\n"),
            [
                "/sys/fs/cgroup/memory/docker/a:b/memory.oom_control",
                "/sys/fs/cgroup/memory/memory.oom_control"
            ]
        );
        assert_eq!(candidates("junk\n:\n2:cpu:/x"), [""; 0]);
    }

    #[test]
    fn the_counter_is_parsed() {
        for (text, kills) in [
            (
                "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n",
                Some(2),
            ),
            ("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", Some(1)),
            ("oom_kill_disable 0\nunder_oom 0\n", None),
            ("oom_kill x", None),
            ("", None),
        ] {
            assert_eq!(count(text), kills, "{text}");
        }
    }
}
