//! A launch, and the server's end.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;

use nix::libc::{self, SIGCHLD};

use crate::call::{
    __clone, ALL_SIGNALS, Entry, NONE, STDERR, Text, WORKING_DIRECTORY, address, call, exit,
    is_same, lock, occupy_standard_descriptors, outcome, set_signal_mask, stat_of, write,
};
use crate::socket::{LOCK_LENGTH, answer_until_signal, listen};

const FAILED: i32 = 125;
const NOT_EXECUTED: usize = 126;

#[derive(Clone, Copy)]
pub(crate) struct Command {
    pub(crate) argv: *const *const c_char,
    pub(crate) envp: *const *const c_char,
}

/// What the child needs. It has the memory of its parent, and a stack in a frame of it.
struct Task {
    command: Command,
    /// The mask to restore, if it was changed.
    mask: Option<u64>,
    leads_group: bool,
}

/// Enough for the child, which makes three calls. On a page of the parent's that is in use anyway.
#[repr(align(16))]
struct Stack(UnsafeCell<MaybeUninit<[u8; 1024]>>);

impl Stack {
    const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Starts the child.
    ///
    /// # Safety
    /// The stack and the task must stay until the child has executed or ended.
    unsafe fn spawn(&self, task: &Task, flags: c_int) -> Option<usize> {
        extern "C" fn act(task: *mut c_void) -> c_int {
            // SAFETY: the pointer is to the task below.
            let task = unsafe { &*task.cast::<Task>() };
            // SAFETY: the command is an array of C strings with a null pointer at its end, as `main` has got it.
            unsafe {
                if task.leads_group {
                    call(libc::SYS_setpgid, [0, 0]);
                }
                if let Some(mask) = task.mask {
                    set_signal_mask(mask);
                }
                let Command { argv, envp } = task.command;
                call(
                    libc::SYS_execve,
                    [address(*argv), address(argv), address(envp)],
                );
            }
            exit(NOT_EXECUTED)
        }
        let task = std::ptr::from_ref(task).cast_mut().cast::<c_void>();
        let top = self
            .0
            .get()
            .cast::<c_void>()
            .wrapping_byte_add(size_of::<Self>());
        // SAFETY: the caller guarantees the stack and the task.
        let pid = unsafe { __clone(act, top, flags | libc::CLONE_VM | SIGCHLD, task) };
        outcome(pid as isize)
    }
}

/// Starts the command and waits for it.
pub(crate) fn parent(command: Command) -> i32 {
    let stack = Stack::new();
    let task = Task {
        command,
        mask: None,
        leads_group: false,
    };
    // SAFETY: the parent waits for the exec.
    match unsafe { stack.spawn(&task, libc::CLONE_VFORK) } {
        Some(pid) => reap(pid),
        None => FAILED,
    }
}

/// Keeps the promises of `hinit run` in the usual case: a new PID file, a server that ends, no orphans.
///
/// The cgroup's counter of killed processes is left out: it can be read at any time before the first of them.
/// If it `listens`, it also answers health checks.
pub(crate) fn run(file: &CStr, command: Command, listens: bool) -> i32 {
    try_run(file, command, listens).unwrap_or(FAILED)
}

