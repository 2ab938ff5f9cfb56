//! A hinit's word for its PID file: a lock that only those can have who may write the file.
//!
//! An exclusive `flock(2)` can be had by whoever may read it. So that keeps two hinits apart, and would
//! prove nothing to a reader: a stranger could lock the file that a killed hinit has left, or any other
//! of root's with a number in it, and so have the process of that number taken for the server. The write
//! lock of fcntl(2) takes a descriptor for writing. It belongs to that descriptor, and not to the process,
//! which would lose it with any descriptor of the file that it closes.
//!
//! The length of the lock tells readers more about the server, also on file systems that keep no modes.
//! It only shrinks: whoever may read the file can hold a read lock behind it, and so keep it from growing,
//! but nothing can keep it from shrinking, which the kernel does in one step.

use std::fs::File;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_RDLCK, F_UNLCK, F_WRLCK};

use super::Marks;
use crate::error::errno;
use crate::file::lock_on;

impl Marks {
    /// How many bytes are locked, from the first one on.
    fn length(self) -> i64 {
        let plain = if self.has_socket { 2 } else { 4 };
        plain - i64::from(self.is_stopping)
    }

    fn of_length(length: i64) -> Option<Self> {
        (1..=4).contains(&length).then_some(Self {
            is_stopping: length % 2 == 1,
            has_socket: length <= 2,
        })
    }
}

/// What came of the attempt to vouch for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockOutcome {
    Yes,
    /// Somebody else has a lock of that kind on it.
    Taken,
    /// There are no such locks here (gVisor). The flock and the mode have to do.
    NoSuchLock,
}

/// Vouches for the file as long as it stays open.
pub(super) fn vouch(file: &File, marks: Marks) -> nix::Result<LockOutcome> {
    let lock = lock_on(F_WRLCK, 0, marks.length());
    match fcntl(file, FcntlArg::F_OFD_SETLK(&lock)) {
        Ok(_) => Ok(LockOutcome::Yes),
        Err(Errno::EAGAIN) => Ok(LockOutcome::Taken),
        Err(errno) if is_unknown(errno) => Ok(LockOutcome::NoSuchLock),
        Err(errno) => Err(errno),
    }
}

/// Shortens the lock, so that it tells this.
pub(super) fn shrink(file: &File, marks: Marks) -> nix::Result<()> {
    // To the end of the file: so the kernel has no lock to split in two, for which it needs memory.
    let rest = lock_on(F_UNLCK, marks.length(), 0);
    fcntl(file, FcntlArg::F_OFD_SETLK(&rest)).map(drop)
}

/// Takes that word back.
pub(super) fn retract(file: &File) -> nix::Result<()> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&lock_on(F_UNLCK, 0, 0))) {
        Err(errno) if !is_unknown(errno) => Err(errno),
        _ => Ok(()),
    }
}

/// What a lock tells a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriterLock {
    No,
    /// Somebody vouches for the file, and tells this by the lock's length.
    With(Marks),
    /// Somebody vouches for the file. Only its mode can tell more: this is hinit 0.1.0, or there are no
    /// such locks here.
    ByMode,
}

/// Whether somebody vouches for the file. It takes no lock to find out.
pub(super) fn held(file: &File) -> nix::Result<WriterLock> {
    // Every hinit's lock has the first byte; what others lock behind it is of no concern.
    let mut lock = lock_on(F_RDLCK, 0, 1);
    match fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock)) {
        Ok(_) if i32::from(lock.l_type) == F_UNLCK => Ok(WriterLock::No),
        // A lock that belongs to a process is another program's, whose lengths have other meanings.
        Ok(_) if lock.l_pid != -1 => Ok(WriterLock::With(Marks::NONE)),
        Ok(_) => Ok(Marks::of_length(lock.l_len).map_or(WriterLock::ByMode, WriterLock::With)),
        Err(errno) if is_unknown(errno) => has_flock(file),
        Err(errno) => Err(errno),
    }
}

/// Where there are no such locks (gVisor), the other has to do.
fn is_unknown(errno: Errno) -> bool {
    matches!(errno, Errno::EINVAL | Errno::ENOSYS)
}

/// Tried with a shared lock that is given back at once: so readers do not get into each other's way, and
/// hardly into that of a hinit that starts.
fn has_flock(file: &File) -> nix::Result<WriterLock> {
    // By its full name, for std's File has a method of the same name by now.
    match fs2::FileExt::try_lock_shared(file).map_err(errno) {
        Ok(()) => fs2::FileExt::unlock(file)
            .map(|()| WriterLock::No)
            .map_err(errno),
        Err(Errno::EWOULDBLOCK) => Ok(WriterLock::ByMode),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::PathBuf;

    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let name = format!("hinit-writer_lock-{name}-{}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn open(&self) -> File {
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false);
            options.mode(0o600).open(&self.0).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).unwrap();
        }
    }

    fn marks(has_socket: bool, is_stopping: bool) -> Marks {
        Marks {
            is_stopping,
            has_socket,
        }
    }

    #[test]
    fn the_length_of_the_lock_tells_the_state() {
        let scratch = Scratch::new("lengths");
        let reader = scratch.open();
        assert_eq!(held(&reader), Ok(WriterLock::No));
        for (has_socket, plain, stopping) in [(false, 4, 3), (true, 2, 1)] {
            let (plain_marks, stopping_marks) = (marks(has_socket, false), marks(has_socket, true));
            assert_eq!(plain_marks.length(), plain);
            assert_eq!(stopping_marks.length(), stopping);
            let (writer, other) = (scratch.open(), scratch.open());
            assert_eq!(vouch(&writer, plain_marks), Ok(LockOutcome::Yes));
            assert_eq!(held(&reader), Ok(WriterLock::With(plain_marks)));
            assert_eq!(vouch(&other, plain_marks), Ok(LockOutcome::Taken));
            // A lock of a reader behind it keeps it from growing, and not from shrinking.
            let behind = lock_on(F_RDLCK, plain, 0);
            fcntl(&other, FcntlArg::F_OFD_SETLK(&behind)).unwrap();
            let grown = if has_socket {
                LockOutcome::Taken
            } else {
                LockOutcome::Yes
            };
            assert_eq!(vouch(&writer, Marks::NONE), Ok(grown));
            assert_eq!(shrink(&writer, stopping_marks), Ok(()));
            assert_eq!(held(&reader), Ok(WriterLock::With(stopping_marks)));
            assert_eq!(retract(&writer), Ok(()));
            assert_eq!(held(&reader), Ok(WriterLock::No));
        }
    }

    #[test]
    fn other_locks_say_that_it_is_held_and_no_more() {
        let scratch = Scratch::new("others");
        let (reader, writer) = (scratch.open(), scratch.open());
        for (length, expected) in [
            (0, WriterLock::ByMode),
            (5, WriterLock::ByMode),
            (100, WriterLock::ByMode),
        ] {
            let lock = lock_on(F_WRLCK, 0, length);
            fcntl(&writer, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
            assert_eq!(held(&reader), Ok(expected), "{length}");
            retract(&writer).unwrap();
        }
        // Not from the first byte on: nobody who vouches.
        let lock = lock_on(F_WRLCK, 1, 3);
        fcntl(&writer, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
        assert_eq!(held(&reader), Ok(WriterLock::No));
        retract(&writer).unwrap();
        // A process's, as Samba and PostgreSQL lock their PID files.
        fcntl(&writer, FcntlArg::F_SETLK(&lock_on(F_WRLCK, 0, 1))).unwrap();
        assert_eq!(held(&reader), Ok(WriterLock::With(Marks::NONE)));
    }
}
