//! What /proc says of one process, and of all.

use std::fmt::{self, Write};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, readlinkat};
use nix::sys::signal::kill;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{Pid, getpid};

use crate::file;
use crate::sys::{self, probe_process, try_reserve};

/// A process at one moment: some of `/proc/PID/stat`, of which `proc(5)` tells more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: Pid,
    pub(crate) name: Name,
    pub(crate) state: State,
    /// How many threads the process has left.
    pub(crate) threads: u32,
    /// When it started: of two processes with one PID, this tells which.
    pub(crate) started: StartTime,
}

/// What a process is called, whatever bytes that has: the kernel keeps 15 of them (`proc_pid_comm(5)`). It
/// takes no memory of its own, so that a list of processes is one allocation, which can be refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name([u8; 16]);

impl Name {
    fn new(bytes: &[u8]) -> Self {
        let mut name = [0; 16];
        for (to, from) in name.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self(name)
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let end = self.0.iter().position(|&byte| byte == 0);
        let bytes = self.0.get(..end.unwrap_or(self.0.len()));
        for chunk in bytes.unwrap_or_default().utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

/// The state of a process: that of its first thread, or of the others if the first has exited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Sleeping,
    /// In a system call that no signal interrupts.
    Blocked,
    /// By SIGSTOP or a terminal.
    Stopped,
    /// By a debugger.
    Traced,
    /// All of its threads have ended, as far as could be seen.
    Ended,
    /// /proc hides the process.
    Hidden,
    Other,
}

impl State {
    fn of(letter: u8) -> Self {
        match letter {
            b'R' => Self::Running,
            b'S' => Self::Sleeping,
            b'D' => Self::Blocked,
            b'T' => Self::Stopped,
            b't' => Self::Traced,
            b'Z' | b'X' => Self::Ended,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Sleeping => "sleeping",
            Self::Blocked => "in an uninterruptible wait",
            Self::Stopped => "stopped",
            Self::Traced => "traced",
            Self::Ended => "a zombie",
            Self::Hidden => "hidden by /proc",
            Self::Other => "in an unknown state",
        })
    }
}

/// In ticks since the machine was booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartTime(u64);

impl StartTime {
    /// An age of nothing.
    #[cfg(test)]
    pub(crate) const TO_COME: Self = Self(u64::MAX / 1000);

    /// How long ago that was.
    pub(crate) fn age(self) -> Duration {
        /// `USER_HZ` of all machines that hinit is built for.
        const TICKS_A_SECOND: u64 = 100;
        let now = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
        now.saturating_sub(Duration::from_millis(
            self.0.saturating_mul(1000 / TICKS_A_SECOND),
        ))
    }
}

impl Process {
    /// A child of hinit's that /proc does not show: its PID is all that is known of it.
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

    /// Whether all of it has ended: a first thread that has left its others running shows as a
    /// zombie, and the process lives.
    pub(crate) fn has_ended(&self) -> bool {
        self.state == State::Ended && self.threads <= 1
    }
}

/// What could be found out about a PID.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// There is no such process.
    Missing,
    /// There is one, but /proc does not tell more.
    Exists,
    /// There is one, and looking at it has failed.
    Unseen(Errno),
    /// It is a thread of this other process.
    Thread(Pid),
    Seen(Process),
}

pub(crate) fn look(pid: Pid) -> Look {
    // EPERM and (from a security module) EACCES come from a process that is there.
    if probe_process(pid) == Err(Errno::ESRCH) {
        return if kill(pid, None) == Err(Errno::ESRCH) {
            Look::Missing
        } else {
            thread_group(pid).map_or_else(unseen, Look::Thread)
        };
    }
    match try_read(pid) {
        Ok(process) => Look::Seen(process),
        // It may have ended since.
        Err(_) if probe_process(pid) == Err(Errno::ESRCH) => Look::Missing,
        Err(errno) => unseen(errno),
    }
}

fn unseen(errno: Errno) -> Look {
    // EILSEQ: this /proc has another form.
    if hides(errno) || errno == Errno::EILSEQ {
        Look::Exists
    } else {
        Look::Unseen(errno)
    }
}

/// Whether /proc is not there, or does not show what was asked for. Other errors are trouble, and not an
/// answer.
fn hides(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::EPERM
    )
}

/// What /proc told, if it told anything. An error, where it could not be asked: another time it might
/// tell.
pub(crate) fn none_unless_exhausted<T>(told: nix::Result<T>) -> nix::Result<Option<T>> {
    match told {
        Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) => Err(errno),
        told => Ok(told.ok()),
    }
}

/// What a process is called, if it is still there.
pub(crate) fn name(pid: Pid) -> Option<Name> {
    read(pid).map(|process| process.name)
}

/// The real, the effective and the saved UID of a process, if it has not been reaped and /proc shows it. (The
/// owner of its directory there can be root instead: proc(5), on processes that are not dumpable.)
pub(crate) fn users(pid: Pid) -> Option<[u32; 3]> {
    let status = file::read(&format!("/proc/{pid}/status")).ok()?;
    parse_users(&status)
}

/// The name, which may be any bytes, stands on a line of its own.
fn parse_users(status: &[u8]) -> Option<[u32; 3]> {
    let mut lines = status.split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"Uid:\t"))?;
    let mut users = str::from_utf8(line).ok()?.split('\t');
    let mut user = || users.next()?.parse().ok();
    Some([user()?, user()?, user()?])
}

