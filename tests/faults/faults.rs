//! The faults: which system call of which process fails with which error.

use std::collections::HashMap;
use std::fmt::{Display, Formatter};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::errnos;
use crate::support::{Mode, hinit};

/// One system call that fails.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault {
    /// 0 is hinit, 1 its first child, and so on. A child counts until it executes another program.
    pub process: usize,
    pub call: String,
    /// The number of this call among those of the same name in its process, from 1.
    pub nth: usize,
    pub errno: &'static str,
}

/// The form in which the tracer receives it.
impl Display for Fault {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        let Self {
            process,
            call,
            nth,
            errno,
        } = self;
        write!(f, "{process}:{call}:{nth}:{errno}")
    }
}

impl Fault {
    pub fn parse(text: &str) -> Self {
        let words: Vec<&str> = text.split(':').collect();
        let [process, call, nth, errno] = words[..] else {
            panic!("not a fault: {text}")
        };
        Self {
            process: process.parse().unwrap(),
            call: call.into(),
            nth: nth.parse().unwrap(),
            errno: errnos::of(call).find(|known| *known == errno).unwrap(),
        }
    }
}

/// The line that the tracer writes when it injects the fault.
pub const INJECTED: &str = "injected";

/// hinit under the tracer, which is this program too. It writes to `output`.
pub fn traced(mode: Mode, output: &Path, fault: Option<&Fault>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--trace").arg(output);
    command.arg(if mode == Mode::Pid1 { "pid-1" } else { "-" });
    command.arg(fault.map_or("-".into(), Fault::to_string));
    command.arg(hinit());
    command
}

pub fn has_injected(output: &Path) -> bool {
    fs::read_to_string(output).is_ok_and(|text| text.contains(INJECTED))
}

/// The faults of the recorded calls. Of calls with the same signature, such as all that read from /proc, only the first
/// two fail.
pub fn faults(output: &Path) -> Vec<Fault> {
    let record = fs::read_to_string(output).unwrap();
    let (mut counts, mut same) = (HashMap::new(), HashMap::new());
    let mut faults = Vec::new();
    for line in record.lines() {
        let (process, call) = line.split_once(' ').unwrap();
        let name = call.split(' ').next().unwrap();
        let nth: &mut usize = counts.entry((process, name)).or_default();
        *nth += 1;
        let count: &mut usize = same.entry(line).or_default();
        *count += 1;
        if *count > 2 {
            continue;
        }
        faults.extend(errnos::of(name).map(|errno| Fault {
            process: process.parse().unwrap(),
            call: name.into(),
            nth: *nth,
            errno,
        }));
    }
    faults
}
