//! System calls, and the few texts that they need. Nothing here allocates.

use std::arch::asm;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::mem::MaybeUninit;

use nix::libc::{self, SYS_openat2};

pub(crate) const STDOUT: usize = 1;
pub(crate) const STDERR: usize = 2;
pub(crate) const WORKING_DIRECTORY: usize = libc::AT_FDCWD.cast_unsigned() as usize;

/// All signals, as a mask of the kernel's; and one of them.
pub(crate) const ALL_SIGNALS: u64 = u64::MAX;
pub(crate) const fn mask_of(signal: c_int) -> u64 {
    1 << (signal - 1)
}

/// Makes a system call. The arguments that are not given are 0; the result is as the kernel returns it.
///
/// # Safety
/// As for the system call.
#[inline]
pub(crate) unsafe fn call<const N: usize>(number: c_long, arguments: [usize; N]) -> isize {
    let argument = |at: usize| arguments.get(at).copied().unwrap_or_default();
    let result: isize;
    // SAFETY: the caller guarantees the arguments; the registers are those of syscall(2).
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "syscall", inlateout("rax") number => result,
            in("rdi") argument(0), in("rsi") argument(1), in("rdx") argument(2),
            in("r10") argument(3), in("r8") argument(4),
            lateout("rcx") _, lateout("r11") _, options(nostack)
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "svc 0", in("x8") number, inlateout("x0") argument(0) => result,
            in("x1") argument(1), in("x2") argument(2), in("x3") argument(3), in("x4") argument(4),
            options(nostack)
        );
    }
    result
}

/// The address of a value, for a call.
pub(crate) fn address<T: ?Sized>(value: *const T) -> usize {
    value.cast::<u8>().expose_provenance()
}

/// A descriptor or another number that a call returned; none for an error.
pub(crate) fn outcome(result: isize) -> Option<usize> {
    usize::try_from(result).ok()
}

/// Sets the signal mask, and returns the one before.
pub(crate) fn set_signal_mask(mask: u64) -> u64 {
    let mut before = 0_u64;
    let how = libc::SIG_SETMASK.cast_unsigned() as usize;
    let (new, old) = (address(&raw const mask), address(&raw mut before));
    // SAFETY: the kernel reads one mask and writes one.
    unsafe { call(libc::SYS_rt_sigprocmask, [how, new, old, size_of::<u64>()]) };
    before
}

/// Opens /dev/null for each of descriptors 0 to 2 that is closed.
pub(crate) fn occupy_standard_descriptors() {
    let stream = |fd| libc::pollfd {
        fd,
        events: 0,
        revents: 0,
    };
    let mut streams = [stream(0), stream(1), stream(2)];
    // SAFETY: the array has that many elements, and the path is a C string.
    unsafe {
        libc::poll(streams.as_mut_ptr(), streams.len() as libc::nfds_t, 0);
        for stream in streams {
            if stream.revents & libc::POLLNVAL != 0 {
                // The lowest closed descriptor is this one.
                libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            }
        }
    }
}

/// A file by its name in a directory that is open.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    directory: usize,
    name: *const c_char,
}

impl Entry {
    /// Opens the directory of an absolute path, and follows no symlinks on the way.
    pub(crate) fn of(path: &CStr) -> Option<Self> {
        let slash = path.to_bytes().iter().rposition(|&byte| byte == b'/')?;
        let mut directory = [0_u8; 256];
        let before = path.to_bytes().get(..slash.max(1))?;
        // The last byte stays 0. (Not by copy_from_slice, whose panic takes the code of panic messages along.)
        for (to, from) in directory.iter_mut().take(255).zip(before) {
            *to = *from;
        }
        let flags = (libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC).cast_unsigned();
        let how: [u64; 3] = [flags.into(), 0, libc::RESOLVE_NO_SYMLINKS];
        let arguments = [
            WORKING_DIRECTORY,
            address(directory.as_ptr()),
            address(how.as_ptr()),
            size_of_val(&how),
        ];
        // SAFETY: the directory is a C string, and `how` is a struct open_how.
        let directory = outcome(unsafe { call(SYS_openat2, arguments) })?;
        let name = path.as_ptr().wrapping_add(slash + 1);
        Some(Self { directory, name })
    }

    pub(crate) fn open(self, flags: c_int, mode: usize) -> Option<usize> {
        let flags = flags | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
        let flags = flags.cast_unsigned() as usize;
        let arguments = [self.directory, address(self.name), flags, mode];
        // SAFETY: the name is a C string.
        outcome(unsafe { call(libc::SYS_openat, arguments) })
    }

