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

/// What can fail of the calls that were recorded, and how. Of those that are alike, as all that look for
/// processes in /proc, the first two.
pub fn faults(output: &Path) -> Vec<Fault> {
    let calls = calls(&fs::read_to_string(output).unwrap());
    let mut seen = HashMap::new();
    // strace counts in each process alike: the one of hinit would be hit as well, and before.
    let is_hidden = |call: &Call| {
        let hides =
            |other: &Call| !other.childs && (&other.name, other.nth) == (&call.name, call.nth);
        call.childs && calls.iter().any(hides)
    };
    let is_played = |call: &&Call| {
        let count = seen.entry(call.likeness.clone()).or_insert(0);
        *count += 1;
        *count <= 2 && !is_hidden(call)
    };
    let played = calls.iter().filter(is_played);
    played
        .flat_map(|call| errnos::of(&call.name).map(|errno| call.fault(errno)))
        .collect()
}

/// A call that was recorded.
struct Call {
    name: String,
    nth: usize,
    childs: bool,
    /// What it has in common with others: all of it but numbers, and what was read or written.
    likeness: String,
}

impl Call {
    fn fault(&self, errno: &'static str) -> Fault {
        Fault {
            call: self.name.clone(),
            nth: self.nth,
            childs: self.childs,
            errno,
        }
    }
}

fn calls(text: &str) -> Vec<Call> {
    let mut hinit = None;
    let mut counts = HashMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let Some((pid, name)) = call_in(line) else {
            continue;
        };
        let childs = *hinit.get_or_insert(pid) != pid;
        // The first is strace's own, which it does not count.
        if name == "execve" && !childs {
            continue;
        }
        let nth = counts.entry((pid, name)).or_insert(0);
        *nth += 1;
        calls.push(Call {
            name: name.to_owned(),
            nth: *nth,
            childs,
            likeness: format!("{childs} {}", likeness(name, line)),
        });
    }
    calls
}

fn likeness(name: &str, line: &str) -> String {
    let end = if name.contains("read") || name.contains("write") || name.starts_with("wait") {
        line.find(',')
    } else {
        line.find(" = ").or_else(|| line.find("<unfinished"))
    };
    let call = &line[..end.unwrap_or(line.len())];
    call.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// The PID and the name of the call that begins in this line.
fn call_in(line: &str) -> Option<(&str, &str)> {
    let (pid, rest) = line.split_once(' ')?;
    let (call, _) = rest.trim_start().split_once('(')?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    call.bytes().all(is_name).then_some((pid, call))
}
