//! What `--notify` and `--listen` cost the rest of hinit's work while there are no probes. Compared in turn with a hinit
//! without them.

use crate::bench::{Bench, Init, of_each, sibling};
use crate::cgroup::Cgroup;
use crate::client::free_address;
use crate::floor::FLOOR;
use crate::latency::latency;
use crate::live::{Live, Mode, Server};
use crate::orphans::{BURST_SIZE, burst};
use crate::program::{Program, Result};
use crate::rounds::{Series, in_turn};
use crate::table::Bound::AtMost;
use crate::table::Row;

const PLAIN: &str = "plain";
const LISTENING: &str = "listening";

impl Bench {
    pub(crate) fn listening(&self) -> Vec<Row> {
        let _group = Cgroup::enter();
        let forwarding = self.beside_plain("forwarding, listening: latency", |init| {
            self.both(init, "stamp", self.rounds * 2, |live| {
                // The second one counts, as for launches (`rounds`).
                latency(live)?;
                latency(live)
            })
        });
        let orphans = self.beside_plain("orphans, listening: CPU time for one", |init| {
            self.both(init, "orphans", self.rounds / 125, |live| {
                let burst = burst(live, BURST_SIZE)?;
                Ok(burst.cpu_nanoseconds / 1e3 / BURST_SIZE as f64)
            })
        });
        let [check, ratio] =
            self.beside_plain("health check, listening: time", |init| self.checks(init));
        // The goal is 1.3, but the floor does not reach it: what takes the time is that PID 1 answers.
        let checks = [check, ratio.bound(AtMost(1.8))];
        let floor = match self.floor_checks() {
            Ok(rows) => Vec::from(rows),
            Err(error) => {
                println!("skipped: a health check of the floor that listens: {error}");
                Vec::new()
            }
        };
        let rows = [forwarding, orphans, checks].into_iter().flatten();
        rows.chain(floor).collect()
    }

    /// A health check of the floor that listens, beside that of the plain floor.
    fn floor_checks(&self) -> Result<[Row; 2]> {
        let floor = sibling(FLOOR)?;
        let floor = floor.as_str();
        let start = |command: &str| -> Result<(Server, Program)> {
            let file = format!("{}/floor-{command}.pid", self.directory);
            let check = Program::new(&[floor, "healthcheck", &file], "")?;
            let server = [floor, command, &file, "/bin/sleep", "infinity"];
            Ok((Server::start(&Program::new(&server, "")?, &check)?, check))
        };
        let (_plain, plain) = start("run")?;
        let (_listening, listening) = start("listen")?;
        let programs = [(PLAIN, plain), (FLOOR, listening)];
        let programs = programs.map(|(name, program)| (name.to_string(), program));
        let times = in_turn(&programs, self.rounds)?.times;
        let row = |figure: &str, how: fn(f64, f64) -> f64| {
            Row::new(figure, times.compare(PLAIN, how).cells())
        };
        Ok([
            row(
                "health check of the floor, listening: time, µs",
                |one, _| one,
            ),
            row(
                "health check of the floor, listening: time over the plain one's",
                |one, plain| one / plain,
            ),
        ])
    }

    /// The value of the hinit that listens, and its ratio to that of the plain hinit.
    fn beside_plain(&self, figure: &str, measure: impl Fn(&Init) -> Result<Series>) -> [Row; 2] {
        let each = of_each(figure, self.hinits(), measure);
        let row = |figure, values: fn(&Series) -> Series| {
            let cells = each.iter().filter_map(|(name, series)| {
                let cells = values(series).cells().into_iter();
                Some((name.clone(), cells.map(|(_, value)| value).next()?))
            });
            Row::new(figure, cells.collect())
        };
        [
            row(format!("{figure}, µs"), |series| {
                series.compare(PLAIN, |one, _| one)
            }),
            row(format!("{figure} over the plain one's"), |series| {
                series.compare(PLAIN, |one, plain| one / plain)
            }),
        ]
    }

    /// Measures both in turn, with the same kind of server.
    fn both(
        &self,
        init: &Init,
        server: &str,
        rounds: usize,
        measure: impl Fn(&mut Live) -> Result<f64>,
    ) -> Result<Series> {
        let server = [self.load.as_str(), server];
        let mut plain = Live::start(Mode::Pid1, &init.server(Mode::Pid1, &server)?)?;
        let mut listening = Live::start(Mode::Pid1, &init.listening(free_address()?, &server)?)?;
        let mut values = [Vec::new(), Vec::new()];
        let [of_plain, of_listening] = &mut values;
        for _ in 0..rounds {
            of_plain.push(measure(&mut plain)?);
            of_listening.push(measure(&mut listening)?);
        }
        let names = [PLAIN, LISTENING].map(str::to_string);
        Ok(Series::new(names.into_iter().zip(values).collect()))
    }

    fn checks(&self, init: &Init) -> Result<Series> {
        let server = ["sleep", "infinity"];
        let (plain, listening) = (
            init.program(&["healthcheck"])?,
            init.other(&["healthcheck"])?,
        );
        let _plain = Server::start(&init.server(Mode::Subreaper, &server)?, &plain)?;
        let _listening = Server::start(&init.listening(free_address()?, &server)?, &listening)?;
        let programs = [(PLAIN, plain), (LISTENING, listening)];
        let programs = programs.map(|(name, program)| (name.to_string(), program));
        Ok(in_turn(&programs, self.rounds)?.times)
    }
}
