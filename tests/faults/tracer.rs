//! The tracer, which is a separate process. It runs hinit, as PID 1 of a PID namespace on request, and records the
//! system calls of hinit, and of its children until they execute another program, or makes one of these calls fail
//! (ptrace(2)).
//!
//! strace(1) does the same, but cannot trace PID 1, counts the calls of all processes together, and leaves a
//! descriptor open when it makes close(2) fail.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::libc::{c_int, pid_t};

use crate::calls::SystemCall;
use crate::faults::{Fault, INJECTED};
use crate::ptrace::{self, Edge, Stop};

/// `--trace OUTPUT pid-1|- FAULT|- PROGRAM ARGUMENT...`; see `faults::traced`.
pub fn main() -> c_int {
    let words: Vec<_> = std::env::args_os().skip(2).collect();
    let [output, mode, fault, program @ ..] = &words[..] else {
        panic!("too few arguments")
    };
    let program: Vec<CString> = program
        .iter()
        .map(|word| CString::new(word.as_bytes()).unwrap())
        .collect();
    let fault = fault.to_str().filter(|fault| *fault != "-");
    let fault = fault.map(Fault::parse);
    let follows = fault.as_ref().is_none_or(|fault| fault.process > 0);
    let hinit = ptrace::start(&program, mode == "pid-1", follows);
    let mut tracer = Tracer {
        output: File::create(PathBuf::from(output)).unwrap(),
        is_recording: fault.is_none(),
        fault,
        processes: vec![hinit],
        is_executed: false,
        counts: HashMap::new(),
        failing: HashMap::new(),
    };
    tracer.watch()
}

struct Tracer {
    output: File,
    /// The fault to inject; None after that.
    fault: Option<Fault>,
    is_recording: bool,
    /// hinit, and its children in the order of their creation.
    processes: Vec<pid_t>,
    is_executed: bool,
    /// The number of calls so far, by process and system call.
    counts: HashMap<(pid_t, u64), usize>,
    /// The processes in a system call that is to fail.
    failing: HashMap<pid_t, Errno>,
}

impl Tracer {
    /// Traces until hinit ends, and returns its exit code as a shell does.
    fn watch(&mut self) -> c_int {
        loop {
            let (pid, stop) = ptrace::wait();
            let process = self.number(pid);
            let signal = match stop {
                Stop::Ended(code) if process == 0 => return code,
                Stop::Ended(_) => continue,
                Stop::Executed if process > 0 => {
                    ptrace::detach(pid, 0);
                    continue;
                }
                Stop::Group => {
                    ptrace::listen(pid);
                    continue;
                }
                Stop::Signal(signal) => signal,
                Stop::SystemCall => {
                    self.system_call(pid);
                    0
                }
                Stop::Executed => {
                    self.is_executed = true;
                    0
                }
                Stop::Other => 0,
            };
            if self.is_recording || self.fault.is_some() || self.failing.contains_key(&pid) {
                ptrace::resume(pid, self.is_executed, signal);
            } else {
                // Not traced any more, because a signal that kills an untraced PID 1 does not kill a traced one.
                ptrace::detach(pid, signal);
            }
        }
    }

    fn number(&mut self, pid: pid_t) -> usize {
        let known = self.processes.iter().position(|known| *known == pid);
        known.unwrap_or_else(|| {
            self.processes.push(pid);
            self.processes.len() - 1
        })
    }

    fn system_call(&mut self, pid: pid_t) {
        match ptrace::edge(pid) {
            Some(Edge::Entry(number, arguments)) => self.begins(pid, number, arguments),
            Some(Edge::Exit) => {
                if let Some(errno) = self.failing.remove(&pid) {
                    ptrace::fail(pid, errno);
                    writeln!(self.output, "{INJECTED}").unwrap();
                }
            }
            None => {}
        }
    }

    fn begins(&mut self, pid: pid_t, number: u64, arguments: [u64; 6]) {
        let process = self.number(pid);
        if self.is_recording {
            let signature = signature(pid, SystemCall::numbered(number), arguments);
            writeln!(self.output, "{process} {signature}").unwrap();
            return;
        }
        let count = self.counts.entry((pid, number)).or_default();
        *count += 1;
        let matches = |fault: &mut Fault| {
            (fault.process, fault.nth) == (process, *count)
                && fault.call == SystemCall::numbered(number).name()
        };
        if let Some(fault) = self.fault.take_if(matches) {
            // The kernel closes the descriptor even if close(2) fails.
            if fault.call != "close" {
                ptrace::skip(pid);
            }
            self.failing.insert(pid, errno_named(fault.errno));
        }
    }
}

/// The name of a call, with its commands and flags, and its files without the digits in their names. Calls for the
/// same purpose have the same signature.
fn signature(pid: pid_t, call: &SystemCall, arguments: [u64; 6]) -> String {
    let mut signature = call.name().to_owned();
    for (kind, value) in call.arguments.chars().zip(arguments) {
        let word = match kind {
            'f' => link(pid, value),
            's' => string_at(pid, value),
            'n' => format!("{value:#x}"),
            _ => continue,
        };
        let is_kept = |c: &char| kind == 'n' || !c.is_ascii_digit() && *c != '\n';
        signature.push(' ');
        signature.extend(word.chars().filter(is_kept));
    }
    signature
}

/// The target of a descriptor; empty if it is not open.
fn link(pid: pid_t, descriptor: u64) -> String {
    let link = fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).unwrap_or_default();
    link.to_string_lossy().into_owned()
}

/// The string at an address of the process.
fn string_at(pid: pid_t, address: u64) -> String {
    let mut bytes = [0; 256];
    let memory = File::open(format!("/proc/{pid}/mem"));
    let length = memory
        .and_then(|memory| memory.read_at(&mut bytes, address))
        .unwrap_or(0);
    let string = bytes[..length].split(|byte| *byte == 0).next();
    String::from_utf8_lossy(string.unwrap_or_default()).into_owned()
}

fn errno_named(name: &str) -> Errno {
    let mut errnos = (1..134).map(Errno::from_raw);
    errnos.find(|errno| format!("{errno:?}") == name).unwrap()
}
