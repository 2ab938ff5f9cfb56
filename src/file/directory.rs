//! Directories, opened by trusted paths only. A user that may write one directory of a path decides where the path
//! leads, and could make a hinit that runs as root act elsewhere. So hinit follows no symlink of another user, as the
//! kernel does in directories that all may write (`fs.protected_symlinks`, proc(5)).

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::Mode;

use super::{Kind, c_string, is_trusted};
use crate::sys::{fstat, symlink_target};

const FLAGS: OFlag = OFlag::O_PATH
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);
/// The number of symlinks that the kernel follows in one path (`path_resolution(7)`).
const MAX_LINKS: u32 = 40;

/// A symlink in a path that hinit does not follow, because it belongs to another user.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RefusedLink {
    pub(crate) path: PathBuf,
    pub(crate) owner: u32,
}

/// The symlink because of which [`open`] returned EACCES, if that is the reason.
pub(super) fn refused_link(path: &Path) -> Option<RefusedLink> {
    let mut refused = None;
    match walk(path.as_os_str().as_bytes(), &mut refused) {
        Ok(_) => None,
        Err(_) => refused,
    }
}

/// Opens a directory, and follows only symlinks of root and of hinit's own user; EACCES for those of others.
pub(super) fn open(path: &Path) -> nix::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(FLAGS)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    match openat2(AT_FDCWD, &*c_string(path.as_os_str().as_bytes())?, how) {
        // There is a symlink; or (before Linux 5.6, or under an old seccomp profile) the call does not exist.
        Err(Errno::ELOOP | Errno::ENOSYS | Errno::EPERM) => {
            walk(path.as_os_str().as_bytes(), &mut None)
        }
        result => result,
    }
}

/// Opens a directory as [`open`] does, one name of the path after the other.
fn walk(path: &[u8], refused: &mut Option<RefusedLink>) -> nix::Result<OwnedFd> {
    let root_or_here = |path: &[u8]| {
        let start = if path.starts_with(b"/") { c"/" } else { c"." };
        openat(AT_FDCWD, start, FLAGS, Mode::empty())
    };
    let mut at = root_or_here(path)?;
    let root = |path: &[u8]| PathBuf::from(if path.starts_with(b"/") { "/" } else { "" });
    let mut shown = root(path);
    let mut names = Vec::new();
    push_names(path, &mut names)?;
    let mut links = 0;
    while let Some(name) = names.pop() {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let next = openat(&at, &*name, flags, Mode::empty())?;
        let stat = fstat(next.as_fd())?;
        match Kind::of(&stat) {
            Kind::Directory => {
                at = next;
                shown.push(OsStr::from_bytes(name.to_bytes()));
            }
            Kind::Symlink if !is_trusted(stat.st_uid) => {
                *refused = Some(RefusedLink {
                    path: shown.join(OsStr::from_bytes(name.to_bytes())),
                    owner: stat.st_uid,
                });
                return Err(Errno::EACCES);
            }
            Kind::Symlink if links < MAX_LINKS => {
                links += 1;
                let target = symlink_target(next.as_fd(), c"")?;
                if target.as_bytes().starts_with(b"/") {
                    at = root_or_here(b"/")?;
                    shown = root(b"/");
                }
                push_names(target.as_bytes(), &mut names)?;
            }
            Kind::Symlink => return Err(Errno::ELOOP),
            Kind::Regular | Kind::Fifo | Kind::Socket | Kind::Device => {
                return Err(Errno::ENOTDIR);
            }
        }
    }
    Ok(at)
}

/// Pushes the names of a path in reverse order, so that the first name is popped first.
fn push_names(path: &[u8], names: &mut Vec<CString>) -> nix::Result<()> {
    for name in path.rsplit(|&byte| byte == b'/') {
        if !name.is_empty() {
            names.push(c_string(name)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, chown, lchown, symlink};

    use super::*;

    #[test]
    fn only_symlinks_of_root_and_of_the_own_user_are_followed() {
        let base = std::env::temp_dir().join(format!("hinit-walk-{}", std::process::id()));
        std::fs::create_dir_all(base.join("a/b")).unwrap();
        let links = [("a", "relative"), ("../a", "a/up"), ("relative/b", "b")];
        for (to, at) in links {
            symlink(to, base.join(at)).unwrap();
        }
        symlink(base.join("b"), base.join("absolute")).unwrap();
        symlink("round", base.join("round")).unwrap();
        std::fs::write(base.join("file"), "").unwrap();
        let inode = |fd: OwnedFd| fstat(fd.as_fd()).map(|stat| stat.st_ino);
        for (path, expected) in [
            ("a/b", Ok("a/b")),
            ("relative", Ok("a")),
            ("relative//b/.", Ok("a/b")),
            ("a/up/../a/up/b", Ok("a/b")),
            ("absolute", Ok("a/b")),
            ("absolute/../../b/", Ok("a/b")),
            ("round", Err(Errno::ELOOP)),
            ("relative/none", Err(Errno::ENOENT)),
            ("file", Err(Errno::ENOTDIR)),
            ("file/x", Err(Errno::ENOTDIR)),
        ] {
            let expected = expected.map(|path| base.join(path).metadata().unwrap().ino());
            let path = base.join(path);
            assert_eq!(open(&path).and_then(inode), expected, "{path:?}");
            assert_eq!(
                walk(path.as_os_str().as_bytes(), &mut None).and_then(inode),
                expected,
                "{path:?}"
            );
        }
        if nix::unistd::geteuid().is_root() {
            lchown(base.join("relative"), Some(4242), None).unwrap();
            for path in ["relative", "b", "absolute", "relative/b"] {
                assert_eq!(open(&base.join(path)).err(), Some(Errno::EACCES), "{path}");
                let refused = RefusedLink {
                    path: base.join("relative"),
                    owner: 4242,
                };
                assert_eq!(refused_link(&base.join(path)), Some(refused), "{path}");
            }
            assert_eq!(refused_link(&base.join("a/b")), None);
            assert_eq!(refused_link(&base.join("round")), None);
            // The owner of the directories does not matter.
            chown(base.join("a"), Some(4242), None).unwrap();
            assert!(open(&base.join("a/b")).is_ok());
        }
        std::fs::remove_dir_all(base).unwrap();
    }
}
