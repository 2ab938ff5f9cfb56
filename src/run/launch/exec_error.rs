//! Why an exec failed. The kernel returns the same errno for several causes; hinit reads the file after the failure
//! to find which one it was.

use std::ffi::{CStr, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag};
use nix::sys::stat::SFlag;
use nix::sys::statfs::statfs;
use nix::sys::statvfs::FsFlags;
use nix::sys::uio::pread;
use nix::unistd::{AccessFlags, access, getuid};

mod elf;
mod format;
mod loader;

use crate::error::{Absence, BadFormat, ExecFault, NeededFault, NeededFile, Role, THIS_MACHINE};
use crate::file;
use crate::sys;
use elf::{Elf, Range};
use format::Format;
use loader::other_libc;

/// How many interpreters that are scripts themselves the kernel follows.
const MAX_LEVELS: u8 = 6;

/// Why execve(2) of this file failed with `errno`. None if the file does not exist, or shows no cause.
pub(super) fn explain(path: &CStr, errno: Errno) -> Option<ExecFault> {
    cause(path, errno, MAX_LEVELS)
}

/// That there is no such file, or that a symlink has no target.
pub(super) fn absence(path: &CStr) -> Absence {
    Absence(sys::symlink_target(AT_FDCWD, path).ok())
}

fn cause(path: &CStr, errno: Errno, levels: u8) -> Option<ExecFault> {
    match denial(path) {
        Ok(None) => {}
        Ok(denial) => return denial.filter(|_| errno == Errno::EACCES),
        Err(_) => return None,
    }
    let levels = levels.checked_sub(1)?;
    match errno {
        Errno::ETXTBSY => return Some(ExecFault::OpenForWriting),
        Errno::ELOOP => return Some(ExecFault::TooManyInterpreters),
        _ => {}
    }
    let found = Program::open(path).and_then(|program| {
        let head = program.read(Range {
            start: 0,
            length: MAX_BYTES as u64,
        })?;
        match Format::of(&head) {
            Format::Script(interpreter) => {
                explain_needed_file(Role::Interpreter, interpreter, errno, levels, &|| {
                    let has_return = interpreter.ends_with(b"\r");
                    has_return.then_some(ExecFault::CrlfLineEnds)
                })
            }
            Format::Elf(elf) => binary(elf, &program, errno),
            Format::Bad(format) => (errno == Errno::ENOEXEC).then_some(ExecFault::Format(format)),
        }
    });
    // hinit may not be able to read the file, or binfmt_misc runs it by another program.
    found.or_else(|| {
        let lacks_another_file = errno == Errno::ENOENT;
        lacks_another_file.then_some(ExecFault::NeedsUnknownFile)
    })
}

/// Why this file may not be executed (EACCES). An error, if the file does not exist.
fn denial(path: &CStr) -> nix::Result<Option<ExecFault>> {
    let status = match sys::stat(path) {
        Err(Errno::EACCES) => return Ok(Some(ExecFault::NoSearchPermission)),
        status => status?,
    };
    let kind = SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits());
    Ok(if kind == SFlag::S_IFDIR {
        Some(ExecFault::Directory)
    } else if kind != SFlag::S_IFREG {
        Some(ExecFault::NotRegular)
    } else if status.st_mode & 0o111 == 0 {
        Some(ExecFault::NoExecutePermission)
    } else if statfs(path).is_ok_and(|mount| mount.flags().contains(FsFlags::ST_NOEXEC)) {
        Some(ExecFault::NoexecMount)
    } else if access(path, AccessFlags::X_OK) == Err(Errno::EACCES) {
        Some(ExecFault::NoExecutePermissionFor(getuid().as_raw()))
    } else {
        None
    })
}

/// Why this binary, which hinit has permission to execute, was not executed.
fn binary(elf: Elf, program: &Program, errno: Errno) -> Option<ExecFault> {
    let machine = elf.machine();
    let foreign = || {
        let is_foreign = machine != THIS_MACHINE;
        is_foreign.then_some(ExecFault::OtherMachine(machine))
    };
    if errno == Errno::ENOEXEC {
        return foreign().or(Some(ExecFault::Format(BadFormat::DamagedElf)));
    }
    let headers = program.read(elf.program_headers)?;
    let loader = elf.loader(&headers).and_then(|range| program.read(range));
    // The kernel ends the path at the first NUL.
    let loader = loader.and_then(|mut path| {
        path.truncate(path.iter().position(|&byte| byte == 0)?);
        Some(path)
    });
    let explained = loader.and_then(|loader| {
        let exists = |path: &CStr| sys::stat(path).is_ok();
        // The kernel runs the loader without a loader of its own, so there is no further level.
        explain_needed_file(Role::Loader, &loader, errno, 0, &|| {
            foreign().or_else(|| other_libc(&loader, exists))
        })
    });
    // A kernel that runs several machines' binaries gives all other reasons for any of them. Here it lacks what runs this
    // machine's (binfmt_misc).
    explained.or_else(|| foreign().filter(|_| sys::is_missing(errno)))
}

/// Why the kernel could not load what it needs to run a file: a script's interpreter or a binary's loader. If that file
/// does not exist, `hint` may add the reason.
fn explain_needed_file(
    role: Role,
    path: &[u8],
    errno: Errno,
    levels: u8,
    hint: &dyn Fn() -> Option<ExecFault>,
) -> Option<ExecFault> {
    let path = file::c_string(path).ok()?;
    let is_missing = sys::is_missing(errno) && sys::stat(&path).is_err();
    let fault = if is_missing {
        NeededFault::Missing(absence(&path), hint())
    } else {
        NeededFault::CannotRun(cause(&path, errno, levels)?)
    };
    let file = NeededFile { role, path, fault };
    Some(ExecFault::Needs(Box::new(file)))
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
        Format::Bad(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::fs;
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn another_machine_is_no_reason_for_a_refusal() {
        let mut binary = fs::read(std::env::current_exe().unwrap()).unwrap();
        binary.truncate(MAX_BYTES);
        binary[18..20].fill(0xff);
        let elf = |bytes| match Format::of(bytes) {
            Format::Elf(elf) => elf,
            other => panic!("{other:?}"),
        };
        let path = std::env::temp_dir().join(format!("hinit-foreign-{}", std::process::id()));
        fs::write(&path, &binary).unwrap();
        let path = CString::new(path.into_os_string().into_vec()).unwrap();
        let program = Program::open(&path).unwrap();
        let foreign = Some(ExecFault::OtherMachine("another machine"));
        for (errno, expected) in [
            (Errno::ENOEXEC, &foreign),
            (Errno::ENOENT, &foreign),
            (Errno::EACCES, &None),
            (Errno::EPERM, &None),
            (Errno::ENOMEM, &None),
            (Errno::E2BIG, &None),
        ] {
            let found = super::binary(elf(&binary), &program, errno);
            assert_eq!(&found, expected, "{errno}");
        }
        fs::remove_file(OsStr::from_bytes(path.to_bytes())).unwrap();
    }
}
