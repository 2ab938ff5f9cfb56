//! What the server left below hinit: a signal for all of it.

use std::ffi::CStr;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::{S_IRUSR, SIGCONT, SIGKILL, SIGTERM, c_int};
use nix::sys::stat::stat;
use nix::unistd::Pid;

use super::descendants::{below, children, is_below, none_seen_of_some};
use crate::file::{self, Identity};
use crate::process::{self, Process, State, none_unless_exhausted};
use crate::sys::{self, Handle, is_child};

/// How often to look for more at once: a look that finds nobody new is the last. (Against those that
/// fork without end only KILL helps, and that comes again.)
const MAX_LOOKS: usize = 10;

/// What the server left, on its way out: told to end, then killed.
pub(super) struct Leftovers {
    sweep: SignalSweep,
    killed: Vec<Process>,
    /// Whether the server was killed.
    killed_server: bool,
    /// Whether each of these was already logged: that hinit could not look for them, and that it cannot
    /// see them.
    warned_shortage: bool,
    warned_hidden: bool,
}

impl Leftovers {
    pub(super) fn new() -> Self {
        Self {
            sweep: SignalSweep::new(SIGTERM),
            killed: Vec::new(),
            killed_server: false,
            warned_shortage: false,
            warned_hidden: false,
        }
    }

    /// Tells all that is there to end; but not what reads a pipe, if that is to be spared.
    pub(super) fn terminate(&mut self, spares_readers: bool) {
        self.sweep.spares_readers = spares_readers;
        self.sweep.tell();
    }

    /// Kills all that is there, and the server if it has not ended.
    pub(super) fn kill(&mut self, server: Option<Pid>) {
        if self.sweep.signal != SIGKILL {
            self.sweep = SignalSweep::new(SIGKILL);
        }
        // The server is hinit's own child, and not reaped: to kill it takes no look.
        let kills = |pid| sys::is_running_child(pid) && sys::kill(pid, SIGKILL).is_ok();
        self.killed_server |= server.is_some_and(kills);
        let mut told = self.sweep.tell();
        told.retain(|process| Some(process.pid) != server);
        // Where there is no room for their names, they are killed all the same.
        if sys::try_reserve(&mut self.killed, told.len()).is_ok() {
            self.killed.append(&mut told);
        }
    }

    pub(super) fn killed_server(&self) -> bool {
        self.killed_server
    }

    /// Why hinit could not look for all that is there, the first time that this is so.
    pub(super) fn first_shortage(&mut self) -> Option<Errno> {
        let shortage = self.sweep.shortage.filter(|_| !self.warned_shortage);
        self.warned_shortage |= shortage.is_some();
        shortage
    }

    /// Why hinit cannot see all that is there, the first time that this is so.
    pub(super) fn first_hidden(&mut self) -> Option<&'static str> {
        let is_new = self.sweep.has_hidden && !self.warned_hidden;
        self.warned_hidden |= is_new;
        is_new.then(|| {
            if process::is_proc_ours() {
                "/proc hides processes"
            } else {
                "/proc belongs to another PID namespace"
            }
        })
    }

    /// Those who had to be killed, and those whom not even that has ended.
    pub(super) fn at_the_end(self) -> (Vec<Process>, Vec<Process>) {
        let remaining = if self.sweep.signal == SIGKILL {
            children()
        } else {
            Vec::new()
        };
        (self.killed, remaining)
    }
}

/// One signal for everything below hinit, once for each.
struct SignalSweep {
    signal: c_int,
    /// Whether to leave out what reads a pipe.
    spares_readers: bool,
    /// Who was there at the last look, and so has had it. Ordered by PID.
    told: Vec<Process>,
    /// Whether there was one that /proc hides.
    has_hidden: bool,
    /// What was lacking at the last look, so that not all have had it.
    shortage: Option<Errno>,
}

impl SignalSweep {
    fn new(signal: c_int) -> Self {
        Self {
            signal,
            spares_readers: false,
            told: Vec::new(),
            has_hidden: false,
            shortage: None,
        }
    }

    /// Signals those that have not had it, and returns them.
    fn tell(&mut self) -> Vec<Process> {
        let mut newly_told = Vec::new();
        for _ in 0..MAX_LOOKS {
            let before = newly_told.len();
            self.shortage = self.tell_once(&mut newly_told).err();
            if newly_told.len() == before {
                break;
            }
        }
        newly_told
    }

