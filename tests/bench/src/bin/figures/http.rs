//! The cost of a health check over HTTP, compared with the programs that images contain for it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::bench::{Bench, NO_OP, linked, of_each, sibling};
use crate::program::{Program, Result};
use crate::rounds::{Costs, in_turn};
use crate::table::Bound::AtMost;
use crate::table::{Row, Value};

pub(crate) const CURL: &str = "curl";
pub(crate) const BUSYBOX: &str = "busybox";

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

impl Bench {
    /// Each program requests the same page of the same server, fails unless the answer is 200, and discards the page.
    pub(crate) fn http(&self) -> Result<Vec<Row>> {
        let url = &format!("http://{}/", serve()?);
        let curl: &[&str] = &["-f", "-sS", "-o", "/dev/null", url];
        let busybox: &[&str] = &["wget", "-q", "-O", "/dev/null", url];
        let mut programs = vec![self.no_op()?];
        programs.extend(of_each("http", self.hinits(), |init| {
            init.program(&["healthcheck", "--no-pid", "--http", url])
        }));
        let mut linkage = Vec::new();
        for (name, options) in [(CURL, curl), (BUSYBOX, busybox)] {
            let Ok(path) = sibling(name) else {
                println!("skipped: http by {name}: not installed, and only root with apt-get can");
                continue;
            };
            let words = [&[path.as_str()], options].concat();
            programs.push((name.to_string(), Program::new(&words, "")?));
            linkage.push((name.to_string(), linked(&path)?));
        }
        let Costs { times, faults, .. } = in_turn(&programs, self.rounds / 2)?;
        let over = |peer, limit| {
            let ratio = times.compare(peer, |one, other| one / other);
            Row::new(format!("http: time over {peer}'s"), ratio.cells()).bound(AtMost(limit))
        };
        let own = times.compare(NO_OP, |one, no_op| one - no_op);
        let mut calls = Vec::new();
        for (name, program) in &programs {
            let count = program.system_calls(&self.log())?.len();
            calls.push((name.clone(), Value::one(count as f64)));
        }
        Ok(vec![
            Row::new("http: time, µs", times.cells()),
            over(CURL, 0.1),
            over(BUSYBOX, 0.5),
            Row::new("http: time without the no-op's, µs", own.cells()),
            Row::new("http: minor page faults", faults.cells()),
            Row::new("http: system calls", calls),
            // A static busybox takes two thirds of the time that a dynamic one takes.
            Row::new("http: linked", linkage),
        ])
    }
}

/// Starts a server in a thread of this process.
fn serve() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming() {
            // A client that disconnects early fails, and reports that itself.
            let _ = client.and_then(answer);
        }
    });
    Ok(address)
}

/// Reads the whole request first, because closing a connection with unread bytes resets it.
fn answer(mut client: TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    let mut bytes = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match client.read(&mut bytes)? {
            0 => return Ok(()),
            length => request.extend_from_slice(bytes.get(..length).unwrap_or_default()),
        }
    }
    client.write_all(ANSWER)
}
