//! The requests of ptrace(2) that the tracer needs.
#![allow(
    unsafe_code,
    reason = "ptrace(2) has no safe wrapper for these requests"
)]

use std::ffi::CString;
use std::io::{Read, pipe};
use std::ptr;

use nix::errno::Errno;
use nix::libc::{self, c_int, c_long, pid_t};

/// Why a traced process stopped, or that it ended.
pub enum Stop {
    /// The exit code, or 128 plus the number of the signal.
    Ended(c_int),
    /// Before or after a system call.
    SystemCall,
    /// It has executed another program.
    Executed,
    /// A signal is about to be delivered.
    Signal(c_int),
    /// A stop signal has stopped it (group-stop).
    Group,
    /// It was created, or has created a child.
    Other,
}

/// `struct ptrace_syscall_info`, which `PTRACE_GET_SYSCALL_INFO` fills in.
#[repr(C)]
#[derive(Default)]
struct Info {
    op: u8,
    arch: u32,
    instruction_pointer: u64,
    stack_pointer: u64,
    /// The call's number, or its result.
    first: u64,
    arguments: [u64; 6],
}

/// The type of a request differs between C libraries.
#[cfg(target_env = "musl")]
type Request = c_int;
#[cfg(not(target_env = "musl"))]
type Request = libc::c_uint;

/// From linux/ptrace.h, because the libc crate does not have them for every C library.
const GET_SYSCALL_INFO: Request = 0x420e;
const ENTRY: u8 = 1;
const EXIT: u8 = 2;
const EVENT_STOP: c_int = 128;

/// The start of a system call, with its number and arguments, or its end.
pub enum Edge {
    Entry(u64, [u64; 6]),
    Exit,
}

fn ptrace(request: Request, pid: pid_t, address: usize, data: usize) -> Result<c_long, Errno> {
    // SAFETY: where the kernel writes, the callers pass the address of a large enough object.
    Errno::result(unsafe { libc::ptrace(request, pid, address, data) })
}

/// Starts a program that is traced from its first instruction on, and is killed when this process ends. `is_pid_1`: it
/// is PID 1 of a new PID namespace. `follow`: its children are traced as well.
pub fn start(program: &[CString], is_pid_1: bool, follow: bool) -> pid_t {
    let mut argv: Vec<_> = program.iter().map(|word| word.as_ptr()).collect();
    argv.push(ptr::null());
    let (mut is_traced, tracer) = pipe().unwrap();
    if is_pid_1 {
        // SAFETY: no memory is passed.
        Errno::result(unsafe { libc::unshare(libc::CLONE_NEWPID) }).unwrap();
    }
    // SAFETY: this process has one thread, so its child may call any function.
    let pid = Errno::result(unsafe { libc::fork() }).unwrap();
    if pid == 0 {
        drop(tracer);
        let _end_of_file = is_traced.read(&mut [0]);
        if is_pid_1 {
            own_proc();
        }
        // SAFETY: the array ends with a null pointer, and the strings are still alive.
        unsafe {
            libc::execv(argv[0], argv.as_ptr());
            libc::_exit(127);
        }
    }
    let mut options =
        libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACEEXEC;
    if follow {
        options |= libc::PTRACE_O_TRACEFORK | libc::PTRACE_O_TRACEVFORK | libc::PTRACE_O_TRACECLONE;
    }
    ptrace(libc::PTRACE_SEIZE, pid, 0, options.cast_unsigned() as usize).unwrap();
    pid
}

/// Mounts the /proc of this PID namespace, in a new mount namespace.
fn own_proc() {
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: the strings end with a NUL.
    unsafe {
        Errno::result(libc::unshare(libc::CLONE_NEWNS)).unwrap();
        let none = c"none".as_ptr();
        Errno::result(libc::mount(
            none,
            c"/".as_ptr(),
            ptr::null(),
            private,
            ptr::null(),
        ))
        .unwrap();
        let proc = c"proc".as_ptr();
        Errno::result(libc::mount(proc, c"/proc".as_ptr(), proc, 0, ptr::null())).unwrap();
    }
}

