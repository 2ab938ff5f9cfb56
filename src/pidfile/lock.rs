//! How a PID file is locked: opened or made, seen to be one, locked, and emptied.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, fchmod, fstat};

use super::writer_lock::{LockOutcome, vouch};
use super::{Contents, MAX_BYTES, Marks};
use crate::error::{Error, errno};
use crate::file::{self, Entry, Identity, kind};
use crate::sys::{describe, effective_user};

const CLAIM: &str = "claim the PID file";
const REMEDY: &str =
    "name another with --pid-file or HINIT_PID_FILE, or keep none with --no-pid-file";

/// Where the file is.
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) entry: Entry,
}

/// The file, locked and empty.
pub(super) struct Locked {
    pub(super) file: File,
    pub(super) identity: Identity,
    /// What its file system has made of the mode that it was to have.
    pub(super) shown: Mode,
    /// There is a lock whose length tells readers how the server is.
    pub(super) tells_by_length: bool,
}

/// Why an attempt to lock it did not succeed.
pub(super) enum Obstacle {
    /// Somebody is busy with the file; if for too long, this is why.
    Busy(&'static str),
    Refused(Error),
}

impl Place {
    /// Makes the directory if it is missing, with those above it.
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

    /// One attempt to have the file locked exclusively, empty and under its name.
    pub(super) fn lock(&self, mode: Mode, marks: Marks) -> Result<Locked, Obstacle> {
        let (file, is_new) = self.open_or_create()?;
        let stat = fstat(&file).map_err(|errno| self.fail(errno))?;
        let identity = Identity::of(&stat);
        let locked = self.lock_alone(&file, &stat, marks);
        let locked = locked.and_then(|tells_by_length| {
            let shown = self.permit(&file, identity, mode | marks.mode(), tells_by_length)?;
            Ok((tells_by_length, shown))
        });
        match locked {
            Ok((tells_by_length, shown)) => Ok(Locked {
                file,
                identity,
                shown,
                tells_by_length,
            }),
            Err(obstacle) => {
                if is_new && matches!(obstacle, Obstacle::Refused(_)) {
                    self.unmake(&file, identity);
                }
                Err(obstacle)
            }
        }
    }

    /// The lock is shared first, and exclusive only once the file is empty: so no reader ever
    /// sees an old PID under a held lock. The conversion is not atomic, so look again after it.
    fn lock_alone(&self, file: &File, stat: &FileStat, marks: Marks) -> Result<bool, Obstacle> {
        self.check_ownership(stat)?;
        let fail = |errno| self.cannot_lock(errno);
        if !try_lock(fs2::FileExt::try_lock_shared(file)).map_err(fail)? {
            return Err(self.held_by_another(file));
        }
        if stat.st_size > 0 {
            self.check_contents(file)?;
            if !self.entry.is(Identity::of(stat)) {
                return Err(Obstacle::Busy("another process keeps replacing it"));
            }
            file.set_len(0).map_err(|e| self.fail(errno(e)))?;
        }
        let is_alone = try_lock(fs2::FileExt::try_lock_exclusive(file)).map_err(fail)?;
        let vouched = if is_alone {
            vouch(file, marks).map_err(fail)?
        } else {
            LockOutcome::Taken
        };
        match vouched {
            LockOutcome::Yes => Ok(true),
            LockOutcome::NoSuchLock => Ok(false),
            LockOutcome::Taken => Err(Obstacle::Busy("another process keeps it locked")),
        }
    }

    /// Gives the file its mode, and sees what has become of it: some file systems keep none (CIFS, 9p, FUSE),
    /// and say nothing. Also that the file still is empty, and under its name.
    fn permit(
        &self,
        file: &File,
        identity: Identity,
        mode: Mode,
        tells_by_length: bool,
    ) -> Result<Mode, Obstacle> {
        let look = |mode| {
            // What is seen then decides, whatever this says.
            let _seen_below = fchmod(file, mode);
            match self.entry.stat() {
                Ok(seen) if Identity::of(&seen) == identity && seen.st_size == 0 => {
                    Ok(Mode::from_bits_truncate(seen.st_mode))
                }
                Ok(_) | Err(Errno::ENOENT) => {
                    Err(Obstacle::Busy("another process keeps replacing it"))
                }
                Err(errno) => Err(self.fail(errno)),
            }
        };
        if !tells_by_length {
            let marked = mode | Mode::S_ISVTX;
            if look(marked)? != marked || look(mode)? != mode {
                return Err(self.obstacle(
                    "its file system keeps neither fcntl(2) locks nor permissions, and health checks \
                     need one of them",
                ));
            }
            return Ok(mode);
        }
        let shown = look(mode)?;
        if shown.intersects(Mode::S_IWGRP | Mode::S_IWOTH) {
            return Err(self.obstacle(
                "its file system makes it writable by others, so no health check would \
                 trust it",
            ));
        }
        Ok(shown)
    }

