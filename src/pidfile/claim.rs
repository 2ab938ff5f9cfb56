//! The writer's side: claim, record, clear, remove.

use std::cell::Cell;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, OFlag, fallocate};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat};
use nix::unistd::Pid;

use super::voucher::{retract, vouch};
use super::{Contents, HAS_SOCKET, MOST_BYTES, STOPPING};
use crate::error::{Error, errno};
use crate::file::{self, Entry, Identity, kind};
use crate::sys::{describe, effective_user};
use crate::text::Line;

/// How long a claim tries again while others are busy with the file: health checks for
/// microseconds, another hinit that starts or ends for little more.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);

const CLAIM: &str = "claim the PID file";
const REMEDY: &str =
    "name another with --pid-file or HINIT_PID_FILE, or keep none with --no-pid-file";

/// A PID file that is this hinit's own as long as this value lives.
pub(crate) struct Claim {
    place: Place,
    file: File,
    identity: Identity,
    mode: Mode,
    /// Whether it was said that the file is not, or no longer to be believed.
    is_given_up: Cell<bool>,
}

/// Why an attempt to claim did not succeed.
enum Obstacle {
    /// Somebody is busy with the file; if for too long, this is why.
    Busy(&'static str),
    Refused(Error),
}

impl Claim {
    /// Locks an empty PID file at `path`, which it makes where there is none.
    ///
    /// Touches nothing that is not an own PID file: regular, of one name, this user's, and empty
    /// or with a PID in it.
    pub(crate) fn new(path: &Path, mode: u32, has_socket: bool) -> Result<Self, Error> {
        let place = Place::open(path)?;
        let deadline = Instant::now() + PATIENCE;
        let (file, identity) = loop {
            match place.lock() {
                Ok(locked) => break locked,
                Err(Obstacle::Busy(_)) if Instant::now() < deadline => std::thread::sleep(PAUSE),
                Err(Obstacle::Busy(reason)) => return Err(place.refuse(reason)),
                Err(Obstacle::Refused(error)) => return Err(error),
            }
        };
        let mark = if has_socket {
            HAS_SOCKET
        } else {
            Mode::empty()
        };
        let claim = Self {
            place,
            file,
            identity,
            mode: Mode::from_bits_truncate(mode) | mark,
            is_given_up: Cell::new(false),
        };
        if let Err(errno) = claim.prepare() {
            let error = claim.place.refuse(describe(errno));
            let _left_behind = claim.remove();
            return Err(error);
        }
        Ok(claim)
    }

    /// Sets the permissions and reserves a block, so that a full disk shows before the launch.
    fn prepare(&self) -> nix::Result<()> {
        fchmod(&self.file, self.mode)?;
        // Without the flag, and by fs2's `allocate`, the file would be NULs and not empty.
        match fallocate(&self.file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, 1) {
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
            result => result,
        }
    }

    /// Names its descriptors.
    pub(crate) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        keep(self.place.entry.as_fd());
        keep(self.file.as_fd());
    }

    /// Writes the server's PID, whole or not at all.
    pub(crate) fn record(&self, pid: Pid) -> Result<(), Error> {
        let line = Line::new(format_args!("{pid}"));
        let result = self.file.write_all_at(line.bytes(), 0);
        result.map_err(|e| Error::on_path("write the PID file", &self.place.path, errno(&e)))
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
        fchmod(&self.file, self.mode | STOPPING)
            .map_err(|errno| Error::on_path(MARK, &self.place.path, errno))?;
        self.still_named(MARK)
    }

    /// An error, if the name leads to another file or to none; but not a second time.
    fn still_named(&self, verb: &str) -> Result<(), Error> {
        if self.is_given_up.get() || self.place.entry.is(self.identity) {
            return Ok(());
        }
        self.is_given_up.set(true);
        let reason = "it was removed or replaced meanwhile";
        Err(Error::cannot(verb, &self.place.path.display(), &reason))
    }

