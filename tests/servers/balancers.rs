//! The configurations of load balancers in docker/guide/stopping.md: no request fails while one of two servers stops.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process;

use nix::libc::SIGTERM;

use crate::home::*;
use crate::support::*;

const GUIDE: &str = include_str!("../../docker/guide/stopping.md");

/// The first code block of the guide after this line.
fn block(line: &str) -> &'static str {
    let (_, rest) = GUIDE.split_once(&format!("\n{line}")).unwrap();
    rest.split("```\n").nth(1).unwrap()
}

/// An address for a host of the guide, which keeps the ports. Each test process and each test has its own.
fn address(number: u8, host: u8) -> String {
    let [.., high, low] = process::id().to_be_bytes();
    format!("127.{}.{high}.{low}", 10 * (number + 1) + host)
}

/// A server of the guide: it answers with its name, and hinit listens on port 9101 of its address.
struct App {
    name: &'static str,
    address: String,
    home: Home,
    hinit: Running,
}

impl App {
    fn start(name: &'static str, address: String, options: &[&str]) -> Self {
        let home = Home::new();
        fs::write(home.join("index.html"), name).unwrap();
        let listen = format!("{address}:9101");
        let options = [options, &["--clean-stop", "--listen", &listen]].concat();
        let server = home.start(Mode::Subreaper, &options).args(["python3"]);
        let server = server.args(["-m", "http.server", "--bind", &address, "8000"]);
        let hinit = server.start();
        eventually("the server listens", || {
            TcpStream::connect((address.as_str(), 8000)).ok()
        });
        Self {
            name,
            address,
            home,
            hinit,
        }
    }
}

/// The name of the server that answers. Every answer must be a good one.
fn ask(address: &str) -> String {
    let mut stream = TcpStream::connect((address, 8000)).unwrap();
    stream.set_read_timeout(Some(bound())).unwrap();
    write!(stream, "GET / HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 OK"), "{answer}");
    body.to_owned()
}

/// Those that answer many requests.
fn answering(balancer: &str) -> BTreeSet<String> {
    (0..20).map(|_| ask(balancer)).collect()
}

/// Starts two servers and the balancer, and sends one of the servers its stop signal.
struct Balanced {
    one: App,
    two: App,
    balancer: String,
    home: Home,
    hinit: Running,
}

impl Balanced {
    /// `configuration` makes the text of the balancer's file for its address. The options are those of the first server.
    fn start(
        number: u8,
        program: &str,
        arguments: &[&str],
        options: &[&str],
        configuration: impl FnOnce(&str) -> String,
    ) -> Option<Self> {
        let program = installed(program, Some(program.into()))?;
        let [balancer, one, two] = [0, 1, 2].map(|host| address(number, host));
        let home = Home::new();
        let text = configuration(&balancer);
        let text = text.replace("app1:", &format!("{one}:"));
        let text = text.replace("app2:", &format!("{two}:"));
        fs::write(home.join("balancer.conf"), text).unwrap();
        let one = App::start("one", one, options);
        let two = App::start("two", two, &[]);
        let start = home.start(Mode::Subreaper, &["--clean-stop"]);
        let start = start.args([program]).args(arguments).with(|command| {
            command.env("HOME", ".");
        });
        let hinit = start.start();
        eventually("the balancer listens", || {
            TcpStream::connect((balancer.as_str(), 8000)).ok()
        });
        eventually("requests reach both servers", || {
            (answering(&balancer).len() == 2).then_some(())
        });
        one.hinit.signal(SIGTERM);
        Some(Self {
            one,
            two,
            balancer,
            home,
            hinit,
        })
    }

    fn turns_away(&self) {
        let two = BTreeSet::from([self.two.name.to_owned()]);
        eventually("requests reach the other server only", || {
            (answering(&self.balancer) == two).then_some(())
        });
    }

    fn end(self) {
        // The second signal ends the delay.
        self.one.hinit.signal(SIGTERM);
        self.two.hinit.signal(SIGTERM);
        self.hinit.signal(SIGTERM);
        for (home, hinit) in [
            (self.one.home, self.one.hinit),
            (self.two.home, self.two.hinit),
            (self.home, self.hinit),
        ] {
            assert_eq!(home.end(hinit).code, 0);
        }
    }
}

/// The stop signal is delayed until another one comes.
const DELAYED: &[&str] = &["--stop-delay", "1h"];

fn haproxy(number: u8, backend: &str) -> Option<Balanced> {
    let arguments = ["-db", "-f", "balancer.conf"];
    Balanced::start(
        number,
        "/usr/sbin/haproxy",
        &arguments,
        DELAYED,
        |address| {
            format!(
                "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
             frontend web\n bind {address}:8000\n default_backend app\n{backend}"
            )
        },
    )
}

#[test]
fn haproxy_turns_away_from_a_server_that_will_stop() {
    let Some(balanced) = haproxy(0, block("HAProxy:")) else {
        return;
    };
    balanced.turns_away();
    assert_eq!(ask(&balanced.one.address), "one");
    balanced.end();
}

// The negative control.
#[test]
fn haproxy_without_the_checks_does_not() {
    let checks = "    default-server check port 9101 inter 2s fall 2 rise 1\n";
    assert!(block("HAProxy:").contains(checks));
    let Some(balanced) = haproxy(1, &block("HAProxy:").replace(checks, "")) else {
        return;
    };
    eventually("the first server is not ready", || {
        let probe = format!("http://{}:9101/readyz", balanced.one.address);
        (check(&["--no-pid", "--http", &probe]).code != 0).then_some(())
    });
    assert_eq!(answering(&balanced.balancer).len(), 2);
    balanced.end();
}

#[test]
fn caddy_turns_away_from_a_server_that_will_stop() {
    let arguments = ["run", "--adapter", "caddyfile", "--config", "balancer.conf"];
    let balanced = Balanced::start(2, "/usr/bin/caddy", &arguments, DELAYED, |address| {
        let proxy = block("Caddy:");
        format!("{{\n admin off\n}}\nhttp://{address}:8000 {{\n bind {address}\n{proxy}}}\n")
    });
    let Some(balanced) = balanced else {
        return;
    };
    balanced.turns_away();
    assert_eq!(ask(&balanced.one.address), "one");
    balanced.end();
}

#[test]
fn nginx_turns_away_from_a_server_that_has_stopped() {
    let arguments = ["-e", "stderr", "-p", ".", "-c", "balancer.conf"];
    let balanced = Balanced::start(3, "/usr/sbin/nginx", &arguments, &[], |address| {
        let upstream = block("nginx without Plus");
        let server = format!(
            "{upstream}server {{ listen {address}:8000; location / {{ proxy_pass http://app; }} }}"
        );
        let text = fs::read_to_string(source("nginx.conf")).unwrap();
        let (head, _) = text.split_once("    server {").unwrap();
        format!("{head}{server}\n}}\n")
    });
    let Some(balanced) = balanced else {
        return;
    };
    balanced.turns_away();
    balanced.end();
}