    /// Takes a file away that hinit has just made and will not keep.
    fn unmake(&self, file: &File, identity: Identity) {
        // Not if another hinit has locked it meanwhile.
        let is_free = !matches!(try_lock(fs2::FileExt::try_lock_exclusive(file)), Ok(false));
        if is_free && self.entry.is(identity) {
            // The error that follows says why it is not kept.
            let _left_behind = self.entry.unlink();
        }
    }

    /// Makes the file, or opens it if it is there. In two steps, since `fs.protected_regular` refuses
    /// `O_CREAT` on a file that exists in a directory for all; and it is looked at before it is opened,
    /// for to open a device can have effects.
    ///
    /// True, if it was made.
    fn open_or_create(&self) -> Result<(File, bool), Obstacle> {
        let create = OFlag::O_CREAT | OFlag::O_EXCL;
        match self.entry.open(OFlag::O_RDWR | create) {
            Err(Errno::EEXIST) => {}
            Ok(file) => return Ok((file, true)),
            Err(errno) => return Err(self.fail(errno)),
        }
        let opened = match self.entry.stat().map(|stat| kind(&stat)) {
            Ok(Some(kind)) => return Err(self.obstacle(&format!("it is a {kind}"))),
            Ok(None) => self.entry.open(OFlag::O_RDWR),
            Err(errno) => Err(errno),
        };
        opened
            .map(|file| (file, false))
            .map_err(|errno| match errno {
                // Meanwhile it was taken away, or replaced.
                Errno::ENOENT | Errno::ELOOP | Errno::ENXIO => {
                    Obstacle::Busy("another process keeps replacing it")
                }
                errno => self.fail(errno),
            })
    }

    fn check_ownership(&self, stat: &FileStat) -> Result<(), Obstacle> {
        if let Some(kind) = kind(stat) {
            return Err(self.obstacle(&format!("it is a {kind}")));
        }
        if stat.st_uid != effective_user() {
            return Err(self.obstacle(&format!("it belongs to UID {}", stat.st_uid)));
        }
        match stat.st_nlink {
            0 => Err(Obstacle::Busy("another process keeps replacing it")),
            1 => Ok(()),
            names => Err(self.obstacle(&format!("it has {names} hard links, not one"))),
        }
    }

    fn check_contents(&self, file: &File) -> Result<(), Obstacle> {
        match Contents::read(file).map_err(|errno| self.fail(errno))? {
            (Contents::Empty | Contents::Pid(_), _) => Ok(()),
            // What a power failure can leave of a file that was just written.
            (Contents::NotAPid, bytes) if bytes == [0; MAX_BYTES + 1] => Ok(()),
            _ => Err(self.obstacle("it contains something other than a PID")),
        }
    }

    fn held_by_another(&self, file: &File) -> Obstacle {
        match Contents::read(file) {
            Ok((Contents::Pid(pid), _)) => {
                self.obstacle(&format!("another hinit has locked it, for process {pid}"))
            }
            _ => Obstacle::Busy("another hinit has locked it, and has no running server"),
        }
    }

    /// Linux has EACCES for no lock that another holds.
    fn cannot_lock(&self, errno: Errno) -> Obstacle {
        match errno {
            Errno::EACCES => self.obstacle(
                "its file system refuses locks (CIFS allows them if it is mounted with `nobrl`)",
            ),
            errno => self.fail(errno),
        }
    }

    pub(super) fn refuse(&self, reason: &str) -> Error {
        Error::cannot(CLAIM, &self.path.display(), &reason).remedy(REMEDY)
    }

    fn obstacle(&self, reason: &str) -> Obstacle {
        Obstacle::Refused(self.refuse(reason))
    }

    fn fail(&self, errno: Errno) -> Obstacle {
        self.obstacle(describe(errno))
    }
}

/// Whether the lock was had. `flock(2)` says EWOULDBLOCK where another has it.
fn try_lock(result: std::io::Result<()>) -> nix::Result<bool> {
    match result.map_err(errno) {
        Ok(()) => Ok(true),
        Err(Errno::EWOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno),
    }
}
