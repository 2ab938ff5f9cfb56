//! What can be found out about a server, each with its reason where it cannot.

use std::fmt;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::file;
use crate::pidfile::PidFile;
use crate::process::{self, Process};
use crate::sys;
use crate::time::ShortDuration;

/// One thing that is known of a server, or why it is not.
pub(super) struct Fact {
    /// What people call it, and programs.
    pub(super) name: &'static str,
    pub(super) key: &'static str,
    pub(super) value: Result<Value, String>,
}

pub(super) enum Value {
    Text(String),
    Number(u64),
    Bytes(u64),
    Time(Duration),
}

const UNTOLD: &str = "/proc does not show it";

pub(super) fn facts(file: &PidFile) -> Vec<Fact> {
    let pid = file.pid;
    // The /proc of another PID namespace tells of strangers.
    let can_tell = process::is_proc_ours();
    let process = process::read(pid).filter(|_| can_tell);
    let process = process.ok_or_else(|| UNTOLD.to_owned());
    let by_proc = |find: fn(Pid) -> Result<Value, String>| {
        if can_tell {
            find(pid)
        } else {
            Err(UNTOLD.to_owned())
        }
    };
    let of = |value: fn(&Process) -> Value| process.as_ref().map(value).map_err(Clone::clone);
    let lock = if file.is_held() {
        "locked by hinit"
    } else {
        "not locked"
    };
    let mut facts = Vec::new();
    let mut add = |name, key, value| facts.push(Fact { name, key, value });
    let number = Value::Number(pid.as_raw().unsigned_abs().into());
    add("PID", "pid", Ok(number));
    add("command", "command", by_proc(command));
    let state = of(|process| Value::Text(process.state.to_string()));
    add("state", "state", state);
    let age = of(|process| Value::Time(process.started.age()));
    add("up time", "seconds", age);
    add("memory", "memory_bytes", by_proc(memory));
    let threads = of(|process| Value::Number(process.threads.into()));
    add("threads", "threads", threads);
    add("open files", "open_files", by_proc(open_files));
    add("children", "children", by_proc(children));
    let path = Value::Text(file.path.display().to_string());
    add("PID file", "pid_file", Ok(path));
    add("lock", "lock", Ok(Value::Text(lock.to_owned())));
    let used = cgroup(["memory.current", "memory/memory.usage_in_bytes"]);
    add("cgroup", "cgroup_memory_bytes", used);
    let limit = cgroup(["memory.max", "memory/memory.limit_in_bytes"]);
    add("cgroup limit", "cgroup_limit_bytes", limit);
    facts
}

fn why(errno: Errno) -> String {
    sys::describe(errno).to_owned()
}

/// The words of its command line, with blanks between them.
fn command(pid: Pid) -> Result<Value, String> {
    let mut bytes = file::read(&format!("/proc/{pid}/cmdline")).map_err(why)?;
    for byte in bytes.iter_mut().filter(|byte| **byte == 0) {
        *byte = b' ';
    }
    match String::from_utf8_lossy(&bytes).trim_ascii_end() {
        // proc_pid_cmdline(5): so it is of a zombie.
        "" => Err("the process has exited".into()),
        shown => Ok(Value::Text(shown.to_owned())),
    }
}

/// What of it is in memory: the second number of `/proc/PID/statm`, in pages (`proc(5)`).
fn memory(pid: Pid) -> Result<Value, String> {
    let pages = file::read_text(&format!("/proc/{pid}/statm")).map_err(why)?;
    let pages: Option<u64> = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    let pages = pages.ok_or(UNTOLD)?;
    Ok(Value::Bytes(pages.saturating_mul(sys::page_size())))
}

fn open_files(pid: Pid) -> Result<Value, String> {
    let mut count = 0;
    file::each_name(&format!("/proc/{pid}/fd"), &mut |_| count += 1).map_err(why)?;
    Ok(Value::Number(count))
}

fn children(pid: Pid) -> Result<Value, String> {
    if process::may_be_hidden() {
        return Err("/proc hides processes (hidepid)".into());
    }
    let mut all = process::all().map_err(why)?;
    all.retain(|process| process.parent == pid && !process.has_ended());
    Ok(Value::Number(all.len() as u64))
}

/// A number of the container's cgroup, as version 2 or 1 has it (cgroups(7)).
fn cgroup(files: [&str; 2]) -> Result<Value, String> {
    /// Above this it is no limit: version 1 then shows the greatest number of pages.
    const UNLIMITED: u64 = 1 << 60;
    let read = |file: &&str| file::read_text(&format!("/sys/fs/cgroup/{file}")).ok();
    let text = files
        .iter()
        .find_map(read)
        .ok_or("no memory cgroup is mounted")?;
    match text.trim_ascii() {
        "max" => Err("unlimited".into()),
        number => match number.parse() {
            Ok(UNLIMITED..) => Err("unlimited".into()),
            Ok(bytes) => Ok(Value::Bytes(bytes)),
            Err(_) => Err("not a number".into()),
        },
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
