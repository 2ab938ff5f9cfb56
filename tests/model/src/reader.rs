//! The readers, the check and `hinit signal`: what each knows, and what an onlooker notes of it.

use crate::kernel::{Inode, Pid, bit};
use crate::rules::Setup;
use crate::symmetry::Names;
pub use look::reader_steps;

mod look;

/// The call that a reader makes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    #[default]
    NotRunning,
    Open,
    Stat,
    Lock,
    Unlock,
    Bytes,
    Name,
    Probe,
    OpenProc,
    ReadProc,
    ProbeAgain,
    OpenHandle,
    Send,
}

/// The looks at the lock and the bytes: before the look at the process, after it, and with the process held open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Look {
    #[default]
    First,
    Second,
    Third,
}

/// A process that a reader holds open, and what an onlooker knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    pid: Pid,
    /// It has not been reaped.
    exists: bool,
    was_server: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reader {
    at: At,
    look: Look,
    named: Option<Inode>,
    is_held: bool,
    is_stopping: bool,
    pid: Option<Pid>,
    /// The open file of /proc, and later the pidfd.
    handle: Option<Handle>,
    /// An onlooker's notes: the PIDs of servers since the first look, those of processes that exist as well, and
    /// whether a stop had been marked in the file when it was opened.
    servers: u8,
    servers_that_exist: u8,
    pub is_after_mark: bool,
}

impl Reader {
    pub fn is_looking(&self) -> bool {
        self.at != At::NotRunning
    }

    /// This process is the server now.
    pub fn note_server(&mut self, pid: Pid) {
        if self.is_looking() {
            self.servers |= bit(pid);
            self.servers_that_exist |= bit(pid);
            if let Some(handle) = self.handle.as_mut().filter(|handle| handle.pid == pid) {
                handle.was_server |= handle.exists;
            }
        }
    }

    /// The inode that the name led to at the first look.
    pub fn named(&self) -> Option<Inode> {
        self.named
    }

    pub fn renamed(&self, names: &Names) -> Self {
        let handle = self.handle.map(|handle| Handle {
            pid: names.pid(handle.pid),
            ..handle
        });
        Self {
            named: self.named.map(|inode| names.inode(inode)),
            pid: self.pid.map(|pid| names.pid(pid)),
            handle,
            servers: names.pid_bits(self.servers),
            servers_that_exist: names.pid_bits(self.servers_that_exist),
            ..*self
        }
    }

    pub fn knows(&self, pid: Pid) -> bool {
        self.pid == Some(pid)
            || self.handle.is_some_and(|handle| handle.pid == pid)
            || (self.servers | self.servers_that_exist) & bit(pid) != 0
    }

    /// Fewer states: what an onlooker has noted matters only of the PID in the file, and the check and signal are judged by
    /// different notes.
    pub fn forget_what_does_not_matter(&mut self, is_signal: bool, setup: &Setup) {
        let matters = self.pid.map_or(u8::MAX, bit);
        self.servers &= if is_signal { 0 } else { matters };
        self.servers_that_exist &= if is_signal || setup.is_strict {
            matters
        } else {
            0
        };
        if self.at > At::Stat {
            self.named = None;
        }
        if let Some(handle) = self
            .handle
            .as_mut()
            .filter(|_| !is_signal && !setup.is_strict)
        {
            handle.was_server = false;
        }
    }

    /// The process that had this PID was reaped.
    pub fn forget(&mut self, pid: Pid) {
        self.servers_that_exist &= !bit(pid);
        if let Some(handle) = self.handle.as_mut().filter(|handle| handle.pid == pid) {
            handle.exists = false;
        }
    }
}