fn try_run(file: &CStr, command: Command, listens: bool) -> Option<i32> {
    // "From then on they wait in a queue (signalfd), and none is lost."
    let mask = set_signal_mask(ALL_SIGNALS);
    // A log line never goes into another file that got descriptor 2.
    occupy_standard_descriptors();
    // "the server's own" exit code, also if the caller ignores SIGCHLD: then the kernel would keep no code.
    default_sigchld();
    let queue = signal_queue()?;
    // "reaps every orphan", also as an ordinary process
    // SAFETY: no address is passed.
    unsafe { call(libc::SYS_prctl, [libc::PR_SET_CHILD_SUBREAPER as usize, 1]) };
    let claim = Claim::new(file, listens)?;
    let socket = if listens { Some(listen(file)?) } else { None };
    // "If hinit has a terminal, it gives it to the server": here it finds that there is none.
    let terminal = open(c"/dev/tty", libc::O_RDWR);

    let (stack, [report, writer]) = (Stack::new(), pipe()?);
    let task = Task {
        command,
        mask: Some(mask),
        // "in a process group of its own. So the keyboard's signals [...] reach the server once"
        leads_group: true,
    };
    // Not by CLONE_VFORK, which stops this process until the exec: "If its program is still loading, as from a slow file
    // system, the signal goes to the child at once".
    // SAFETY: this function does not return before the exec, or the child's end.
    let pid = unsafe { stack.spawn(&task, 0) }?;
    // "keeps the server's room, loses none": a full queue of hinit's leaves half to the server
    halve_signal_limit();
    // "The main loop waits on a close-on-exec pipe, among other things": the file names no server that has not started.
    let has_seen_child = wait_for_exec(report, writer, queue, pid)?;
    // "keeps the server's PID in a file"
    claim.record(pid);
    // hinit's copy of a pipe does not keep it open after the server, nor its directory a file system busy.
    let others = terminal.max(socket).unwrap_or_default();
    leave_inherited(queue.max(claim.file).max(others));

    let code = watch(queue, socket, pid, has_seen_child, &claim)?;
    // "The log contains [...] one at the end", for which a full pipe is not waited
    log_end(code);
    claim.remove();
    Some(code)
}

/// Passes signals on and reaps, until no child is left; returns the server's exit code. `has_seen_child`: a SIGCHLD was
/// read already.
fn watch(
    queue: usize,
    socket: Option<usize>,
    server: usize,
    mut has_seen_child: bool,
    claim: &Claim,
) -> Option<i32> {
    let mut code = None;
    loop {
        // "then sleeps in one read"
        let signal = if std::mem::take(&mut has_seen_child) {
            SIGCHLD.cast_unsigned()
        } else {
            if let Some(socket) = socket {
                answer_until_signal(socket, queue);
            }
            read_signal(queue)?
        };
        if signal != SIGCHLD.cast_unsigned() {
            // "passes it every signal"
            if code.is_none() {
                // SAFETY: no address is passed, and the server is not reaped yet.
                unsafe { call(libc::SYS_kill, [server, signal as usize]) };
            }
            continue;
        }
        // "looks for ended children without reaping them"
        loop {
            match ended_child() {
                Child::Ended(pid) if pid == server => {
                    // "it first empties the PID file", before another process can get the PID
                    claim.clear();
                    code = Some(reap(pid));
                }
                Child::Ended(orphan) => {
                    reap(orphan);
                }
                Child::AllRun => break,
                // "hinit waits for them, and exits at once when none is left"
                Child::None => return code,
            }
        }
    }
}

/// The PID file, locked and empty.
struct Claim {
    entry: Entry,
    file: usize,
    stat: libc::stat,
}

impl Claim {
    fn new(path: &CStr, listens: bool) -> Option<Self> {
        // "does not enter a directory by another user's symlink", and "continues in the one that it has open"
        let entry = Entry::of(path)?;
        // "never follows, changes or unlinks what is not its own": a file that is new is its own.
        let file = entry.open(libc::O_RDWR | libc::O_CREAT | libc::O_EXCL, 0o600)?;
        // "an exclusive flock(2) on the file, against other hinits"
        let exclusive = (libc::LOCK_EX | libc::LOCK_NB).cast_unsigned() as usize;
        // SAFETY: no address is passed.
        outcome(unsafe { call(libc::SYS_flock, [file, exclusive]) })?;
        // "and a write lock of fcntl(2)", of 4 bytes, "or 2 [...] when readers can query the socket beside the file"
        let length = if listens { LOCK_LENGTH } else { 4 };
        lock(file, libc::F_OFD_SETLK, libc::F_WRLCK, length)?;
        // "Permissions of the PID file [...] whatever the umask"
        // SAFETY: no address is passed.
        unsafe { call(libc::SYS_fchmod, [file, 0o644]) };
        // "warns that the file does not have the requested mode"; "Two hinits never own one path": between its creation
        // and its lock another hinit may have removed the file.
        let stat = stat_of(file)?;
        if stat.st_mode & 0o7777 != 0o644 || stat.st_nlink != 1 || stat.st_size != 0 {
            return None;
        }
        // "If [...] disk space run out before the launch, hinit names what is missing"
        let keep_size = libc::FALLOC_FL_KEEP_SIZE.cast_unsigned() as usize;
        // SAFETY: no address is passed.
        outcome(unsafe { call(libc::SYS_fallocate, [file, keep_size, 0, 1]) })?;
        Some(Self { entry, file, stat })
    }

