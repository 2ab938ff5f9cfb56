//! Clients that send hinit probes (GET /livez), and clients that never complete a request.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The time limit of an answer, which is the shortest that load balancers have.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// The number of clients that send a request byte by byte, each one byte a second.
const SLOW_CLIENTS: u32 = 1000;
const BYTE_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self(stream))
    }

    /// Fails unless the server lives. The connection stays open.
    pub(crate) fn ask(&mut self) -> io::Result<()> {
        self.0
            .write_all(b"GET /livez HTTP/1.1\r\nHost: hinit\r\n\r\n")?;
        let mut bytes = [0; 1024];
        let mut length = 0;
        loop {
            let room = bytes.get_mut(length..).unwrap_or_default();
            match self.0.read(room)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => length += count,
            }
            let answer = String::from_utf8_lossy(bytes.get(..length).unwrap_or_default());
            // The body is one line.
            let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
            if body.is_some_and(|body| body.ends_with('\n')) {
                return healthy(&answer);
            }
        }
    }
}

/// One probe on a new connection, as most load balancers send it.
pub(crate) fn probe(address: SocketAddr) -> io::Result<()> {
    let Client(mut stream) = Client::connect(address)?;
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: hinit\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    healthy(&answer)
}

fn healthy(answer: &str) -> io::Result<()> {
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(io::Error::other(format!("not healthy: {answer:?}")))
}

/// The results of some probes.
#[derive(Default)]
pub(crate) struct Probes {
    /// In microseconds.
    pub(crate) times: Vec<f64>,
    pub(crate) failures: Vec<io::Error>,
}

impl Probes {
    /// Sends one probe after the other, until `is_over`.
    pub(crate) fn send(
        address: SocketAddr,
        first: Instant,
        pause: Duration,
        is_over: &AtomicBool,
    ) -> Self {
        let mut probes = Self::default();
        let mut next = first;
        while !is_over.load(Ordering::Relaxed) {
            sleep(next.saturating_duration_since(Instant::now()));
            next += pause;
            let start = Instant::now();
            match probe(address) {
                Ok(()) => probes.times.push(start.elapsed().as_secs_f64() * 1e6),
                Err(error) => probes.failures.push(error),
            }
        }
        probes
    }

    pub(crate) fn and(mut self, others: Self) -> Self {
        self.times.extend(others.times);
        self.failures.extend(others.failures);
        self
    }
}

/// Sends the bytes of all slow clients, evenly distributed over the time. A client whose connection is closed opens
/// a new one. Returns the number of connections.
pub(crate) fn send_slowly(address: SocketAddr, is_over: &AtomicBool) -> usize {
    let mut connections: Vec<Option<TcpStream>> = (0..SLOW_CLIENTS).map(|_| None).collect();
    let mut count = 0;
    let mut next = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        for connection in &mut connections {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            if !connection.as_mut().is_some_and(send_byte) {
                *connection = begin_request(address).ok();
                count += 1;
            }
            next += BYTE_INTERVAL / SLOW_CLIENTS;
            sleep(next.saturating_duration_since(Instant::now()));
        }
    }
    count
}

fn begin_request(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: ")?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// False if hinit has closed the connection.
fn send_byte(stream: &mut TcpStream) -> bool {
    let read = stream.read(&mut [0]);
    let is_open = read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    is_open && stream.write_all(b"x").is_ok()
}

/// An address of this machine on which no process listens.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