/// As which user a process runs.
pub(crate) fn owner(pid: Pid) -> Option<u32> {
    let stat = file::stat(format!("/proc/{pid}").as_ref());
    stat.ok().map(|stat| stat.st_uid)
}

/// Every process that /proc shows, in no order. One that ends meanwhile may be missing; but it is an
/// error if one was, for want of descriptors or memory.
pub(crate) fn all() -> nix::Result<Vec<Process>> {
    let mut all = Vec::new();
    each(&mut |process| {
        // Of all that hinit has to keep, this is the most.
        try_reserve(&mut all, 1)?;
        all.push(process);
        Ok(())
    })?;
    Ok(all)
}

/// Calls with each of them.
pub(crate) fn each(call: &mut dyn FnMut(Process) -> nix::Result<()>) -> nix::Result<()> {
    let mut seen = Ok(());
    let listed = file::each_name("/proc", &mut |name| {
        let pid = name.to_str().ok().and_then(|name| name.parse().ok());
        if let Some(pid) = pid
            && let Err(errno) = none_unless_exhausted(try_read(Pid::from_raw(pid)))
                .and_then(|process| process.map_or(Ok(()), &mut *call))
        {
            seen = Err(errno);
        }
    });
    none_unless_exhausted(listed).and(seen)
}

/// Whether /proc is that of our PID namespace. Another one's describes other processes.
pub(crate) fn is_proc_ours() -> bool {
    match readlinkat(AT_FDCWD, c"/proc/self") {
        Ok(own) => own.to_str().map(str::parse) == Some(Ok(getpid().as_raw())),
        Err(errno) => !hides(errno),
    }
}

/// Whether /proc may hide processes from this one: it is mounted with `hidepid` (proc(5)), and this process
/// lacks the capability for which the kernel shows them all the same.
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

/// What /proc says of a process, if it is still there.
pub(crate) fn read(pid: Pid) -> Option<Process> {
    try_read(pid).ok()
}

/// The same, or why not.
pub(crate) fn try_read(pid: Pid) -> nix::Result<Process> {
    let mut process = read_stat(&format!("/proc/{pid}/stat"), pid)?;
    // A first thread that has exited shows as a zombie until the others have exited too.
    if process.state == State::Ended && process.threads > 1 {
        process.state = state_of_threads(pid)?;
    }
    Ok(process)
}

/// The state of a process whose first thread has exited. It is stopped only if all of the others are.
fn state_of_threads(pid: Pid) -> nix::Result<State> {
    let directory = format!("/proc/{pid}/task");
    let mut together = Ok(State::Ended);
    let listed = file::each_name(&directory, &mut |name| {
        if !matches!(together, Ok(State::Ended | State::Stopped)) {
            return;
        }
        let path = name.to_str().map(|name| format!("{directory}/{name}/stat"));
        let thread = path.map_or(Err(Errno::EILSEQ), |path| read_stat(&path, pid));
        match none_unless_exhausted(thread) {
            Ok(Some(thread)) if thread.state != State::Ended => together = Ok(thread.state),
            // Ended, or gone since.
            Ok(_) => {}
            Err(errno) => together = Err(errno),
        }
    });
    none_unless_exhausted(listed)?;
    together
}

fn read_stat(path: &str, pid: Pid) -> nix::Result<Process> {
    let file = file::open(path.as_ref(), OFlag::O_RDONLY)?;
    // What we look for stands in the first half of the line, which has at most some 600 bytes.
    let mut bytes = [0; 512];
    let length = nix::unistd::read(&file, &mut bytes)?;
    parse_stat(pid, bytes.get(..length).unwrap_or_default()).ok_or(Errno::EILSEQ)
}

/// Reads `PID (NAME) STATE PPID ...`. The name may hold anything, also `) Z (`, and what follows it
/// holds no parenthesis: so the name ends at the last one.
fn parse_stat(pid: Pid, stat: &[u8]) -> Option<Process> {
    let begin = stat.iter().position(|&byte| byte == b'(')? + 1;
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    let name = stat.get(begin..end)?;
    let mut fields = stat
        .get(end + 1..)?
        .trim_ascii_start()
        .split(|&byte| byte == b' ');
    let [letter] = fields.next()? else {
        return None;
    };
    let mut number = |skip| -> Option<u64> { str::from_utf8(fields.nth(skip)?).ok()?.parse().ok() };
    Some(Process {
        pid,
        name: Name::new(name),
        state: State::of(*letter),
        // The 4th field, ppid; the 20th, num_threads; the 22nd, starttime.
        parent: Pid::from_raw(i32::try_from(number(0)?).ok()?),
        threads: u32::try_from(number(15)?).ok()?,
        started: StartTime(number(1)?),
    })
}

/// The process that a thread belongs to.
fn thread_group(pid: Pid) -> nix::Result<Pid> {
    parse_status(&file::read_text(&format!("/proc/{pid}/status"))?).ok_or(Errno::EILSEQ)
}

fn parse_status(status: &str) -> Option<Pid> {
    let mut lines = status.split('\n');
    let group = lines.find_map(|line| line.strip_prefix("Tgid:\t")?.parse().ok());
    group.map(Pid::from_raw)
}

/// A stat file, or a status file.
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
