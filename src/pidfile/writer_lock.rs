//! The writer lock of a PID file: it proves to readers that the process which wrote the PID may write the file.
//!
//! Any process that may read the file can take an exclusive `flock(2)` on it. So that lock keeps two hinits apart, but
//! proves nothing to a reader: another user could lock the file that a killed hinit has left, or any file of root's that
//! contains a number, and so pass off the process of that number as the server. The write lock of fcntl(2) needs a
//! descriptor for writing. It belongs to that descriptor, and not to the process, which would lose it when it closes
//! any descriptor of the file.
//!
//! The length of the lock is the server's state for readers, also on file systems that keep no modes. It only shrinks:
//! a process that may read the file can hold a read lock behind it, and so keep it from growing, but nothing can keep
//! it from shrinking, which the kernel does in one step.

use std::fs::File;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_RDLCK, F_UNLCK, F_WRLCK};

use super::Marks;
use crate::file::{errno, lock_on};

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

/// The result of an attempt to take the writer lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockOutcome {
    Locked,
    /// Another process has such a lock.
    HeldByAnother,
    /// The kernel has no such locks (gVisor). The flock and the mode replace it.
    Unsupported,
}

/// Takes the writer lock, for as long as the file stays open.
pub(super) fn take(file: &File, marks: Marks) -> nix::Result<LockOutcome> {
    let lock = lock_on(F_WRLCK, 0, marks.length());
    match fcntl(file, FcntlArg::F_OFD_SETLK(&lock)) {
        Ok(_) => Ok(LockOutcome::Locked),
        Err(Errno::EAGAIN) => Ok(LockOutcome::HeldByAnother),
        Err(errno) if is_unsupported(errno) => Ok(LockOutcome::Unsupported),
        Err(errno) => Err(errno),
    }
}

/// Shortens the lock to the length of these marks.
pub(super) fn shrink(file: &File, marks: Marks) -> nix::Result<()> {
    // To the end of the file: so the kernel has no lock to split in two, for which it needs memory.
    let rest = lock_on(F_UNLCK, marks.length(), 0);
    fcntl(file, FcntlArg::F_OFD_SETLK(&rest)).map(drop)
}

/// Releases the writer lock.
pub(super) fn release(file: &File) -> nix::Result<()> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&lock_on(F_UNLCK, 0, 0))) {
        Err(errno) if !is_unsupported(errno) => Err(errno),
        _ => Ok(()),
    }
}

/// The writer lock, as a reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriterLock {
    Free,
    /// A process holds it, and its length is these marks.
    Held(Marks),
    /// A process holds it, and the marks are in the file's mode: it is hinit 0.1.0, or the kernel has no such locks.
    HeldMarksInMode,
}

/// Reads the state of the writer lock. This takes no lock itself.
pub(super) fn query(file: &File) -> nix::Result<WriterLock> {
    // Every hinit's lock includes the first byte; locks behind that do not matter.
    let mut lock = lock_on(F_RDLCK, 0, 1);
    match fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock)) {
        Ok(_) if i32::from(lock.l_type) == F_UNLCK => Ok(WriterLock::Free),
        // A lock that belongs to a process is another program's, and its length means something else.
        Ok(_) if lock.l_pid != -1 => Ok(WriterLock::Held(Marks::NONE)),
        Ok(_) => {
            Ok(Marks::of_length(lock.l_len).map_or(WriterLock::HeldMarksInMode, WriterLock::Held))
        }
        Err(errno) if is_unsupported(errno) => has_flock(file),
        Err(errno) => Err(errno),
    }
}

/// Whether the kernel has no such locks (gVisor).
fn is_unsupported(errno: Errno) -> bool {
    matches!(errno, Errno::EINVAL | Errno::ENOSYS)
}

/// Tries a shared lock and releases it at once: so readers do not disturb each other, and hardly disturb a hinit that
/// starts.
fn has_flock(file: &File) -> nix::Result<WriterLock> {
    // By its full name, because std's File has a method of the same name.
    match fs2::FileExt::try_lock_shared(file).map_err(errno) {
        Ok(()) => fs2::FileExt::unlock(file)
            .map(|()| WriterLock::Free)
            .map_err(errno),
        Err(Errno::EWOULDBLOCK) => Ok(WriterLock::HeldMarksInMode),
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
    fn the_length_of_the_lock_is_the_servers_state() {
        let scratch = Scratch::new("lengths");
        let reader = scratch.open();
        assert_eq!(query(&reader), Ok(WriterLock::Free));
        for (has_socket, plain, stopping) in [(false, 4, 3), (true, 2, 1)] {
            let (plain_marks, stopping_marks) = (marks(has_socket, false), marks(has_socket, true));
            assert_eq!(plain_marks.length(), plain);
            assert_eq!(stopping_marks.length(), stopping);
            let (writer, other) = (scratch.open(), scratch.open());
            assert_eq!(take(&writer, plain_marks), Ok(LockOutcome::Locked));
            assert_eq!(query(&reader), Ok(WriterLock::Held(plain_marks)));
            assert_eq!(take(&other, plain_marks), Ok(LockOutcome::HeldByAnother));
            // A reader's lock behind it keeps it from growing, but not from shrinking.
            let behind = lock_on(F_RDLCK, plain, 0);
            fcntl(&other, FcntlArg::F_OFD_SETLK(&behind)).unwrap();
            let grown = if has_socket {
                LockOutcome::HeldByAnother
            } else {
                LockOutcome::Locked
            };
            assert_eq!(take(&writer, Marks::NONE), Ok(grown));
            assert_eq!(shrink(&writer, stopping_marks), Ok(()));
            assert_eq!(query(&reader), Ok(WriterLock::Held(stopping_marks)));
            assert_eq!(release(&writer), Ok(()));
            assert_eq!(query(&reader), Ok(WriterLock::Free));
        }
    }

    #[test]
    fn a_lock_of_another_length_is_held_without_marks() {
        let scratch = Scratch::new("others");
        let (reader, writer) = (scratch.open(), scratch.open());
        for (length, expected) in [
            (0, WriterLock::HeldMarksInMode),
            (5, WriterLock::HeldMarksInMode),
            (100, WriterLock::HeldMarksInMode),
        ] {
            let lock = lock_on(F_WRLCK, 0, length);
            fcntl(&writer, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
            assert_eq!(query(&reader), Ok(expected), "{length}");
            release(&writer).unwrap();
        }
        // Without the first byte it is not the writer lock.
        let lock = lock_on(F_WRLCK, 1, 3);
        fcntl(&writer, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
        assert_eq!(query(&reader), Ok(WriterLock::Free));
        release(&writer).unwrap();
        // A process's, as Samba and PostgreSQL lock their PID files.
        fcntl(&writer, FcntlArg::F_SETLK(&lock_on(F_WRLCK, 0, 1))).unwrap();
        assert_eq!(query(&reader), Ok(WriterLock::Held(Marks::NONE)));
    }
}