    /// "one whole PID and a newline; never part of a PID"
    fn record(&self, pid: usize) {
        let mut line = Text::new(b"");
        line.push_number(pid);
        line.push(b"\n");
        // SAFETY: the kernel reads that many bytes.
        unsafe { call(libc::SYS_pwrite64, [self.file, line.address(), line.length]) };
    }

    fn clear(&self) {
        // SAFETY: no address is passed.
        unsafe { call(libc::SYS_ftruncate, [self.file, 0]) };
    }

    /// "removes no file that is not its own"
    fn remove(&self) {
        if self
            .entry
            .stat()
            .is_some_and(|stat| is_same(&stat, &self.stat))
        {
            self.entry.unlink();
        }
    }
}

fn signal_queue() -> Option<usize> {
    let flags = libc::SFD_CLOEXEC.cast_unsigned() as usize;
    let new = usize::MAX;
    let all = ALL_SIGNALS;
    let arguments = [new, address(&raw const all), size_of::<u64>(), flags];
    // SAFETY: the kernel reads one mask.
    outcome(unsafe { call(libc::SYS_signalfd4, arguments) })
}

/// The number of the next signal.
fn read_signal(queue: usize) -> Option<u32> {
    let mut signal = MaybeUninit::<libc::signalfd_siginfo>::uninit();
    let arguments = [queue, address(signal.as_mut_ptr()), size_of_val(&signal)];
    // SAFETY: the kernel writes one signal, if it returns no error.
    unsafe {
        outcome(call(libc::SYS_read, arguments))?;
        Some(signal.assume_init().ssi_signo)
    }
}

/// The state of the children.
enum Child {
    /// This one has ended, and is not reaped yet.
    Ended(usize),
    AllRun,
    None,
}

fn ended_child() -> Child {
    // SAFETY: all zeros is a siginfo.
    let mut found: libc::siginfo_t = unsafe { MaybeUninit::zeroed().assume_init() };
    let flags = (libc::WEXITED | libc::WNOWAIT | libc::WNOHANG).cast_unsigned() as usize;
    let arguments = [libc::P_ALL as usize, 0, address(&raw mut found), flags];
    // SAFETY: the kernel writes one siginfo.
    if outcome(unsafe { call(libc::SYS_waitid, arguments) }).is_none() {
        return Child::None;
    }
    // SAFETY: it is that of a child, or zeros.
    match outcome(unsafe { found.si_pid() } as isize) {
        None | Some(0) => Child::AllRun,
        Some(pid) => Child::Ended(pid),
    }
}

/// Waits for the end of a child, and returns its exit code, as a shell shows it.
fn reap(pid: usize) -> i32 {
    let mut status: c_int = 0;
    // SAFETY: the kernel writes one number.
    unsafe { call(libc::SYS_wait4, [pid, address(&raw mut status), 0]) };
    if libc::WIFEXITED(status) {
        libc::WEXITSTATUS(status)
    } else {
        128 + libc::WTERMSIG(status)
    }
}

