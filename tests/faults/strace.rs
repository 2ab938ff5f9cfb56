//! strace(1): records the system calls of a process, or lets one of them fail.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::errnos;

/// One system call that fails.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault {
    pub call: String,
    /// The how manieth of this name in its process, from 1.
    pub nth: usize,
    /// Whether it is the child's that becomes the server.
    pub childs: bool,
    pub errno: &'static str,
}

/// `program` under strace until it executes something else, as a child of this process: strace itself is
/// a grandchild. What it sees goes to `output`.
pub fn traced(program: &Path, output: &Path, fault: Option<&Fault>) -> Command {
    let mut command = Command::new("strace");
    command
        .args(["-DDD", "-f", "-b", "execve", "-o"])
        .arg(output);
    if let Some(Fault {
        call, nth, errno, ..
    }) = fault
    {
        command.arg(format!("--inject={call}:error={errno}:when={nth}"));
        command.arg(format!("--trace={call}"));
    }
    command.arg(program);
    command
}

/// Whether the fault came to pass.
pub fn has_injected(output: &Path) -> bool {
    fs::read_to_string(output).is_ok_and(|text| text.contains("(INJECTED)"))
}

/// What can fail of the calls that were recorded, and how.
pub fn faults(output: &Path) -> Vec<Fault> {
    let text = fs::read_to_string(output).unwrap();
    let mut hinit = None;
    let mut counts = HashMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let Some((pid, call)) = call_in(line) else {
            continue;
        };
        let childs = *hinit.get_or_insert(pid) != pid;
        // The first is strace's own, which it does not count.
        if call == "execve" && !childs {
            continue;
        }
        let count = counts.entry((pid, call)).or_insert(0);
        *count += 1;
        calls.push((call.to_owned(), *count, childs));
    }
    let is_hidden = |call: &str, nth| {
        // strace counts in each process alike: the one of hinit would be hit as well, and before.
        calls.contains(&(call.to_owned(), nth, false))
    };
    let mut faults = Vec::new();
    for (call, nth, childs) in &calls {
        if *childs && is_hidden(call, *nth) {
            continue;
        }
        for errno in errnos::of(call) {
            let (call, nth, childs) = (call.clone(), *nth, *childs);
            let fault = Fault {
                call,
                nth,
                childs,
                errno,
            };
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    faults
}

/// The PID and the name of the call that begins in this line.
fn call_in(line: &str) -> Option<(&str, &str)> {
    let (pid, rest) = line.split_once(' ')?;
    let (call, _) = rest.trim_start().split_once('(')?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    call.bytes().all(is_name).then_some((pid, call))
}
