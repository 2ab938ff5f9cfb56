//! The PID file's file system becomes read-only, or fails, while hinit runs.

use std::os::fd::AsRawFd;
use std::process::Command;

use nix::libc;

use super::*;

/// A file system of its own in a file, unmounted when dropped.
struct Disk(TempDir);

impl Disk {
    fn new() -> Self {
        let dir = TempDir::new();
        run("truncate", &["--size=16M".as_ref(), &dir.join("image")]);
        run("mkfs.ext4", &["-q".as_ref(), &dir.join("image")]);
        fs::create_dir(dir.join("disk")).unwrap();
        run(
            "mount",
            &["-oloop".as_ref(), &dir.join("image"), &dir.join("disk")],
        );
        Self(dir)
    }

    fn pid_file(&self) -> PathBuf {
        self.0.join("disk/pid")
    }

    /// What the kernel does after an error of the disk, for all disks.
    fn make_read_only(&self) {
        fs::write("/proc/sysrq-trigger", "u").unwrap();
        let line = format!(" {} ext4 ro,", self.0.join("disk").display());
        eventually("it is read-only", || {
            let mounts = fs::read_to_string("/proc/mounts").unwrap();
            mounts.contains(&line).then_some(())
        });
    }

    /// From now on each access is an error (EIO).
    #[allow(unsafe_code, reason = "the kernel's headers alone have this call")]
    fn fail(&self) {
        // _IOR('X', 125, __u32), and the flag not to write the journal.
        const EXT4_IOC_SHUTDOWN: u32 = 0x8004_587d;
        let disk = fs::File::open(self.0.join("disk")).unwrap();
        let flag = 2_u32;
        // SAFETY: the kernel reads the flag.
        let result = unsafe {
            libc::ioctl(
                disk.as_raw_fd(),
                EXT4_IOC_SHUTDOWN.cast_signed(),
                &raw const flag,
            )
        };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let mut umount = Command::new("umount");
        let _best_effort = umount.arg("--lazy").arg(self.0.join("disk")).status();
    }
}

#[track_caller]
fn run(program: &str, arguments: &[&Path]) {
    assert!(
        Command::new(program)
            .args(arguments)
            .status()
            .unwrap()
            .success()
    );
}

in_both_modes!(
    a_disk_that_becomes_read_only_costs_the_file_alone,
    a_disk_that_fails_costs_the_file_alone
);

fn a_disk_that_becomes_read_only_costs_the_file_alone(mode: Mode) {
    let (_own, disk) = (OwnSystem::new(), Disk::new());
    let pid_file = disk.pid_file();
    let hinit = start_fixture(mode, &pid_file, "signals");
    let pid = recorded(&pid_file);
    disk.make_read_only();
    assert_eq!(
        hinit.verdict(&pid_file),
        format!("healthy: process {pid} is alive")
    );
    outlives(hinit);
    // The file still names the server, which is gone, but nobody has locked it.
    assert!(verdict(&pid_file).ends_with(" is stale: no hinit has locked it"));
    is_refused(mode, &pid_file, "Read-only file system");
}

fn a_disk_that_fails_costs_the_file_alone(mode: Mode) {
    let (_own, disk) = (OwnSystem::new(), Disk::new());
    let pid_file = disk.pid_file();
    let hinit = start_fixture(mode, &pid_file, "signals");
    recorded(&pid_file);
    disk.fail();
    // A check cannot know, so it is unhealthy.
    let verdict_now = hinit.verdict(&pid_file);
    assert!(
        verdict_now.starts_with("unhealthy: PID file "),
        "{verdict_now}"
    );
    outlives(hinit);
    assert!(verdict(&pid_file).starts_with("unhealthy: PID file "));
    is_refused(mode, &pid_file, "I/O error");
}

/// The server gets its signals, and its exit code is kept. Each line of the log but the last is a warning about the
/// file.
#[track_caller]
fn outlives(hinit: Running) {
    hinit.signal(libc::SIGUSR1);
    assert_eq!(hinit.line(), "signal 10");
    hinit.signal(libc::SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    let ended = hinit.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
    let (warnings, _end) = ended.log.rsplit_once('\n').expect("a warning");
    for warning in warnings.lines() {
        assert!(
            warning.starts_with("hinit: cannot ") && warning.contains("PID file"),
            "{}",
            ended.log
        );
    }
}

#[track_caller]
fn is_refused(mode: Mode, pid_file: &Path, reason: &str) {
    let ended = Start::new(mode).pid_file(pid_file).fixture(["ready"]).run();
    ended.assert_code_and_lines(125, 1);
    assert!(
        ended.log.contains(reason) && ended.stdout.is_empty(),
        "{ended:?}"
    );
}
