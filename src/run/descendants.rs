//! Who is left below hinit, and a signal for all of them.

use nix::errno::Errno;
use nix::libc::{SIGCONT, SIGKILL, SIGTERM, c_int};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, getpid};

use crate::process::{self, Process, State, unless_short};
use crate::sys::{self, Handle};

/// How often to look for more at once: a look that finds nobody new is the last. (Against those that
/// fork without end only KILL helps, and that comes again.)
const MOST_LOOKS: usize = 10;

/// hinit's children that are alive. Orphans are among them: they come to hinit.
pub(super) fn children() -> Vec<Process> {
    let own = getpid();
    let mut processes = below().unwrap_or_default();
    processes.retain(|process| process.parent == own);
    processes
}

/// Whether this is a child of hinit's that was not reaped yet: its PID is no other's, and stays so.
pub(super) fn is_child(pid: Pid) -> bool {
    look_for_the_end(pid) != Err(Errno::ECHILD)
}

/// Whether this is a child of hinit's that has not ended.
pub(super) fn is_living_child(pid: Pid) -> bool {
    look_for_the_end(pid) == Ok(WaitStatus::StillAlive)
}

fn look_for_the_end(pid: Pid) -> nix::Result<WaitStatus> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    waitid(Id::Pid(pid), flags)
}

/// Whether this process descends from hinit.
pub(super) fn is_below(pid: Pid) -> bool {
    /// How often to climb again where somebody on the way has ended: its children have another parent then.
    const MOST_CLIMBS: usize = 10;
    is_child(pid)
        || process::is_proc_ours() && (0..MOST_CLIMBS).find_map(|_| climb(pid)).unwrap_or(false)
}

/// Whether hinit is above this process. None, if one of those in between has just ended.
fn climb(pid: Pid) -> Option<bool> {
    /// Of a tree that changes while it is climbed; no real one is so high.
    const HIGHEST: usize = 1000;
    let (own, mut at) = (getpid(), pid);
    for _ in 0..HIGHEST {
        at = match process::read(at) {
            Some(process) if process.parent == own => return Some(true),
            // The top of what this PID namespace shows.
            Some(process) if process.parent.as_raw() == 0 => return Some(false),
            Some(process) => process.parent,
            None if at == pid => return Some(false),
            None => return None,
        }
    }
    Some(false)
}

/// Everything below hinit in the process tree that is alive; nothing, where /proc does not tell.
/// Ordered by PID. An error, where hinit lacks what it takes to look.
fn below() -> nix::Result<Vec<Process>> {
    // The kernel knows at once whether there is any; /proc is read only then.
    if sys::ended_child() == Err(Errno::ECHILD) || !process::is_proc_ours() {
        return Ok(Vec::new());
    }
    let mut below = tree_below(getpid(), process::all()?)?;
    below.retain(|process| !process.has_ended());
    Ok(below)
}

/// Those processes that descend from `root`.
fn tree_below(root: Pid, mut all: Vec<Process>) -> nix::Result<Vec<Process>> {
    all.sort_unstable_by_key(|process| process.pid);
    let place = |pid: Pid| all.binary_search_by_key(&pid, |process| process.pid).ok();
    let mut is_below: Vec<bool> = Vec::new();
    sys::try_reserve(&mut is_below, all.len())?;
    is_below.extend(all.iter().map(|process| process.parent == root));
    // A child mostly comes behind its parent, so that few rounds are needed.
    loop {
        let mut has_grown = false;
        for (at, process) in all.iter().enumerate() {
            let parent = place(process.parent).and_then(|parent| is_below.get(parent));
            let adds = parent == Some(&true);
            if let Some(is_below) = is_below.get_mut(at).filter(|is_below| adds && !**is_below) {
                *is_below = true;
                has_grown = true;
            }
        }
        if !has_grown {
            break;
        }
    }
    let mut is_below = is_below.into_iter();
    all.retain(|_| is_below.next() == Some(true));
    Ok(all)
}

/// What the server left, on its way out: told to end, then killed.
pub(super) struct Leftovers {
    roundup: Roundup,
    killed: Vec<Process>,
    /// Whether it was said that hinit could not look for them.
    is_told_of_shortage: bool,
}

impl Leftovers {
    pub(super) fn new() -> Self {
        Self {
            roundup: Roundup::new(SIGTERM),
            killed: Vec::new(),
            is_told_of_shortage: false,
        }
    }

