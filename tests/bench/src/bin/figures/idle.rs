//! The cost of idle inits: memory, and wake-ups in a minute.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::bench::{Bench, Init, YARDSTICK, of_each};
use crate::client::free_address;
use crate::live::{Live, Mode};
use crate::proc;
use crate::program::Result;
use crate::table::Bound::AtMost;
use crate::table::{Cells, Row, Value, over};

const MINUTE: Duration = Duration::from_mins(1);

/// Inits that are left idle. Other things may be measured meanwhile, but not the memory that inits share.
pub(crate) struct IdleInits {
    since: Instant,
    groups: Vec<(&'static str, Group)>,
}

/// Inits, and the number of context switches that each had at the start.
type Group = Vec<(String, (Live, u64))>;

impl Bench {
    /// The memory of an idle PID 1. One init at a time, because a page that two share counts half for each. Several
    /// times, because the pages that the kernel maps around a page fault depend on where the program is loaded.
    pub(crate) fn memory(&self) -> Vec<Row> {
        let samples = of_each("idle: memory", &self.inits, |init| {
            let sample = |_| {
                let live = idle(init)?;
                Ok([
                    proc::pss(live.pid())? as f64,
                    proc::anonymous(live.pid())? as f64,
                ])
            };
            (0..9).map(sample).collect::<Result<Vec<_>>>()
        });
        let cells = |value: fn(&[f64; 2]) -> f64| -> Cells {
            let spread = |samples: &Vec<_>| Value::spread(samples.iter().map(value));
            let cell = |(name, samples): &(String, Vec<_>)| (name.clone(), spread(samples));
            samples.iter().map(cell).collect()
        };
        let pss = cells(|[pss, _]| *pss);
        let ratio = over(&pss, YARDSTICK);
        vec![
            Row::new("idle: PSS, KB", pss).bound(AtMost(400.0)),
            Row::new(format!("idle: PSS over {YARDSTICK}'s"), ratio)
                .bounds(AtMost(0.6), AtMost(0.25)),
            Row::new(
                "idle: anonymous memory, KB",
                cells(|[_, anonymous]| *anonymous),
            ),
        ]
    }

    /// Starts all inits, and hinit with `--notify` and `--listen` as well. The watchdog of those runs, because the
    /// server has reported that it is ready.
    pub(crate) fn start_idle(&self) -> IdleInits {
        let plain = "idle: wake-ups in 60 s";
        let listening = "idle, listening: wake-ups in 60 s";
        let seen = |live: Live| {
            let switches = proc::switches(live.pid())?;
            Ok((live, switches))
        };
        let all = of_each(plain, &self.inits, |init| seen(idle(&init.twin("alone"))?));
        let hinits = of_each(listening, self.hinits(), |init| {
            let program = init
                .twin("alone")
                .listening(free_address()?, &[&self.load, "wait"])?;
            let live = Live::start(Mode::Pid1, &program)?;
            live.rest()?;
            seen(live)
        });
        IdleInits {
            since: Instant::now(),
            groups: vec![(plain, all), (listening, hinits)],
        }
    }
}

impl IdleInits {
    /// Waits for the end of the minute.
    pub(crate) fn wake_ups(self) -> Result<Vec<Row>> {
        sleep(MINUTE.saturating_sub(self.since.elapsed()));
        let minutes = self.since.elapsed().as_secs_f64() / MINUTE.as_secs_f64();
        let rows = self.groups.iter().map(|(figure, group)| {
            let cell = |(name, (live, before)): &(String, (Live, u64))| {
                let wake_ups = (proc::switches(live.pid())? - before) as f64 / minutes;
                Ok((name.clone(), Value::one(wake_ups.ceil())))
            };
            let cells = group.iter().map(cell).collect::<Result<Cells>>()?;
            Ok(Row::new(figure, cells).bound(AtMost(0.0)))
        });
        rows.collect()
    }
}

fn idle(init: &Init) -> Result<Live> {
    Live::idle(&init.program(&["--", "sleep", "infinity"])?)
}
