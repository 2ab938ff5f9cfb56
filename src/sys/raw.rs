//! System calls without libc, which keeps the errno of the last one in memory that a child of clone(2) with
//! `CLONE_VM` shares with hinit.

use std::arch::asm;

use nix::errno::Errno;
use nix::libc::c_long;

/// Makes a system call.
///
/// # Safety
/// As for the system call: each argument that is an address must be good for what the kernel does there.
pub(super) unsafe fn call(number: c_long, arguments: [usize; 4]) -> nix::Result<usize> {
    let [a, b, c, d] = arguments;
    let result: isize;
    // SAFETY: the caller answers for the arguments; the registers are those of syscall(2).
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "syscall", inlateout("rax") number => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
            lateout("rcx") _, lateout("r11") _, options(nostack)
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "svc 0", in("x8") number, inlateout("x0") a => result,
            in("x1") b, in("x2") c, in("x3") d, options(nostack)
        );
    }
    outcome(result)
}

/// What a system call returned: an errno as a negative number down to -4095.
pub(super) fn outcome(result: isize) -> nix::Result<usize> {
    usize::try_from(result).map_err(|_| {
        let errno = i32::try_from(result.unsigned_abs());
        Errno::from_raw(errno.unwrap_or_default())
    })
}
