//! The faults: which system call fails, of which process, and how.

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
    /// 0 is hinit, 1 its first child, and so on, each until it executes another program.
    pub process: usize,
    pub call: String,
    /// Of the calls of this name in its process, from 1.
    pub nth: usize,
    pub errno: &'static str,
}

/// As the tracer gets it.
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

/// What the tracer writes once the fault came to pass.
pub const INJECTED: &str = "injected";

/// hinit under the tracer, which is this program as well. What it sees goes to `output`.
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

/// What can fail of the calls that were recorded, and how. Of those that are alike, as all that look for
/// processes in /proc, the first two.
pub fn faults(output: &Path) -> Vec<Fault> {
    let record = fs::read_to_string(output).unwrap();
    let (mut counts, mut alike) = (HashMap::new(), HashMap::new());
    let mut faults = Vec::new();
    for line in record.lines() {
        let (process, call) = line.split_once(' ').unwrap();
        let name = call.split(' ').next().unwrap();
        let nth: &mut usize = counts.entry((process, name)).or_default();
        *nth += 1;
        let count: &mut usize = alike.entry(line).or_default();
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
