//! What /proc says of one process, and of all.
//!
//! Read from `/proc/PID/status` (see `proc(5)`) and not from `stat`: it names the thread
//! group, and it escapes the newline and the backslash in a process's name, so that no name can
//! pass for a field.

use std::fs::{read_dir, read_link};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::signal::kill;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, getpid, read};

/// A process, or one thread of it, at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: Pid,
    /// The process that this is a thread of; for its first thread the PID itself.
    pub(crate) group: Pid,
    pub(crate) name: String,
    pub(crate) state: State,
    /// How many threads the process has left.
    pub(crate) threads: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// `T`; not `t`, which is a debugger's doing.
    Stopped,
    /// `Z` or `X`: this thread has ended.
    Ended,
    /// Anything else.
    Alive,
}

/// What could be found out about a PID.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// There is no such process.
    Missing,
    /// There is one, but /proc does not tell more.
    Exists,
    Seen(Process),
}

pub(crate) fn look(pid: Pid) -> Look {
    // EPERM and (from a security module) EACCES come from a process that is there.
    let exists = || kill(pid, None) != Err(Errno::ESRCH);
    if !exists() {
        return Look::Missing;
    }
    match status(pid) {
        Some(process) => Look::Seen(process),
        // It may have ended since.
        None if !exists() => Look::Missing,
        None => Look::Exists,
    }
}

/// Every process that /proc shows. One that ends meanwhile may be missing.
pub(crate) fn all() -> impl Iterator<Item = Process> {
    let entries = read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| status(Pid::from_raw(pid)))
}

/// Whether /proc is that of our PID namespace. Another one's describes other processes.
pub(crate) fn is_proc_ours() -> bool {
    let own = read_link("/proc/self");
    own.is_ok_and(|own| own.to_str().map(str::parse) == Some(Ok(getpid().as_raw())))
}

fn status(pid: Pid) -> Option<Process> {
    let path = format!("/proc/{pid}/status");
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let file = openat(AT_FDCWD, path.as_str(), flags, Mode::empty()).ok()?;
    // What we look for stands within the first kilobyte; the rest is not even read.
    let mut bytes = [0; 1024];
    let length = read(&file, &mut bytes).ok()?;
    parse(pid, bytes.get(..length)?)
}

fn parse(pid: Pid, status: &[u8]) -> Option<Process> {
    let text = String::from_utf8_lossy(status);
    let field = |name| {
        let mut lines = text.lines().filter_map(|line| line.split_once(":\t"));
        lines
            .find(|&(field, _)| field == name)
            .map(|(_, value)| value)
    };
    let pid_in = |name| field(name)?.parse().ok().map(Pid::from_raw);
    Some(Process {
        pid,
        parent: pid_in("PPid")?,
        group: pid_in("Tgid")?,
        name: field("Name")?.to_owned(),
        state: match field("State")?.chars().next()? {
            'T' => State::Stopped,
            'Z' | 'X' => State::Ended,
            _ => State::Alive,
        },
        threads: field("Threads")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A status file as kernel 6 writes it, less the fields that nobody here reads.
    fn status(name: &str, state: &str) -> String {
        format!(
            "Name:\t{name}\nUmask:\t0022\nState:\t{state}\nTgid:\t42\nNgid:\t0\nPid:\t42\n\
             PPid:\t7\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nThreads:\t3\nSigQ:\t1/95943\n"
        )
    }

    #[test]
    fn the_fields_of_a_status_file() {
        let pid = Pid::from_raw(42);
        let expected = |name: &str, state| Process {
            pid,
            parent: Pid::from_raw(7),
            group: pid,
            name: name.into(),
            state,
            threads: 3,
        };
        for (name, letter, state) in [
            ("nginx", "R (running)", State::Alive),
            ("nginx", "S (sleeping)", State::Alive),
            ("nginx", "D (disk sleep)", State::Alive),
            ("nginx", "I (idle)", State::Alive),
            ("nginx", "t (tracing stop)", State::Alive),
            ("nginx", "T (stopped)", State::Stopped),
            ("nginx", "Z (zombie)", State::Ended),
            ("nginx", "X (dead)", State::Ended),
            // Names that want to be something else. The kernel escapes the newline.
            ("a) Z (b", "S (sleeping)", State::Alive),
            ("State:\tZ", "S (sleeping)", State::Alive),
            (r"x\nState:\tZ (zombie)", "R (running)", State::Alive),
            ("", "T (stopped)", State::Stopped),
        ] {
            let status = status(name, letter);
            assert_eq!(
                parse(pid, status.as_bytes()),
                Some(expected(name, state)),
                "{status}"
            );
        }
    }

    #[test]
    fn a_status_file_that_lacks_something_says_nothing() {
        let whole = status("x", "R (running)");
        for line in ["Name", "State", "Tgid", "PPid", "Threads"] {
            let without: String = whole
                .split_inclusive('\n')
                .filter(|l| !l.starts_with(line))
                .collect();
            assert_eq!(
                parse(Pid::from_raw(42), without.as_bytes()),
                None,
                "{without}"
            );
        }
        assert_eq!(parse(Pid::from_raw(42), b""), None);
        assert_eq!(parse(Pid::from_raw(42), b"\xff\0:\t"), None);
    }

    #[test]
    fn what_is_known_of_this_very_process() {
        let Look::Seen(own) = look(getpid()) else {
            panic!("this process sees itself")
        };
        assert_eq!(
            (own.group, own.parent, own.state),
            (getpid(), nix::unistd::getppid(), State::Alive)
        );
        assert!(all().any(|process| process.pid == getpid()));
    }
}
