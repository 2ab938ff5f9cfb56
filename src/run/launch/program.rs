//! What to execute, and where it is looked for.

use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::stat;
use nix::unistd::read;

use super::{accounts, exec_error};
use crate::cli::suggestions;
use crate::error::Error;
use crate::file;
use crate::sys::{self, Executable, ServerEnvironment, is_missing};

/// Where a command is looked for when there is no PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SHELL: &CStr = c"/bin/sh";

/// A command, and the files that it may be: all of PATH, or just the one with a slash.
#[derive(Clone, Copy)]
pub(super) struct Program(&'static Executable);

impl Program {
    pub(super) fn new(command: &[OsString]) -> Result<Self, Error> {
        let name = command.first().map_or(OsStr::new(""), OsString::as_os_str);
        let fail = |errno| Error::cannot("start", &name.display(), &sys::describe(errno));
        let path = sys::environment(c"PATH").unwrap_or(OsStr::new(DEFAULT_PATH));
        let mut words = Vec::new();
        sys::try_reserve(&mut words, command.len()).map_err(fail)?;
        for word in command {
            words.push(file::c_string(word.as_bytes()).map_err(fail)?);
        }
        let files = candidates(name.as_bytes(), path.as_bytes()).map_err(fail)?;
        let executable = Executable::new(files, words).map_err(fail)?;
        // The child reads it while hinit goes on, so it is there for ever.
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

    /// Has /bin/sh execute a file that the kernel takes for no program at all, as execvp(3) does.
    pub(super) fn execute_by_shell(self, script: &CStr, environment: &ServerEnvironment) {
        if is_binary(script) {
            return;
        }
        let mut words = vec![SHELL.to_owned(), script.to_owned()];
        words.extend_from_slice(self.0.words().get(1..).unwrap_or_default());
        if let Ok(shell) = Executable::new(vec![SHELL.to_owned()], words) {
            // Where there is no shell either, the error is that of the file.
            let _no_shell = shell.execute(environment);
        }
    }

    /// The error for what [`Executable::execute`] returned in the child, which was another user, if any.
    /// `is_own`: hinit was not called as another init.
    pub(super) fn explain(self, errno: Errno, user: Option<u32>, is_own: bool) -> Error {
        if errno == Errno::ENOMEM {
            return Error::cannot("start", &self.name().display(), &sys::describe(errno));
        }
        let along_path = !has_slash(self.name().as_bytes());
        // Of the entries of PATH those count that have the command.
        let files = self.0.candidates().iter().map(CString::as_c_str);
        let mut files = files.filter(|file| !along_path || stat(*file).is_ok());
        let blame = |file| Some((file, exec_error::why(file, errno)?));
        let (file, reason) = match (files.clone().find_map(blame), files.next()) {
            (Some(blamed), _) => blamed,
            (None, Some(file)) if along_path || !is_missing(errno) => (file, said(errno, user)),
            (None, missing) => return self.not_found(missing, errno, is_own),
        };
        Error::not_executable(&OsStr::from_bytes(file.to_bytes()).display(), &reason)
    }

    /// The error for a command that is not there; with a slash in it, it is that one file.
    fn not_found(self, file: Option<&CStr>, errno: Errno, is_own: bool) -> Error {
        let path = sys::environment(c"PATH");
        let reason: Cow<str> = match (file, path) {
            (Some(file), _) => exec_error::dangling(file)
                .map_or(sys::describe(errno).into(), |dangling| {
                    format!("it {dangling}").into()
                }),
            (None, _) if self.name().is_empty() => "the command is empty".into(),
            (None, Some(path)) if path.is_empty() => "not found in PATH, which is empty".into(),
            (None, Some(_)) => "not found in PATH".into(),
            (None, None) => format!("not found in {DEFAULT_PATH}: PATH is not set").into(),
        };
        let error = Error::not_found(&self.name().display(), &reason);
        match suggestions::command(self.0.words(), is_own, &is_user) {
            Some([before, hint, after]) => error.remedy(before).and(hint).and(after),
            None => error,
        }
    }
}

/// Whether `--user` takes this: then it stands where gosu and su-exec have the user.
fn is_user(name: &str) -> bool {
    let (user, _) = name.split_once(':').unwrap_or((name, ""));
    let passwd = accounts::read("/etc/passwd").unwrap_or_default();
    accounts::id(user.as_bytes()).is_some() || accounts::user(&passwd, user).is_some()
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

/// The files that a command may be: itself if there is a slash in it, else one for each entry of
/// PATH. An empty entry is the working directory.
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
    fn where_a_command_is_looked_for() {
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
