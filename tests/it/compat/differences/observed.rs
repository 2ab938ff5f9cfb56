//! The results, as texts.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;

use nix::libc::{self, O_NONBLOCK, SIGPWR, SIGTERM, SIGTSTP, SIGUSR1};
use nix::libc::{
    SIGABRT, SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP, SIGTTIN, SIGTTOU,
};
use nix::sys::stat::Mode as Permissions;
use nix::unistd::mkfifo;

use super::*;
use crate::compat::terminal::bash;
use crate::signals::queue;

/// The signals of faults and of job control that the command gets from an init that is PID 1.
pub fn faults_and_job_control(init: &Init) -> String {
    let sent = [
        SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGTSTP, SIGTTIN, SIGTTOU, SIGSYS,
        SIGPWR,
    ];
    let mut family = Family::start(init.with(Mode::Pid1, &[]));
    family.signal(&sent);
    let received = family.end();
    assert_eq!(received.len(), 1, "{received:?}");
    let numbers: Vec<String> = received["server"].iter().map(i32::to_string).collect();
    numbers.join(" ")
}

/// Makes a signal not ignored: children of musl programs inherit 32 to 34 as ignored.
#[allow(unsafe_code)]
fn by_default(command: &mut Command, signal: i32) {
    let default = [0_u64; 4];
    // By the raw system call, because libc reserves these signals.
    let set = move || {
        // SAFETY: the kernel reads a struct sigaction, whose zeros are the default action.
        unsafe {
            let nowhere = std::ptr::null_mut::<u64>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), nowhere, 8)
        };
        Ok(())
    };
    // SAFETY: the closure makes only a system call between fork and exec.
    unsafe { command.pre_exec(set) };
}

/// The result of a signal: for the command, or for the init.
pub fn result_of_signal(init: &Init, mode: Mode, signal: i32) -> String {
    // A limit of 1 also keeps a core dump from a pipe helper (core(5)).
    let start = init.behind(mode, &["prlimit", "--core=1"], &[]);
    let start = start.with(|command| by_default(command, signal));
    let mut running = start.fixture(["signals"]).start().ready();
    let server = running.server();
    running.signal(signal);
    if state_after(running.pid(), signal) == 'Z' {
        kill(server, SIGKILL);
        return format!("it ends with {}", running.code());
    }
    // The server handles this signal last.
    kill(server, 64);
    let line = running.line();
    kill(server, SIGTERM);
    let result = if line == format!("signal {signal}") {
        "passed on"
    } else {
        "dropped"
    };
    assert!(result == "passed on" || line == "signal 64", "{line}");
    result.to_owned()
}

pub fn value(init: &Init, arguments: &[&str]) -> String {
    let running = init
        .with(Mode::Subreaper, arguments)
        .fixture(["signals"])
        .start()
        .ready();
    queue(running.pid(), SIGUSR1, 7);
    let line = running.line();
    assert_eq!(running.stop().code, 0);
    line
}

/// A loader that opens a FIFO among its libraries waits for a writer.
pub fn while_loading(init: &Init) -> String {
    let fifo = init.dir.join("fifo");
    mkfifo(&fifo, Permissions::S_IRWXU).unwrap();
    let preload = format!("LD_PRELOAD={}", fifo.display());
    let start = init.behind(Mode::Pid1, &["env", &preload], &[]);
    let running = start.fixture(["signals"]).start();
    let pid = running.pid();
    let writer = || {
        OpenOptions::new()
            .write(true)
            .custom_flags(O_NONBLOCK)
            .open(&fifo)
    };
    let writer: Option<File> = eventually("it is being loaded, or was", || match writer() {
        Ok(writer) => Some(Some(writer)),
        Err(_) => (!children_of(pid).is_empty()).then_some(None),
    });
    let has_loader = writer.is_some();
    if has_loader {
        running.signal(SIGTERM);
    }
    drop(writer);
    let running = running.ready();
    running.signal(SIGUSR1);
    // This one comes first.
    assert_eq!(running.line(), "signal 10");
    running.signal(SIGTERM);
    assert_eq!(
        (running.line().as_str(), running.end().code),
        ("signal 15", 0)
    );
    if has_loader {
        "lost"
    } else {
        "it needs no loader"
    }
    .to_owned()
}

/// Whether the init continues after a signal that it may not send its command.
pub fn out_of_reach(init: &Init) -> String {
    let dir = TempDir::new();
    let program = setuid_root(&dir);
    let start = init.behind(
        Mode::Subreaper,
        &["setpriv", "--reuid=65534", "--clear-groups"],
        &["--"],
    );
    let mut running = start.args([program]).args(["becomes-root"]).start().ready();
    let server = running.server();
    running.signal(SIGTERM);
    let state = state_after(running.pid(), SIGTERM);
    kill(server, SIGKILL);
    match (state, running.code()) {
        ('Z', code) => format!("it ends with {code}"),
        (_, code) => {
            assert_eq!(code, 137);
            "it goes on".into()
        }
    }
}

