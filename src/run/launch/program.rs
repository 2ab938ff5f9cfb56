//! The command to execute, and the files that it may name.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::read;

use super::{accounts, exec_error};
use crate::cli::suggestions;
use crate::error::{Absence, Error, ExecFault, NotFound, Verb};
use crate::file;
use crate::sys::{self, Executable, ServerEnvironment, is_missing};

/// The directories that are searched for a command when PATH is not set.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SHELL: &CStr = c"/bin/sh";

/// A command, and the files that it may name: one in each directory of PATH, or only itself if it contains a slash.
#[derive(Clone, Copy)]
pub(super) struct Program(&'static Executable);

impl Program {
    pub(super) fn new(command: &[OsString]) -> nix::Result<Self> {
        let path = sys::environment(b"PATH").unwrap_or(OsStr::new(DEFAULT_PATH));
        let mut arguments = Vec::new();
        sys::try_reserve(&mut arguments, command.len())?;
        for argument in command {
            arguments.push(file::c_string(argument.as_bytes())?);
        }
        let files = candidates(name(command).as_bytes(), path.as_bytes())?;
        let executable = Executable::new(files, arguments)?;
        // The child shares hinit's memory and may read it at any time, so it is never freed.
        Ok(Self(Box::leak(Box::new(executable))))
    }

    pub(super) fn executable(self) -> &'static Executable {
        self.0
    }

    /// The command as it was given.
    pub(super) fn name(self) -> &'static OsStr {
        let name = self.0.words().first();
        OsStr::from_bytes(name.map_or(&b""[..], |name| name.to_bytes()))
    }

    /// Has /bin/sh execute a file in no format that the kernel knows, as execvp(3) does.
    pub(super) fn execute_by_shell(self, script: &CStr, environment: &ServerEnvironment) {
        if is_binary(script) {
            return;
        }
        let mut arguments = vec![SHELL.to_owned(), script.to_owned()];
        arguments.extend_from_slice(self.0.words().get(1..).unwrap_or_default());
        if let Ok(shell) = Executable::new(vec![SHELL.to_owned()], arguments) {
            // It returns only if it fails; the caller reports the error for the file.
            let _ignored = shell.execute(environment);
        }
    }

    /// The error for what [`Executable::execute`] returned in the child, which ran as `user`, if that is not hinit's.
    /// `has_own_profile`: hinit was not called by the name of another init.
    pub(super) fn explain(
        self,
        errno: Errno,
        user: Option<u32>,
        has_own_profile: bool,
    ) -> Box<Error> {
        if errno == Errno::ENOMEM {
            return Error::failed(Verb::Start, self.name(), errno);
        }
        let along_path = !has_slash(self.name().as_bytes());
        // Only the directories of PATH that contain the command count.
        let files = self.0.candidates().iter().map(CString::as_c_str);
        let mut files = files.filter(|file| !along_path || sys::stat(file).is_ok());
        let explained = |file| Some((file, exec_error::explain(file, errno)?));
        let (file, fault) = match (files.clone().find_map(explained), files.next()) {
            (Some(explained), _) => explained,
            (None, Some(file)) if along_path || !is_missing(errno) => (file, fault(errno, user)),
            (None, missing) => return self.not_found(missing, errno, has_own_profile),
        };
        let file = OsStr::from_bytes(file.to_bytes()).to_owned();
        Box::new(Error::NotExecutable { file, fault })
    }

    /// The error for a command that does not exist; `file` is the one that it names by a slash.
    fn not_found(self, file: Option<&CStr>, errno: Errno, has_own_profile: bool) -> Box<Error> {
        let path = sys::environment(b"PATH");
        let reason = match (file, path) {
            (Some(file), _) => match exec_error::absence(file) {
                Absence(None) => NotFound::Errno(errno),
                absence => NotFound::BrokenSymlink(absence),
            },
            (None, _) if self.name().is_empty() => NotFound::EmptyName,
            (None, Some(path)) if path.is_empty() => NotFound::InEmptyPath,
            (None, Some(_)) => NotFound::InPath,
            (None, None) => NotFound::InDefaultPath(DEFAULT_PATH),
        };
        let hint = suggestions::command(self.0.words(), has_own_profile, &is_user);
        Box::new(Error::NotFound {
            command: self.name().to_owned(),
            reason,
            hint,
        })
    }
}

/// The command without its arguments.
pub(super) fn name(command: &[OsString]) -> &OsStr {
    command.first().map_or(OsStr::new(""), OsString::as_os_str)
}

/// Whether this names a user, as the first argument of gosu and su-exec does.
fn is_user(name: &str) -> bool {
    let (user, _) = name.split_once(':').unwrap_or((name, ""));
    let passwd = accounts::read("/etc/passwd").unwrap_or_default();
    accounts::id(user.as_bytes()).is_some() || accounts::user(&passwd, user).is_some()
}

/// Names the user that lacks the permission, because hinit itself may have it.
fn fault(errno: Errno, user: Option<u32>) -> ExecFault {
    match user {
        Some(uid) if errno == Errno::EACCES => ExecFault::NoPermissionFor(uid),
        _ => ExecFault::Errno(errno),
    }
}

/// Whether a file is an ELF binary, which may be damaged or for another machine. A file that cannot be read counts as
/// one.
fn is_binary(file: &CStr) -> bool {
    let mut head = [0; 4];
    let read = file::open(OsStr::from_bytes(file.to_bytes()).as_ref(), OFlag::O_RDONLY)
        .and_then(|file| read(&file, &mut head));
    read.is_err() || &head == b"\x7fELF"
}

/// The files that a command may name: itself if it contains a slash, else one for each entry of PATH. An empty entry
/// is the working directory.
fn candidates(name: &[u8], path: &[u8]) -> nix::Result<Vec<CString>> {
    let mut files = Vec::new();
    let mut add = |parts: &[&[u8]]| -> nix::Result<()> {
        sys::try_reserve(&mut files, 1)?;
        files.push(file::joined(parts)?);
        Ok(())
    };
    if has_slash(name) {
        add(&[name])?;
    } else if !name.is_empty() {
        for directory in path.split(|&byte| byte == b':') {
            let slash = match directory {
                [] | [.., b'/'] => &b""[..],
                _ => b"/",
            };
            add(&[directory, slash, name])?;
        }
    }
    Ok(files)
}

fn has_slash(name: &[u8]) -> bool {
    name.contains(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_a_command_may_name() {
        for (name, path, expected) in [
            ("ls", "/usr/bin:/bin", &["/usr/bin/ls", "/bin/ls"][..]),
            ("ls", "", &["ls"]),
            ("ls", "/bin::sbin/", &["/bin/ls", "ls", "sbin/ls"]),
            ("./ls", "/bin", &["./ls"]),
            ("/bin/ls", "/usr/bin", &["/bin/ls"]),
            ("", "/bin", &[]),
        ] {
            let expected = expected.iter().map(|file| CString::new(*file).unwrap());
            let expected: Vec<_> = expected.collect();
            let found = candidates(name.as_bytes(), path.as_bytes());
            assert_eq!(found, Ok(expected), "{name} in {path}");
        }
    }
}
