//! The cost of a probe, compared with that of the client which images contain for it.

use crate::bench::{Bench, NO_OP, of_each};
use crate::client::free_address;
use crate::live::Server;
use crate::program::{Program, Result};
use crate::rounds::in_turn;
use crate::table::Bound::AtMost;
use crate::table::Row;

const REDIS_CLI: &str = "redis-cli";

impl Bench {
    /// A `PING` to Redis. The processor time counts, because that is what a probe takes from the server.
    pub(crate) fn redis(&self) -> Result<Vec<Row>> {
        let address = free_address()?;
        let (text, port) = (address.to_string(), address.port().to_string());
        let server = ["redis-server", "--port", &port, "--bind", "127.0.0.1"];
        let server = [&server[..], &["--save", "", "--daemonize", "no"]].concat();
        let ping = Program::new(&["/usr/bin/redis-cli", "-p", &port, "ping"], "")?;
        let _server = match Server::start(&Program::new(&server, "")?, &ping) {
            Ok(server) => server,
            Err(error) => {
                println!("skipped: a probe of Redis: {error}");
                return Ok(Vec::new());
            }
        };
        let mut programs = vec![self.no_op()?, (REDIS_CLI.to_string(), ping)];
        let probe = ["healthcheck", "--no-pid", "--tcp", &text];
        let exchange = ["--send", r"PING\r\n", "--reply", "+PONG"];
        programs.extend(of_each("Redis", self.hinits(), |init| {
            init.program(&[&probe[..], &exchange].concat())
        }));
        let costs = in_turn(&programs, self.rounds / 2)?;
        let own = costs.cpu.compare(NO_OP, |one, no_op| one - no_op);
        let ratio = costs.cpu.compare(REDIS_CLI, |one, other| one / other);
        Ok(vec![
            Row::new("Redis: time, µs", costs.times.cells()),
            Row::new("Redis: CPU time, µs", costs.cpu.cells()),
            Row::new("Redis: CPU time without the no-op's, µs", own.cells()),
            Row::new("Redis: CPU time over redis-cli's", ratio.cells()).bound(AtMost(0.1)),
        ])
    }
}