pub fn without_stdin(init: &Init) -> String {
    let script = "exec \"$0\" \"$@\" <&-";
    let start = init.behind(
        Mode::Subreaper,
        &["sh", "-c", script],
        &["--", "sh", "-c", "exit 3"],
    );
    start.run().code.to_string()
}

pub fn inherited(init: &Init) -> String {
    let changed = [
        "env",
        "--block-signal=USR1,TTIN",
        "--ignore-signal=INT,TTOU",
    ];
    let arguments = ["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"];
    let mut without = Command::new(changed[0]);
    let without = Ended::of(
        &without
            .args(&changed[1..])
            .args(arguments)
            .output()
            .unwrap(),
    );
    let with = init
        .behind(Mode::Subreaper, &changed, &["--"])
        .args(arguments)
        .run();
    assert_eq!((with.code, without.code), (0, 0));
    let is_same = with.stdout == without.stdout;
    if is_same { "as they were" } else { "others" }.to_owned()
}

pub fn own_group(init: &Init) -> String {
    let running = init
        .with(Mode::Subreaper, &["-c"])
        .fixture(["ready"])
        .start()
        .ready();
    let server = running.server();
    match terminal_state(server).group {
        group if group == server => "its own".into(),
        group => {
            assert_eq!(group, terminal_state(running.pid()).group);
            "the init's".into()
        }
    }
}

pub fn parents_death(init: &Init) -> String {
    let parent = under_a_parent(init, "-s -p SIGKILL", "ready");
    let pid = parent.server();
    let server = eventually("there is a command", || children_of(pid).pop());
    parent.signal(SIGKILL);
    // If the init exits, its command has got its signal before.
    let has_ended = |pid| status_of(pid, "State").is_none_or(|state| state.starts_with('Z'));
    eventually("the init dies", || has_ended(pid).then_some(()));
    let outlives = eventually("the command dies, or sleeps", || {
        match status_of(server, "State") {
            Some(state) if state.starts_with('S') => Some(true),
            _ => has_ended(server).then_some(false),
        }
    });
    if outlives {
        kill(server, SIGKILL);
        return "the command outlives it".into();
    }
    "both die".into()
}

pub fn ctrl_z(init: &Init) -> String {
    let mut pty = Pty::new();
    let mut shell = bash(init, &pty);
    pty.command(&format!("{} -- sed -u s/^/got:/", init.program.display()));
    pty.press("one\n");
    pty.expect("got:one");
    let only_child = |pid| children_of(pid)[0];
    let pid = only_child(shell.id().cast_signed());
    let command = only_child(pid);
    pty.press("\x1a");
    // When this line appears, the terminal has sent the signal.
    pty.expect("^Z");
    let stop = 1 << (SIGTSTP - 1);
    let has = |field| {
        let set = u64::from_str_radix(&status_of(command, field)?, 16).unwrap();
        Some(set & stop != 0)
    };
    let stops = eventually("the command stops, or has it blocked", || {
        let is_blocked = has("ShdPnd")? && has("SigBlk")?;
        let stops = is_stopped(command)?;
        (stops || is_blocked).then_some(stops)
    });
    // "running" until the kernel has completed the stop, and sent SIGCHLD to the init.
    if stops {
        eventually("the command no longer runs", || {
            let call = fs::read_to_string(format!("/proc/{command}/syscall")).unwrap();
            (call.trim() != "running").then_some(())
        });
    }
    let state = state_after(pid, SIGCHLD);
    kill(command, SIGKILL);
    drop(pty);
    eventually("the shell exits", || shell.try_wait().unwrap());
    match (stops, state) {
        (false, 'S') => "neither stops",
        (true, 'S') => "the command alone stops",
        (true, 'T') => "both stop",
        _ => panic!("{stops} {state}"),
    }
    .to_owned()
}

/// The streams on which it prints, stdout first.
pub fn channel(init: &Init, arguments: &[&str]) -> String {
    let ended = init.with(Mode::Subreaper, arguments).run();
    match (ended.stdout.as_str(), ended.log.as_str()) {
        ("", "") => "nowhere",
        ("", _) => "stderr",
        _ => "stdout",
    }
    .to_owned()
}

pub fn exits(init: &Init, arguments: &[&str]) -> String {
    init.with(Mode::Subreaper, arguments).run().code.to_string()
}

pub fn cannot_run(init: &Init, text: &str) -> String {
    let file = init.dir.join("file");
    write_program(&file, text);
    let start = init.with(Mode::Subreaper, &["--"]).args([&file]);
    let ended = start.run();
    let is_named = ended.log.contains("/no/such/file");
    format!(
        "{}{}",
        ended.code,
        if is_named { ": it is named" } else { "" }
    )
}
