//! The processor time of a probe, of all processes that take part in it: of an engine's HEALTHCHECK, and of a request to
//! hinit in the same container.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio, id};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::bench::{Bench, HINIT, Init, of_each};
use crate::client::{Client, probe};
use crate::live::eventually;
use crate::proc;
use crate::program::Result;
use crate::table::Bound::AtLeast;
use crate::table::{Row, Value};

/// /proc counts the time of the engine's processes in ticks of some milliseconds, and one probe takes only a few.
const BATCH_SIZE: usize = 20;

/// The time limit of a health check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(30);

const PORT: u16 = 9101;

/// Only hinit, and a server that does nothing.
const IMAGE: &str = r#"FROM scratch
COPY hinit load /
ENTRYPOINT ["/hinit", "--listen", "0.0.0.0:9101", "--"]
CMD ["/load", "wait"]
HEALTHCHECK CMD ["/hinit", "healthcheck"]
"#;

/// In microseconds.
struct Costs {
    health_check: Value,
    connection: f64,
    request: f64,
}

impl Bench {
    pub(crate) fn probe_cpu(&self) -> Vec<Row> {
        let figure = "a probe's CPU time";
        let costs = of_each(figure, self.hinits(), |init| self.costs(init));
        let row = |what, value: fn(&Costs) -> Value| {
            let cell = |(name, costs): &(String, Costs)| (name.clone(), value(costs));
            Row::new(format!("{figure}{what}"), costs.iter().map(cell).collect())
        };
        vec![
            row(" by HEALTHCHECK, µs", |costs| costs.health_check.clone()),
            row(" by GET on a new connection, µs", |costs| {
                Value::one(costs.connection)
            }),
            row(" by GET on a kept one, µs", |costs| {
                Value::one(costs.request)
            }),
            row(": HEALTHCHECK's over GET's, new connection", |costs| {
                Value::one(costs.health_check.median() / costs.connection)
            })
            .bound(AtLeast(100.0)),
            row(": HEALTHCHECK's over GET's, kept one", |costs| {
                Value::one(costs.health_check.median() / costs.request)
            })
            .bound(AtLeast(100.0)),
        ]
    }

    fn costs(&self, init: &Init) -> Result<Costs> {
        docker(&["version"]).map_err(|error| format!("no Docker engine answers: {error}"))?;
        let image = Image::build(
            &self.directory,
            IMAGE,
            &[(HINIT, &init.path), ("load", &self.load)],
        )?;
        let batches = (self.rounds / 500).max(1);
        let health_check = image
            .run(&["--health-interval=20ms"])?
            .health_checks(batches)?;
        let container = image.run(&["--no-healthcheck"])?;
        let address = container.address()?;
        let connection = container.requests(self.rounds * 2, || probe(address))?;
        let mut client = Client::connect(address)?;
        let request = container.requests(self.rounds * 10, || client.ask())?;
        Ok(Costs {
            health_check,
            connection,
            request,
        })
    }
}

pub(crate) struct Image(String);

impl Image {
    pub(crate) fn build(directory: &str, dockerfile: &str, files: &[(&str, &str)]) -> Result<Self> {
        let context = format!("{directory}/image");
        fs::create_dir_all(&context)?;
        fs::write(format!("{context}/Dockerfile"), dockerfile)?;
        for (name, path) in files {
            fs::copy(path, format!("{context}/{name}"))?;
        }
        let name = format!("hinit-bench-{}", id());
        docker(&["build", "--quiet", "--tag", &name, &context])?;
        Ok(Self(name))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    pub(crate) fn run(&self, options: &[&str]) -> Result<Container> {
        // Interactive, because the server ends at the end of its standard input.
        let words = [
            &["run", "--detach", "--interactive"],
            options,
            &[self.0.as_str()],
        ]
        .concat();
        let container = Container(docker(&words)?);
        Ok(container)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = docker(&["rmi", "--force", &self.0]);
    }
}

pub(crate) struct Container(String);

impl Container {
    pub(crate) fn stop(&self) -> Result<()> {
        docker(&["stop", &self.0])?;
        match self.inspect("{{.State.ExitCode}}")?.as_str() {
            "0" => Ok(()),
            code => Err(format!("the container ended with {code}").into()),
        }
    }

    fn inspect(&self, field: &str) -> Result<String> {
        docker(&["inspect", "--format", field, &self.0])
    }

