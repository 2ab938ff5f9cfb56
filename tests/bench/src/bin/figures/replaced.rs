//! What a probe costs beside the client that images contain for it: the processor time counts, because that is what a
//! probe takes from the server.

use std::fs;

use crate::bench::{Bench, NO_OP, of_each};
use crate::client::free_address;
use crate::live::Server;
use crate::program::{Program, Result};
use crate::rounds::in_turn;
use crate::table::Bound::AtMost;
use crate::table::Row;

/// A server, the client that it is asked by, and hinit's options for the same.
struct Replaced<'a> {
    server: &'a str,
    command: &'a [&'a str],
    client: (&'a str, Program),
    options: &'a [&'a str],
    /// The most that hinit may take of the client's time.
    limit: f64,
}

impl Bench {
    /// A `PING` to Redis.
    pub(crate) fn redis(&self) -> Result<Vec<Row>> {
        let address = free_address()?;
        let (text, port) = (address.to_string(), address.port().to_string());
        let listen = ["redis-server", "--port", &port, "--bind", "127.0.0.1"];
        let client = Program::new(&["/usr/bin/redis-cli", "-p", &port, "ping"], "")?;
        self.replaced(Replaced {
            server: "Redis",
            command: &[&listen[..], &["--save", "", "--daemonize", "no"]].concat(),
            client: ("redis-cli", client),
            options: &["--tcp", &text, "--send", r"PING\r\n", "--reply", "+PONG"],
            limit: 0.1,
        })
    }

    /// The ping page of PHP-FPM.
    pub(crate) fn php_fpm(&self) -> Result<Vec<Row>> {
        let address = free_address()?.to_string();
        let configuration = format!("{}/fpm.conf", self.directory);
        let log = "[global]\nerror_log = /dev/null\n";
        let pool = "pm = static\npm.max_children = 1\nping.path = /ping\n";
        let pool = format!("{log}[www]\nlisten = {address}\n{pool}");
        fs::write(&configuration, pool)?;
        // Debian's name has the version.
        let files = fs::read_dir("/usr/sbin")?.flatten();
        let mut names = files.filter_map(|file| file.file_name().into_string().ok());
        let name = names.find(|name| name.starts_with("php-fpm"));
        let name = name.unwrap_or("php-fpm".to_string());
        let client = ["/usr/bin/cgi-fcgi", "-bind", "-connect", &address];
        let client = Program::new(&client, "")?.with(&[
            ("REQUEST_METHOD", "GET"),
            ("SCRIPT_NAME", "/ping"),
            ("SCRIPT_FILENAME", "/ping"),
        ]);
        self.replaced(Replaced {
            server: "PHP-FPM",
            // Without php.ini, in the foreground, and as root too.
            command: &[&name, "-n", "-F", "-R", "-y", &configuration],
            client: ("cgi-fcgi", client),
            options: &["--fastcgi", &format!("{address}/ping")],
            limit: 0.5,
        })
    }

    fn replaced(&self, replaced: Replaced) -> Result<Vec<Row>> {
        let Replaced {
            server,
            command,
            client: (client, program),
            options,
            limit,
        } = replaced;
        let _server = match Server::start(&Program::new(command, "")?, &program) {
            Ok(server) => server,
            Err(error) => {
                println!("skipped: a probe of {server}: {error}");
                return Ok(Vec::new());
            }
        };
        let mut programs = vec![self.no_op()?, (client.to_string(), program)];
        programs.extend(of_each(server, self.hinits(), |init| {
            init.program(&[&["healthcheck", "--no-pid"], options].concat())
        }));
        let costs = in_turn(&programs, self.rounds / 2)?;
        let own = costs.cpu.compare(NO_OP, |one, no_op| one - no_op);
        let ratio = costs.cpu.compare(client, |one, other| one / other);
        let row = |what: &str, cells| Row::new(format!("{server}: {what}"), cells);
        Ok(vec![
            row("time, µs", costs.times.cells()),
            row("CPU time, µs", costs.cpu.cells()),
            row("CPU time without the no-op's, µs", own.cells()),
            row(&format!("CPU time over {client}'s"), ratio.cells()).bound(AtMost(limit)),
        ])
    }
}
