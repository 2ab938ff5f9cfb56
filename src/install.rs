//! `hinit install`: copies this binary, for images that have no program to copy it with.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{fsync, getpid, read};

use crate::error::{self, Error, Reason, Verb, exit_code};
use crate::file::{self, Entry, Kind, directory_and_name};
use crate::output::{Log, Verbosity, print_line, write_all};

const SELF: &str = "/proc/self/exe";
const MODE: Mode = Mode::from_bits_truncate(0o755);

/// Copies this binary to `path`, and returns the exit code.
// Not inlined, as the other small commands are not: their buffers would make the stack of a launch larger.
#[inline(never)]
pub(crate) fn install(path: &Path) -> u8 {
    match copy_to(path) {
        Ok(()) => {
            print_line(&format_args!("installed {}", path.display()));
            0
        }
        Err(error) => {
            Log(Verbosity::Normal).error(format_args!("{error}"));
            exit_code::HINIT_FAILED
        }
    }
}

/// Writes a temporary file and renames it. So a reader finds the old file or the whole copy, and a hinit that
/// runs from the old file continues.
fn copy_to(path: &Path) -> error::Result<()> {
    let own = file::open(Path::new(SELF), OFlag::O_RDONLY)
        .map_err(|errno| Error::failed(Verb::ReadSelf, SELF, errno))?;
    replace(path, &own).map_err(|reason| Error::failed(Verb::Install, path, reason))
}

fn replace(path: &Path, own: &OwnedFd) -> Result<(), Reason> {
    match file::stat(path) {
        Ok(stat) => match Kind::of(&stat) {
            Kind::Regular => {}
            // It belongs to whatever has put it there, as does the file that a symlink leads to.
            kind => return Err(Reason::IsA(kind)),
        },
        Err(Errno::ENOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let entry = Entry::of(path).map_err(|errno| match directory_and_name(path) {
        Some((directory, _)) if errno == Errno::ENOENT => Reason::NoDirectory(directory.to_owned()),
        _ => errno.into(),
    })?;
    let (copy, temporary) = create_temporary(&entry)?;
    let copied = copy_all(own, &copy);
    // What is open for writing cannot be executed (ETXTBSY, execve(2)).
    drop(copy);
    let done = copied.and_then(|()| temporary.rename(&entry));
    if done.is_err() {
        // The error of the copy is reported. A file that is left behind does not prevent a later copy.
        let _ignored = temporary.unlink();
    }
    Ok(done?)
}

/// Creates a file under an unused name. The PID alone is not enough: an init container has the same PID at each
/// try, and leaves its file behind if it is killed.
fn create_temporary(entry: &Entry) -> nix::Result<(File, Entry)> {
    let mut number = 0_u32;
    loop {
        let temporary = entry.sibling(&format!(".hinit-{}-{number}", getpid()))?;
        match temporary.open(OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL) {
            Err(Errno::EEXIST) => number += 1,
            result => return result.map(|file| (file, temporary)),
        }
    }
}

fn copy_all(own: &OwnedFd, copy: &File) -> nix::Result<()> {
    let mut bytes = [0; 16 * 1024];
    loop {
        match read(own, &mut bytes)? {
            0 => break,
            length => write_all(copy.as_fd(), bytes.get(..length).unwrap_or_default())?,
        }
    }
    fchmod(copy, MODE)?;
    fsync(copy)
}
