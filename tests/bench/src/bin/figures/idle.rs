//! What inits cost that have nothing to do: memory, and wake-ups in a minute.

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

/// Inits that nobody disturbs from now on. Other things may be measured meanwhile, but not the memory that inits share.
pub(crate) struct LeftAlone {
    since: Instant,
    groups: Vec<(&'static str, Group)>,
}

/// Inits, and how often each had been switched to then.
type Group = Vec<(String, (Live, u64))>;

impl Bench {
    /// As PID 1. One at a time: a page that two share would count half for each. And several times: which pages the
    /// kernel maps around a page fault depends on where the program happens to be loaded.
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

    /// All inits, and those of hinit's that hear their server and answer probes: the watchdog of these counts, for the
    /// server has said that it is ready.
    pub(crate) fn leave_alone(&self) -> LeftAlone {
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
        LeftAlone {
            since: Instant::now(),
            groups: vec![(plain, all), (listening, hinits)],
        }
    }
}

impl LeftAlone {
    /// Once the minute is over.
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
