//! Many clients, and abusive ones.

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::libc::{SIGTERM, SIGUSR1};

use crate::support::*;

/// The maximum of connections in hinit.
const PLACES: usize = 16;

fn answering(dir: &TempDir) -> (Running, PathBuf) {
    let pid_file = dir.join("pid");
    let start = Start::with_notify(Mode::Subreaper, &pid_file);
    let hinit = start.fixture(["signals"]).start().ready();
    recorded(&pid_file);
    (hinit, socket_beside(&pid_file))
}

#[test]
fn at_the_limit_the_connection_that_was_idle_longest_is_dropped() {
    let dir = TempDir::new();
    let (_hinit, socket) = answering(&dir);
    let mut clients: Vec<Client> = (0..PLACES)
        .map(|_| {
            let mut client = Client::new(&socket);
            client.assert_alive();
            client
        })
        .collect();
    // The first connection is no longer the oldest.
    clients[0].assert_alive();
    let mut another = Client::new(&socket);
    another.assert_alive();
    assert_eq!(clients.remove(1).rest(), "");
    for client in clients.iter_mut().chain([&mut another]) {
        client.assert_alive();
    }
}

/// A connection with a request stays as long as there is an idle one to drop.
#[test]
fn a_connection_amid_a_request_is_dropped_last() {
    let dir = TempDir::new();
    let (_hinit, socket) = answering(&dir);
    let request = request("/livez");
    let (start, end) = request.split_at(10);
    let mut busy = Client::new(&socket);
    busy.send(&request);
    busy.answer();
    // Sent together with a whole request, so that hinit has read it when the answer is there.
    busy.send(format!("{request}{start}"));
    busy.answer();
    // These stay open and send no more requests.
    let mut idle: Vec<Client> = Vec::new();
    for _ in 0..2 * PLACES {
        idle.push(Client::new(&socket));
        idle.last_mut().map(Client::assert_alive);
    }
    busy.send(end);
    assert!(busy.answer().status.starts_with("200 "));
}

#[test]
fn many_partial_requests_delay_no_answer() {
    let dir = TempDir::new();
    let (hinit, socket) = answering(&dir);
    let mut slow = Vec::new();
    for count in 0..500 {
        let mut client = Client::new(&socket);
        client.send("GET /livez HTTP/1.1\r\n");
        slow.push(client);
        if count % 50 == 49 {
            Client::new(&socket).assert_alive();
        }
    }
    hinit.signal(SIGUSR1);
    assert_eq!(hinit.line(), "signal 10");
    assert_eq!(hinit.stop().code, 0);
}

/// Otherwise hinit would have to store the answers, or block.
#[test]
fn a_client_that_sends_requests_and_reads_no_answer_is_dropped() {
    let dir = TempDir::new();
    let (hinit, socket) = answering(&dir);
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.set_write_timeout(Some(bound())).unwrap();
    let requests = request("/status").repeat(50);
    let error = (0..1000).find_map(|_| stream.write_all(requests.as_bytes()).err());
    let kind = error.expect("hinit does not drop the client").kind();
    assert!(
        matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset),
        "{kind}"
    );
    Client::new(&socket).assert_alive();
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
}

/// hinit's memory in kB: all of it, and its private part.
fn memory(pid: i32) -> [String; 2] {
    ["VmSize", "VmData"].map(|field| status_of(pid, field).unwrap())
}

#[test]
fn requests_leave_nothing_behind() {
    let dir = TempDir::new();
    let (hinit, socket) = answering(&dir);
    let resident = || -> u32 {
        status_of(hinit.pid(), "VmRSS")
            .unwrap()
            .trim_end_matches(" kB")
            .trim()
            .parse()
            .unwrap()
    };
    let send_requests = |count: usize| {
        for _ in 0..count / 100 {
            let mut client = Client::new(&socket);
            let requests = ["/livez", "/readyz", "/status", "/missing"]
                .map(request)
                .concat();
            for _ in 0..25 {
                client.send(&requests);
                for _ in 0..4 {
                    client.answer();
                }
            }
            client.send("junk\r\n\r\n");
            assert_eq!(client.answer().status, "400 Bad Request");
        }
    };
    // By now all memory that is ever needed has been touched, also that of each slot.
    send_requests(100 * 2 * PLACES);
    let before = (memory(hinit.pid()), resident());
    send_requests(20_000);
    assert_eq!(memory(hinit.pid()), before.0);
    // (The kernel counts pages in batches.)
    assert!(
        resident().abs_diff(before.1) <= 256,
        "{before:?} {}",
        resident()
    );
}

/// Sends requests as fast as it can, by new connections and by many requests at once.
fn flood(address: std::net::SocketAddr, socket: &Path, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        Client::tcp(address).assert_alive();
        let mut client = Client::new(socket);
        client.send(request("/status").repeat(20));
        client.answer();
    }
}

#[test]
fn signals_are_handled_in_a_flood_of_requests() {
    let dir = TempDir::new();
    let (pid_file, address) = (dir.join("pid"), unused_address());
    let start = Start::new(Mode::Subreaper)
        .pid_file(&pid_file)
        .args(["--listen", &address.to_string()]);
    let hinit = start.fixture(["signals"]).start().ready();
    recorded(&pid_file);
    let (socket, is_over) = (socket_beside(&pid_file), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| flood(address, &socket, &is_over));
        }
        for _ in 0..300 {
            hinit.signal(SIGUSR1);
            assert_eq!(hinit.line(), "signal 10");
        }
        // And requests are answered in a flood of signals.
        for _ in 0..1000 {
            hinit.signal(40);
        }
        Client::tcp(address).assert_alive();
        for _ in 0..1000 {
            assert_eq!(hinit.line(), "signal 40");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(hinit.stop().code, 0);
}
