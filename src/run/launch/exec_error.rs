//! Why an exec failed. The kernel returns the same errno for several causes; hinit reads the file after the failure
//! to find which one it was.

use std::env::consts::ARCH;
use std::ffi::{CStr, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, readlinkat};
use nix::sys::stat::{SFlag, stat};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::uio::pread;
use nix::unistd::{AccessFlags, access, getuid};

mod format;

use crate::error::Reason;
use crate::file;
use format::{Elf, Format, Range};

/// How many interpreters that are scripts themselves the kernel follows.
const MAX_LEVELS: u8 = 6;

/// Why execve(2) of this file failed with `errno`. None if the file does not exist, or shows no cause.
pub(super) fn explain(path: &CStr, errno: Errno) -> Option<Reason> {
    cause(path, errno, MAX_LEVELS)
}

/// That this symlink has no target, as the end of a sentence. None if the path is no symlink.
pub(super) fn broken_symlink(path: &CStr) -> Option<Reason> {
    let target = readlinkat(AT_FDCWD, path).ok()?;
    let target = shown(target.as_bytes());
    Some(format!("is a symlink to `{target}`, which is not there").into())
}

fn cause(path: &CStr, errno: Errno, levels: u8) -> Option<Reason> {
    match denial(path) {
        Ok(None) => {}
        Ok(denial) => return denial.filter(|_| errno == Errno::EACCES),
        Err(_) => return None,
    }
    let levels = levels.checked_sub(1)?;
    match errno {
        Errno::ETXTBSY => return Some("it is open for writing (text file busy)".into()),
        Errno::ELOOP => {
            return Some("its interpreter leads to another, and so on without end".into());
        }
        _ => {}
    }
    let found = Program::open(path).and_then(|program| {
        let head = program.read(Range {
            start: 0,
            length: MAX_BYTES as u64,
        })?;
        match Format::of(&head) {
            Format::Script(interpreter) => {
                explain_needed_file("interpreter", interpreter, errno, levels, &|| {
                    let has_return = interpreter.ends_with(b"\r");
                    has_return.then(|| "the script has CRLF line ends".into())
                })
            }
            Format::Elf(elf) => binary(elf, &program, errno),
            Format::NotExecutable(why) => (errno == Errno::ENOEXEC).then(|| why.into()),
        }
    });
    // hinit may not be able to read the file, or binfmt_misc runs it by another program.
    found.or_else(|| {
        let lacks_another_file = errno == Errno::ENOENT;
        lacks_another_file.then(|| "its interpreter or loader is not there".into())
    })
}

/// Why this file may not be executed (EACCES). An error, if the file does not exist.
fn denial(path: &CStr) -> Result<Option<Reason>, Errno> {
    let status = match stat(path) {
        Err(Errno::EACCES) => {
            return Ok(Some(
                "no permission to search a directory on the way to it".into(),
            ));
        }
        status => status?,
    };
    let kind = SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits());
    Ok(if kind == SFlag::S_IFDIR {
        Some("it is a directory".into())
    } else if kind != SFlag::S_IFREG {
        Some("it is not a regular file".into())
    } else if status.st_mode & 0o111 == 0 {
        Some("no execute permission".into())
    } else if statvfs(path).is_ok_and(|mount| mount.flags().contains(FsFlags::ST_NOEXEC)) {
        Some("it lies on a file system that is mounted noexec".into())
    } else if access(path, AccessFlags::X_OK) == Err(Errno::EACCES) {
        Some(format!("no execute permission for UID {}", getuid()).into())
    } else {
        None
    })
}

/// Why this binary, which hinit has permission to execute, was not executed.
fn binary(elf: Elf, program: &Program, errno: Errno) -> Option<Reason> {
    let machine = elf.machine();
    let foreign = || {
        let is_foreign = machine != ARCH;
        is_foreign.then(|| format!("it is built for {machine}, this is {ARCH}").into())
    };
    if errno == Errno::ENOEXEC {
        return foreign().or(Some(format::DAMAGED.into()));
    }
    let headers = program.read(elf.program_headers)?;
    let loader = elf.loader(&headers).and_then(|range| program.read(range));
    // The kernel ends the path at the first NUL.
    let loader = loader.and_then(|mut path| {
        path.truncate(path.iter().position(|&byte| byte == 0)?);
        Some(path)
    });
    let explained = loader.and_then(|loader| {
        let exists = |path: &CStr| stat(path).is_ok();
        // The kernel runs the loader without a loader of its own, so there is no further level.
        explain_needed_file("loader", &loader, errno, 0, &|| {
            foreign().or_else(|| other_libc(&loader, exists))
        })
    });
    explained.or_else(foreign)
}

