//! Files, by their paths.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::libc::{c_int, flock};
use nix::sys::socket::UnixAddr;
use nix::sys::stat::Mode;
use nix::unistd::chdir;

use crate::sys::{self, FileStat, try_reserve};

mod directory;
mod entry;
mod kind;
mod owner;

pub(crate) use directory::RefusedLink;
pub(crate) use entry::Entry;
pub(crate) use kind::Kind;
pub(crate) use owner::{OVERFLOW_ID, is_ambiguous, is_trusted};

/// The errno of an error of std's.
#[allow(clippy::needless_pass_by_value, reason = "map_err gives it by value")]
#[inline(never)]
pub(crate) fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

/// Opens a file. The server does not inherit the descriptor.
pub(crate) fn open(path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let path = c_string(path.as_os_str().as_bytes())?;
    openat(AT_FDCWD, &*path, flags | OFlag::O_CLOEXEC, Mode::empty())
}

/// Makes this the working directory.
pub(crate) fn enter(directory: &Path) -> nix::Result<()> {
    chdir(&*c_string(directory.as_os_str().as_bytes())?)
}

/// Reads a whole file.
pub(crate) fn read(path: &str) -> nix::Result<Vec<u8>> {
    let file = open(Path::new(path), OFlag::O_RDONLY)?;
    let mut bytes = Vec::new();
    // Not on the stack, which would grow by a page wherever this is called at a greater depth than before.
    let mut buffer: Vec<[u8; 64]> = Vec::new();
    try_reserve(&mut buffer, 64)?;
    buffer.resize(64, [0; 64]);
    loop {
        let count = nix::unistd::read(&file, buffer.as_flattened_mut())?;
        if count == 0 {
            return Ok(bytes);
        }
        try_reserve(&mut bytes, count)?;
        bytes.extend_from_slice(buffer.as_flattened().get(..count).unwrap_or_default());
    }
}

/// Reads a whole file, which is a text: EILSEQ, if it is not in UTF-8.
pub(crate) fn read_text(path: &str) -> nix::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| Errno::EILSEQ)
}

