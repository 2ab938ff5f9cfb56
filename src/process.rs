//! Processes, as /proc shows them.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag};
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpid};

use crate::file;
use crate::sys::{self, is_missing, probe_process, symlink_target, try_reserve};
use crate::text::{digits, pid};

mod stat;

use stat::parse_stat;
pub(crate) use stat::{Name, Process, StartTime, State};

impl Process {
    /// A child of hinit's that /proc does not show, so that only its PID is known.
    pub(crate) fn hidden_child(pid: Pid) -> Self {
        Self {
            pid,
            parent: getpid(),
            name: "process".into(),
            state: State::Hidden,
            threads: 1,
            started: StartTime(0),
        }
    }

    /// Whether all of its threads have ended: a process whose first thread has exited before the others shows as a
    /// zombie, but runs.
    pub(crate) fn has_ended(&self) -> bool {
        self.state == State::Ended && self.threads <= 1
    }
}

/// What the kernel and /proc show for a PID.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// There is no such process.
    Missing,
    /// There is one, but /proc does not show it.
    Hidden,
    /// There is one, but reading its state has failed.
    Failed(Errno),
    /// It is a thread of this other process.
    Thread(Pid),
    Found(Process),
}

pub(crate) fn look_up(pid: Pid) -> Lookup {
    // EPERM and (from a security module) EACCES mean that the process exists.
    if probe_process(pid) == Err(Errno::ESRCH) {
        return if kill(pid, None) == Err(Errno::ESRCH) {
            Lookup::Missing
        } else {
            thread_group(pid).map_or_else(failed_lookup, Lookup::Thread)
        };
    }
    match try_read(pid) {
        Ok(process) => Lookup::Found(process),
        // It may have ended meanwhile.
        Err(_) if probe_process(pid) == Err(Errno::ESRCH) => Lookup::Missing,
        Err(errno) => failed_lookup(errno),
    }
}

fn failed_lookup(errno: Errno) -> Lookup {
    // EILSEQ: this /proc has another format.
    if is_hidden(errno) || errno == Errno::EILSEQ {
        Lookup::Hidden
    } else {
        Lookup::Failed(errno)
    }
}

/// Whether the error means that /proc is missing, or does not show the file. Other errors mean that the read itself
/// failed.
fn is_hidden(errno: Errno) -> bool {
    is_missing(errno) || matches!(errno, Errno::EACCES | Errno::EPERM)
}

/// None for an error that says something about the process. An error if hinit is out of descriptors or memory: then a
/// later attempt may succeed.
pub(crate) fn none_unless_exhausted<T>(result: nix::Result<T>) -> nix::Result<Option<T>> {
    match result {
        Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) => Err(errno),
        result => Ok(result.ok()),
    }
}

/// The name of a process, if it still exists.
pub(crate) fn name(pid: Pid) -> Option<Name> {
    read(pid).map(|process| process.name)
}

/// The real, the effective and the saved UID of a process, if it has not been reaped and /proc shows it. (The
/// owner of its directory there can be root instead: proc(5), on processes that are not dumpable.)
pub(crate) fn users(pid: Pid) -> Option<[u32; 3]> {
    let status = file::read(&format!("/proc/{pid}/status")).ok()?;
    parse_users(&status)
}

/// The name, which may contain any bytes, is on a line of its own.
fn parse_users(status: &[u8]) -> Option<[u32; 3]> {
    let mut lines = status.split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"Uid:\t"))?;
    let mut users = str::from_utf8(line).ok()?.split('\t');
    let mut user = || u32::try_from(digits(users.next()?)?).ok();
    Some([user()?, user()?, user()?])
}

/// The user of a process.
pub(crate) fn owner(pid: Pid) -> Option<u32> {
    let stat = file::stat(format!("/proc/{pid}").as_ref());
    stat.ok().map(|stat| stat.st_uid)
}

/// Every process that /proc shows, in no order. One that ends meanwhile may be missing; it is an error if one is missing
/// because hinit is out of descriptors or memory.
pub(crate) fn all() -> nix::Result<Vec<Process>> {
    let mut all = Vec::new();
    each(&mut |process| {
        // This is the largest list that hinit makes.
        try_reserve(&mut all, 1)?;
        all.push(process);
        Ok(())
    })?;
    Ok(all)
}

