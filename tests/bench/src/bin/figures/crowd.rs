//! The memory of many idle inits together, as in the containers of one machine. They share the pages that they have not
//! written to.

use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::{Bench, Init, of_each};
use crate::live::{Mode, eventually};
use crate::proc;
use crate::program::Result;
use crate::table::{Cells, Row, Value};

/// The numbers of inits; the last one only with `--full`.
const STEPS: [usize; 4] = [1, 10, 100, 1000];

struct Memory {
    pss: u64,
    private: u64,
}

impl Bench {
    /// They are ordinary processes, because what a process shares does not depend on its namespaces.
    pub(crate) fn crowd(&self) -> Vec<Row> {
        let steps = self.steps(&STEPS);
        let crowds = of_each("idle inits", &self.inits, |init| {
            let mut crowd = Crowd(Vec::new());
            let step = |count: &usize| crowd.grow(init, *count);
            steps.iter().map(step).collect::<Result<Vec<_>>>()
        });
        let rows = steps.iter().enumerate().map(|(step, count)| {
            let row = |what: &str, kb: &dyn Fn(&Memory) -> f64| {
                let cell = |(name, memory): &(String, Vec<Memory>)| {
                    Some((name.clone(), Value::one(kb(memory.get(step)?))))
                };
                let cells: Cells = crowds.iter().filter_map(cell).collect();
                Row::new(format!("idle inits: {what} {count}, KB"), cells)
            };
            let one = *count as f64;
            [
                row("PSS of", &|memory| memory.pss as f64),
                row("private memory of", &|memory| memory.private as f64),
                row("PSS of one among", &|memory| memory.pss as f64 / one),
            ]
        });
        rows.flatten().collect()
    }
}

/// Inits of one kind, each with its server.
struct Crowd(Vec<Child>);

impl Crowd {
    fn grow(&mut self, init: &Init, count: usize) -> Result<Memory> {
        for number in self.0.len()..count {
            let twin = init.twin(&number.to_string());
            let program = twin.server(Mode::Subreaper, &["sleep", "infinity"])?;
            self.0.push(program.under("env", &[]).spawn()?);
        }
        for pid in self.pids() {
            let is_there = || proc::runs_sleep(pid).ok()?.then_some(());
            eventually(is_there).ok_or("an init did not start its server")?;
        }
        self.rest()?;
        let sum = |kb: fn(Pid) -> Result<u64>| self.pids().map(kb).sum::<Result<u64>>();
        Ok(Memory {
            pss: sum(proc::pss)?,
            private: sum(proc::private)?,
        })
    }

    /// Waits until they are idle. Some inits wake up once a second, so one in ten may be busy.
    fn rest(&self) -> Result<()> {
        let switches = || self.pids().map(proc::switches).sum::<Result<u64>>();
        let rests = || {
            let before = switches().ok()?;
            sleep(Duration::from_millis(50));
            let busy = switches().ok()? - before;
            (busy <= self.0.len() as u64 / 10).then_some(())
        };
        Ok(eventually(rests).ok_or("the inits do not become idle")?)
    }

    fn pids(&self) -> impl Iterator<Item = Pid> {
        self.0.iter().map(pid)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for pid in self.pids() {
            let _ = kill(pid, Signal::SIGTERM);
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}
