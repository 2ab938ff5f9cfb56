//! The errors that the kernel may return for the calls of hinit (section 2 of the manual). There is no EBADF, EFAULT or
//! EINVAL where no argument can be wrong.

/// System calls with the same errors, and these errors; none for calls that cannot fail.
#[rustfmt::skip]
const ERRNOS: &[(&str, &str)] = &[
    // These only read or change attributes of the process itself.
    (
        "arch_prctl set_tid_address rt_sigprocmask rt_sigaction rt_sigpending rt_sigreturn getpid getppid getpgrp \
         getuid geteuid getresuid getresgid getgid getegid umask exit_group exit restart_syscall sched_yield",
        "",
    ),
    ("openat openat2 open", "EACCES EINTR EIO ELOOP EMFILE ENAMETOOLONG ENFILE ENODEV ENOENT ENOMEM ENOSPC ENOTDIR ENXIO EPERM EROFS ETXTBSY EDQUOT EEXIST EISDIR ESTALE"),
    ("newfstatat statx stat lstat", "EACCES EIO ELOOP ENOENT ENOMEM ENOTDIR ESTALE"),
    ("fstat", "EIO ENOMEM ESTALE"),
    ("read pread64 readv", "EAGAIN EINTR EIO ENOMEM ESRCH ECONNRESET"),
    ("write pwrite64 writev", "EAGAIN EDQUOT EFBIG EINTR EIO ENOSPC EPERM EPIPE ENOMEM"),
    ("close", "EDQUOT EINTR EIO ENOSPC"),
    ("close_range", "ENOMEM EMFILE ENOSYS EPERM"),
    ("flock", "EINTR ENOLCK EAGAIN EIO EOPNOTSUPP"),
    ("fchmod fchmodat chmod", "EIO ENOMEM EPERM EROFS EACCES"),
    ("fchown fchownat chown", "EIO ENOMEM EPERM EROFS EDQUOT"),
    ("fallocate", "EINTR EIO ENODEV ENOSPC ENOSYS EOPNOTSUPP EPERM EDQUOT EFBIG"),
    ("ftruncate", "EINTR EIO EPERM EROFS ETXTBSY"),
    ("unlink unlinkat", "EACCES EBUSY EIO ENOENT ENOMEM EPERM EROFS ENOTDIR"),
    ("rename renameat renameat2 linkat", "EACCES EBUSY EDQUOT EIO EMLINK ENOENT ENOMEM ENOSPC EPERM EROFS EXDEV"),
    ("mkdir mkdirat", "EACCES EDQUOT EEXIST EMLINK ENOENT ENOMEM ENOSPC EPERM EROFS"),
    ("fsync fdatasync", "EDQUOT EIO ENOSPC EROFS"),
    ("sendfile copy_file_range", "EINTR EINVAL EIO ENOMEM ENOSPC EXDEV EOPNOTSUPP"),
    ("readlink readlinkat", "EACCES EIO ENOENT ENOMEM ENOTDIR"),
    ("getdents64", "EIO ENOENT ENOMEM ESRCH"),
    ("access faccessat faccessat2", "EACCES EIO ENOENT EROFS"),
    ("chdir fchdir", "EACCES EIO ELOOP ENOENT ENOMEM ENOTDIR"),
    ("lseek", "ESPIPE"),
    // No EINVAL: a file system without these locks has none for a reader either.
    ("fcntl", "EAGAIN EACCES EINTR ENOLCK EPERM"),
    ("dup dup2 dup3", "EBUSY EINTR EMFILE"),
    ("ioctl", "EIO ENOTTY EPERM EINTR"),
    ("pipe pipe2", "EMFILE ENFILE ENOMEM"),
    ("epoll_create1", "EMFILE ENFILE ENOMEM"),
    ("epoll_ctl", "ENOMEM ENOSPC EPERM"),
    ("epoll_wait epoll_pwait", "EINTR"),
    ("poll ppoll", "EINTR ENOMEM EINVAL"),
    ("signalfd4 pidfd_open", "EMFILE ENFILE ENODEV ENOMEM ENOSYS EPERM ESRCH"),
    ("pidfd_send_signal", "EPERM ESRCH ENOSYS"),
    ("kill tkill tgkill", "EPERM ESRCH"),
    ("rt_sigqueueinfo", "EAGAIN EPERM ESRCH"),
    ("rt_sigtimedwait", "EAGAIN EINTR"),
    ("clone clone3 fork vfork", "EAGAIN ENOMEM EPERM ENOSPC ENOSYS"),
    ("execve", "E2BIG EACCES EAGAIN EINVAL EIO EISDIR ELIBBAD ELOOP EMFILE ENAMETOOLONG ENFILE ENOENT ENOEXEC ENOMEM ENOTDIR EPERM ETXTBSY"),
    // ECHILD is no fault, because hinit then has no children.
    ("waitid wait4", "EINTR"),
    ("prctl", "EINVAL EPERM ENOSYS"),
    ("getgroups", "EPERM ENOSYS"),
    ("prlimit64 getrlimit setrlimit", "EPERM ENOSYS"),
    ("setpgid setsid", "EACCES EPERM ESRCH"),
    ("getpgid getsid", "ESRCH EPERM"),
    ("setuid setgid setresuid setresgid", "EAGAIN EPERM"),
    ("setgroups", "ENOMEM EPERM"),
    ("capget capset", "EPERM"),
    ("mmap", "EAGAIN ENFILE ENOMEM"),
    ("mremap brk", "ENOMEM"),
    ("munmap madvise mprotect", "EAGAIN EINVAL ENOMEM"),
    ("setitimer alarm timer_create", "EAGAIN ENOMEM"),
    ("clock_gettime clock_nanosleep nanosleep", "EINTR"),
    ("socket socketpair", "EACCES EAFNOSUPPORT EMFILE ENFILE ENOBUFS ENOMEM EPROTONOSUPPORT"),
    ("bind", "EACCES EADDRINUSE EADDRNOTAVAIL ELOOP ENOENT ENOMEM ENOTDIR EROFS"),
    ("listen", "EADDRINUSE ENOBUFS"),
    ("accept accept4", "EAGAIN ECONNABORTED EINTR EMFILE ENFILE ENOBUFS ENOMEM EPERM EPROTO"),
    ("connect", "EACCES EADDRNOTAVAIL EAGAIN ECONNREFUSED EINPROGRESS EINTR ENETUNREACH ENOENT EPERM ETIMEDOUT"),
    ("recvfrom recvmsg", "EAGAIN ECONNREFUSED ECONNRESET EINTR ENOMEM"),
    ("sendto sendmsg", "EAGAIN ECONNREFUSED ECONNRESET EINTR ENOBUFS ENOMEM EPERM EPIPE"),
    ("getsockopt setsockopt getsockname getpeername", "ENOBUFS ENOMEM ENOPROTOOPT ENOTCONN"),
    ("shutdown", "ENOTCONN ENOBUFS"),
];

/// The errors of a system call.
pub fn of(call: &str) -> impl Iterator<Item = &'static str> {
    let is_here = |(calls, _): &&(&str, &str)| calls.split(' ').any(|name| name == call);
    let Some((_, errnos)) = ERRNOS.iter().find(is_here) else {
        panic!("{call} is missing in tests/faults/errnos.rs")
    };
    errnos.split_whitespace()
}
