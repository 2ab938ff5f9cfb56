//! `hinit install`: a copy of this binary, for images that have nothing to copy with.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat, renameat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{UnlinkatFlags, getpid, unlinkat};

use crate::error::{Error, errno, exit_code};
use crate::file;
use crate::output::{Log, Verbosity, print_line};
use crate::pidfile::{directory_and_name, kind, stat_name};

const SELF: &str = "/proc/self/exe";
const MODE: Mode = Mode::from_bits_truncate(0o755);

/// Copies this binary to `path`; returns the exit code. (Apart from its caller, as are the other small
/// commands: a launch would have all of their stack as well.)
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

/// In one step, by a file of another name that gets this one: who looks finds what was there before, or
/// all of the copy, and a hinit that runs from there goes on.
fn copy_to(path: &Path) -> Result<(), Error> {
    let fail = |reason: &str| Error::cannot("install", &path.display(), &reason);
    let by_errno = |errno: Errno| fail(errno.desc());
    match stat_name(AT_FDCWD, path.as_os_str()) {
        Ok(stat) => match kind(&stat) {
            None => {}
            // Whoever has put it there decides what it leads to.
            Some(kind) => return Err(fail(&format!("it is a {kind}"))),
        },
        Err(Errno::ENOENT) => {}
        Err(errno) => return Err(by_errno(errno)),
    }
    let (directory, name) = directory_and_name(path).ok_or_else(|| by_errno(Errno::EISDIR))?;
    let own = file::open(SELF, OFlag::O_RDONLY)
        .map_err(|errno| Error::on_path("read", Path::new(SELF), errno).remedy("mount /proc"))?;
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
    let directory = file::open(directory, flags).map_err(by_errno)?;
    let (copy, temporary) = create_temporary(&directory).map_err(by_errno)?;
    let temporary = temporary.as_str();
    let done = write_all(own.into(), copy)
        .map_err(|error| by_errno(errno(&error)))
        .and_then(|()| renameat(&directory, temporary, &directory, name).map_err(by_errno));
    if done.is_err() {
        let _left_behind = unlinkat(&directory, temporary, UnlinkatFlags::NoRemoveDir);
    }
    done
}

/// A new file, and its name, which is not the PID's alone: in an init container that is the same at each
/// try, and one that was killed leaves its file behind.
fn create_temporary(directory: &OwnedFd) -> nix::Result<(File, String)> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let mut number = 0_u32;
    loop {
        let name = format!(".hinit-{}-{number}", getpid());
        match openat(directory, name.as_str(), flags, Mode::S_IRWXU) {
            Err(Errno::EEXIST) => number += 1,
            result => return result.map(|file| (file.into(), name)),
        }
    }
}

fn write_all(mut own: File, mut copy: File) -> io::Result<()> {
    let mut bytes = [0; 16 * 1024];
    loop {
        match own.read(&mut bytes)? {
            0 => break,
            length => copy.write_all(bytes.get(..length).unwrap_or_default())?,
        }
    }
    fchmod(&copy, MODE)?;
    copy.sync_all()
}
