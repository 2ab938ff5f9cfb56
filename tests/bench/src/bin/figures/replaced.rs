//! What a probe costs beside the client that images contain for it: the processor time counts, because that is what a
//! probe takes from the server.

use std::fs;
use std::process::Command;

use crate::bench::{Bench, HINIT, NO_OP, TINY, TLS, of_each, sibling};
use crate::client::free_address;
use crate::http::CURL;
use crate::live::Server;
use crate::program::{Program, Result};
use crate::rounds::in_turn;
use crate::table::Bound::AtMost;
use crate::table::{Row, Value};

/// A server, the client that it is asked by, and the same check by these builds of hinit.
struct Replaced<'a> {
    server: &'a str,
    command: &'a [&'a str],
    client: (&'a str, Program),
    checks: Vec<(String, Program)>,
    builds: &'a [&'static str],
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
            checks: self.checks_by_both(&[
                "--tcp",
                &text,
                "--send",
                r"PING\r\n",
                "--reply",
                "+PONG",
            ]),
            builds: &[HINIT, TINY],
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
            checks: self.checks_by_both(&["--fastcgi", &format!("{address}/ping")]),
            builds: &[HINIT, TINY],
            limit: 0.5,
        })
    }

    /// A page over TLS 1.3, of OpenSSL's test server with an RSA key.
    pub(crate) fn https(&self) -> Result<Vec<Row>> {
        let address = free_address()?.to_string();
        let [key, certificate] =
            ["key", "cert"].map(|name| format!("{}/{name}.pem", self.directory));
        let files = ["-key", &key, "-cert", &certificate];
        let make = [
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
        ];
        let outputs = ["-keyout", &key, "-out", &certificate];
        let output = Command::new("openssl").args(make).args(outputs).output();
        let is_made = output.is_ok_and(|output| output.status.success());
        let (true, Ok(curl)) = (is_made, sibling(CURL)) else {
            println!("skipped: https: not both openssl and curl are installed");
            return Ok(Vec::new());
        };
        let url = format!("https://{address}/");
        let curl = [&curl, "-k", "-f", "-sS", "-o", "/dev/null", &url];
        let hinit = sibling(TLS)?;
        let size = Value::one(fs::metadata(&hinit)?.len() as f64 / 1024.0);
        let size = Row::new(
            "https: size of the binary, KiB",
            vec![(TLS.to_string(), size)],
        );
        let check = [&hinit, "healthcheck", "--no-pid", "--http", &url];
        let serve = ["openssl", "s_server", "-www", "-quiet", "-accept", &address];
        let mut rows = self.replaced(Replaced {
            server: "https",
            command: &[&serve[..], &files].concat(),
            client: (CURL, Program::new(&curl, "")?),
            checks: vec![(TLS.to_string(), Program::new(&check, "")?)],
            builds: &[TLS],
            limit: 0.1,
        })?;
        rows.push(size.bound_of_each(&[TLS], AtMost(900.0)));
        Ok(rows)
    }

    /// The health check with these options, by both builds.
    fn checks_by_both(&self, options: &[&str]) -> Vec<(String, Program)> {
        of_each("a probe", self.hinits(), |init| {
            init.program(&[&["healthcheck", "--no-pid"], options].concat())
        })
    }

    fn replaced(&self, replaced: Replaced) -> Result<Vec<Row>> {
        let Replaced {
            server,
            command,
            client: (client, program),
            checks,
            builds,
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
        programs.extend(checks);
        let costs = in_turn(&programs, self.rounds / 2)?;
        let own = costs.cpu.compare(NO_OP, |one, no_op| one - no_op);
        let ratio = costs.cpu.compare(client, |one, other| one / other);
        let row = |what: &str, cells| Row::new(format!("{server}: {what}"), cells);
        Ok(vec![
            row("time, µs", costs.times.cells()),
            row("CPU time, µs", costs.cpu.cells()),
            row("CPU time without the no-op's, µs", own.cells()),
            row(&format!("CPU time over {client}'s"), ratio.cells())
                .bound_of_each(builds, AtMost(limit)),
        ])
    }
}
