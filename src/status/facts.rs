//! What is known of a server. Each fact that is not known has its reason.

use std::fmt;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::file;
use crate::pidfile::PidFile;
use crate::process::{self, Process};
use crate::sys::{self, describe};
use crate::text::{self, digits};
use crate::time::ShortDuration;

/// A fact, or why it is not known.
pub(super) struct Fact {
    /// Its name in the table, and in JSON.
    pub(super) name: &'static str,
    pub(super) key: &'static str,
    pub(super) value: Result<Value, Unknown>,
}

/// Why a fact is not known.
#[derive(Clone, Copy)]
pub(super) enum Unknown {
    Errno(Errno),
    NotInProc,
    Exited,
    ProcessesHidden,
    NoCgroup,
    Unlimited,
    NotANumber,
}

impl From<Errno> for Unknown {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

pub(super) enum Value {
    Text(String),
    Number(u64),
    Bytes(u64),
    Time(Duration),
}

/// The sources of facts.
struct Sources<'a> {
    file: &'a PidFile,
    is_proc_ours: bool,
    process: Option<Process>,
}

type Find = fn(&Sources) -> Result<Value, Unknown>;

/// All facts, in the order in which they are shown.
const FACTS: [(&str, &str, Find); 12] = [
    ("PID", "pid", |from| {
        Ok(Value::Number(from.file.pid.as_raw().unsigned_abs().into()))
    }),
    ("command", "command", |from| command(from.pid_in_proc()?)),
    ("state", "state", |from| {
        Ok(Value::Text(from.process()?.state.to_string()))
    }),
    ("up time", "seconds", |from| {
        Ok(Value::Time(from.process()?.started.age()))
    }),
    ("memory", "memory_bytes", |from| memory(from.pid_in_proc()?)),
    ("threads", "threads", |from| {
        Ok(Value::Number(from.process()?.threads.into()))
    }),
    ("open files", "open_files", |from| {
        open_files(from.pid_in_proc()?)
    }),
    ("children", "children", |from| children(from.pid_in_proc()?)),
    ("PID file", "pid_file", |from| {
        Ok(Value::Text(from.file.shown.display().to_string()))
    }),
    ("lock", "lock", |from| {
        let is_held = from.file.is_held();
        let lock = if is_held {
            "locked by hinit"
        } else {
            "not locked"
        };
        Ok(Value::Text(lock.to_owned()))
    }),
    ("cgroup", "cgroup_memory_bytes", |_| {
        cgroup(["memory.current", "memory/memory.usage_in_bytes"])
    }),
    ("cgroup limit", "cgroup_limit_bytes", |_| {
        cgroup(["memory.max", "memory/memory.limit_in_bytes"])
    }),
];

pub(super) fn facts(file: &PidFile) -> Vec<Fact> {
    let is_proc_ours = process::is_proc_ours();
    let sources = Sources {
        file,
        is_proc_ours,
        process: process::read(file.pid).filter(|_| is_proc_ours),
    };
    let facts = FACTS.iter().map(|(name, key, find)| Fact {
        name,
        key,
        value: find(&sources),
    });
    facts.collect()
}

impl Sources<'_> {
    /// The PID, if it means this process in /proc. The /proc of another PID namespace describes other processes.
    fn pid_in_proc(&self) -> Result<Pid, Unknown> {
        self.is_proc_ours
            .then_some(self.file.pid)
            .ok_or(Unknown::NotInProc)
    }

    fn process(&self) -> Result<&Process, Unknown> {
        self.process.as_ref().ok_or(Unknown::NotInProc)
    }
}

/// The arguments of the process, with blanks between them.
fn command(pid: Pid) -> Result<Value, Unknown> {
    let mut bytes = file::read(&format!("/proc/{pid}/cmdline"))?;
    for byte in bytes.iter_mut().filter(|byte| **byte == 0) {
        *byte = b' ';
    }
    match text::shown(&bytes).trim_ascii_end() {
        // A zombie has none (proc_pid_cmdline(5)).
        "" => Err(Unknown::Exited),
        shown => Ok(Value::Text(shown.to_owned())),
    }
}

/// The resident set: the second number of `/proc/PID/statm`, in pages (`proc_pid_statm(5)`).
fn memory(pid: Pid) -> Result<Value, Unknown> {
    let pages = file::read_text(&format!("/proc/{pid}/statm"))?;
    let pages = pages
        .split(' ')
        .nth(1)
        .and_then(digits)
        .ok_or(Unknown::NotInProc)?;
    Ok(Value::Bytes(pages.saturating_mul(sys::page_size() as u64)))
}

fn open_files(pid: Pid) -> Result<Value, Unknown> {
    let mut count = 0;
    file::each_name(&format!("/proc/{pid}/fd"), &mut |_| count += 1)?;
    Ok(Value::Number(count))
}

fn children(pid: Pid) -> Result<Value, Unknown> {
    if process::may_be_hidden() {
        return Err(Unknown::ProcessesHidden);
    }
    let mut count = 0;
    process::each(&mut |process| {
        count += u64::from(process.parent == pid && !process.has_ended());
        Ok(())
    })?;
    Ok(Value::Number(count))
}

/// A number of the container's cgroup, from the file of version 2 or 1 (cgroups(7)).
fn cgroup(files: [&str; 2]) -> Result<Value, Unknown> {
    /// A number that is not smaller is no limit: without one, version 1 shows the maximum number of pages, in bytes.
    const UNLIMITED: u64 = 1 << 60;
    let read = |file: &&str| file::read_text(&format!("/sys/fs/cgroup/{file}")).ok();
    let text = files.iter().find_map(read).ok_or(Unknown::NoCgroup)?;
    match (text.trim_ascii(), digits(text.trim_ascii())) {
        ("max", _) | (_, Some(UNLIMITED..)) => Err(Unknown::Unlimited),
        (_, Some(bytes)) => Ok(Value::Bytes(bytes)),
        (_, None) => Err(Unknown::NotANumber),
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Errno(errno) => describe(*errno),
            Self::NotInProc => "/proc does not show it",
            Self::Exited => "the process has exited",
            Self::ProcessesHidden => "/proc hides processes (hidepid)",
            Self::NoCgroup => "no memory cgroup is mounted",
            Self::Unlimited => "unlimited",
            Self::NotANumber => "not a number",
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(time) => write!(f, "{}", ShortDuration(*time)),
            Self::Bytes(bytes) => write_bytes(f, *bytes),
        }
    }
}

/// `512 B`, `12.3 KiB`, `1.5 GiB`.
fn write_bytes(f: &mut fmt::Formatter, bytes: u64) -> fmt::Result {
    let mut unit = 1;
    for name in ["KiB", "MiB", "GiB", "TiB"] {
        unit *= 1024;
        if bytes >= unit && (bytes < unit * 1024 || name == "TiB") {
            let (whole, tenths) = (bytes / unit, bytes % unit * 10 / unit);
            return write!(f, "{whole}.{tenths} {name}");
        }
    }
    write!(f, "{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (1 << 30, "1.0 GiB"),
            (1 << 50, "1024.0 TiB"),
        ] {
            assert_eq!(Value::Bytes(bytes).to_string(), text);
        }
    }
}
