//! What to execute: where it is looked for, and why it could not be executed.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::execv;

use crate::error::Error;
use crate::sys;

/// Where a command is looked for when there is no PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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
        let with_nul = |_| Error::NotFound {
            command: name.display().to_string(),
            reason: "there is a NUL in it".into(),
        };
        let arguments = command.iter().map(|word| c_string(word.clone()));
        let candidates = candidates(name, &path).into_iter().map(c_string);
        Ok(Self {
            arguments: arguments.collect::<Result<_, _>>().map_err(with_nul)?,
            candidates: candidates.collect::<Result<_, _>>().map_err(with_nul)?,
        })
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
    /// execvp(3), "permission denied" for one outweighs "not found" for the others.
    pub(super) fn execute(&self) -> Errno {
        let mut why = Errno::ENOENT;
        for candidate in &self.candidates {
            match execv(candidate, &self.arguments) {
                Err(Errno::ENOENT | Errno::ENOTDIR) if why == Errno::EACCES => {}
                Err(errno @ (Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES)) => why = errno,
                Err(errno) => return errno,
            }
        }
        why
    }

    /// The error for what [`Program::execute`] returned in the child.
    pub(super) fn explain(&self, errno: Errno) -> Error {
        let command = self.name().display().to_string();
        let found = self.candidates.iter().find_map(|candidate| {
            let path = Path::new(OsStr::from_bytes(candidate.to_bytes()));
            path.metadata().ok()
        });
        let missing = |command, reason: &'static str| Error::NotFound {
            command,
            reason: reason.into(),
        };
        let broken = |command, reason: &'static str| Error::NotExecutable {
            command,
            reason: reason.into(),
        };
        match (found, errno) {
            (None, _) if command.is_empty() => missing(command, "the command is empty"),
            (None, _) if !has_slash(self.name()) => missing(command, "not found in PATH"),
            (None, Errno::ENOENT | Errno::ENOTDIR) => missing(command, errno.desc()),
            (Some(file), _) if file.is_dir() => broken(command, "it is a directory"),
            (Some(_), Errno::ENOENT) => broken(command, "its interpreter or loader is not there"),
            (Some(_), Errno::ENOEXEC) => broken(
                command,
                "neither a binary for this machine nor a script with `#!`",
            ),
            (_, errno) => broken(command, errno.desc()),
        }
    }
}

/// The files that a command may be: itself if there is a slash in it, else one for each entry of
/// PATH. An empty entry is the working directory.
fn candidates(name: &OsStr, path: &OsStr) -> Vec<OsString> {
    if name.is_empty() {
        return Vec::new();
    }
    if has_slash(name) {
        return vec![name.to_owned()];
    }
    let directories = path.as_bytes().split(|&byte| byte == b':');
    let in_directory = |directory| Path::new(OsStr::from_bytes(directory)).join(name).into();
    directories.map(in_directory).collect()
}

fn has_slash(name: &OsStr) -> bool {
    name.as_bytes().contains(&b'/')
}

fn c_string(text: OsString) -> Result<CString, std::ffi::NulError> {
    CString::new(text.into_vec())
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
            assert_eq!(
                candidates(name.as_ref(), path.as_ref()),
                expected,
                "{name} in {path}"
            );
        }
    }
}