    fn init(&self) -> Result<Pid> {
        Ok(Pid::from_raw(self.inspect("{{.State.Pid}}")?.parse()?))
    }

    /// Its address on the engine's bridge, by which other containers and the host reach it.
    fn address(&self) -> Result<SocketAddr> {
        let ip = self.inspect("{{.NetworkSettings.IPAddress}}")?;
        let address = SocketAddr::new(ip.parse()?, PORT);
        eventually(|| probe(address).ok()).ok_or(format!("no answer from {address}"))?;
        Ok(address)
    }

    /// The processor time of a health check, of the engine and its descendants, batch by batch.
    fn health_checks(&self, batches: usize) -> Result<Value> {
        let init = self.init()?;
        let mut ends = Ends::follow(&self.0)?;
        // The first ones find nothing in the caches.
        ends.wait(3)?;
        let mut costs = Vec::new();
        for _ in 0..batches {
            let before = engine()? + proc::cpu(init)? as f64 / 1e3;
            ends.wait(BATCH_SIZE)?;
            let after = engine()? + proc::cpu(init)? as f64 / 1e3;
            costs.push((after - before) / BATCH_SIZE as f64);
        }
        Ok(Value::spread(costs))
    }

    /// The processor time of a request, of hinit and of the client.
    fn requests(&self, count: usize, mut ask: impl FnMut() -> std::io::Result<()>) -> Result<f64> {
        let init = self.init()?;
        let spent = || -> Result<f64> {
            let own = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
            Ok(Duration::from(own).as_secs_f64() * 1e6 + proc::cpu(init)? as f64 / 1e3)
        };
        let before = spent()?;
        for _ in 0..count {
            ask()?;
        }
        Ok((spent()? - before) / count as f64)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", "--volumes", &self.0]);
    }
}

/// The ends of health checks.
struct Ends(Events);

impl Ends {
    fn follow(container: &str) -> Result<Self> {
        Events::follow(
            &format!("container={container}"),
            "exec_die",
            "{{.Actor.Attributes.exitCode}}",
        )
        .map(Self)
    }

    fn wait(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let line = self.0.next()?;
            // A check that fails early would look cheap.
            if line != "0" {
                return Err(format!("a health check ended with {line:?}").into());
            }
        }
        Ok(())
    }
}

/// What `docker events` reports.
pub(crate) struct Events {
    events: Child,
    lines: BufReader<UnixStream>,
}

impl Events {
    /// The events of this kind, each as a line in this format.
    pub(crate) fn follow(filter: &str, event: &str, format: &str) -> Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(CHECK_TIMEOUT))?;
        let events = Command::new("docker")
            .args(["events", "--filter", &format!("event={event}")])
            .args(["--filter", filter, "--format", format])
            .stdin(Stdio::null())
            .stdout(OwnedFd::from(theirs))
            .spawn()?;
        Ok(Self {
            events,
            lines: BufReader::new(ours),
        })
    }

    pub(crate) fn next(&mut self) -> Result<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        Ok(line.trim_end().to_string())
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ = self.events.kill();
        let _ = self.events.wait();
    }
}

/// The processor time in microseconds of the engine and of the children that it has reaped. A health check has a runc,
/// which starts it in the container, and a shim waits for both. (An idle engine uses a hundredth of that.)
fn engine() -> Result<f64> {
    let tick = sysconf(SysconfVar::CLK_TCK)?.ok_or("a clock without ticks")?;
    let mut ticks = 0;
    for entry in fs::read_dir("/proc")? {
        // A process may have ended meanwhile.
        let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else {
            continue;
        };
        let Some((name, fields)) = stat.split_once(") ") else {
            continue;
        };
        let name = name.split_once('(').map_or("", |(_, name)| name);
        if ["dockerd", "containerd", "runc"]
            .iter()
            .any(|one| name.starts_with(one))
        {
            // Its own time in user and kernel mode, and that of its reaped children (`proc_pid_stat(5)`).
            let times = fields.split(' ').skip(11).take(4);
            ticks += times.map(|time| time.parse().unwrap_or(0)).sum::<u64>();
        }
    }
    if ticks == 0 {
        return Err("the engine's processes are not in this PID namespace".into());
    }
    Ok(ticks as f64 * 1e6 / tick as f64)
}

/// Runs `docker`, and returns what it prints.
pub(crate) fn docker(words: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(words).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr)
            .trim()
            .to_string()
            .into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_string())
}
