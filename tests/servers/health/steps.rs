//! Servers that send their answers in steps: a health check makes none of them log an error. They are Python's http.server
//! with HTTP/1.0 and 1.1, Node, uWSGI, and Caddy (Go's net/http) as a proxy.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use super::*;

pub(super) const PYTHON: &str = "/usr/bin/python3";

/// Prepares the start of a server, if it is installed.
type Prepare<'a> = &'a dyn Fn(&Home, &Port) -> Option<Start>;

/// The server logs an error if a client disconnects during the answer, but no error for a health check.
fn logs_no_error_for_a_check(error: &str, prepare: Prepare) {
    let run = |test: &dyn Fn(&Running, &Port)| {
        let (home, port) = (Home::new(), Port::new());
        let server = prepare(&home, &port)?;
        let probes = [Probe::http(port.url("/"))];
        Some(while_running(&home, server, &probes, |hinit| {
            test(hinit, &port);
        }))
    };
    let Some(log) = run(&|_, port| {
        for options in [
            &[][..],
            &["--contains", "first"],
            &["--contains", "fourth"],
            &["--method", "HEAD"],
            &["--expect", "404"],
        ] {
            let line = check_probes(&[&["--http", &port.url("/")], options].concat());
            assert!(line.contains(" answered 200 OK after "), "{line}");
        }
    }) else {
        return;
    };
    assert!(!log.contains(error), "{log}");
    // The negative control. (Caddy does not log it for each client.)
    run(&|hinit, port| {
        for _ in 0..20 {
            disconnect_during_the_answer(&port.address());
        }
        log_until(hinit, error);
    });
}

fn disconnect_during_the_answer(address: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(&stream).lines();
    while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
}

/// Python's http.server, with this version of HTTP.
pub(super) fn python(home: &Home, port: &Port, version: &str) -> Option<Start> {
    let python = installed("python3", Some(PYTHON.into()))?;
    let start = home.start(Mode::Subreaper, &[]).args([python]);
    let start = start.args([source("health/steps_server.py")]);
    Some(start.args([&port.number.to_string(), version]))
}

#[test]
fn http_server() {
    for version in ["HTTP/1.0", "HTTP/1.1"] {
        logs_no_error_for_a_check("BrokenPipeError", &|home, port| python(home, port, version));
    }
}

pub(super) fn node_server(home: &Home, port: &Port) -> Option<Start> {
    let node = installed("Node", Some("/usr/bin/node".into()))?;
    let start = home.start(Mode::Subreaper, &[]).args([node]);
    let start = start.args([source("health/steps.js")]);
    Some(start.args([port.number.to_string()]))
}

#[test]
fn node() {
    logs_no_error_for_a_check("closed before the end", &node_server);
}

#[test]
fn uwsgi() {
    logs_no_error_for_a_check("Broken pipe", &|home, port| {
        let uwsgi = installed("uWSGI", Some("/usr/bin/uwsgi".into()))?;
        let start = home.start(Mode::Subreaper, &[]).args([uwsgi]);
        let start = start.args([
            "--plugin",
            "python3",
            "--master",
            "--die-on-term",
            "--http-socket",
        ]);
        let start = start.args([&port.address(), "--wsgi-file"]);
        Some(start.args([source("health/steps_app.py")]))
    });
}

#[test]
fn caddy_as_a_proxy() {
    let (home, upstream) = (Home::new(), Port::new());
    let Some(server) = python(&home, &upstream, "HTTP/1.1") else {
        return;
    };
    let probes = [Probe::http(upstream.url("/"))];
    while_running(&home, server, &probes, |_| {
        logs_no_error_for_a_check("aborting with incomplete response", &|home, port| {
            let caddy = installed("Caddy", Some("/usr/bin/caddy".into()))?;
            let file = fs::read_to_string(source("health/Caddyfile")).unwrap();
            let file = file.replace("LISTEN", &port.number.to_string());
            let file = file.replace("UPSTREAM", &upstream.number.to_string());
            fs::write(home.join("Caddyfile"), file).unwrap();
            let start = home.start(Mode::Subreaper, &[]).args([caddy]);
            Some(start.args(["run"]).with(|command| {
                command.env("HOME", ".");
            }))
        });
    });
}
