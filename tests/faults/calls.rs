//! The system calls by number, and which of their arguments describe the purpose of a call.

use nix::libc::{self, c_long};

/// A system call. The letters of `arguments` describe its first arguments: f is a descriptor, s a path, n a number such
/// as a command or flags, and - is ignored.
pub struct SystemCall {
    name: &'static str,
    number: c_long,
    pub arguments: &'static str,
}

macro_rules! calls {
    ($($(#[$only:meta])* $number:ident $arguments:literal)*) => {
        &[$($(#[$only])* SystemCall {
            name: stringify!($number),
            number: libc::$number,
            arguments: $arguments,
        }),*]
    };
}

#[rustfmt::skip]
const CALLS: &[SystemCall] = calls! {
    SYS_accept "f" SYS_accept4 "f" SYS_bind "f" SYS_brk "" SYS_capget "" SYS_capset "" SYS_chdir "s"
    SYS_clock_gettime "n" SYS_clock_nanosleep "" SYS_clone "" SYS_clone3 "" SYS_close "f" SYS_close_range ""
    SYS_connect "f" SYS_copy_file_range "ff" SYS_dup "f" SYS_dup3 "f" SYS_epoll_create1 "" SYS_epoll_ctl "fnf"
    SYS_epoll_pwait "f" SYS_execve "s" SYS_exit "" SYS_exit_group "" SYS_faccessat "fs" SYS_faccessat2 "fs"
    SYS_fallocate "fn" SYS_fchdir "f" SYS_fchmod "f" SYS_fchmodat "fs" SYS_fchown "f" SYS_fchownat "fs"
    SYS_fcntl "fn" SYS_fdatasync "f" SYS_flock "fn" SYS_fstat "f" SYS_fsync "f" SYS_ftruncate "f"
    SYS_getdents64 "f" SYS_getegid "" SYS_geteuid "" SYS_getgid "" SYS_getgroups "n" SYS_getpeername "f" SYS_getpgid ""
    SYS_getpid "" SYS_getppid "" SYS_getresgid "" SYS_getresuid "" SYS_getrlimit "" SYS_getsid ""
    SYS_getsockname "f" SYS_getsockopt "fnn" SYS_getuid "" SYS_ioctl "fn" SYS_kill "-n" SYS_linkat "fs"
    SYS_listen "f" SYS_lseek "f" SYS_madvise "" SYS_mkdirat "fs" SYS_mmap "--nn" SYS_mprotect "" SYS_mremap ""
    SYS_munmap "" SYS_nanosleep "" SYS_newfstatat "fs" SYS_openat "fsn" SYS_openat2 "fs" SYS_pidfd_open ""
    SYS_pidfd_send_signal "fn" SYS_pipe2 "" SYS_ppoll "-n" SYS_prctl "n" SYS_pread64 "f" SYS_prlimit64 "-n"
    SYS_pwrite64 "f" SYS_read "f" SYS_readlinkat "fs" SYS_readv "f" SYS_recvfrom "f" SYS_recvmsg "f"
    SYS_renameat "fs" SYS_renameat2 "fs" SYS_restart_syscall "" SYS_rt_sigaction "n" SYS_rt_sigpending ""
    SYS_rt_sigprocmask "n" SYS_rt_sigqueueinfo "-n" SYS_rt_sigreturn "" SYS_rt_sigtimedwait ""
    SYS_sched_yield "" SYS_sendfile "ff" SYS_sendmsg "f" SYS_sendto "f" SYS_set_tid_address ""
    SYS_setgid "" SYS_setgroups "" SYS_setitimer "" SYS_setpgid "" SYS_setresgid "" SYS_setresuid ""
    SYS_setrlimit "" SYS_setsid "" SYS_setsockopt "fnn" SYS_setuid "" SYS_shutdown "f" SYS_signalfd4 ""
    SYS_socket "nn" SYS_socketpair "nn" SYS_statx "fs" SYS_tgkill "--n" SYS_timer_create "" SYS_tkill "-n"
    SYS_umask "" SYS_unlinkat "fs" SYS_wait4 "" SYS_waitid "n-n" SYS_write "f" SYS_writev "f"
    #[cfg(target_arch = "x86_64")] SYS_access "s"
    #[cfg(target_arch = "x86_64")] SYS_alarm ""
    #[cfg(target_arch = "x86_64")] SYS_arch_prctl ""
    #[cfg(target_arch = "x86_64")] SYS_chmod "s"
    #[cfg(target_arch = "x86_64")] SYS_chown "s"
    #[cfg(target_arch = "x86_64")] SYS_dup2 "f"
    #[cfg(target_arch = "x86_64")] SYS_epoll_wait "f"
    #[cfg(target_arch = "x86_64")] SYS_fork ""
    #[cfg(target_arch = "x86_64")] SYS_getpgrp ""
    #[cfg(target_arch = "x86_64")] SYS_lstat "s"
    #[cfg(target_arch = "x86_64")] SYS_mkdir "s"
    #[cfg(target_arch = "x86_64")] SYS_open "sn"
    #[cfg(target_arch = "x86_64")] SYS_pipe ""
    #[cfg(target_arch = "x86_64")] SYS_poll "-n"
    #[cfg(target_arch = "x86_64")] SYS_readlink "s"
    #[cfg(target_arch = "x86_64")] SYS_rename "s"
    #[cfg(target_arch = "x86_64")] SYS_stat "s"
    #[cfg(target_arch = "x86_64")] SYS_unlink "s"
    #[cfg(target_arch = "x86_64")] SYS_vfork ""
};

impl SystemCall {
    pub fn numbered(number: u64) -> &'static Self {
        let number = c_long::try_from(number).unwrap();
        let found = CALLS.iter().find(|call| call.number == number);
        found.unwrap_or_else(|| panic!("system call {number} is missing in tests/faults/calls.rs"))
    }

    pub fn name(&self) -> &'static str {
        self.name.trim_start_matches("SYS_")
    }
}
