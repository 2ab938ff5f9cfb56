//! The writer's side: claim, record, clear, remove.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Pid, ftruncate};

use super::Marks;
use super::lock::{Location, LockError, Locked};
use super::writer_lock::{self, shrink};
use crate::error::{self, Error, Reason, Verb};
use crate::file::{Entry, errno};
use crate::output::Log;
use crate::text::Line;
use crate::time::pause;

/// How often hinit tries to claim a file that other processes use, for a second at least: health checks do so for
/// microseconds, another hinit that starts or ends for little more. A second alone would be few attempts on a machine
/// under load, where a process may also wait for a CPU while it holds the lock.
const ATTEMPTS: u32 = 500;
const PAUSE: Duration = Duration::from_millis(2);

/// A PID file that this hinit owns for as long as this value lives.
pub(crate) struct Claim {
    location: Location,
    locked: Locked,
    mode: Mode,
    marks: Marks,
    /// The name leads to another file, or to none, or hinit has released its locks. An error was returned.
    is_abandoned: Cell<bool>,
    is_released: Cell<bool>,
}

impl Claim {
    /// Locks an empty PID file at `path`, and creates it if it does not exist. Messages show its path as `shown`.
    ///
    /// Changes no file but one that can be hinit's PID file: regular, with one name, of this user, and empty or with a
    /// PID in it.
    pub(crate) fn new(
        path: &Path,
        shown: &Path,
        mode: u32,
        has_socket: bool,
        log: Log,
    ) -> error::Result<Self> {
        let location = Location::open(path, shown)?;
        let mode = Mode::from_bits_truncate(mode);
        let marks = Marks {
            has_socket,
            ..Marks::NONE
        };
        let mut attempts = 1;
        let locked = loop {
            match location.lock(mode, marks) {
                Ok(locked) => break locked,
                Err(LockError::Busy(_)) if attempts < ATTEMPTS => {
                    attempts += 1;
                    pause(PAUSE);
                }
                Err(LockError::Busy(reason) | LockError::Refused(reason)) => {
                    return Err(Error::failed(Verb::ClaimPidFile, &location.shown, reason));
                }
            }
        };
        let (actual, wanted) = (locked.mode, mode | marks.mode());
        if actual != wanted {
            log.warn(format_args!(
                "the PID file `{}` has the permissions {:04o}, not {:04o}: its file system does \
                 not keep permissions, and may hide hinit's locks from other machines",
                location.shown.display(),
                actual.bits(),
                wanted.bits()
            ));
        }
        let claim = Self {
            location,
            locked,
            mode,
            marks,
            is_abandoned: Cell::new(false),
            is_released: Cell::new(false),
        };
        if let Err(errno) = claim.reserve_room() {
            let error = claim.fail(Verb::ClaimPidFile, errno);
            // The error says why nothing is launched. An empty file that is left behind matters less.
            let _left_behind = claim.remove();
            return Err(error);
        }
        Ok(claim)
    }

    /// Reserves a block, so that a full disk shows before the launch.
    fn reserve_room(&self) -> nix::Result<()> {
        // Without the flag, and with fs2's `allocate`, the file would contain NULs and not be empty.
        match fallocate(&self.locked.file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, 1) {
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
            result => result,
        }
    }

    /// Calls `keep` with each of its descriptors.
    pub(crate) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        keep(self.location.entry.as_fd());
        keep(self.locked.file.as_fd());
    }

    /// Writes the server's PID, completely or not at all.
    pub(crate) fn record(&self, pid: Pid) -> error::Result<()> {
        let line = Line::new(format_args!("{pid}"));
        let result = self.locked.file.write_all_at(line.bytes(), 0);
        result.map_err(|e| self.fail(Verb::WritePidFile, errno(e)))
    }

    fn fail(&self, verb: Verb, reason: impl Into<Reason>) -> Box<Error> {
        Error::failed(verb, &self.location.shown, reason)
    }

    /// Replaces the PID by another.
    pub(crate) fn change(&self, pid: Pid) -> error::Result<()> {
        self.clear()?;
        self.record(pid)
    }

    /// Whether hinit has released its locks: then the file may be another hinit's.
    pub(crate) fn is_released(&self) -> bool {
        self.is_released.get()
    }

    /// The file's absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.location.path
    }

    /// The same for messages.
    pub(crate) fn shown(&self) -> &Path {
        &self.location.shown
    }

    /// Another name in the file's directory: the file's own with this ending.
    pub(crate) fn beside(&self, ending: &str) -> nix::Result<Entry> {
        self.location.entry.beside(ending)
    }

    /// Marks the server as stopping: from here on health checks report it as unhealthy.
    pub(crate) fn mark_stopping(&self) -> error::Result<()> {
        let marks = Marks {
            is_stopping: true,
            ..self.marks
        };
        let in_mode = fchmod(&self.locked.file, self.mode | marks.mode());
        // The writer lock decides, where there is one: then the mode is only for readers of hinit 0.1.0.
        let marked = if self.locked.has_writer_lock {
            shrink(&self.locked.file, marks)
        } else {
            in_mode
        };
        marked.map_err(|errno| self.fail(Verb::MarkPidFile, errno))?;
        self.check_name(Verb::MarkPidFile)
    }

    /// An error, if the name leads to another file or to none; but only the first time.
    fn check_name(&self, verb: Verb) -> error::Result<()> {
        if self.is_abandoned.get() || self.location.entry.is(self.locked.identity) {
            return Ok(());
        }
        self.is_abandoned.set(true);
        Err(self.fail(verb, Reason::RemovedOrReplaced))
    }

    /// Empties the file. The server's PID may be reused from here on, and not before.
    pub(crate) fn clear(&self) -> error::Result<()> {
        let file = &self.locked.file;
        ftruncate(file, 0).map_err(|errno_of_clear| {
            self.is_abandoned.set(true);
            self.is_released.set(true);
            // Readers must not trust the old PID, and the next hinit may lock the file.
            let released =
                writer_lock::release(file).and(fs2::FileExt::unlock(file).map_err(errno));
            let reason = match released {
                Ok(()) => errno_of_clear.into(),
                Err(of_release) => Reason::StillLocked(errno_of_clear, of_release),
            };
            self.fail(Verb::EmptyPidFile, reason)
        })
    }

    /// Removes the file, if the name still leads to it, and then releases the locks.
    pub(crate) fn remove(self) -> error::Result<()> {
        self.check_name(Verb::RemovePidFile)?;
        if self.is_abandoned.get() {
            return Ok(());
        }
        match self.location.entry.unlink() {
            // A mount point, as of `docker run -v FILE:FILE`: the file stays, empty.
            Ok(()) | Err(Errno::EBUSY) => Ok(()),
            Err(errno) => Err(self.fail(Verb::RemovePidFile, errno)),
        }
    }
}