/// Why the kernel could not load what it needs to run a file: a script's interpreter or a binary's loader. If that file
/// does not exist, `hint` may add the reason.
fn explain_needed_file(
    noun: &str,
    path: &[u8],
    errno: Errno,
    levels: u8,
    hint: &dyn Fn() -> Option<Reason>,
) -> Option<Reason> {
    let file = file::c_string(path).ok()?;
    let shown = shown(path);
    if matches!(errno, Errno::ENOENT | Errno::ENOTDIR) && stat(&*file).is_err() {
        let absence = broken_symlink(&file).unwrap_or("is not there".into());
        let mut reason = format!("its {noun} `{shown}` {absence}");
        if let Some(hint) = hint() {
            reason.push_str(": ");
            reason.push_str(&hint);
        }
        return Some(reason.into());
    }
    let why = cause(&file, errno, levels)?;
    Some(format!("its {noun} `{shown}` cannot run: {why}").into())
}

/// The reason, if a binary with this loader is built for a libc that the image lacks.
fn other_libc(loader: &[u8], exists: impl Fn(&CStr) -> bool) -> Option<Reason> {
    let name = loader.rsplit(|&byte| byte == b'/').next()?;
    let musl = exists(c"/lib/ld-musl-x86_64.so.1") || exists(c"/lib/ld-musl-aarch64.so.1");
    let glibc = exists(c"/lib64/ld-linux-x86-64.so.2") || exists(c"/lib/ld-linux-aarch64.so.1");
    let (wanted, is_present) = match name {
        _ if name.starts_with(b"ld-musl-") => ("musl", musl),
        _ if name.starts_with(b"ld-linux-") => ("glibc", glibc),
        _ => return None,
    };
    let present = match (musl, glibc) {
        _ if is_present => return None,
        (true, _) => "musl",
        (_, true) => "glibc",
        _ => "no libc",
    };
    Some(format!("it is built for {wanted}, this image has {present}").into())
}

/// A path from a file as text for a message. It shows a carriage return, which many editors hide.
fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).replace('\r', "\\r")
}

/// No part that hinit reads is longer: a path has at most `PATH_MAX` bytes, and 70 program headers are more than
/// a binary has.
const MAX_BYTES: usize = 4096;

/// The file that could not be executed.
struct Program(OwnedFd);

impl Program {
    fn open(path: &CStr) -> Option<Self> {
        // The file may have been replaced by a FIFO since the check, and must not block.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        file::open(OsStr::from_bytes(path.to_bytes()).as_ref(), flags)
            .ok()
            .map(Self)
    }

    /// The bytes of a range that the file has, at most [`MAX_BYTES`].
    fn read(&self, Range { start, length }: Range) -> Option<Vec<u8>> {
        let length = usize::try_from(length).ok()?.min(MAX_BYTES);
        let mut bytes = vec![0; length];
        let read = pread(&self.0, &mut bytes, i64::try_from(start).ok()?).ok()?;
        bytes.truncate(read);
        Some(bytes)
    }
}

/// Whatever a file that could not be executed contains.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(bytes: &[u8]) {
    match Format::of(bytes) {
        Format::Script(interpreter) => assert!(!interpreter.is_empty()),
        Format::Elf(elf) => {
            let _found = (elf.machine(), elf.loader(bytes));
        }
        Format::NotExecutable(why) => assert!(!why.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_libc_is_named() {
        let glibc = "/lib64/ld-linux-x86-64.so.2";
        let musl = "/lib/ld-musl-aarch64.so.1";
        let elsewhere = "/nix/store/x-glibc-2.40/lib/ld-linux-x86-64.so.2";
        for (loader, image, expected) in [
            (
                musl,
                &[glibc][..],
                Some("it is built for musl, this image has glibc"),
            ),
            (
                glibc,
                &[musl],
                Some("it is built for glibc, this image has musl"),
            ),
            (
                elsewhere,
                &[musl],
                Some("it is built for glibc, this image has musl"),
            ),
            (elsewhere, &[glibc], None),
            (
                musl,
                &[],
                Some("it is built for musl, this image has no libc"),
            ),
            (
                glibc,
                &[],
                Some("it is built for glibc, this image has no libc"),
            ),
            (musl, &[musl, glibc], None),
            ("/lib/ld.so", &[glibc], None),
            ("", &[glibc], None),
        ] {
            let found = other_libc(loader.as_bytes(), |path| {
                image
                    .iter()
                    .any(|there| there.as_bytes() == path.to_bytes())
            });
            assert_eq!(found.as_deref(), expected, "{loader}");
        }
    }

    #[test]
    fn a_carriage_return_is_shown() {
        assert_eq!(shown(b"/bin/sh\r"), r"/bin/sh\r");
        assert_eq!(shown(b"/\xff"), "/\u{fffd}");
    }
}
