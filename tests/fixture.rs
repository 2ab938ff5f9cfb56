//! The server that the tests run under hinit. Its first argument says what it does; it prints
//! `ready` when it has done so, so that no test sleeps.
#![allow(unsafe_code, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::indexing_slicing)]
#![allow(clippy::zombie_processes, reason = "it leaves some on purpose")]

use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;

use nix::libc;

#[path = "fixture/attacks.rs"]
mod attacks;
#[path = "fixture/notify.rs"]
mod notify;
#[path = "fixture/old_kernel.rs"]
mod old_kernel;
#[path = "fixture/processes.rs"]
mod processes;
#[cfg(panic = "abort")]
#[path = "../src/sys/unwind.rs"]
mod unwind;
#[path = "fixture/worker.rs"]
mod worker;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["ready"] => wait_for_the_end(),
        ["exit", code] => std::process::exit(code.parse().unwrap()),
        ["eat"] => eat_memory(),
        ["read"] => drop(nix::unistd::read(std::io::stdin(), &mut [0]).unwrap()),
        ["die", signal] => die_of(signal.parse().unwrap()),
        ["sender"] => print_sender(),
        ["signals"] => print_signals(false),
        ["signals-later"] => print_signals(true),
        ["signals-elsewhere"] => {
            let parents = nix::unistd::getpgid(Some(nix::unistd::getppid())).unwrap();
            nix::unistd::setpgid(nix::unistd::Pid::from_raw(0), parents).unwrap();
            print_signals(false);
        }
        ["family"] => family(),
        ["becomes-root"] => {
            become_root();
            wait_for_the_end();
        }
        ["becomes-root", "leave-forkers", count] => {
            become_root();
            processes::leave_forkers(count.parse().unwrap());
        }
        ["reuse-pids", count] => processes::reuse_pids(count.parse().unwrap()),
        ["leave-forkers", count] => processes::leave_forkers(count.parse().unwrap()),
        ["orphans", count] => orphans(count.parse().unwrap()),
        ["leave", count] => leave(count.parse().unwrap()),
        ["bomb", count] => bomb(count.parse().unwrap()),
        ["leader-leaves"] => leader_leaves(),
        ["hidden"] => processes::hidden(false),
        ["hidden", "stubborn"] => processes::hidden(true),
        ["with-child", exit_signal, ref hinit @ ..] => {
            processes::with_child(exit_signal.parse().unwrap(), hinit);
        }
        ["notify", ref messages @ ..] => notify::notify(messages),
        ["send-and-exit", ref messages @ ..] => notify::send_and_exit(messages),
        ["hand-over-to-a-zombie"] => {
            notify::hand_over_to_a_zombie();
            std::process::exit(5);
        }
        ["notifies", ref messages @ ..] => notify::notifies(messages),
        ["orphan", ref messages @ ..] => notify::orphan(messages),
        ["attack", pid] => attacks::attack(pid.parse().unwrap()),
        ["old-kernel", ref command @ ..] => old_kernel::exec(command),
        ["work"] => worker::work(),
        ["name-by-pidfd", offset, ref command @ ..] => {
            name_by_pidfd(offset.parse().unwrap(), command);
        }
        ["is-named-by-pidfd"] => {
            let is_own = |name, own| std::env::var(name) == Ok(own);
            let by_pid = is_own("LISTEN_PID", std::process::id().to_string());
            print_line(&format!(
                "{by_pid} {}",
                is_own("LISTEN_PIDFDID", pidfd_number().to_string())
            ));
        }
        ["arguments", ref rest @ ..] => print_line(&rest.join(" ")),
        _ => panic!("unknown: {arguments:?}"),
    }
}

fn print_line(line: &str) {
    println!("{line}");
    std::io::stdout().flush().unwrap();
}

fn wait_for_the_end() -> ! {
    print_line("ready");
    loop {
        thread::park();
    }
}

