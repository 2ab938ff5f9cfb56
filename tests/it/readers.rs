//! Threads that only read the PID file, and so are far faster than health checks.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use nix::sys::signal::kill as probe;
use nix::unistd::Pid;

use crate::support::*;

/// Starts and ends a hinit again and again on one path, while `readers` threads read the file.
/// `observe` returns whether it saw the state that the test is about; if it never does, the test
/// fails, because it proves nothing.
#[track_caller]
fn read_while_starting(
    readers: usize,
    cycles: usize,
    before_each: impl Fn(&Path),
    observe: impl Fn(&File) -> bool + Sync,
) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let done = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let reader = || {
            let mut seen = 0;
            while !done.load(SeqCst) {
                seen += u32::from(File::open(&path).is_ok_and(|file| observe(&file)));
            }
            seen
        };
        let readers: Vec<_> = (0..readers).map(|_| scope.spawn(reader)).collect();
        let end = SetOnDrop(&done);
        for _ in 0..cycles {
            before_each(&path);
            let start = Start::new(Mode::Subreaper).pid_file(&path);
            let ended = start.fixture(["exit", "0"]).run();
            assert_eq!(ended.code, 0, "{}", ended.log);
        }
        drop(end);
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .sum::<u32>()
    });
    assert!(seen > 0, "no reader saw the state that this test is about");
}

/// None if the file is empty.
fn read_pid(file: &File) -> Option<i32> {
    let mut bytes = [0; 64];
    let length = file.read_at(&mut bytes, 0).unwrap();
    let text = str::from_utf8(&bytes[..length]).unwrap();
    let pid = |text: &str| text.strip_suffix('\n')?.parse().ok();
    (!text.is_empty()).then(|| pid(text).unwrap_or_else(|| panic!("a part of a PID: {text:?}")))
}

#[test]
fn a_recorded_pid_is_whole_and_not_reused() {
    let observe = |file: &File| {
        let Some(pid) = read_pid(file) else {
            return false;
        };
        // A PID that is free while the file names it could be reused by another process.
        if probe(Pid::from_raw(pid), None).is_err() {
            assert_ne!(
                read_pid(file),
                Some(pid),
                "{pid} was free while the file named it"
            );
        }
        true
    };
    read_while_starting(1, 500, |_| {}, observe);
}

/// A crash leaves a PID in the file, which another process may have by now. The next hinit must not
/// hold the lock of a file with this PID, not even between its lock and its first write.
#[test]
fn an_old_pid_is_never_seen_under_a_held_lock() {
    let other = std::process::id().cast_signed();
    let leave_behind = |path: &Path| {
        let old = path.with_extension("old");
        fs::write(&old, format!("{other}\n")).unwrap();
        fs::rename(&old, path).unwrap();
    };
    let observe = |file: &File| {
        let held = fs2::FileExt::try_lock_shared(file).is_err();
        assert!(
            !held || read_pid(file) != Some(other),
            "hinit held the lock while the file named another process"
        );
        held
    };
    read_while_starting(1, 500, leave_behind, observe);
}

/// Eight readers at once that do nothing but take and release the lock.
#[test]
fn eight_readers_of_the_lock_stop_no_start() {
    let observe = |file: &File| {
        let had = fs2::FileExt::try_lock_shared(file).is_ok();
        if had {
            fs2::FileExt::unlock(file).unwrap();
        }
        had
    };
    read_while_starting(8, 400, |_| {}, observe);
}
