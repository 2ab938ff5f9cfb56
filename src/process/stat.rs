//! A process, as `/proc/PID/stat` describes it (`proc_pid_stat(5)`).

use std::fmt::{self, Write};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// A process at one moment: some of the fields of `/proc/PID/stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: Pid,
    pub(crate) name: Name,
    pub(crate) state: State,
    /// How many threads the process has left.
    pub(crate) threads: u32,
    /// When it started, which distinguishes two processes that had the same PID.
    pub(crate) started: StartTime,
}

/// The name of a process: any bytes, at most 15 (`proc_pid_comm(5)`). It takes no memory of its own, so that a list of
/// processes is one allocation, which may fail.
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

/// The state of a process: that of its first thread, or that of the others if the first has exited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Sleeping,
    /// It is in a system call that no signal interrupts.
    Blocked,
    /// A signal or its terminal has stopped it.
    Stopped,
    /// A debugger has stopped it.
    Traced,
    /// All of its threads that /proc shows have ended.
    Ended,
    /// /proc hides the process.
    Hidden,
    Other,
}

impl State {
    pub(super) fn of(letter: u8) -> Self {
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
            Self::Stopped => "suspended",
            Self::Traced => "traced",
            Self::Ended => "a zombie",
            Self::Hidden => "hidden by /proc",
            Self::Other => "in an unknown state",
        })
    }
}

/// When a process was started, in clock ticks after the boot of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartTime(pub(super) u64);

impl StartTime {
    /// Its age is zero.
    #[cfg(test)]
    pub(crate) const TO_COME: Self = Self(u64::MAX / 1000);

    /// The time since then.
    pub(crate) fn age(self) -> Duration {
        /// `USER_HZ` of all machines that hinit is built for.
        const TICKS_A_SECOND: u64 = 100;
        let now = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
        now.saturating_sub(Duration::from_millis(
            self.0.saturating_mul(1000 / TICKS_A_SECOND),
        ))
    }
}

/// Reads `PID (NAME) STATE PPID ...`. The name may contain anything, also `) Z (`, but what follows it contains no
/// parenthesis: so the name ends at the last one.
pub(super) fn parse_stat(pid: Pid, stat: &[u8]) -> Option<Process> {
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
