//! The leftovers: descendants of hinit that outlive the server. Each gets TERM, and then KILL.

use std::ffi::CStr;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::{S_IRUSR, SIGCONT, SIGKILL, SIGTERM, c_int};
use nix::unistd::Pid;

use super::descendants::{children, descendants, has_only_unseen_children, is_descendant};
use crate::file::{self, FileId, Kind};
use crate::process::{self, Process, State, none_unless_exhausted};
use crate::sys::{self, ProcessHandle, is_child};

/// How often to scan at once. A scan that finds no new process is the last one. (Against processes that fork
/// without end only KILL helps, and that is sent again.)
const MAX_SCANS: usize = 10;

pub(super) struct Leftovers {
    sweep: SignalSweep,
    killed: Vec<Process>,
    /// Whether the server was killed.
    killed_server: bool,
    /// Whether it was already logged that hinit could not scan for them, and that it cannot see them.
    warned_scan_error: bool,
    warned_hidden: bool,
}

impl Leftovers {
    pub(super) fn new() -> Self {
        Self {
            sweep: SignalSweep::new(SIGTERM),
            killed: Vec::new(),
            killed_server: false,
            warned_scan_error: false,
            warned_hidden: false,
        }
    }

    /// Sends TERM to all; where readers are spared, not to processes that read a pipe.
    pub(super) fn terminate(&mut self, spares_readers: bool) {
        self.sweep.spares_readers = spares_readers;
        self.sweep.sweep();
    }

    /// Sends KILL to all, and to the server if it has not ended.
    pub(super) fn kill(&mut self, server: Option<Pid>) {
        if self.sweep.signal != SIGKILL {
            self.sweep = SignalSweep::new(SIGKILL);
        }
        // The server is hinit's own child and not reaped, so its PID is safe to signal without a scan.
        let kills = |pid| sys::is_running_child(pid) && sys::kill(pid, SIGKILL).is_ok();
        self.killed_server |= server.is_some_and(kills);
        let mut killed = self.sweep.sweep();
        killed.retain(|process| Some(process.pid) != server);
        // Where there is no memory for the list, they are killed all the same.
        if sys::try_reserve(&mut self.killed, killed.len()).is_ok() {
            self.killed.append(&mut killed);
        }
    }

    pub(super) fn killed_server(&self) -> bool {
        self.killed_server
    }

    /// Why hinit could not scan for all of them, unless that was already reported.
    pub(super) fn new_scan_error(&mut self) -> Option<Errno> {
        let scan_error = self.sweep.scan_error.filter(|_| !self.warned_scan_error);
        self.warned_scan_error |= scan_error.is_some();
        scan_error
    }

    /// Why hinit cannot see all of them, unless that was already reported.
    pub(super) fn newly_hidden(&mut self) -> Option<&'static str> {
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

    /// The processes that were killed, and those that did not end even so.
    pub(super) fn into_killed_and_remaining(self) -> (Vec<Process>, Vec<Process>) {
        let remaining = if self.sweep.signal == SIGKILL {
            children()
        } else {
            Vec::new()
        };
        (self.killed, remaining)
    }
}

/// Sends one signal to every descendant of hinit, once to each.
struct SignalSweep {
    signal: c_int,
    /// Whether to leave out processes that read a pipe.
    spares_readers: bool,
    /// The processes that the last scan found, which have all been signalled. Ordered by PID.
    signalled: Vec<Process>,
    /// Whether /proc hides a process.
    has_hidden: bool,
    /// Why the last scan did not reach all processes.
    scan_error: Option<Errno>,
}

impl SignalSweep {
    fn new(signal: c_int) -> Self {
        Self {
            signal,
            spares_readers: false,
            signalled: Vec::new(),
            has_hidden: false,
            scan_error: None,
        }
    }

    /// Signals the processes that were not signalled yet, and returns them.
    fn sweep(&mut self) -> Vec<Process> {
        let mut new = Vec::new();
        for _ in 0..MAX_SCANS {
            let before = new.len();
            self.scan_error = self.scan(&mut new).err();
            if new.len() == before {
                break;
            }
        }
        new
    }