/// Takes memory until the kernel refuses it, or kills this process.
fn eat_memory() {
    let mut taken = Vec::new();
    loop {
        taken.push(vec![1_u8; 1 << 20]);
    }
}

/// Executes a command with passed sockets, named by its PID and by the inode number of its pidfd
/// plus the offset.
fn name_by_pidfd(offset: u64, command: &[&str]) {
    let number = pidfd_number() + offset;
    let error = Command::new(command[0])
        .args(&command[1..])
        .env("LISTEN_PID", std::process::id().to_string())
        .env("LISTEN_PIDFDID", number.to_string())
        .exec();
    panic!("{error}");
}

fn pidfd_number() -> u64 {
    // SAFETY: no memory is passed, and the descriptor is new.
    let pidfd = unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0);
        OwnedFd::from_raw_fd(i32::try_from(fd).unwrap())
    };
    nix::sys::stat::fstat(pidfd).unwrap().st_ino
}

/// Dies of any signal, also a real-time one.
fn die_of(signal: i32) {
    // SAFETY: signals are this program's own; no handler runs.
    unsafe {
        // By the raw system call, because musl reserves 32 to 34. All zeros is the default action.
        let none = [0_u64; 16];
        libc::syscall(libc::SYS_rt_sigaction, signal, none.as_ptr(), 0, 8);
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            none.as_ptr(),
            0,
            8,
        );
        // No core files in the working directory.
        let no_core = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core);
        libc::kill(libc::getpid(), signal);
    }
    wait_for_the_end();
}

/// The kernel's set of signals; bit N-1 is signal N.
type Set = [u64; 16];

const ALL: Set = {
    let mut all = [0; 16];
    all[0] = u64::MAX;
    all
};

/// Blocks all 64 signals, so that they stay pending until they are read.
fn block_all() {
    // SAFETY: the kernel reads 8 bytes of the set.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_BLOCK,
            ALL.as_ptr(),
            0,
            8,
        )
    };
}

/// Waits for a signal of the set.
fn next_signal(set: &Set) -> libc::siginfo_t {
    // SAFETY: all zeros is a siginfo_t.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let out = &raw mut info;
    // A debugger that attaches interrupts the call, and so does a stop.
    // SAFETY: the kernel reads 8 bytes of the set and writes one siginfo_t.
    while unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, set.as_ptr(), out, 0, 8) } < 0 {}
    info
}

/// Prints the number and the value of each of the 64 signals that arrives; exits at SIGTERM.
/// `later`: leaves all of them pending until SIGUSR1.
fn print_signals(later: bool) {
    block_all();
    print_line("ready");
    if later {
        let mut set = [0; 16];
        set[0] = 1 << (libc::SIGUSR1 - 1);
        next_signal(&set);
    }
    loop {
        let info = next_signal(&ALL);
        // SAFETY: a signal from a process has a value; others have zeros in its place.
        match unsafe { info.si_value() }.sival_ptr.addr() {
            0 => print_line(&format!("signal {}", info.si_signo)),
            value => print_line(&format!("signal {} value {value}", info.si_signo)),
        }
        if info.si_signo == libc::SIGTERM {
            return;
        }
    }
}

/// Prints the first signal with its value and its sender, as the kernel passes them.
fn print_sender() {
    block_all();
    print_line("ready");
    let info = next_signal(&ALL);
    // SAFETY: a queued signal has a value and a sender.
    let (value, pid, uid) = unsafe { (info.si_value(), info.si_pid(), info.si_uid()) };
    let value = value.sival_ptr.addr();
    print_line(&format!("value {value:#x} from process {pid} of UID {uid}"));
}