/// Calls `call` with each name in a directory, in no order.
pub(crate) fn each_name(directory: &str, call: &mut dyn FnMut(&CStr)) -> nix::Result<()> {
    let directory = open(Path::new(directory), OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
    sys::each_name(&directory, call)
}

/// `lstat(2)`: of a symlink, the symlink itself.
pub(crate) fn stat(path: &Path) -> nix::Result<FileStat> {
    let path = c_string(path.as_os_str().as_bytes())?;
    sys::stat_at(AT_FDCWD, &path, AtFlags::AT_SYMLINK_NOFOLLOW)
}

/// The address of a Unix socket; ENAMETOOLONG, if the path has more bytes than an address can have.
pub(crate) fn socket_address(path: &Path) -> nix::Result<UnixAddr> {
    UnixAddr::new(&*c_string(path.as_os_str().as_bytes())?)
}

/// The argument of fcntl(2) for a lock on `length` bytes of a file; 0: up to its end.
pub(crate) fn lock_on(kind: c_int, start: i64, length: i64) -> flock {
    flock {
        l_type: i16::try_from(kind).unwrap_or_default(),
        l_whence: 0,
        l_start: start,
        l_len: length,
        l_pid: 0,
    }
}

/// The id of a file, which all of its names share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId(u64, u64);

impl FileId {
    pub(crate) fn of(stat: &FileStat) -> Self {
        Self(stat.st_dev, stat.st_ino)
    }
}

/// The symlink in a path because of which [`Entry::of`] returned EACCES, if that is the reason.
pub(crate) fn refused_link(path: &Path) -> Option<RefusedLink> {
    directory::refused_link(directory_and_name(path)?.0)
}

/// An absolute path for the same file, because hinit leaves its working directory.
pub(crate) fn absolute(path: &Path) -> nix::Result<PathBuf> {
    if path.has_root() {
        return Ok(path.to_owned());
    }
    Ok(sys::working_directory()?.join(path))
}

/// Creates the directory of a file, and those above it, if they are missing.
pub(crate) fn create_directory_of(path: &Path) -> nix::Result<()> {
    let all = Mode::S_IRWXU | Mode::S_IRWXG | Mode::S_IRWXO;
    let bytes = path.as_os_str().as_bytes();
    for end in (1..bytes.len()).filter(|end| bytes.get(*end) == Some(&b'/')) {
        let above = Path::new(OsStr::from_bytes(bytes.get(..end).unwrap_or_default()));
        match Entry::of(above).and_then(|entry| entry.make_directory(all)) {
            // `.` and `..` exist as well (EISDIR).
            Ok(()) | Err(Errno::EEXIST | Errno::EISDIR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// The directory of a file, and its name in that directory. None, if the path names a directory. (Path's own
/// `file_name` ignores a slash at the end.)
pub(crate) fn directory_and_name(path: &Path) -> Option<(&Path, &OsStr)> {
    let bytes = path.as_os_str().as_bytes();
    let name = bytes.rsplit(|&byte| byte == b'/').next()?;
    if [&b""[..], b".", b".."].contains(&name) {
        return None;
    }
    let mut directory = bytes.strip_suffix(name)?;
    while let [shorter @ .., b'/'] = directory
        && !shorter.is_empty()
    {
        directory = shorter;
    }
    if directory.is_empty() {
        directory = b".";
    }
    let directory = Path::new(OsStr::from_bytes(directory));
    Some((directory, OsStr::from_bytes(name)))
}

/// A C string. EINVAL, if there is a NUL in it, which no path and no argument of a program can contain.
pub(crate) fn c_string(bytes: &[u8]) -> nix::Result<CString> {
    joined(&[bytes])
}

/// A C string of several parts; EINVAL, as for [`c_string`].
pub(crate) fn joined(parts: &[&[u8]]) -> nix::Result<CString> {
    let mut bytes = Vec::new();
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // With the NUL at the end.
    try_reserve(&mut bytes, length + 1)?;
    for part in parts {
        bytes.extend_from_slice(part);
    }
    CString::new(bytes).map_err(|_| Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_directory_and_a_name() {
        for (path, expected) in [
            ("/run/x", Some(("/run", "x"))),
            ("x", Some((".", "x"))),
            ("./a/x", Some(("./a", "x"))),
            ("/x", Some(("/", "x"))),
            ("a//x", Some(("a", "x"))),
            ("", None),
            ("/", None),
            ("x/", None),
            ("x//", None),
            ("x/.", None),
            ("x/..", None),
            (".", None),
            ("..", None),
        ] {
            let expected = expected.map(|(at, name)| (Path::new(at), OsStr::new(name)));
            assert_eq!(directory_and_name(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn paths_and_directories() {
        let own = std::env::current_dir().unwrap();
        assert_eq!(absolute(Path::new("/a/b")), Ok("/a/b".into()));
        assert_eq!(absolute(Path::new("a/b")), Ok(own.join("a/b")));
        let base = std::env::temp_dir().join(format!("hinit-{}", std::process::id()));
        let deep = base.join("one//two/three/file");
        for _ in 0..2 {
            assert_eq!(create_directory_of(&deep), Ok(()));
            assert!(Entry::of(&deep).is_ok());
            assert!(!deep.exists());
        }
        let beyond = Path::new(file!()).join("x/y");
        assert_eq!(create_directory_of(&beyond), Err(Errno::ENOTDIR));
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn a_file_is_read_completely_or_not_at_all() {
        let own = read(file!()).unwrap();
        assert!(own.starts_with(b"//! Files") && own.ends_with(b"\n}\n"));
        let long = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");
        assert_eq!(
            read_text(long).unwrap(),
            std::fs::read_to_string(long).unwrap()
        );
        assert_eq!(read("/nowhere").unwrap_err(), Errno::ENOENT);
        assert_eq!(read("/").unwrap_err(), Errno::EISDIR);
        assert_eq!(read_text("/proc/self/exe").unwrap_err(), Errno::EILSEQ);
    }
}