    /// One scan. An error: not all processes could be signalled. The next scan tries them again.
    fn scan(&mut self, new: &mut Vec<Process>) -> nix::Result<()> {
        let mut there = match descendants() {
            Err(Errno::ENOMEM) => return self.signal_without_list(),
            there => there?,
        };
        let is_hidden = |process: &Process| process.state == State::Hidden;
        // A hidden child may also have a PID beyond those that hinit tries.
        self.has_hidden |= has_only_unseen_children(&there) || there.iter().any(is_hidden);
        let mut done = Ok(());
        there.retain(|process| {
            if self.has_signalled(process) {
                return true;
            }
            if self.spares_readers && may_read_pipe(process) {
                return false;
            }
            let is_done = self.signal(process);
            // Where there is no memory for the list, the process has got the signal all the same.
            if is_done == Ok(true) && sys::try_reserve(new, 1).is_ok() {
                new.push(process.clone());
            }
            done = done.and(is_done.map(drop));
            is_done.is_ok()
        });
        self.signalled = there;
        done
    }

    /// Signals the leftovers where there is no memory for a list of them. Those that have had the signal get it once more.
    fn signal_without_list(&self) -> nix::Result<()> {
        process::each(&mut |process| {
            if !process.has_ended() && is_descendant(process.pid) {
                // The error below says that not all processes may have had it.
                let _ignored = self.signal(&process);
            }
            Ok(())
        })?;
        Err(Errno::ENOMEM)
    }

    fn has_signalled(&self, process: &Process) -> bool {
        let known = self
            .signalled
            .binary_search_by_key(&process.pid, |known| known.pid);
        let known = known.ok().and_then(|at| self.signalled.get(at));
        // A process that has executed another program since may have lost the signal: a shell handles it
        // between its fork and its exec as its parent does.
        known.is_some_and(|known| known.started == process.started && known.name == process.name)
    }

    /// Whether the process could be signalled. One that hinit may not signal is left alone.
    fn signal(&self, process: &Process) -> nix::Result<bool> {
        if process.state == State::Hidden {
            let done = is_child(process.pid) && sys::kill(process.pid, self.signal).is_ok();
            if done && self.signal != SIGKILL {
                // Whether it is stopped is hidden as well. It fails only if the process has ended since.
                let _ignored = sys::kill(process.pid, SIGCONT);
            }
            return Ok(done);
        }
        // The process may have ended since the scan and its PID be reused: so open a handle on the process that
        // has the PID now, and compare the two.
        let Some(handle) = none_unless_exhausted(ProcessHandle::open(process.pid))? else {
            return Ok(false);
        };
        let now = none_unless_exhausted(process::try_read(process.pid))?;
        let is_it = now.is_some_and(|now| now.started == process.started);
        let done = is_it && handle.signal(self.signal).is_ok();
        if done && process.state == State::Stopped && self.signal != SIGKILL {
            // A stopped process handles no other signal before. It fails only if the process has ended since.
            let _ignored = handle.signal(SIGCONT);
        }
        Ok(done)
    }
}

/// Whether the standard input of a process is a pipe, or was one, or hinit may not find that out: such a process may
/// end by itself when the writers of the pipe have ended. hinit's own standard input does not count, because its
/// writers are outside of the container.
fn may_read_pipe(process: &Process) -> bool {
    /// A shell that has just forked may not have made the pipe its standard input yet (bash's `> >(sed)`).
    const YOUNG: Duration = Duration::from_secs(1);
    let own = sys::stat(c"/proc/self/fd/0").map(|file| FileId::of(&file));
    let directory = format!("/proc/{}/fd", process.pid);
    let may_read = |fd: &str| {
        let path = format!("{directory}/{fd}");
        let file = file::c_string(path.as_bytes()).and_then(|path| sys::stat(&path));
        match (file::stat(path.as_ref()), file) {
            // The permissions of the link say whether the file is open for reading (proc(5)).
            (Ok(link), _) if link.st_mode & S_IRUSR == 0 => false,
            (Ok(_), Ok(file)) => Kind::of(&file) == Kind::Fifo && own != Ok(FileId::of(&file)),
            // A filter may close its input before it writes its last lines, as tail does.
            (Err(Errno::ENOENT), _) => fd == "0",
            // For another user's process it takes the permission to trace it (ptrace(2)).
            (Err(errno), _) | (_, Err(errno)) => errno == Errno::EACCES,
        }
    };
    let mut may = process.state == State::Hidden;
    if process.started.age() < YOUNG {
        let each = &mut |fd: &CStr| may |= fd.to_str().is_ok_and(may_read);
        // If the directory cannot be listed, the check of descriptor 0 below fails as well.
        let _ignored = file::each_name(&directory, each);
    }
    // Last, because the shell may have moved the pipe there meanwhile.
    may || may_read("0")
}