/// Waits for a change of a traced process.
pub fn wait() -> (pid_t, Stop) {
    let mut status = 0;
    // SAFETY: the kernel writes only to the status.
    let pid = Errno::result(unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL) }).unwrap();
    if libc::WIFEXITED(status) {
        return (pid, Stop::Ended(libc::WEXITSTATUS(status)));
    }
    if libc::WIFSIGNALED(status) {
        return (pid, Stop::Ended(128 + libc::WTERMSIG(status)));
    }
    let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
    let stop = match event {
        0 if signal == libc::SIGTRAP | 0x80 => Stop::SystemCall,
        0 => Stop::Signal(signal),
        libc::PTRACE_EVENT_EXEC => Stop::Executed,
        EVENT_STOP if signal != libc::SIGTRAP => Stop::Group,
        _ => Stop::Other,
    };
    (pid, stop)
}

/// Continues a process, up to its next system call if those are `watched`, and delivers a signal unless it is 0.
pub fn resume(pid: pid_t, watched: bool, signal: c_int) {
    let request = if watched {
        libc::PTRACE_SYSCALL
    } else {
        libc::PTRACE_CONT
    };
    let _may_be_gone = ptrace(request, pid, 0, signal.cast_unsigned() as usize);
}

/// Keeps a process stopped until SIGCONT, as if it were not traced.
pub fn listen(pid: pid_t) {
    let _may_be_gone = ptrace(libc::PTRACE_LISTEN, pid, 0, 0);
}

/// Continues a process without tracing it, and delivers a signal unless it is 0.
pub fn detach(pid: pid_t, signal: c_int) {
    let signal = signal.cast_unsigned() as usize;
    let _may_be_gone = ptrace(libc::PTRACE_DETACH, pid, 0, signal);
}

/// Whether a process is at the start or the end of a system call.
pub fn edge(pid: pid_t) -> Option<Edge> {
    let mut info = Info::default();
    ptrace(
        GET_SYSCALL_INFO,
        pid,
        size_of::<Info>(),
        (&raw mut info).addr(),
    )
    .ok()?;
    match info.op {
        ENTRY => Some(Edge::Entry(info.first, info.arguments)),
        EXIT => Some(Edge::Exit),
        _ => None,
    }
}

/// Skips the system call that starts.
#[cfg(target_arch = "x86_64")]
pub fn skip(pid: pid_t) {
    let register = std::mem::offset_of!(libc::user_regs_struct, orig_rax);
    let _may_be_gone = ptrace(libc::PTRACE_POKEUSER, pid, register, usize::MAX);
}

/// Makes the system call that ends return this error.
#[cfg(target_arch = "x86_64")]
pub fn fail(pid: pid_t, errno: Errno) {
    let register = std::mem::offset_of!(libc::user_regs_struct, rax);
    let result = (-(errno as isize)).cast_unsigned();
    let _may_be_gone = ptrace(libc::PTRACE_POKEUSER, pid, register, result);
}

#[cfg(target_arch = "aarch64")]
pub fn skip(pid: pid_t) {
    const NT_ARM_SYSTEM_CALL: usize = 0x404;
    let _may_be_gone = registers(
        libc::PTRACE_SETREGSET,
        pid,
        NT_ARM_SYSTEM_CALL,
        &mut [-1_i32],
    );
}

#[cfg(target_arch = "aarch64")]
pub fn fail(pid: pid_t, errno: Errno) {
    const NT_PRSTATUS: usize = 1;
    // x0 to x30, sp, pc and pstate.
    let mut all = [0_i64; 34];
    if registers(libc::PTRACE_GETREGSET, pid, NT_PRSTATUS, &mut all).is_ok() {
        all[0] = -(errno as i64);
        let _may_be_gone = registers(libc::PTRACE_SETREGSET, pid, NT_PRSTATUS, &mut all);
    }
}

#[cfg(target_arch = "aarch64")]
fn registers<T>(request: Request, pid: pid_t, set: usize, of: &mut [T]) -> Result<c_long, Errno> {
    let memory = libc::iovec {
        iov_base: of.as_mut_ptr().cast(),
        iov_len: size_of_val(of),
    };
    ptrace(request, pid, set, (&raw const memory).addr())
}
