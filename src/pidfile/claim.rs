//! The writer's side: claim, record, clear, remove.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::Pid;

use super::Marks;
use super::lock::{Locked, Obstacle, Place};
use super::writer_lock::{retract, shrink};
use crate::error::{Error, errno};
use crate::file::Entry;
use crate::output::Log;
use crate::sys::describe;
use crate::text::Line;
use crate::time::pause;

/// How long a claim tries again while others are busy with the file: health checks for
/// microseconds, another hinit that starts or ends for little more.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);

/// A PID file that is this hinit's own as long as this value lives.
pub(crate) struct Claim {
    place: Place,
    locked: Locked,
    mode: Mode,
    marks: Marks,
    /// Whether it was said that the file is not, or no longer to be believed.
    is_given_up: Cell<bool>,
}

impl Claim {
    /// Locks an empty PID file at `path`, which it makes where there is none.
    ///
    /// Touches nothing that is not an own PID file: regular, of one name, this user's, and empty
    /// or with a PID in it.
    pub(crate) fn new(path: &Path, mode: u32, has_socket: bool, log: Log) -> Result<Self, Error> {
        let place = Place::open(path)?;
        let mode = Mode::from_bits_truncate(mode);
        let marks = Marks {
            has_socket,
            ..Marks::NONE
        };
        let deadline = Instant::now() + CLAIM_TIMEOUT;
        let locked = loop {
            match place.lock(mode, marks) {
                Ok(locked) => break locked,
                Err(Obstacle::Busy(_)) if Instant::now() < deadline => pause(PAUSE),
                Err(Obstacle::Busy(reason)) => return Err(place.refuse(reason)),
                Err(Obstacle::Refused(error)) => return Err(error),
            }
        };
        let (shown, wanted) = (locked.shown, mode | marks.mode());
        if shown != wanted {
            log.warn(format_args!(
                "the PID file `{}` has the permissions {:04o}, not {:04o}: its file system does \
                 not keep permissions, and may hide hinit's locks from other machines",
                place.path.display(),
                shown.bits(),
                wanted.bits()
            ));
        }
        let claim = Self {
            place,
            locked,
            mode,
            marks,
            is_given_up: Cell::new(false),
        };
        if let Err(errno) = claim.reserve_room() {
            let error = claim.place.refuse(describe(errno));
            // The error says why nothing is launched; that an empty file is left matters less.
            let _left_behind = claim.remove();
            return Err(error);
        }
        Ok(claim)
    }

    /// Reserves a block, so that a full disk shows before the launch.
    fn reserve_room(&self) -> nix::Result<()> {
        // Without the flag, and by fs2's `allocate`, the file would be NULs and not empty.
        match fallocate(&self.locked.file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, 1) {
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
            result => result,
        }
    }

    /// Names its descriptors.
    pub(crate) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        keep(self.place.entry.as_fd());
        keep(self.locked.file.as_fd());
    }

    /// Writes the server's PID, whole or not at all.
    pub(crate) fn record(&self, pid: Pid) -> Result<(), Error> {
        let line = Line::new(format_args!("{pid}"));
        let result = self.locked.file.write_all_at(line.bytes(), 0);
        result.map_err(|e| Error::on_path("write the PID file", &self.place.path, errno(e)))
    }

    /// Writes another PID in place of the first.
    pub(crate) fn change(&self, pid: Pid) -> Result<(), Error> {
        self.clear()?;
        self.record(pid)
    }

    /// The file's absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.place.path
    }

    /// A name beside the file, in the directory that the claim holds.
    pub(crate) fn beside(&self, ending: &str) -> nix::Result<Entry> {
        self.place.entry.beside(ending)
    }

    /// Marks the server as about to be stopped: from here on no health check finds it healthy.
    pub(crate) fn mark_stopping(&self) -> Result<(), Error> {
        const MARK: &str = "mark the PID file";
        let marks = Marks {
            is_stopping: true,
            ..self.marks
        };
        let in_mode = fchmod(&self.locked.file, self.mode | marks.mode());
        // By the lock alone, where there is one: then the mode is only for readers of hinit 0.1.0.
        let marked = if self.locked.tells_by_length {
            shrink(&self.locked.file, marks)
        } else {
            in_mode
        };
        marked.map_err(|errno| Error::on_path(MARK, &self.place.path, errno))?;
        self.still_named(MARK)
    }

    /// An error, if the name leads to another file or to none; but not a second time.
    fn still_named(&self, verb: &str) -> Result<(), Error> {
        if self.is_given_up.get() || self.place.entry.is(self.locked.identity) {
            return Ok(());
        }
        self.is_given_up.set(true);
        let reason = "it was removed or replaced meanwhile";
        Err(Error::cannot(verb, &self.place.path.display(), &reason))
    }

    /// Empties the file. The server's PID may be reused from here on, and not before.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        let file = &self.locked.file;
        file.set_len(0).map_err(|e| {
            self.is_given_up.set(true);
            let error = Error::on_path("empty the PID file", &self.place.path, errno(e));
            // Nobody may believe it any more, and then it is whoever's who locks it next.
            let given_up = retract(file).and(fs2::FileExt::unlock(file).map_err(errno));
            match given_up {
                Ok(()) => error,
                Err(errno) => {
                    let locked =
                        "its locks cannot be released either, so health checks still trust it";
                    error.remedy(&format!("{locked}: {}", describe(errno)))
                }
            }
        })
    }

    /// Unlinks the file, if the name still is this file's, and then gives up the lock.
    pub(crate) fn remove(self) -> Result<(), Error> {
        const REMOVE: &str = "remove the PID file";
        self.still_named(REMOVE)?;
        if self.is_given_up.get() {
            return Ok(());
        }
        match self.place.entry.unlink() {
            // A mount point, as of `docker run -v FILE:FILE`: it stays, empty.
            Ok(()) | Err(Errno::EBUSY) => Ok(()),
            Err(errno) => Err(Error::on_path(REMOVE, &self.place.path, errno)),
        }
    }
}