fn open(path: &CStr, flags: c_int) -> Option<usize> {
    let flags = (flags | libc::O_CLOEXEC).cast_unsigned() as usize;
    let arguments = [WORKING_DIRECTORY, address(path.as_ptr()), flags];
    // SAFETY: the path is a C string.
    outcome(unsafe { call(libc::SYS_openat, arguments) })
}

fn close(file: usize) {
    // SAFETY: the caller does not use it any more.
    unsafe { call(libc::SYS_close, [file]) };
}

fn default_sigchld() {
    // The handler, the flags, the restorer and the mask.
    let action: [usize; 4] = [libc::SIG_DFL, 0, 0, 0];
    let signal = SIGCHLD.cast_unsigned() as usize;
    let arguments = [signal, address(action.as_ptr()), NONE, size_of::<u64>()];
    // SAFETY: the kernel reads one action.
    unsafe { call(libc::SYS_rt_sigaction, arguments) };
}

/// Its end for reading, and the one for writing, which closes at the exec.
fn pipe() -> Option<[usize; 2]> {
    let mut ends: [c_int; 2] = [0; 2];
    let flags = libc::O_CLOEXEC.cast_unsigned() as usize;
    // SAFETY: the kernel writes two numbers.
    outcome(unsafe { call(libc::SYS_pipe2, [address(ends.as_mut_ptr()), flags]) })?;
    Some(ends.map(|end| end.cast_unsigned() as usize))
}

/// Waits until the writer is closed by the exec, or by the child's end, and meanwhile passes signals on to the child.
/// Returns whether a SIGCHLD was among them.
fn wait_for_exec(report: usize, writer: usize, queue: usize, child: usize) -> Option<bool> {
    close(writer);
    let source = |fd: usize| libc::pollfd {
        fd: fd as c_int,
        events: libc::POLLIN,
        revents: 0,
    };
    let mut sources = [source(report), source(queue)];
    let mut has_seen_child = false;
    loop {
        // SAFETY: the array has that many elements.
        unsafe { libc::poll(sources.as_mut_ptr(), sources.len() as libc::nfds_t, -1) };
        let [report_now, _] = &sources;
        if report_now.revents != 0 {
            close(report);
            return Some(has_seen_child);
        }
        let signal = read_signal(queue)?;
        if signal == SIGCHLD.cast_unsigned() {
            has_seen_child = true;
        } else {
            // SAFETY: no address is passed, and the child is not reaped yet.
            unsafe { call(libc::SYS_kill, [child, signal as usize]) };
        }
    }
}

/// Halves `RLIMIT_SIGPENDING`.
fn halve_signal_limit() {
    let mut limit = [0_u64; 2];
    let which = libc::RLIMIT_SIGPENDING as usize;
    // SAFETY: the kernel writes one limit, and reads one.
    unsafe {
        let limits = address(limit.as_mut_ptr());
        call(libc::SYS_prlimit64, [0, which, NONE, limits]);
        let [soft, _] = &mut limit;
        *soft /= 2;
        call(libc::SYS_prlimit64, [0, which, limits, NONE]);
    }
}

/// Closes all descriptors above hinit's own, and leaves the directory.
fn leave_inherited(last: usize) {
    let end = c_int::MAX.cast_unsigned() as usize;
    // SAFETY: this program uses none of them, and the path is a C string.
    unsafe {
        call(libc::SYS_close_range, [last + 1, end, 0]);
        call(libc::SYS_chdir, [address(c"/".as_ptr())]);
    }
}

fn log_end(code: i32) {
    let mut line = Text::new(b"floor: the server exited ");
    line.push_number(code.unsigned_abs() as usize);
    line.push(b"\n");
    let mut log = libc::pollfd {
        fd: STDERR as c_int,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: there is one.
    if unsafe { libc::poll(&raw mut log, 1, 100) } == 1 {
        write(STDERR, &line);
    }
}
