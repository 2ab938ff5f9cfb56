//! The servers that `figures` runs under an init, and the mark of an init's exec.
//!
//!     load mark FIFO COMMAND...   execute COMMAND, which closes FIFO
//!     load wait                   do nothing
//!     load end                    end at SIGTERM
//!     load stamp                  print the time when SIGUSR1 arrives
//!     load orphans                leave thousands of orphans, and echo meanwhile
//!     load storm                  print the time when SIGUSR1 arrives, and leave orphans meanwhile
//!     load count                  count signals, and leave orphans meanwhile
//!
//! A server prints `ready` on its standard output, and sends `READY=1` to the notify socket if there is one. Its standard
//! input and output are sockets of `figures`. It ends when they are closed, because the init may have ended by then.

#![allow(clippy::print_stdout)] // no PID 1 here

mod count;
mod fork;
mod orphans;
mod storm;

use std::env;
use std::error::Error;
use std::fs::OpenOptions;
use std::io::{self, Write, stdin, stdout};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::write;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words {
        ["mark", fifo, command, ref arguments @ ..] => mark(fifo, command, arguments),
        ["wait"] => wait(),
        ["end"] => end(),
        ["stamp"] => stamp(),
        ["orphans"] => orphans::orphans(),
        ["storm"] => storm::storm(),
        ["count"] => count::count(),
        _ => Err(format!("unknown: {words:?}").into()),
    }
}

/// The open succeeds once `figures` reads the FIFO. The kernel closes it in the exec, which so marks that instant.
fn mark(fifo: &str, command: &str, arguments: &[&str]) -> Result<()> {
    let _closed_on_exec = OpenOptions::new().write(true).open(fifo)?;
    Err(Command::new(command).args(arguments).exec().into())
}

fn wait() -> Result<()> {
    report_ready()?;
    io::copy(&mut stdin(), &mut io::sink())?;
    Ok(())
}

/// As a server does that stops properly. As PID 1 it would not get a SIGTERM that it does not wait for.
fn end() -> Result<()> {
    let term = SigSet::from(Signal::SIGTERM);
    term.thread_block()?;
    report_ready()?;
    term.wait()?;
    Ok(())
}

fn stamp() -> Result<()> {
    stamp_signals()?;
    wait()
}

/// Answers each SIGUSR1 with the nanoseconds of the monotonic clock at which its handler ran.
fn stamp_signals() -> Result<()> {
    extern "C" fn handler(_: i32) {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, nanoseconds);
        let _ = write(stdout(), &now.to_ne_bytes());
    }
    let action = SigAction::new(
        SigHandler::Handler(handler),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    // SAFETY: the handler calls only clock_gettime(2) and write(2), which are safe in a handler (signal-safety(7)).
    #[allow(unsafe_code, reason = "a handler is what is measured")]
    unsafe {
        sigaction(Signal::SIGUSR1, &action)?
    };
    Ok(())
}

fn nanoseconds(time: nix::sys::time::TimeSpec) -> i64 {
    time.tv_sec() * 1_000_000_000 + time.tv_nsec()
}

/// Reports that this server is ready, if the init adopts its orphans.
fn report_ready_to_orphan() -> Result<()> {
    if !fork::are_orphans_adopted()? {
        println!("the init does not adopt orphans");
        return Ok(());
    }
    Ok(report_ready()?)
}

fn report_ready() -> io::Result<()> {
    if let Ok(name) = env::var("NOTIFY_SOCKET") {
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address)?;
    }
    println!("ready");
    stdout().flush()
}
