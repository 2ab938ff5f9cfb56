//! The tracer, a process of its own: runs hinit, as PID 1 of a PID namespace if asked to, and writes down the
//! system calls of hinit, and of its children until they execute another program, or lets one of these calls fail
//! (ptrace(2)).
//!
//! strace(1) does the same, but cannot trace what is PID 1, counts the calls of all processes together, and
//! leaves a descriptor open where it lets close(2) fail.

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
    /// What is to fail, until it has.
    fault: Option<Fault>,
    is_recording: bool,
    /// hinit, and its children in the order in which they came.
    processes: Vec<pid_t>,
    is_executed: bool,
    /// How many calls there were, by process and number.
    counts: HashMap<(pid_t, u64), usize>,
    /// Who is in a system call that fails.
    failing: HashMap<pid_t, Errno>,
}

impl Tracer {
    /// Until hinit's end: its exit code, as a shell shows it.
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
                // What becomes of it is as untraced: a signal that kills PID 1 would not kill a traced one.
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
            let likeness = likeness(pid, SystemCall::numbered(number), arguments);
            writeln!(self.output, "{process} {likeness}").unwrap();
            return;
        }
        let count = self.counts.entry((pid, number)).or_default();
        *count += 1;
        let is_it = |fault: &mut Fault| {
            (fault.process, fault.nth) == (process, *count)
                && fault.call == SystemCall::numbered(number).name()
        };
        if let Some(fault) = self.fault.take_if(is_it) {
            // The kernel has let go of the descriptor even where close(2) fails.
            if fault.call != "close" {
                ptrace::skip(pid);
            }
            self.failing.insert(pid, errno_named(fault.errno));
        }
    }
}

/// A call's name, and what it has in common with others that do the same: its commands and flags, and its
/// files without the digits in their names.
fn likeness(pid: pid_t, call: &SystemCall, arguments: [u64; 6]) -> String {
    let mut likeness = call.name().to_owned();
    for (kind, value) in call.arguments.chars().zip(arguments) {
        let word = match kind {
            'f' => link(pid, value),
            's' => string_at(pid, value),
            'n' => format!("{value:#x}"),
            _ => continue,
        };
        let is_kept = |c: &char| kind == 'n' || !c.is_ascii_digit() && *c != '\n';
        likeness.push(' ');
        likeness.extend(word.chars().filter(is_kept));
    }
    likeness
}

/// What a descriptor is of; nothing, of one that is none.
fn link(pid: pid_t, descriptor: u64) -> String {
    let link = fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).unwrap_or_default();
    link.to_string_lossy().into_owned()
}

/// The string at that address.
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
