//! Whether the cgroup ran out of memory while the server ran.

use nix::unistd::{Pid, getpid};

use crate::file;

/// The kernel's counter of processes of hinit's cgroup that it killed because memory ran out.
pub(super) struct OomKills {
    count: u64,
    /// Whether the cgroup was made for the container whose PID 1 hinit is.
    began_at_0: bool,
}

impl OomKills {
    /// None where there is no such counter.
    #[inline(never)]
    pub(super) fn so_far() -> Option<Self> {
        let own = file::read_text("/proc/self/cgroup").ok()?;
        find_cgroup(&own, &mut |cgroup, counter, is_root| {
            let count = parse_count(&read(cgroup, counter)?)?;
            let began_at_0 = is_root
                && getpid() == Pid::from_raw(1)
                && are_of_one_namespace(&read(cgroup, "cgroup.procs")?);
            Some(Self { count, began_at_0 })
        })
    }

    /// How many processes were killed since the server's start, if the counter is known from soon after that.
    pub(super) fn since(&self, start: Option<&Self>) -> u64 {
        if self.began_at_0 {
            return self.count;
        }
        start.map_or(0, |start| self.count.saturating_sub(start.count))
    }
}

fn read(directory: &str, name: &str) -> Option<String> {
    file::read_text(&format!("{directory}/{name}")).ok()
}

/// Calls `look` with the path of each cgroup that may be hinit's, the name of its counter, and whether it is the root of
/// what is mounted, until that returns a result. `own` is the content of /proc/self/cgroup (cgroups(7)). In a container
/// without a cgroup namespace that has the path on the host, while the container's own cgroup is mounted as the root.
fn find_cgroup(
    own: &str,
    look: &mut dyn FnMut(&str, &str, bool) -> Option<OomKills>,
) -> Option<OomKills> {
    own.split('\n').find_map(|line| {
        let (mount, counter, path) = if let Some(path) = line.strip_prefix("0::") {
            ("/sys/fs/cgroup", "memory.events", path)
        } else {
            let (_id, rest) = line.split_once(':')?;
            let path = rest.strip_prefix("memory:")?;
            ("/sys/fs/cgroup/memory", "memory.oom_control", path)
        };
        look(&format!("{mount}{path}"), counter, path.len() == 1)
            .or_else(|| look(mount, counter, true))
    })
}

/// Whether a cgroup with these processes has none outside of hinit's PID namespace. Version 2 lists such a process as 0;
/// version 1 does not list it.
fn are_of_one_namespace(processes: &str) -> bool {
    processes.split('\n').all(|pid| pid != "0")
}

/// The counter in `memory.events` (version 2) or `memory.oom_control` (version 1).
fn parse_count(text: &str) -> Option<u64> {
    text.split('\n')
        .find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cgroups_that_may_have_the_counter() {
        let found = |own| {
            let mut found = Vec::new();
            let none = find_cgroup(own, &mut |path, counter, is_root| {
                found.push(format!("{path}/{counter} {is_root}"));
                None
            });
            assert!(none.is_none());
            found
        };
        assert_eq!(
            found("0::/docker/abc\n"),
            [
                "/sys/fs/cgroup/docker/abc/memory.events false",
                "/sys/fs/cgroup/memory.events true"
            ]
        );
        // In a cgroup namespace.
        assert_eq!(found("0::/\n")[0], "/sys/fs/cgroup//memory.events true");
        assert_eq!(
            found("11:cpu,cpuacct:/a\n4:memory:/docker/a:b\n1:name=systemd:/\n"),
            [
                "/sys/fs/cgroup/memory/docker/a:b/memory.oom_control false",
                "/sys/fs/cgroup/memory/memory.oom_control true"
            ]
        );
        assert_eq!(found("junk\n:\n2:cpu:/x"), [""; 0]);
    }

    #[test]
    fn kills_count_from_the_servers_start() {
        let kills = |count, began_at_0| OomKills { count, began_at_0 };
        for (now, start, since) in [
            (kills(3, false), Some(kills(1, false)), 2),
            (kills(3, false), Some(kills(3, false)), 0),
            // The server has failed before hinit read the counter.
            (kills(3, false), None, 0),
            // Only the server and its descendants have run there.
            (kills(3, true), None, 3),
            (kills(3, true), Some(kills(1, true)), 3),
            (kills(0, true), None, 0),
        ] {
            assert_eq!(now.since(start.as_ref()), since);
        }
    }

    #[test]
    fn processes_of_another_namespace_are_noticed() {
        for (processes, expected) in [
            ("1\n7\n10\n", true),
            ("", true),
            ("1\n0\n7\n", false),
            ("0\n0\n1\n", false),
        ] {
            assert_eq!(are_of_one_namespace(processes), expected, "{processes:?}");
        }
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
            assert_eq!(parse_count(text), kills, "{text}");
        }
    }
}
