//! A program, as the child executes it.

use std::ffi::{CStr, CString};
use std::ptr;

use nix::errno::Errno;
use nix::libc::{self, c_char};

use super::super::environment::ServerEnvironment;
use super::super::heap::try_reserve;
use super::super::is_missing;
use super::super::raw::{call, int};

/// A program: the files that it may be, in the order in which they are tried, and its arguments.
pub(crate) struct Executable {
    candidates: Vec<CString>,
    words: Vec<CString>,
    /// The address of each word, and a null pointer, as execve(2) takes them.
    addresses: Vec<*const c_char>,
}

// SAFETY: the addresses are those of the words, which never change.
unsafe impl Sync for Executable {}

impl Executable {
    pub(crate) fn new(candidates: Vec<CString>, words: Vec<CString>) -> nix::Result<Self> {
        let mut addresses = Vec::new();
        try_reserve(&mut addresses, words.len() + 1)?;
        addresses.extend(words.iter().map(|word| word.as_ptr()));
        addresses.push(ptr::null());
        Ok(Self {
            candidates,
            words,
            addresses,
        })
    }

    pub(crate) fn candidates(&self) -> &[CString] {
        &self.candidates
    }

    pub(crate) fn words(&self) -> &[CString] {
        &self.words
    }

    /// Executes the first candidate that the kernel accepts. Returns only if it accepts none: the errno, and the
    /// candidate that ended the search, if one did. As in execvp(3), "permission denied" for one candidate outweighs
    /// "not found" for the others.
    pub(crate) fn execute(&self, environment: &ServerEnvironment) -> (Errno, Option<&CStr>) {
        let name = self.words.first();
        let along_path = name.is_none_or(|name| !name.to_bytes().contains(&b'/'));
        let mut why = Errno::ENOENT;
        for candidate in &self.candidates {
            match self.execute_file(candidate, environment) {
                errno if along_path && is_no_entry(candidate, errno) => {}
                errno if is_missing(errno) && why == Errno::EACCES => {}
                errno if is_missing(errno) || errno == Errno::EACCES => why = errno,
                errno => return (errno, Some(candidate)),
            }
        }
        (why, None)
    }

    fn execute_file(&self, file: &CStr, environment: &ServerEnvironment) -> Errno {
        let addresses = [
            file.as_ptr().expose_provenance(),
            self.addresses.as_ptr().expose_provenance(),
            environment.list().expose_provenance(),
        ];
        // SAFETY: these are a C string, and two arrays of C strings that end with a null pointer.
        let result = unsafe { call(libc::SYS_execve, addresses) };
        result.err().unwrap_or(Errno::EINVAL)
    }
}

/// Whether the errno is that of the entry of PATH, and not of the file in it: the entry is too long, is no directory,
/// or contains a symlink to itself.
fn is_no_entry(candidate: &CStr, errno: Errno) -> bool {
    let may_be = matches!(errno, Errno::ENAMETOOLONG | Errno::ENOTDIR | Errno::ELOOP);
    let address = candidate.as_ptr().expose_provenance();
    // SAFETY: the address is that of a C string.
    may_be && unsafe { call(libc::SYS_faccessat, [int(libc::AT_FDCWD), address]) }.is_err()
}
