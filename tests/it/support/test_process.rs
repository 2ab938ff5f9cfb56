//! Processes that a test may signal and kill, and PID files that the test locks as hinit does.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::{Ended, TempDir, eventually, fixture, hinit, set_mode, wait_for_state};

/// A process that a test may signal; killed when dropped.
pub struct TestProcess(Child);

impl TestProcess {
    pub fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::null());
        // A program that was just copied may still be open for writing in a child that another test
        // has just forked.
        Self(eventually("it can be executed", || match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => None,
            spawned => Some(spawned.unwrap()),
        }))
    }

    pub fn sleeping() -> Self {
        Self::start(Command::new("sleep").arg("1000"))
    }

    pub fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }

    /// Waits until it has this state, by its letter in proc(5).
    #[track_caller]
    pub fn wait_for_state(&self, state: char) {
        wait_for_state(self.pid(), state);
    }
}

impl Drop for TestProcess {
    fn drop(&mut self) {
        let _ended = (self.0.kill(), self.0.wait());
    }
}

/// A PID file with both locks of hinit: flock(2) against other hinits, and fcntl(2) for readers.
pub struct LockedPidFile(File);

impl Drop for LockedPidFile {
    fn drop(&mut self) {
        // A child that another test has just forked keeps the lock until its exec, so closing the
        // file is not enough.
        let _unlocked = fs2::FileExt::unlock(&self.0);
        lock_for_readers(&self.0, libc::F_UNLCK);
    }
}

fn lock_for_readers(file: &File, kind: i32) {
    let lock = libc::flock {
        l_type: i16::try_from(kind).unwrap(),
        l_whence: 0,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
}

/// Makes a locked PID file with these contents.
pub fn locked_pid_file(path: &Path, contents: impl AsRef<[u8]>) -> LockedPidFile {
    fs::write(path, contents).unwrap();
    set_mode(path, 0o644);
    let file = File::options().read(true).write(true).open(path).unwrap();
    fs2::FileExt::try_lock_exclusive(&file).unwrap();
    lock_for_readers(&file, libc::F_WRLCK);
    LockedPidFile(file)
}

/// hinit with these arguments, and without `HINIT_` variables.
pub fn hinit_with(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(hinit());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HINIT_")) {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

/// Runs hinit with these arguments.
pub fn run_hinit(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ended {
    Ended::of(&hinit_with(arguments).output().unwrap())
}

/// A copy of the fixture that every user may execute.
pub fn fixture_for_all(dir: &TempDir) -> PathBuf {
    set_mode(dir, 0o755);
    let program = dir.join("server");
    copy_program(&fixture(), &program);
    program
}

/// Copies a program by another process: if this process had the copy open for writing, a child that
/// another test forks would inherit the descriptor, and until its exec the copy could not be
/// executed (ETXTBSY).
pub fn copy_program(from: &Path, to: &Path) {
    let mut command = Command::new("install");
    let status = command.arg("--mode=755").args([from, to]).status();
    assert!(status.unwrap().success());
}
