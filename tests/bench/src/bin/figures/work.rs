//! The cost of many orphans: the time may grow only in proportion to their number, and memory may not grow.

use crate::bench::{Bench, Init, of_each};
use crate::cgroup::Cgroup;
use crate::live::{Live, Mode};
use crate::orphans::burst;
use crate::proc;
use crate::program::Result;
use crate::table::Bound::AtMost;
use crate::table::{Cells, Row, Value};

/// The numbers of orphans that one init reaps; the last one only with `--full`.
const STEPS: [usize; 4] = [1, 100, 10_000, 100_000];

/// The number of orphans at a time. The kernel searches all children for one that has ended, so with more of them each
/// takes longer.
const AT_A_TIME: usize = 1000;

/// Up to this number of orphans the time is so short that it is measured several times.
const FEW: usize = 100;
const TRIES: usize = 9;

struct Work {
    /// In microseconds.
    cpu: Vec<f64>,
    growth: f64,
}

impl Bench {
    pub(crate) fn work(&self) -> Vec<Row> {
        let _group = Cgroup::enter();
        let rows = self.steps(&STEPS).iter().map(|count| {
            let works = of_each("orphans reaped by one", &self.inits, |init| {
                self.reap(init, *count)
            });
            let row = |what: &str, value: &dyn Fn(&Work) -> Value| {
                let cell = |(name, work): &(String, Work)| (name.clone(), value(work));
                let cells: Cells = works.iter().map(cell).collect();
                Row::new(format!("orphans reaped by one: {what}"), cells)
            };
            let one = |times: &[f64]| Value::spread(times.iter().map(|time| time / *count as f64));
            [
                row(&format!("CPU time for {count}, µs"), &|work| {
                    Value::spread(work.cpu.iter().copied())
                }),
                row(&format!("CPU time for one of {count}, µs"), &|work| {
                    one(&work.cpu)
                }),
                row(&format!("growth of peak RSS by {count}, KB"), &|work| {
                    Value::one(work.growth)
                })
                .bound(AtMost(0.0)),
            ]
        });
        rows.flatten().collect()
    }

    fn reap(&self, init: &Init, count: usize) -> Result<Work> {
        let server = init.server(Mode::Pid1, &[&self.load, "orphans"])?;
        let mut live = Live::start(Mode::Pid1, &server)?;
        // The memory that the first orphan needs can be used again for the others.
        burst(&mut live, 1)?;
        live.rest()?;
        let before = proc::peak_rss(live.pid())?;
        let mut cpu = Vec::new();
        for _ in 0..if count <= FEW { TRIES } else { 1 } {
            let mut left = count;
            let mut nanoseconds = 0.0;
            while left > 0 {
                let some = left.min(AT_A_TIME);
                nanoseconds += burst(&mut live, some)?.cpu_nanoseconds;
                left -= some;
            }
            cpu.push(nanoseconds / 1e3);
        }
        let growth = (proc::peak_rss(live.pid())? - before) as f64;
        Ok(Work { cpu, growth })
    }
}
