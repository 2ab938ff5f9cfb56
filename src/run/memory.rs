//! Whether the cgroup ran out of memory while the server ran.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::uio::pread;

use crate::file;

/// The counter of processes that the kernel killed in hinit's cgroup for want of memory, and how
/// it stood at first. None where there is no such counter, or no room for it.
pub(super) struct OomKills(Option<(OwnedFd, u64)>);

impl OomKills {
    /// As long as nothing was looked at.
    pub(super) const NONE: Self = Self(None);

    pub(super) fn so_far() -> Self {
        // A dozen lines in version 1, each with a path that an orchestrator may make long.
        let mut bytes = [0; 4096];
        let own = open("/proc/self/cgroup").and_then(|file| read(&file, &mut bytes));
        let files = files(own.unwrap_or_default());
        Self(files.iter().find_map(|path| {
            let file = open(path)?;
            let before = kills(&file)?;
            leaves_room(&file).then_some(())?;
            Some((file, before))
        }))
    }

    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(|(file, _)| file.as_fd())
    }

    /// How many more there are now.
    pub(super) fn since(&self) -> u64 {
        let Some((file, before)) = &self.0 else {
            return 0;
        };
        kills(file).map_or(0, |now| now.saturating_sub(*before))
    }
}

/// Whether two more can be opened, as it takes to find what the server has left.
fn leaves_room(file: &OwnedFd) -> bool {
    let most = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    u64::from(file.as_raw_fd().unsigned_abs()) + 2 < most
}

fn open(path: &str) -> Option<OwnedFd> {
    file::open(path.as_ref(), OFlag::O_RDONLY).ok()
}

fn kills(file: &OwnedFd) -> Option<u64> {
    count(read(file, &mut [0; 512])?)
}

/// The file from its start, as it is now: the kernel makes these files anew for each reader.
fn read<'a>(file: &OwnedFd, bytes: &'a mut [u8]) -> Option<&'a str> {
    let length = pread(file, bytes, 0).ok()?;
    str::from_utf8(bytes.get(..length)?).ok()
}

/// Where the counter may stand, given /proc/self/cgroup (cgroups(7)): in a container without a
/// cgroup namespace its path is the host's, and the container's own is mounted as the root.
fn files(own: &str) -> Vec<String> {
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
    fn where_the_counter_stands() {
        assert_eq!(
            files("0::/docker/abc\n"),
            [
                "/sys/fs/cgroup/docker/abc/memory.events",
                "/sys/fs/cgroup/memory.events"
            ]
        );
        assert_eq!(
            files("11:cpu,cpuacct:/a\n4:memory:/docker/a:b\n1:name=systemd:/\n"),
            [
                "/sys/fs/cgroup/memory/docker/a:b/memory.oom_control",
                "/sys/fs/cgroup/memory/memory.oom_control"
            ]
        );
        assert_eq!(files("junk\n:\n2:cpu:/x"), [""; 0]);
    }

    #[test]
    fn what_the_counter_says() {
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