    /// Tells all that is there to end. False, if /proc does not tell who that is.
    pub(super) fn terminate(&mut self) -> bool {
        self.roundup.tell();
        process::is_proc_ours()
    }

    /// Kills all that is there, and tells whether this one was among them.
    pub(super) fn kill(&mut self, server: Option<Pid>) -> bool {
        if self.roundup.signal != SIGKILL {
            self.roundup = Roundup::new(SIGKILL);
        }
        let mut told = self.roundup.tell();
        let count = told.len();
        told.retain(|process| Some(process.pid) != server);
        let is_server_told = told.len() < count;
        // Where there is no room for their names, they are killed all the same.
        if sys::try_reserve(&mut self.killed, told.len()).is_ok() {
            self.killed.append(&mut told);
        }
        // The server is hinit's own child, and not reaped: to kill it takes no look.
        let is_blind = self.roundup.shortage.is_some() || !process::is_proc_ours();
        let unseen = server.filter(|_| !is_server_told && is_blind);
        unseen.is_some_and(|server| sys::kill(server, SIGKILL).is_ok()) || is_server_told
    }

    /// Why hinit could not look for all that is there, the first time that this is so.
    pub(super) fn first_shortage(&mut self) -> Option<Errno> {
        let shortage = self.roundup.shortage.filter(|_| !self.is_told_of_shortage);
        self.is_told_of_shortage |= shortage.is_some();
        shortage
    }

    /// Those who had to be killed, and those whom not even that has ended.
    pub(super) fn at_the_end(self) -> (Vec<Process>, Vec<Process>) {
        let remaining = if self.roundup.signal == SIGKILL {
            children()
        } else {
            Vec::new()
        };
        (self.killed, remaining)
    }
}

/// One signal for everything below hinit, once for each.
struct Roundup {
    signal: c_int,
    /// Who was there at the last look, and so has had it. Ordered by PID.
    told: Vec<Process>,
    /// What was lacking at the last look, so that not all have had it.
    shortage: Option<Errno>,
}

impl Roundup {
    fn new(signal: c_int) -> Self {
        Self {
            signal,
            told: Vec::new(),
            shortage: None,
        }
    }

    /// Signals those that have not had it, and returns them.
    fn tell(&mut self) -> Vec<Process> {
        let mut newly_told = Vec::new();
        for _ in 0..MOST_LOOKS {
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
        let mut done = Ok(());
        there.retain(|process| {
            if self.has_told(process) {
                return true;
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
        // It may have ended since we looked, and its PID be a stranger's: so hold on to whoever
        // has it now, and look who that is.
        let Some(handle) = unless_short(Handle::open(process.pid))? else {
            return Ok(false);
        };
        let now = unless_short(process::try_read(process.pid))?;
        let is_it = now.is_some_and(|now| now.started == process.started);
        let done = is_it && handle.signal(self.signal).is_ok();
        if done && process.state == State::Stopped && self.signal != SIGKILL {
            // Else it would not get to it.
            let _has_just_been_there = handle.signal(SIGCONT);
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_below_a_process() {
        let process = |(pid, parent)| Process {
            pid: Pid::from_raw(pid),
            parent: Pid::from_raw(parent),
            ..process::read(getpid()).unwrap()
        };
        let below = |root, tree: &[(i32, i32)]| -> Vec<i32> {
            let tree = tree.iter().copied().map(process).collect();
            let below = tree_below(Pid::from_raw(root), tree).unwrap();
            below.iter().map(|process| process.pid.as_raw()).collect()
        };
        for (root, tree, expected) in [
            (1, &[][..], &[][..]),
            (1, &[(1, 0)], &[]),
            (1, &[(1, 0), (7, 1), (8, 7), (9, 8)], &[7, 8, 9]),
            // In whatever order, and with PIDs that have wrapped around.
            (9, &[(2, 3), (3, 8), (8, 9), (9, 1), (1, 0)], &[2, 3, 8]),
            // `docker exec` starts processes whose parent is none of this namespace.
            (1, &[(1, 0), (7, 1), (20, 0), (21, 20)], &[7]),
            // Not the parent, not the siblings.
            (5, &[(1, 0), (4, 1), (5, 4), (6, 4), (7, 5), (8, 6)], &[7]),
            // One whose parent has just gone.
            (5, &[(5, 1), (7, 6)], &[]),
        ] {
            assert_eq!(below(root, tree), expected, "{root}: {tree:?}");
        }
    }
}