/// Four processes that print which of them gets which signal: the server, and children of it in its
/// process group, in another one and in another session. Signal 63 ends one process, 64 the
/// children as well. (The kernel delivers these last.)
fn family() {
    block_all();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut children = Vec::new();
    for (name, place) in [
        ("child", None),
        ("group", Some(libc::SYS_setpgid)),
        ("session", Some(libc::SYS_setsid)),
    ] {
        // SAFETY: this program has one thread, so the child may continue as the parent would.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: no memory is passed.
            place.map(|place| unsafe { libc::syscall(place, 0, 0) });
            drop(writer);
            return print_names_and_signals(name, &[]);
        }
        children.push(child);
    }
    drop(writer);
    // The end of the pipe: all are in their groups and sessions.
    reader.read_to_end(&mut Vec::new()).unwrap();
    print_line("ready");
    print_names_and_signals("server", &children);
}

fn print_names_and_signals(name: &str, children: &[i32]) {
    // Far longer than a test takes.
    // SAFETY: no memory is passed.
    unsafe { libc::alarm(100) };
    loop {
        let info = next_signal(&ALL);
        match info.si_signo {
            // A SIGCHLD of the kernel.
            libc::SIGCHLD if info.si_code > 0 => {}
            libc::SIGALRM if info.si_code > 0 => return,
            63 => return,
            64 => {
                for &child in children {
                    // SAFETY: no memory is passed.
                    unsafe { libc::kill(child, 64) };
                    nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child), None).unwrap();
                }
                return;
            }
            number => print_line(&format!("{name} {number}")),
        }
    }
}

/// Becomes root where it is installed setuid root, so that its parent's user cannot signal it.
fn become_root() {
    // SAFETY: no memory is passed.
    assert_eq!(unsafe { libc::setresuid(0, 0, 0) }, 0);
}

/// Makes orphans that exit at once, and waits until hinit has reaped the last.
fn orphans(count: u32) -> ! {
    let mut pids = Vec::new();
    for _ in 0..count {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        // There is no shell in between, which might reap its child itself.
        // SAFETY: this program has one thread, so its children may continue as it would.
        unsafe {
            let parent = libc::fork();
            if parent == 0 {
                let orphan = libc::fork();
                if orphan == 0 {
                    thread::sleep(std::time::Duration::from_millis(10));
                } else {
                    writer.write_all(orphan.to_string().as_bytes()).unwrap();
                }
                libc::_exit(0);
            }
            libc::waitpid(parent, std::ptr::null_mut(), 0);
        }
        drop(writer);
        let mut pid = String::new();
        reader.read_to_string(&mut pid).unwrap();
        pids.push(pid);
    }
    while pids
        .iter()
        .any(|pid| std::path::Path::new("/proc").join(pid).exists())
    {
        thread::yield_now();
    }
    wait_for_the_end()
}

/// Exits with 0 and leaves children that live on, as a daemon does.
fn leave(count: u32) {
    for _ in 0..count {
        let mut sleep = Command::new("sleep");
        sleep
            .arg("1000")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
    }
}

/// Exits at once and leaves a child that makes many children at SIGTERM. All of them ignore
/// SIGTERM.
fn bomb(count: u32) {
    // SAFETY: this program has one thread, so the child may continue as the parent would.
    unsafe {
        // Set before the fork, so that the child always has it.
        let mut term: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&raw mut term, libc::SIGTERM);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const term, std::ptr::null_mut());
        if libc::fork() != 0 {
            return;
        }
        print_line("ready");
        let mut signal = 0;
        libc::sigwait(&raw const term, &raw mut signal);
        for _ in 0..count {
            if libc::fork() == 0 {
                break;
            }
        }
        loop {
            libc::pause();
        }
    }
}

/// The first thread exits while another one runs: /proc then shows the process as a zombie.
fn leader_leaves() -> ! {
    thread::spawn(|| {
        let status = format!("/proc/{}/status", std::process::id());
        while !std::fs::read_to_string(&status)
            .unwrap()
            .contains("State:\tZ")
        {
            thread::yield_now();
        }
        wait_for_the_end();
    });
    loop {
        // SAFETY: exit, not exit_group, which ends only this thread.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}
