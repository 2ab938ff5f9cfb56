//! What orphans cost the more there are of them: the time must grow with their number alone, and memory not at all.

use crate::bench::{Bench, Init, of_each};
use crate::cgroup::Cgroup;
use crate::live::{Live, Mode};
use crate::orphans::burst;
use crate::proc;
use crate::program::Result;
use crate::table::Bound::AtMost;
use crate::table::{Cells, Row, Value};

/// So many one init reaps; the last only with `--full`.
const STEPS: [usize; 4] = [1, 100, 10_000, 100_000];

/// So many at once: the kernel looks for one that has ended among all, and of more each would take longer.
const AT_ONCE: usize = 1000;

/// A few orphans cost so little that one time for them says nothing.
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
        // What the first orphan needs of memory, the others may use again.
        burst(&mut live, 1)?;
        live.rest()?;
        let before = proc::peak_rss(live.pid())?;
        let mut cpu = Vec::new();
        for _ in 0..if count <= FEW { TRIES } else { 1 } {
            let mut left = count;
            let mut nanoseconds = 0.0;
            while left > 0 {
                let some = left.min(AT_ONCE);
                nanoseconds += burst(&mut live, some)?.cpu_nanoseconds;
                left -= some;
            }
            cpu.push(nanoseconds / 1e3);
        }
        let growth = (proc::peak_rss(live.pid())? - before) as f64;
        Ok(Work { cpu, growth })
    }
}
