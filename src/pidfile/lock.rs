//! How hinit locks a PID file: it opens or creates the file, checks that it is a PID file, locks it, and empties it.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, fchmod, fstat};

use super::writer_lock::{self, LockOutcome};
use super::{Contents, MAX_BYTES, Marks};
use crate::error::{Error, errno};
use crate::file::{self, Entry, FileId, kind};
use crate::sys::{describe, effective_user};

const CLAIM: &str = "claim the PID file";
const REMEDY: &str =
    "name another with --pid-file or HINIT_PID_FILE, or keep none with --no-pid-file";

/// The file's path, and its name in its directory.
pub(super) struct Location {
    pub(super) path: PathBuf,
    pub(super) entry: Entry,
}

/// The file, locked and empty.
pub(super) struct Locked {
    pub(super) file: File,
    pub(super) identity: FileId,
    /// The file's permissions. Its file system may not keep those that hinit has set.
    pub(super) mode: Mode,
    /// hinit holds the writer lock, whose length is the server's state for readers. If not, the kernel has no such locks.
    pub(super) has_writer_lock: bool,
}

/// Why an attempt to lock the file failed.
pub(super) enum LockError {
    /// Another process uses the file for a short time. If it does not stop, this is the reason.
    Busy(&'static str),
    Refused(Error),
}

impl Location {
    /// Creates the directory if it is missing, and those above it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let fail = |errno| {
            let link = file::refused_link(path).filter(|_| errno == Errno::EACCES);
            let error = match link {
                Some(link) => Error::cannot(CLAIM, &path.display(), &link),
                None => Error::on_path(CLAIM, path, errno),
            };
            error.remedy(REMEDY)
        };
        let path = file::absolute(path).map_err(fail)?;
        let entry = match Entry::of(&path) {
            Err(Errno::ENOENT) => {
                file::create_directory_of(&path).map_err(fail)?;
                Entry::of(&path)
            }
            result => result,
        };
        let entry = entry.map_err(fail)?;
        Ok(Self { path, entry })
    }

    /// Tries once to lock the file exclusively, empty and under its name.
    pub(super) fn lock(&self, mode: Mode, marks: Marks) -> Result<Locked, LockError> {
        let (file, is_new) = self.open_or_create()?;
        let stat = fstat(&file).map_err(|errno| self.fail(errno))?;
        let identity = FileId::of(&stat);
        let locked = self.lock_exclusively(&file, &stat, marks);
        let locked = locked.and_then(|has_writer_lock| {
            let mode = self.set_mode(&file, identity, mode | marks.mode(), has_writer_lock)?;
            Ok((has_writer_lock, mode))
        });
        match locked {
            Ok((has_writer_lock, mode)) => Ok(Locked {
                file,
                identity,
                mode,
                has_writer_lock,
            }),
            Err(error) => {
                if is_new && matches!(error, LockError::Refused(_)) {
                    self.remove_new(&file, identity);
                }
                Err(error)
            }
        }
    }

    /// Takes a shared lock first, and the exclusive one only once the file is empty: so no reader ever sees an old PID
    /// under a held lock. The conversion is not atomic, so `set_mode` checks the file again. Returns whether there is a
    /// writer lock as well.
    fn lock_exclusively(
        &self,
        file: &File,
        stat: &FileStat,
        marks: Marks,
    ) -> Result<bool, LockError> {
        self.check_ownership(stat)?;
        let fail = |errno| self.cannot_lock(errno);
        if !try_lock(fs2::FileExt::try_lock_shared(file)).map_err(fail)? {
            return Err(self.held_by_another(file));
        }
        if stat.st_size > 0 {
            self.check_contents(file)?;
            if !self.entry.is(FileId::of(stat)) {
                return Err(LockError::Busy("another process keeps replacing it"));
            }
            file.set_len(0).map_err(|e| self.fail(errno(e)))?;
        }
        let is_exclusive = try_lock(fs2::FileExt::try_lock_exclusive(file)).map_err(fail)?;
        let writer_lock = if is_exclusive {
            writer_lock::take(file, marks).map_err(fail)?
        } else {
            LockOutcome::HeldByAnother
        };
        match writer_lock {
            LockOutcome::Locked => Ok(true),
            LockOutcome::Unsupported => Ok(false),
            LockOutcome::HeldByAnother => Err(LockError::Busy("another process keeps it locked")),
        }
    }

    /// Sets the file's mode, and reads it back: some file systems keep none (CIFS, 9p, FUSE), and report no error. Also
    /// checks that the file is still empty, and under its name.
    fn set_mode(
        &self,
        file: &File,
        identity: FileId,
        mode: Mode,
        has_writer_lock: bool,
    ) -> Result<Mode, LockError> {
        let set = |mode| {
            // The mode that is read back decides.
            let _ignored = fchmod(file, mode);
            match self.entry.stat() {
                Ok(stat) if FileId::of(&stat) == identity && stat.st_size == 0 => {
                    Ok(Mode::from_bits_truncate(stat.st_mode))
                }
                Ok(_) | Err(Errno::ENOENT) => {
                    Err(LockError::Busy("another process keeps replacing it"))
                }
                Err(errno) => Err(self.fail(errno)),
            }
        };
        if !has_writer_lock {
            let marked = mode | Mode::S_ISVTX;
            if set(marked)? != marked || set(mode)? != mode {
                return Err(self.refused(
                    "its file system keeps neither fcntl(2) locks nor permissions, and health checks \
                     need one of them",
                ));
            }
            return Ok(mode);
        }
        let mode = set(mode)?;
        if mode.intersects(Mode::S_IWGRP | Mode::S_IWOTH) {
            return Err(self.refused(
                "its file system makes it writable by others, so no health check would \
                 trust it",
            ));
        }
        Ok(mode)
    }

    /// Removes a file that hinit has just created and cannot use.
    fn remove_new(&self, file: &File, identity: FileId) {
        // Not if another hinit has locked it meanwhile.
        let is_free = !matches!(try_lock(fs2::FileExt::try_lock_exclusive(file)), Ok(false));
        if is_free && self.entry.is(identity) {
            // The error that follows says why hinit cannot use it.
            let _left_behind = self.entry.unlink();
        }
    }

    /// Creates the file, or opens it if it exists. In two steps, because `fs.protected_regular` refuses `O_CREAT` on an
    /// existing file in a directory that all may write; and only after a check of its type, because opening a device
    /// can have effects.
    ///
    /// True, if it was created.
    fn open_or_create(&self) -> Result<(File, bool), LockError> {
        let create = OFlag::O_CREAT | OFlag::O_EXCL;
        match self.entry.open(OFlag::O_RDWR | create) {
            Err(Errno::EEXIST) => {}
            Ok(file) => return Ok((file, true)),
            Err(errno) => return Err(self.fail(errno)),
        }
        let opened = match self.entry.stat().map(|stat| kind(&stat)) {
            Ok(Some(kind)) => return Err(self.refused(&format!("it is a {kind}"))),
            Ok(None) => self.entry.open(OFlag::O_RDWR),
            Err(errno) => Err(errno),
        };
        opened
            .map(|file| (file, false))
            .map_err(|errno| match errno {
                // Meanwhile it was removed, or replaced.
                Errno::ENOENT | Errno::ELOOP | Errno::ENXIO => {
                    LockError::Busy("another process keeps replacing it")
                }
                errno => self.fail(errno),
            })
    }

    fn check_ownership(&self, stat: &FileStat) -> Result<(), LockError> {
        if let Some(kind) = kind(stat) {
            return Err(self.refused(&format!("it is a {kind}")));
        }
        if stat.st_uid != effective_user() {
            return Err(self.refused(&format!("it belongs to UID {}", stat.st_uid)));
        }
        match stat.st_nlink {
            0 => Err(LockError::Busy("another process keeps replacing it")),
            1 => Ok(()),
            names => Err(self.refused(&format!("it has {names} hard links, not one"))),
        }
    }

    fn check_contents(&self, file: &File) -> Result<(), LockError> {
        match Contents::read(file).map_err(|errno| self.fail(errno))? {
            (Contents::Empty | Contents::Pid(_), _) => Ok(()),
            // A power failure can leave this of a file that was just written.
            (Contents::NotAPid, bytes) if bytes == [0; MAX_BYTES + 1] => Ok(()),
            _ => Err(self.refused("it contains something other than a PID")),
        }
    }

    fn held_by_another(&self, file: &File) -> LockError {
        match Contents::read(file) {
            Ok((Contents::Pid(pid), _)) => {
                self.refused(&format!("another hinit has locked it, for process {pid}"))
            }
            _ => LockError::Busy("another hinit has locked it, and has no running server"),
        }
    }

    /// Linux does not return EACCES for a lock that another process holds.
    fn cannot_lock(&self, errno: Errno) -> LockError {
        match errno {
            Errno::EACCES => self.refused(
                "its file system refuses locks (CIFS allows them if it is mounted with `nobrl`)",
            ),
            errno => self.fail(errno),
        }
    }

    pub(super) fn refuse(&self, reason: &str) -> Error {
        Error::cannot(CLAIM, &self.path.display(), &reason).remedy(REMEDY)
    }

    fn refused(&self, reason: &str) -> LockError {
        LockError::Refused(self.refuse(reason))
    }

    fn fail(&self, errno: Errno) -> LockError {
        self.refused(describe(errno))
    }
}

/// Whether the lock was taken. `flock(2)` returns EWOULDBLOCK if another process holds it.
fn try_lock(result: std::io::Result<()>) -> nix::Result<bool> {
    match result.map_err(errno) {
        Ok(()) => Ok(true),
        Err(Errno::EWOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno),
    }
}
