//! Files by their paths: opened, read as a whole; and the directories that they are in.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{getcwd, mkdir};

/// Opens a file, not for the server.
pub(crate) fn open<P: NixPath + ?Sized>(path: &P, flags: OFlag) -> nix::Result<OwnedFd> {
    openat(AT_FDCWD, path, flags | OFlag::O_CLOEXEC, Mode::empty())
}

/// All that is in a file.
pub(crate) fn read(path: &str) -> nix::Result<Vec<u8>> {
    const MORE: usize = 4096;
    let file = open(path, OFlag::O_RDONLY)?;
    let mut bytes = Vec::new();
    loop {
        let length = bytes.len();
        bytes.resize(length + MORE, 0);
        let room = bytes.get_mut(length..).unwrap_or_default();
        let count = nix::unistd::read(&file, room)?;
        bytes.truncate(length + count);
        if count == 0 {
            return Ok(bytes);
        }
    }
}

/// The same of a text.
pub(crate) fn read_text(path: &str) -> nix::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| Errno::EILSEQ)
}

/// The same path for who leaves the working directory.
pub(crate) fn absolute(path: &Path) -> nix::Result<PathBuf> {
    if path.has_root() {
        return Ok(path.to_owned());
    }
    Ok(getcwd()?.join(path))
}

/// Makes a directory, if it is missing, and before it those above it.
pub(crate) fn create_directory(path: &Path) -> nix::Result<()> {
    let all = Mode::S_IRWXU | Mode::S_IRWXG | Mode::S_IRWXO;
    let bytes = path.as_os_str().as_bytes();
    let ends = (1..bytes.len()).filter(|end| bytes.get(*end) == Some(&b'/'));
    for end in ends.chain([bytes.len()]) {
        match mkdir(bytes.get(..end).unwrap_or_default(), all) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_directories() {
        let own = std::env::current_dir().unwrap();
        assert_eq!(absolute(Path::new("/a/b")), Ok("/a/b".into()));
        assert_eq!(absolute(Path::new("a/b")), Ok(own.join("a/b")));
        let base = std::env::temp_dir().join(format!("hinit-{}", std::process::id()));
        let deep = base.join("one//two/three");
        for _ in 0..2 {
            assert_eq!(create_directory(&deep), Ok(()));
            assert!(deep.is_dir());
        }
        let beyond = Path::new(file!()).join("x/y");
        assert_eq!(create_directory(&beyond), Err(Errno::ENOTDIR));
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn all_of_a_file_or_why_not() {
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