    /// `lstat(2)`
    pub(crate) fn stat(self) -> Option<libc::stat> {
        let flags = libc::AT_SYMLINK_NOFOLLOW.cast_unsigned() as usize;
        let (directory, name) = (self.directory, address(self.name));
        // SAFETY: the name is a C string, and the kernel writes one stat.
        stat_by(|to| unsafe { call(libc::SYS_newfstatat, [directory, name, to, flags]) })
    }

    pub(crate) fn name(&self) -> &CStr {
        // SAFETY: it is the end of the path that `of` was given, which stays.
        unsafe { CStr::from_ptr(self.name) }
    }

    pub(crate) fn enter_directory(self) -> Option<()> {
        // SAFETY: no address is passed.
        outcome(unsafe { call(libc::SYS_fchdir, [self.directory]) }).map(|_| ())
    }

    pub(crate) fn unlink(self) {
        // SAFETY: the name is a C string.
        unsafe { call(libc::SYS_unlinkat, [self.directory, address(self.name)]) };
    }
}

/// `fstat(2)`
pub(crate) fn stat_of(file: usize) -> Option<libc::stat> {
    // SAFETY: the kernel writes one stat.
    stat_by(|to| unsafe { call(libc::SYS_fstat, [file, to]) })
}

/// The stat that a call has written to the address, if it returned no error.
fn stat_by(call: impl FnOnce(usize) -> isize) -> Option<libc::stat> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    outcome(call(address(stat.as_mut_ptr())))?;
    // SAFETY: the call has written it.
    Some(unsafe { stat.assume_init() })
}

/// Whether both are the same file.
pub(crate) fn is_same(one: &libc::stat, other: &libc::stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// `fcntl(2)` with a lock on the first `length` bytes; returns the kind of lock and its length.
pub(crate) fn lock(file: usize, command: c_int, kind: c_int, length: i64) -> Option<libc::flock> {
    // SAFETY: a flock is plain numbers.
    let mut lock: libc::flock = unsafe { MaybeUninit::zeroed().assume_init() };
    lock.l_type = kind as _;
    lock.l_len = length;
    let command = command.cast_unsigned() as usize;
    // SAFETY: the kernel reads and writes one flock.
    let result = unsafe { call(libc::SYS_fcntl, [file, command, address(&raw mut lock)]) };
    outcome(result).map(|_| lock)
}

/// `pread(2)` from the start of the file, into as many bytes as there are.
pub(crate) fn read_start(file: usize, bytes: &mut [u8]) -> Option<&[u8]> {
    let arguments = [file, address(bytes.as_mut_ptr()), bytes.len()];
    // SAFETY: the kernel writes at most that many bytes.
    let length = outcome(unsafe { call(libc::SYS_pread64, arguments) })?;
    bytes.get(..length)
}

/// `write(2)`
pub(crate) fn write(to: usize, text: &Text) {
    // SAFETY: the kernel reads that many bytes.
    unsafe {
        call(
            libc::SYS_write,
            [to, address(text.bytes.as_ptr()), text.length],
        )
    };
}

/// A short text that is put together.
pub(crate) struct Text<const SIZE: usize = 64> {
    pub(crate) bytes: [u8; SIZE],
    pub(crate) length: usize,
}

impl Text {
    pub(crate) fn new(text: &[u8]) -> Self {
        Self::of(text)
    }
}

impl<const SIZE: usize> Text<SIZE> {
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut new = Self {
            bytes: [0; SIZE],
            length: 0,
        };
        new.push(text);
        new
    }

    /// What finds no room is left out.
    pub(crate) fn push(&mut self, text: &[u8]) {
        let room = self.bytes.get_mut(self.length..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(text) {
            *to = *from;
            self.length += 1;
        }
    }

    pub(crate) fn push_number(&mut self, number: usize) {
        if number >= 10 {
            self.push_number(number / 10);
        }
        self.push(&[b'0' + (number % 10) as u8]);
    }

    /// As a C string; the text must be shorter than its room.
    pub(crate) fn address(&self) -> usize {
        address(self.bytes.as_ptr())
    }
}

unsafe extern "C" {
    /// What musl's own spawn uses: `clone(2)`, and `act` runs in the child.
    pub(crate) fn __clone(
        act: extern "C" fn(*mut c_void) -> c_int,
        stack: *mut c_void,
        flags: c_int,
        argument: *mut c_void,
        ...
    ) -> c_int;
}

/// Ends the process.
pub(crate) fn exit(code: usize) -> ! {
    loop {
        // SAFETY: no address is passed.
        unsafe { call(libc::SYS_exit_group, [code]) };
    }
}

/// The null pointer, for an argument that is left out.
pub(crate) const NONE: usize = 0;