/// Calls `call` with every process that /proc shows, as [`all`] lists them.
pub(crate) fn each(call: &mut dyn FnMut(Process) -> nix::Result<()>) -> nix::Result<()> {
    let mut result = Ok(());
    let listed = file::each_name("/proc", &mut |name| {
        if let Some(pid) = name.to_str().ok().and_then(pid)
            && let Err(errno) = none_unless_exhausted(try_read(pid))
                .and_then(|process| process.map_or(Ok(()), &mut *call))
        {
            result = Err(errno);
        }
    });
    none_unless_exhausted(listed).and(result)
}

/// Whether /proc is that of hinit's PID namespace. The /proc of another one shows other processes.
pub(crate) fn is_proc_ours() -> bool {
    match symlink_target(AT_FDCWD, c"/proc/self") {
        Ok(own) => own.to_str().and_then(pid) == Some(getpid()),
        Err(errno) => !is_hidden(errno),
    }
}

/// Whether /proc may hide processes from hinit: it is mounted with `hidepid` (proc(5)), and hinit lacks the capability
/// with which the kernel shows them anyway.
pub(crate) fn may_be_hidden() -> bool {
    const CAP_SYS_PTRACE: u32 = 19;
    // `DEVICE MOUNT-POINT TYPE OPTIONS ...`; the last mount covers those before it.
    let is_restricted = |mounts: Vec<u8>| {
        let mut lines = mounts.rsplit(|&byte| byte == b'\n');
        let is_of_proc = |line: &&[u8]| line.split(|&byte| byte == b' ').nth(1) == Some(b"/proc");
        let option = b"hidepid=";
        let options = lines.find(is_of_proc).unwrap_or_default();
        options.windows(option.len()).any(|part| part == option)
    };
    !sys::has_capability(CAP_SYS_PTRACE) && file::read("/proc/self/mounts").is_ok_and(is_restricted)
}

/// Reads a process from /proc; none, if that fails, because it has ended for example.
pub(crate) fn read(pid: Pid) -> Option<Process> {
    try_read(pid).ok()
}

/// Reads a process from /proc.
pub(crate) fn try_read(pid: Pid) -> nix::Result<Process> {
    let mut process = read_stat(&format!("/proc/{pid}/stat"), pid)?;
    // A first thread that has exited shows as a zombie until the others have exited too.
    if process.state == State::Ended && process.threads > 1 {
        process.state = state_of_threads(pid)?;
    }
    Ok(process)
}

/// The state of a process whose first thread has exited. It is stopped only if all of its other threads are.
fn state_of_threads(pid: Pid) -> nix::Result<State> {
    let directory = format!("/proc/{pid}/task");
    let mut state = Ok(State::Ended);
    let listed = file::each_name(&directory, &mut |name| {
        if !matches!(state, Ok(State::Ended | State::Stopped)) {
            return;
        }
        let path = name.to_str().map(|name| format!("{directory}/{name}/stat"));
        let thread = path.map_or(Err(Errno::EILSEQ), |path| read_stat(&path, pid));
        match none_unless_exhausted(thread) {
            Ok(Some(thread)) if thread.state != State::Ended => state = Ok(thread.state),
            // The thread has ended.
            Ok(_) => {}
            Err(errno) => state = Err(errno),
        }
    });
    none_unless_exhausted(listed)?;
    state
}

fn read_stat(path: &str, pid: Pid) -> nix::Result<Process> {
    let file = file::open(path.as_ref(), OFlag::O_RDONLY)?;
    // The fields that hinit needs are in the first half of the line, which has at most some 600 bytes.
    let mut bytes = [0; 512];
    let length = nix::unistd::read(&file, &mut bytes)?;
    parse_stat(pid, bytes.get(..length).unwrap_or_default()).ok_or(Errno::EILSEQ)
}

/// The process that a thread belongs to.
fn thread_group(pid: Pid) -> nix::Result<Pid> {
    parse_status(&file::read_text(&format!("/proc/{pid}/status"))?).ok_or(Errno::EILSEQ)
}

fn parse_status(status: &str) -> Option<Pid> {
    let mut lines = status.split('\n');
    lines.find_map(|line| pid(line.strip_prefix("Tgid:\t")?))
}

/// Reads the bytes as a stat file and as a status file.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let pid = Pid::from_raw(42);
    if let Some(process) = parse_stat(pid, bytes) {
        let _age = process.started.age();
        assert_eq!(process.pid, pid);
    }
    let _users = parse_users(bytes);
    if let Ok(text) = str::from_utf8(bytes) {
        let _group = parse_status(text);
    }
}

#[cfg(test)]
mod tests;
