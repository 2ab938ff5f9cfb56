//! What a user of an engine waits for: from `docker run` until the container is healthy, and for `docker stop`. Beside
//! hinit: the engine's own init (`docker run --init`), and a server without any.

use std::time::Instant;

use crate::bench::{Bench, HINIT, of_each};
use crate::engine::{Events, Image, docker};
use crate::program::Result;
use crate::table::{Row, Value};

/// The engine's own init, and none.
pub(crate) const RUN_INIT: &str = "docker run --init";
pub(crate) const NO_INIT: &str = "no init";

const UNDER_HINIT: &str = r#"FROM scratch
COPY hinit load /
ENTRYPOINT ["/hinit", "--"]
CMD ["/load", "end"]
HEALTHCHECK --interval=20ms CMD ["/hinit", "healthcheck"]
"#;

/// Its health check does nothing, and so takes the least time.
const ALONE: &str = r#"FROM scratch
COPY noop load /
CMD ["/load", "end"]
HEALTHCHECK --interval=20ms CMD ["/noop"]
"#;

/// In milliseconds.
struct Waits {
    healthy: Value,
    stop: Value,
}

impl Bench {
    pub(crate) fn waits(&self) -> Vec<Row> {
        let figure = "an engine";
        let mut waits = of_each(figure, self.hinits(), |init| {
            let files = [(HINIT, init.path.as_str()), ("load", &self.load)];
            self.wait_for(UNDER_HINIT, &files, &[])
        });
        let files = [("noop", self.no_op.as_str()), ("load", &self.load)];
        for (name, options) in [(RUN_INIT, &["--init"][..]), (NO_INIT, &[])] {
            match self.wait_for(ALONE, &files, options) {
                Ok(of_it) => waits.push((name.to_string(), of_it)),
                Err(error) => println!("skipped: {figure} with {name}: {error}"),
            }
        }
        let row = |what, value: fn(&Waits) -> &Value| {
            let cells = waits.iter();
            let cells = cells.map(|(name, waits)| (name.clone(), value(waits).clone()));
            Row::new(format!("{figure}: {what}, ms"), cells.collect())
        };
        vec![
            row("from docker run to healthy", |waits| &waits.healthy),
            row("docker stop", |waits| &waits.stop),
        ]
    }

    fn wait_for(
        &self,
        dockerfile: &str,
        files: &[(&str, &str)],
        options: &[&str],
    ) -> Result<Waits> {
        docker(&["version"]).map_err(|error| format!("no Docker engine answers: {error}"))?;
        let image = Image::build(&self.directory, dockerfile, files)?;
        let filter = format!("image={}", image.name());
        let mut events = Events::follow(&filter, "health_status", "{{.Action}}")?;
        let (mut healthy, mut stop) = (Vec::new(), Vec::new());
        for _ in 0..(self.rounds / 100).max(3) {
            let start = Instant::now();
            let container = image.run(options)?;
            let event = events.next()?;
            if event != "health_status: healthy" {
                return Err(format!("the engine says {event:?}").into());
            }
            healthy.push(start.elapsed().as_secs_f64() * 1e3);
            let start = Instant::now();
            container.stop()?;
            stop.push(start.elapsed().as_secs_f64() * 1e3);
        }
        Ok(Waits {
            healthy: Value::spread(healthy),
            stop: Value::spread(stop),
        })
    }
}
