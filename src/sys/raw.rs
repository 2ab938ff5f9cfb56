//! System calls without libc.
//!
//! libc keeps the errno of the last call in memory that a child of clone(2) with `CLONE_VM` shares with hinit.
//! And its syscall(2) and ioctl(2) take a variable number of arguments, each read as a `long`: an `int` among them
//! would leave the register's upper half undefined. Here each argument is a whole register.

use std::arch::asm;

use nix::errno::Errno;
use nix::libc::{c_int, c_long};

/// Makes a system call. The arguments that are not given are 0.
///
/// # Safety
/// As for the system call: each argument that is an address must be good for what the kernel does there, and each
/// that is a descriptor must be the caller's to use.
#[inline]
pub(super) unsafe fn call<const N: usize>(
    number: c_long,
    arguments: [usize; N],
) -> nix::Result<usize> {
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
    // SAFETY: as above. The compiler keeps ebx and esi for itself, so they are put back.
    #[cfg(target_arch = "x86")]
    unsafe {
        let all = [0, 1, 2, 3, 4].map(argument);
        asm!(
            "push ebx", "push esi",
            "mov ebx, [edi]", "mov ecx, [edi + 4]", "mov edx, [edi + 8]", "mov esi, [edi + 12]",
            "mov edi, [edi + 16]", "int 0x80",
            "pop esi", "pop ebx",
            inlateout("eax") number => result, inlateout("edi") all.as_ptr() => _,
            lateout("ecx") _, lateout("edx") _
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
    // SAFETY: as above.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!(
            "svc 0", in("r7") number, inlateout("r0") argument(0) => result,
            in("r1") argument(1), in("r2") argument(2), in("r3") argument(3), in("r4") argument(4),
            options(nostack)
        );
    }
    // SAFETY: as above. The kernel returns an errno as a positive number, and sets a flag (summary overflow).
    #[cfg(target_arch = "powerpc64")]
    unsafe {
        asm!(
            "sc", "bns+ 2f", "neg 3, 3", "2:",
            inlateout("r0") number => _, inlateout("r3") argument(0) => result,
            inlateout("r4") argument(1) => _, inlateout("r5") argument(2) => _,
            inlateout("r6") argument(3) => _, inlateout("r7") argument(4) => _,
            lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _, lateout("r12") _,
            lateout("cr0") _, lateout("ctr") _, lateout("xer") _, options(nostack)
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "riscv64")]
    unsafe {
        asm!(
            "ecall", in("a7") number, inlateout("a0") argument(0) => result,
            in("a1") argument(1), in("a2") argument(2), in("a3") argument(3), in("a4") argument(4),
            options(nostack)
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "s390x")]
    unsafe {
        asm!(
            "svc 0", in("r1") number, inlateout("r2") argument(0) => result,
            in("r3") argument(1), in("r4") argument(2), in("r5") argument(3), in("r6") argument(4),
            options(nostack)
        );
    }
    outcome(result)
}

/// An `int` as an argument: the kernel ignores the upper half.
pub(super) fn int(value: c_int) -> usize {
    value.cast_unsigned() as usize
}

/// What a system call returned: an errno as a negative number down to -4095.
pub(super) fn outcome(result: isize) -> nix::Result<usize> {
    usize::try_from(result).map_err(|_| {
        let errno = i32::try_from(result.unsigned_abs());
        Errno::from_raw(errno.unwrap_or_default())
    })
}
