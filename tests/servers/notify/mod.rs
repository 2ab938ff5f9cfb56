//! The messages of servers (sd_notify(3)), and what hinit then answers to probes.

mod gunicorn;
mod haproxy;
mod postgresql;
mod python;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::Command;

use crate::home::*;
use crate::support::*;

/// A hinit whose server is queried in every way: /status, /livez, /readyz and `hinit healthcheck`.
pub(crate) struct ProbedServer<'a> {
    home: &'a Home,
    mode: Mode,
    pub(crate) hinit: Running,
}

impl<'a> ProbedServer<'a> {
    /// Starts it with `--listen`.
    pub(crate) fn start(home: &'a Home, mode: Mode, server: Start) -> Self {
        let listen = format!("unix:{}", home.join("probes").display());
        let server = server.with(|command| {
            command.env("HINIT_LISTEN", listen);
        });
        let hinit = server.start();
        Self { home, mode, hinit }
    }

    /// Checks the phase of the server, and that all answers match it.
    #[track_caller]
    pub(crate) fn is(&self, phase: &str) {
        assert_eq!(self.status("phase"), phase);
        let pid = recorded(&self.home.pid_file());
        let alive = format!("healthy: process {pid} is alive");
        let ready = match phase {
            "starting" => format!("unhealthy: process {pid} is not ready yet"),
            "stopping" => format!("unhealthy: process {pid} is about to be stopped"),
            "ready" | "reloading" => alive.clone(),
            _ => panic!("the phase `{phase}` is not in this list"),
        };
        assert_eq!(self.livez(), alive);
        assert_eq!(self.readyz(), ready);
    }

    /// Waits until the server is in this phase.
    #[track_caller]
    pub(crate) fn becomes(&self, phase: &str) {
        self.reaches(phase);
        self.is(phase);
    }

    #[track_caller]
    fn reaches(&self, phase: &str) {
        eventually(&format!("the server is {phase}"), || {
            (self.status("phase") == phase).then_some(())
        });
    }

    /// A text field of /status.
    #[track_caller]
    fn status(&self, field: &str) -> String {
        let (_, json) = self.get("/status");
        let found = json.split_once(&format!("\"{field}\":\""));
        let (text, _) = found.and_then(|(_, rest)| rest.split_once('"')).unwrap();
        text.to_owned()
    }

    /// The verdict of /livez, which is also that of `hinit healthcheck`.
    #[track_caller]
    fn livez(&self) -> String {
        self.agreed("/livez", &[])
    }

    /// The verdict of /readyz, which is also that of `hinit healthcheck --ready`.
    #[track_caller]
    fn readyz(&self) -> String {
        self.agreed("/readyz", &["--ready"])
    }

    #[track_caller]
    fn agreed(&self, page: &str, options: &[&str]) -> String {
        let (code, line) = self.get(page);
        let is_healthy = line.starts_with("healthy: ");
        assert_eq!(code, if is_healthy { "200" } else { "503" }, "{line}");
        // The age of the last sign of life has grown by the second query.
        let without_age = |line: &str| match line.split_once(" for ") {
            Some((before, after)) => {
                let (_, after) = after.split_once(' ').unwrap();
                format!("{before} for AGE {after}")
            }
            None => line.to_owned(),
        };
        let line = without_age(&line);
        assert_eq!(without_age(&self.check(options)), line);
        line
    }

    /// The code and the body of hinit's answer to a request.
    #[track_caller]
    fn get(&self, page: &str) -> (String, String) {
        let mut stream = eventually("hinit listens", || {
            UnixStream::connect(self.home.join("probes")).ok()
        });
        stream.set_read_timeout(Some(bound())).unwrap();
        write!(stream, "GET {page} HTTP/1.0\r\n\r\n").unwrap();
        let answer = String::from_utf8(rest(stream)).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").expect(&answer);
        let code = head.split(' ').nth(1).unwrap();
        (code.to_owned(), text.trim_end().to_owned())
    }

    /// The verdict of a health check in the namespaces of the server.
    #[track_caller]
    fn check(&self, options: &[&str]) -> String {
        let mut command = match self.mode {
            Mode::Subreaper => Command::new(hinit()),
            Mode::Pid1 => {
                let mut command = self.hinit.nsenter();
                command.arg(hinit());
                command
            }
        };
        verdict_by(&mut command, &self.home.pid_file(), options)
    }

    /// Waits until hinit ends. No process may be left then.
    #[track_caller]
    pub(crate) fn end(self) -> Ended {
        self.home.end(self.hinit)
    }
}
