//! What to execute, and where it is looked for.

use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::stat;
use nix::unistd::{execv, read};

use super::exec_error;
use crate::error::Error;
use crate::file;
use crate::sys;

/// Where a command is looked for when there is no PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SHELL: &CStr = c"/bin/sh";

/// A command, and the files that it may be.
pub(super) struct Program {
    arguments: Vec<CString>,
    /// In the order in which they are tried: all of PATH, or just the one with a slash.
    candidates: Vec<CString>,
}

impl Program {
    pub(super) fn new(command: &[OsString]) -> Result<Self, Error> {
        let path = sys::environment(c"PATH").unwrap_or_else(|| DEFAULT_PATH.into());
        let name = command.first().map_or(OsStr::new(""), OsString::as_os_str);
        let c_string = |text: &[u8]| {
            let with_nul = |_| Error::not_found(&name.display(), &"there is a NUL in it");
            file::c_string(text).map_err(with_nul)
        };
        let mut program = Self {
            arguments: Vec::with_capacity(command.len()),
            candidates: Vec::new(),
        };
        for word in command {
            program.arguments.push(c_string(word.as_bytes())?);
        }
        for file in candidates(name.as_bytes(), path.as_bytes()) {
            program.candidates.push(c_string(&file)?);
        }
        Ok(program)
    }

    /// The command as it was given.
    pub(super) fn name(&self) -> &OsStr {
        let name = self
            .arguments
            .first()
            .map_or(&b""[..], |name| name.to_bytes());
        OsStr::from_bytes(name)
    }

    /// Executes the first candidate that can be; returns only if none can, and then why. As in
    /// execvp(3), "permission denied" for one outweighs "not found" for the others. `shell`: as there, a
    /// file that the kernel takes for no program at all is a script.
    pub(super) fn execute(&self, shell: bool) -> Errno {
        let mut why = Errno::ENOENT;
        for candidate in &self.candidates {
            match execv(candidate, &self.arguments) {
                Err(errno) if is_missing(errno) && why == Errno::EACCES => {}
                Err(errno) if is_missing(errno) || errno == Errno::EACCES => why = errno,
                Err(errno) => {
                    if errno == Errno::ENOEXEC && shell && !is_binary(candidate) {
                        self.execute_by_shell(candidate);
                    }
                    return errno;
                }
            }
        }
        why
    }

    fn execute_by_shell(&self, script: &CString) {
        let behind_the_name = self.arguments.iter().skip(1).map(CString::as_c_str);
        let words = [SHELL, script.as_c_str()]
            .into_iter()
            .chain(behind_the_name);
        let _no_shell = execv(SHELL, &words.collect::<Vec<_>>());
    }

    /// The error for what [`Program::execute`] returned in the child, which was another user, if any.
    pub(super) fn explain(&self, errno: Errno, user: Option<u32>) -> Error {
        let along_path = !has_slash(self.name().as_bytes());
        // Of the entries of PATH those count that have the command.
        let files = self.candidates.iter().map(CString::as_c_str);
        let mut files = files.filter(|file| !along_path || stat(*file).is_ok());
        let blame = |file| Some((file, exec_error::why(file, errno)?));
        let (file, reason) = match (files.clone().find_map(blame), files.next()) {
            (Some(blamed), _) => blamed,
            (None, Some(file)) if along_path || !is_missing(errno) => (file, said(errno, user)),
            (None, missing) => return self.not_found(missing, errno),
        };
        Error::not_executable(&OsStr::from_bytes(file.to_bytes()).display(), &reason)
    }

    /// The error for a command that is not there; with a slash in it, it is that one file.
    fn not_found(&self, file: Option<&CStr>, errno: Errno) -> Error {
        let reason: Cow<str> = match (file, sys::environment(c"PATH")) {
            (Some(file), _) => exec_error::dangling(file)
                .map_or(sys::describe(errno).into(), |dangling| {
                    format!("it {dangling}").into()
                }),
            (None, _) if self.name().is_empty() => "the command is empty".into(),
            (None, Some(path)) if path.is_empty() => "not found in PATH, which is empty".into(),
            (None, Some(_)) => "not found in PATH".into(),
            (None, None) => format!("not found in {DEFAULT_PATH}: PATH is not set").into(),
        };
        Error::not_found(&self.name().display(), &reason)
    }
}

/// What hinit itself may do, another user may not.
fn said(errno: Errno, user: Option<u32>) -> Cow<'static, str> {
    match user {
        Some(uid) if errno == Errno::EACCES => format!("no permission for UID {uid}").into(),
        _ => sys::describe(errno).into(),
    }
}

/// Whether a file is a binary, if for another machine or a damaged one; as well, if it cannot be read.
fn is_binary(file: &CStr) -> bool {
    let mut head = [0; 4];
    let read = file::open(OsStr::from_bytes(file.to_bytes()).as_ref(), OFlag::O_RDONLY)
        .and_then(|file| read(&file, &mut head));
    read.is_err() || &head == b"\x7fELF"
}

fn is_missing(errno: Errno) -> bool {
    matches!(errno, Errno::ENOENT | Errno::ENOTDIR)
}

/// The files that a command may be: itself if there is a slash in it, else one for each entry of
/// PATH. An empty entry is the working directory.
fn candidates(name: &[u8], path: &[u8]) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    if has_slash(name) {
        files.push(name.to_vec());
    } else if !name.is_empty() {
        for directory in path.split(|&byte| byte == b':') {
            let slash = match directory {
                [] | [.., b'/'] => &b""[..],
                _ => b"/",
            };
            files.push([directory, slash, name].concat());
        }
    }
    files
}

fn has_slash(name: &[u8]) -> bool {
    name.contains(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_command_is_looked_for() {
        for (name, path, expected) in [
            ("ls", "/usr/bin:/bin", &["/usr/bin/ls", "/bin/ls"][..]),
            ("ls", "", &["ls"]),
            ("ls", "/bin::sbin/", &["/bin/ls", "ls", "sbin/ls"]),
            ("./ls", "/bin", &["./ls"]),
            ("/bin/ls", "/usr/bin", &["/bin/ls"]),
            ("", "/bin", &[]),
        ] {
            let expected: Vec<_> = expected.iter().map(|file| file.as_bytes()).collect();
            let found = candidates(name.as_bytes(), path.as_bytes());
            assert_eq!(found, expected, "{name} in {path}");
        }
    }
}
