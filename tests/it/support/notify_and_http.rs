//! A server's notify messages, and hinit's answers to HTTP probes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::libc::SIGUSR1;

pub use sender::Sender;

use super::*;

#[path = "../../fixture/sender.rs"]
mod sender;

impl Start {
    /// The server: the fixture, which sends the first of these messages and then prints `ready`.
    pub fn notifies(self, messages: &[&str]) -> Self {
        self.fixture([&["notifies"], messages].concat())
    }
}

impl Running {
    /// Has the server send its next message, and waits until hinit has received it.
    #[track_caller]
    pub fn next_message(&self) {
        self.signal(SIGUSR1);
        assert_eq!(self.line(), "sent");
    }
}

/// A shell command that sends these messages, and returns when hinit has received them.
pub fn notify(messages: &str) -> String {
    format!("{} notify {messages}", fixture().display())
}

/// The path of the socket beside a PID file.
pub fn socket_beside(pid_file: &Path) -> PathBuf {
    let mut path = pid_file.as_os_str().to_owned();
    path.push(".sock");
    path.into()
}

/// An HTTP client of hinit's responder.
pub struct Client<S = UnixStream>(BufReader<S>);

impl Client {
    #[track_caller]
    pub fn new(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(bound())).unwrap();
        stream.set_write_timeout(Some(bound())).unwrap();
        Self(BufReader::new(stream))
    }
}

impl Client<TcpStream> {
    #[track_caller]
    pub fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(bound())).unwrap();
        Self(BufReader::new(stream))
    }
}

impl<S: Read + Write> Client<S> {
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Requests a page and keeps the connection open.
    #[track_caller]
    pub fn fetch(&mut self, target: &str) -> Answer {
        self.send(request(target));
        self.answer()
    }

    /// Asserts that `/livez` reports a healthy server.
    #[track_caller]
    pub fn assert_alive(&mut self) {
        let status = self.fetch("/livez").status;
        assert!(status.starts_with("200 "), "{status}");
    }

    /// The next answer.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "no answer: {head}");
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        Answer::new(&head, body)
    }

    /// Reads until the end of the connection.
    #[track_caller]
    pub fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }
}

pub fn request(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// An answer of hinit.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// As `200 healthy: process 7 is alive`.
    pub status: String,
    pub fields: Vec<String>,
    pub body: String,
}

impl Answer {
    fn new(head: &str, body: Vec<u8>) -> Self {
        let mut lines = head.trim_end().split("\r\n").map(str::to_owned);
        let status = lines.next().unwrap();
        Self {
            status: status.strip_prefix("HTTP/1.1 ").unwrap().to_owned(),
            fields: lines.collect(),
            body: String::from_utf8(body).unwrap(),
        }
    }

    pub fn code(&self) -> u16 {
        self.status.split(' ').next().unwrap().parse().unwrap()
    }

    /// The reason phrase, which follows the status code.
    pub fn reason(&self) -> &str {
        self.status.split_once(' ').unwrap().1
    }

    /// A member of the JSON object, as JSON text.
    #[track_caller]
    pub fn member(&self, name: &str) -> &str {
        let (_, rest) = self.body.split_once(&format!("\"{name}\":")).unwrap();
        let end = match rest.strip_prefix('"') {
            Some(text) => text.find('"').unwrap() + 2,
            None => rest.find([',', '}']).unwrap(),
        };
        rest.get(..end).unwrap()
    }
}

/// The answer to one request at the socket beside this PID file.
#[track_caller]
pub fn get(pid_file: &Path, target: &str) -> Answer {
    Client::new(&socket_beside(pid_file)).fetch(target)
}

/// Waits until a page at the socket beside this PID file has this status.
#[track_caller]
pub fn wait_for_answer(pid_file: &Path, target: &str, status: &str) {
    eventually(status, || {
        (get(pid_file, target).status == status).then_some(())
    });
}

/// The number of lines of the log that contain this text.
pub fn count(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}