    /// One look. An error, if not all could be signalled that should be; they are next time.
    fn tell_once(&mut self, newly_told: &mut Vec<Process>) -> nix::Result<()> {
        let mut there = match below() {
            Err(Errno::ENOMEM) => return self.tell_unlisted(),
            there => there?,
        };
        let is_hidden = |process: &Process| process.state == State::Hidden;
        // It may also be one whose PID is too far away to have been asked for.
        self.has_hidden |= none_seen_of_some(&there) || there.iter().any(is_hidden);
        let mut done = Ok(());
        there.retain(|process| {
            if self.has_told(process) {
                return true;
            }
            if self.spares_readers && may_read_pipe(process) {
                return false;
            }
            let is_done = self.signal(process);
            // Where there is no room for its name, it has been told all the same.
            if is_done == Ok(true) && sys::try_reserve(newly_told, 1).is_ok() {
                newly_told.push(process.clone());
            }
            done = done.and(is_done.map(drop));
            is_done.is_ok()
        });
        self.told = there;
        done
    }

    /// The same where there is no memory for a list: those get it once more that have had it.
    fn tell_unlisted(&self) -> nix::Result<()> {
        process::each(&mut |process| {
            if !process.has_ended() && is_below(process.pid) {
                // The error below says that not all may have had it.
                let _told = self.signal(&process);
            }
            Ok(())
        })?;
        Err(Errno::ENOMEM)
    }

    fn has_told(&self, process: &Process) -> bool {
        let known = self
            .told
            .binary_search_by_key(&process.pid, |known| known.pid);
        let known = known.ok().and_then(|at| self.told.get(at));
        // One that executes another program right then has lost the signal: a shell between its
        // fork and its exec takes it for the parent's.
        known.is_some_and(|known| known.started == process.started && known.name == process.name)
    }

    /// Whether the process could be signalled. Where that is refused, it is not hinit's to end.
    fn signal(&self, process: &Process) -> nix::Result<bool> {
        if process.state == State::Hidden {
            let done = is_child(process.pid) && sys::kill(process.pid, self.signal).is_ok();
            if done && self.signal != SIGKILL {
                // It may be stopped: that cannot be seen.
                let _has_just_been_there = sys::kill(process.pid, SIGCONT);
            }
            return Ok(done);
        }
        // It may have ended since we looked, and its PID be a stranger's: so hold on to whoever
        // has it now, and look who that is.
        let Some(handle) = none_unless_exhausted(Handle::open(process.pid))? else {
            return Ok(false);
        };
        let now = none_unless_exhausted(process::try_read(process.pid))?;
        let is_it = now.is_some_and(|now| now.started == process.started);
        let done = is_it && handle.signal(self.signal).is_ok();
        if done && process.state == State::Stopped && self.signal != SIGKILL {
            // Else it would not get to it.
            let _has_just_been_there = handle.signal(SIGCONT);
        }
        Ok(done)
    }
}

/// Whether a process reads a pipe as its standard input, and so may end by itself once those who write to it
/// have; also if hinit may not know. The pipe that hinit was given does not count: its other end is somebody
/// else's.
fn may_read_pipe(process: &Process) -> bool {
    /// A shell that has just forked may not have made the pipe its standard input yet (bash's `> >(sed)`).
    const YOUNG: Duration = Duration::from_secs(1);
    let own = stat(c"/proc/self/fd/0").map(|file| Identity::of(&file));
    let directory = format!("/proc/{}/fd", process.pid);
    let may_read = |fd: &str| {
        let path = format!("{directory}/{fd}");
        let file = file::c_string(path.as_bytes()).and_then(|path| stat(&*path));
        match (file::stat(path.as_ref()), file) {
            // The link's permissions tell for what the file is open (proc(5)).
            (Ok(link), _) if link.st_mode & S_IRUSR == 0 => false,
            (Ok(_), Ok(file)) => {
                file::kind(&file) == Some("FIFO") && own != Ok(Identity::of(&file))
            }
            // Of another user's process only those may know who may trace it.
            (Err(errno), _) | (_, Err(errno)) => errno == Errno::EACCES,
        }
    };
    let mut may = process.state == State::Hidden;
    if process.started.age() < YOUNG {
        let each = &mut |fd: &CStr| may |= fd.to_str().is_ok_and(may_read);
        // What cannot be listed cannot be looked at below either.
        let _unreadable = file::each_name(&directory, each);
    }
    // Last, for that is where such a pipe goes meanwhile.
    may || may_read("0")
}
