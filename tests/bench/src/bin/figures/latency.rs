//! The latency of a forwarded signal: from before it is sent to an init until the handler of the server runs.

use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::bench::{Bench, of_each, once_each};
use crate::cgroup::Cgroup;
use crate::live::{Live, Mode, now};
use crate::program::Result;
use crate::rounds::Series;
use crate::table::Bound::AtMost;
use crate::table::{Row, over};

/// The pause before each signal, in which all processes become idle, so that a single signal is measured.
const PAUSE: Duration = Duration::from_micros(300);

impl Bench {
    pub(crate) fn latency(&self) -> Result<Vec<Row>> {
        let _group = Cgroup::enter();
        let mut rows = Vec::new();
        for mode in Mode::BOTH {
            rows.extend(self.latency_in(mode)?);
        }
        Ok(rows)
    }

    fn latency_in(&self, mode: Mode) -> Result<[Row; 4]> {
        let figure = format!("forwarding {mode}");
        let mut runs = of_each(&figure, &self.inits, |init| {
            let live = Live::start(mode, &init.server(mode, &[&self.load, "stamp"])?)?;
            Ok((live, Vec::new()))
        });
        for _ in 0..self.rounds * 2 {
            once_each(&figure, &mut runs, |(live, times)| {
                // The second one counts, as for launches (`rounds`).
                latency(live)?;
                times.push(latency(live)?);
                Ok(())
            });
        }
        let times = runs.into_iter().map(|(name, (_, times))| (name, times));
        let times = Series::new(times.collect());
        let best = times.best(|name| name.starts_with("tini") || name == "dumb-init");
        let best = best.ok_or("neither tini nor dumb-init to compare with")?;
        let p99 = times.percentile(99);
        let row = |what, cells| Row::new(format!("{figure}: {what}"), cells);
        let ratio = times.compare(&best, |one, other| one / other);
        let p99_ratio = over(&p99, &best);
        Ok([
            row("latency, µs", times.cells()),
            row("latency over the best peer's", ratio.cells()).bound(AtMost(1.1)),
            row("99th percentile, µs", p99),
            row("99th percentile over that peer's", p99_ratio).bound(AtMost(1.05)),
        ])
    }
}

/// In microseconds.
pub(crate) fn latency(live: &mut Live) -> Result<f64> {
    sleep(PAUSE);
    let sent = now()?;
    live.signal(Signal::SIGUSR1)?;
    let mut arrived = [0; 8];
    live.output.read_exact(&mut arrived)?;
    Ok((i64::from_ne_bytes(arrived) - sent) as f64 / 1e3)
}
