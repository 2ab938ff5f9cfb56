//! What servers say of themselves (sd_notify(3)), and what hinit then answers for them.

mod gunicorn;
mod haproxy;
mod postgresql;
mod python;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::Command;

use crate::home::*;
use crate::support::*;

/// A hinit that is asked how its server is, in every way there is.
pub(crate) struct Asked<'a> {
    home: &'a Home,
    mode: Mode,
    pub(crate) hinit: Running,
}

impl<'a> Asked<'a> {
    /// Has it listen, and starts it.
    pub(crate) fn start(home: &'a Home, mode: Mode, server: Start) -> Self {
        let listen = format!("unix:{}", home.join("probes").display());
        let server = server.with(|command| {
            command.env("HINIT_LISTEN", listen);
        });
        let hinit = server.start();
        Self { home, mode, hinit }
    }

    /// The phase of the server's life, and that all answers fit it.
    #[track_caller]
    pub(crate) fn is(&self, phase: &str) {
        assert_eq!(self.status("phase"), phase);
        let pid = recorded(&self.home.pid_file());
        let alive = format!("healthy: process {pid} is alive");
        let ready = match phase {
            "starting" => format!("unhealthy: process {pid} is not ready yet"),
            "stopping" => format!("unhealthy: process {pid} is about to be stopped"),
            "ready" | "reloading" => alive.clone(),
            _ => panic!("no answers are known for `{phase}`"),
        };
        assert_eq!(self.livez(), alive);
        assert_eq!(self.readyz(), ready);
    }

    /// Waits until the server is in this phase.
    #[track_caller]
    pub(crate) fn becomes(&self, phase: &str) {
        self.comes_to(phase);
        self.is(phase);
    }

    #[track_caller]
    fn comes_to(&self, phase: &str) {
        eventually(&format!("the server is {phase}"), || {
            (self.status("phase") == phase).then_some(())
        });
    }

    /// A text of /status.
    #[track_caller]
    fn status(&self, field: &str) -> String {
        let (_, json) = self.get("/status");
        let found = json.split_once(&format!("\"{field}\":\""));
        let (text, _) = found.and_then(|(_, rest)| rest.split_once('"')).unwrap();
        text.to_owned()
    }

    /// What /livez says, and `hinit healthcheck` as well.
    #[track_caller]
    fn livez(&self) -> String {
        self.agreed("/livez", &[])
    }

    /// What /readyz says, and `hinit healthcheck --ready` as well.
    #[track_caller]
    fn readyz(&self) -> String {
        self.agreed("/readyz", &["--ready"])
    }

    #[track_caller]
    fn agreed(&self, page: &str, options: &[&str]) -> String {
        let (code, line) = self.get(page);
        let is_healthy = line.starts_with("healthy: ");
        assert_eq!(code, if is_healthy { "200" } else { "503" }, "{line}");
        // A silence has lasted for longer when it is told once more.
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

    /// hinit's answer to a request: its code and its text.
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

    /// What a health check says where the server is.
    #[track_caller]
    fn check(&self, options: &[&str]) -> String {
        let mut command = match self.mode {
            Mode::Subreaper => Command::new(hinit()),
            Mode::Pid1 => {
                let mut command = Command::new("nsenter");
                if !is_root() {
                    command.args(["--user", "--preserve-credentials"]);
                }
                command.args(["--pid", "--mount", "--target"]);
                command.arg(self.hinit.pid().to_string()).arg(hinit());
                command
            }
        };
        verdict_by(&mut command, &self.home.pid_file(), options)
    }

    /// Waits for hinit's end, at which nobody may be left.
    #[track_caller]
    pub(crate) fn end(self) -> Ended {
        self.home.end(self.hinit)
    }
}