    /// Empties the file. The server's PID may be reused from here on, and not before.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        self.file.set_len(0).map_err(|e| {
            // Nobody may believe it any more, and then it is whoever's who locks it next.
            retract(&self.file);
            let _as_good_as_can_be = fs2::FileExt::unlock(&self.file);
            self.is_given_up.set(true);
            Error::on_path("empty the PID file", &self.place.path, errno(&e))
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

/// Where the file is.
struct Place {
    path: PathBuf,
    entry: Entry,
}

impl Place {
    /// Makes the directory if it is missing, with those above it.
    fn open(path: &Path) -> Result<Self, Error> {
        let fail = |errno| Error::on_path(CLAIM, path, errno).remedy(REMEDY);
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
    ///
    /// The lock is shared first, and exclusive only once the file is empty: so no reader ever
    /// sees an old PID under a held lock. The conversion is not atomic, so look again after it.
    fn lock(&self) -> Result<(File, Identity), Obstacle> {
        let file = self.open_or_create()?;
        let stat = fstat(&file).map_err(|errno| self.fail(errno))?;
        let identity = Identity::of(&stat);
        self.check_ownership(&stat)?;
        if !try_lock(fs2::FileExt::try_lock_shared(&file)).map_err(|errno| self.fail(errno))? {
            return Err(self.held_by_another(&file));
        }
        if stat.st_size > 0 {
            self.check_contents(&file)?;
            if !self.entry.is(identity) {
                return Err(Obstacle::Busy("it keeps being replaced"));
            }
            file.set_len(0).map_err(|e| self.fail(errno(&e)))?;
        }
        let lock_alone = || Ok(try_lock(fs2::FileExt::try_lock_exclusive(&file))? && vouch(&file)?);
        if !lock_alone().map_err(|errno| self.fail(errno))? {
            return Err(Obstacle::Busy("another process keeps it locked"));
        }
        let is_empty = fstat(&file).is_ok_and(|stat| stat.st_size == 0);
        if !is_empty || !self.entry.is(identity) {
            return Err(Obstacle::Busy("it keeps being replaced"));
        }
        Ok((file, identity))
    }

    /// Makes the file, or opens it if it is there. In two steps, since `fs.protected_regular` refuses
    /// `O_CREAT` on a file that exists in a directory for all; and it is looked at before it is opened,
    /// for to open a device can have effects.
    fn open_or_create(&self) -> Result<File, Obstacle> {
        let create = OFlag::O_CREAT | OFlag::O_EXCL;
        match self.entry.open(OFlag::O_RDWR | create) {
            Err(Errno::EEXIST) => {}
            result => return result.map_err(|errno| self.fail(errno)),
        }
        let opened = match self.entry.stat().map(|stat| kind(&stat)) {
            Ok(Some(kind)) => return Err(self.obstacle(&format!("it is a {kind}"))),
            Ok(None) => self.entry.open(OFlag::O_RDWR),
            Err(errno) => Err(errno),
        };
        opened.map_err(|errno| match errno {
            // Meanwhile it was taken away, or replaced.
            Errno::ENOENT | Errno::ELOOP | Errno::ENXIO => {
                Obstacle::Busy("it keeps being replaced")
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
            0 => Err(Obstacle::Busy("it keeps being replaced")),
            1 => Ok(()),
            names => Err(self.obstacle(&format!("it is a hard link, one of {names}"))),
        }
    }

    fn check_contents(&self, file: &File) -> Result<(), Obstacle> {
        match Contents::read(file).map_err(|errno| self.fail(errno))? {
            (Contents::Empty | Contents::Pid(_), _) => Ok(()),
            // What a power failure can leave of a file that was just written.
            (Contents::NotAPid, bytes) if bytes == [0; MOST_BYTES + 1] => Ok(()),
            _ => Err(self.obstacle("it is not a PID file: something else stands in it")),
        }
    }

    fn held_by_another(&self, file: &File) -> Obstacle {
        match Contents::read(file) {
            Ok((Contents::Pid(pid), _)) => {
                self.obstacle(&format!("another hinit holds it, for process {pid}"))
            }
            _ => Obstacle::Busy("another hinit holds it, and has no server yet or no longer"),
        }
    }

    fn refuse(&self, reason: &str) -> Error {
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
    match result.map_err(|e| errno(&e)) {
        Ok(()) => Ok(true),
        Err(Errno::EWOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno),
    }
}
