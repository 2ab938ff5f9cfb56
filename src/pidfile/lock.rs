//! How hinit locks a PID file: it opens or creates the file, checks that it is a PID file, locks it, and empties it.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::ftruncate;

use super::writer_lock::{self, LockOutcome};
use super::{Contents, MAX_BYTES, Marks};
use crate::error::{self, Error, Reason, Verb};
use crate::file::{self, Entry, FileId, Kind, errno};
use crate::sys::{FileStat, effective_user, fstat};

/// The file's path, and its name in its directory.
pub(super) struct Location {
    pub(super) path: PathBuf,
    /// For messages.
    pub(super) shown: PathBuf,
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
    Busy(Reason),
    Refused(Reason),
}

impl From<Errno> for LockError {
    fn from(errno: Errno) -> Self {
        Self::Refused(errno.into())
    }
}

impl Location {
    /// Creates the directory if it is missing, and those above it.
    pub(super) fn open(path: &Path, shown: &Path) -> error::Result<Self> {
        let is_written_out = path.as_os_str() == shown.as_os_str();
        let fail = |errno: Errno| {
            // The link's path would show what the path contains.
            let is_refused = is_written_out && errno == Errno::EACCES;
            let link = file::refused_link(path).filter(|_| is_refused);
            let link = link.map(|link| Reason::RefusedLink(Box::new(link)));
            Error::failed(Verb::ClaimPidFile, shown, link.unwrap_or(errno.into()))
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
        let shown = if is_written_out { &path } else { shown }.to_owned();
        Ok(Self { path, shown, entry })
    }

    /// Tries once to lock the file exclusively, empty and under its name.
    pub(super) fn lock(&self, mode: Mode, marks: Marks) -> Result<Locked, LockError> {
        let (file, is_new) = self.open_or_create()?;
        let is_shared = lock_shared(&file);
        // After the lock: before it, another hinit can write its server's PID and be killed.
        let stat = fstat(file.as_fd())?;
        let identity = FileId::of(&stat);
        let locked = self.lock_exclusively(&file, is_shared, &stat);
        let locked = locked
            .and_then(|()| self.set_mode(&file, identity, mode | marks.mode()))
            .and_then(|actual| {
                self.take_writer_lock(&file, identity, actual, mode | marks.mode(), marks)
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

    /// Converts the shared lock to the exclusive one once the file is empty: so no reader ever sees an old PID under a
    /// held lock. The conversion is not atomic, so `set_mode` checks the file again.
    fn lock_exclusively(
        &self,
        file: &File,
        is_shared: nix::Result<bool>,
        stat: &FileStat,
    ) -> Result<(), LockError> {
        check_ownership(stat)?;
        if !is_shared.map_err(cannot_lock)? {
            return Err(held_by_another(file));
        }
        if stat.st_size > 0 {
            check_contents(file)?;
            if !self.entry.is(FileId::of(stat)) {
                return Err(LockError::Busy(Reason::KeepsBeingReplaced));
            }
            ftruncate(file, 0)?;
        }
        let is_exclusive = try_lock(fs2::FileExt::try_lock_exclusive(file)).map_err(cannot_lock)?;
        if is_exclusive {
            Ok(())
        } else {
            Err(LockError::Busy(Reason::StaysLocked))
        }
    }

    /// Takes the lock that proves the file's PID to readers: the last step, because only now hinit knows that the file is
    /// empty, and no other hinit can write to it. Returns whether there is such a lock, and the file's mode.
    fn take_writer_lock(
        &self,
        file: &File,
        identity: FileId,
        actual: Mode,
        wanted: Mode,
        marks: Marks,
    ) -> Result<(bool, Mode), LockError> {
        match writer_lock::take(file, marks).map_err(cannot_lock)? {
            LockOutcome::Locked if actual.intersects(Mode::S_IWGRP | Mode::S_IWOTH) => {
                Err(LockError::Refused(Reason::MadeWritableByOthers))
            }
            LockOutcome::Locked => Ok((true, actual)),
            LockOutcome::Unsupported => {
                let marked = wanted | Mode::S_ISVTX;
                if self.set_mode(file, identity, marked)? != marked
                    || self.set_mode(file, identity, wanted)? != wanted
                {
                    return Err(LockError::Refused(Reason::NoLocksNorModes));
                }
                Ok((false, wanted))
            }
            LockOutcome::HeldByAnother => Err(LockError::Busy(Reason::StaysLocked)),
        }
    }

    /// Sets the file's mode, and reads it back: some file systems keep none (CIFS, 9p, FUSE), and report no error. Also
    /// checks that the file is still empty, and under its name.
    fn set_mode(&self, file: &File, identity: FileId, mode: Mode) -> Result<Mode, LockError> {
        // The mode that is read back decides.
        let _ignored = fchmod(file, mode);
        match self.entry.stat() {
            Ok(stat) if FileId::of(&stat) == identity && stat.st_size == 0 => {
                Ok(Mode::from_bits_truncate(stat.st_mode))
            }
            Ok(_) | Err(Errno::ENOENT) => Err(LockError::Busy(Reason::KeepsBeingReplaced)),
            Err(errno) => Err(errno.into()),
        }
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
            Err(errno) => return Err(errno.into()),
        }
        let opened = match self.entry.stat().map(|stat| Kind::of(&stat)) {
            Ok(Kind::Regular) => self.entry.open(OFlag::O_RDWR),
            Ok(kind) => return Err(LockError::Refused(Reason::IsA(kind))),
            Err(errno) => Err(errno),
        };
        opened
            .map(|file| (file, false))
            .map_err(|errno| match errno {
                // Meanwhile it was removed, or replaced.
                Errno::ENOENT | Errno::ELOOP | Errno::ENXIO => {
                    LockError::Busy(Reason::KeepsBeingReplaced)
                }
                errno => errno.into(),
            })
    }
}

/// Tries to take a shared lock: before the file is empty, an exclusive one would make readers believe an old PID.
fn lock_shared(file: &File) -> nix::Result<bool> {
    try_lock(fs2::FileExt::try_lock_shared(file))
}

fn check_ownership(stat: &FileStat) -> Result<(), LockError> {
    let kind = Kind::of(stat);
    let reason = if kind != Kind::Regular {
        Reason::IsA(kind)
    } else if stat.st_uid != effective_user() {
        Reason::BelongsTo(stat.st_uid)
    } else {
        #[allow(clippy::useless_conversion, reason = "it has 32 bits on some machines")]
        match u64::from(stat.st_nlink) {
            0 => return Err(LockError::Busy(Reason::KeepsBeingReplaced)),
            1 => return Ok(()),
            names => Reason::HardLinks(names),
        }
    };
    Err(LockError::Refused(reason))
}

fn check_contents(file: &File) -> Result<(), LockError> {
    match Contents::read(file)? {
        (Contents::Empty | Contents::Pid(_), _) => Ok(()),
        // A power failure can leave this of a file that was just written.
        (Contents::NotAPid, bytes) if bytes == [0; MAX_BYTES + 1] => Ok(()),
        _ => Err(LockError::Refused(Reason::OtherContents)),
    }
}

fn held_by_another(file: &File) -> LockError {
    match Contents::read(file) {
        Ok((Contents::Pid(pid), _)) => LockError::Refused(Reason::LockedFor(pid)),
        _ => LockError::Busy(Reason::LockedWithoutServer),
    }
}

/// Linux does not return EACCES for a lock that another process holds.
fn cannot_lock(errno: Errno) -> LockError {
    LockError::Refused(match errno {
        Errno::EACCES => Reason::LocksRefused,
        errno => errno.into(),
    })
}

/// Whether the lock was taken. `flock(2)` returns EWOULDBLOCK if another process holds it.
fn try_lock(result: std::io::Result<()>) -> nix::Result<bool> {
    match result.map_err(errno) {
        Ok(()) => Ok(true),
        Err(Errno::EWOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno),
    }
}
