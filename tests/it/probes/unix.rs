//! Probes of Unix sockets.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect};

use crate::support::*;

/// A socket by its abstract name, and by each way to write its path in a URL.
#[test]
fn a_unix_socket_by_any_of_its_names() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    let name = format!("hinit-it-{}", std::process::id());
    let check_at = |arguments: [&str; 2]| verdict_of(&check(&arguments));
    let unix = format!("@{name}");
    assert_eq!(
        check_at(["--unix", &unix]),
        format!("unhealthy: unix {unix} cannot be reached: Connection refused")
    );
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    assert_eq!(
        check_at(["--unix", &unix]),
        format!("healthy: unix {unix} accepts connections")
    );
    drop(listener);
    let dir = TempDir::new();
    let path = dir.join("app.sock").display().to_string();
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut request = [0; 512];
            let length = client.read(&mut request).unwrap();
            let found =
                request[..length].starts_with(b"GET /health?x HTTP/1.1\r\nHost: localhost\r\n");
            let code = if found { 200 } else { 404 };
            let answer = format!("HTTP/1.1 {code} X\r\nContent-Length: 0\r\n\r\n");
            client.write_all(answer.as_bytes()).unwrap();
        }
    });
    let encoded = path.replace('/', "%2F");
    for url in [
        format!("http+unix://{path}:/health?x"),
        format!("http+unix://{encoded}/health?x"),
        format!("http+unix://{encoded}:/health?x"),
    ] {
        let healthy = format!("healthy: {url} answered 200 X");
        assert_eq!(check_at(["--http", &url]), healthy);
    }
    let url = format!("http+unix://{path}/health?x");
    assert_eq!(
        check(&["--http", &url]).stdout,
        format!(
            "unhealthy: usage: `--http {url}`: a colon belongs between the socket and the path: \
             /run/app.sock:/health; \
             try `hinit healthcheck --help`"
        )
    );
}

#[test]
fn a_unix_socket_whose_queue_is_full() {
    let dir = TempDir::new();
    let path = dir.join("socket");
    let socket = UnixListener::bind(&path).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(
        verdict_of(&check(&["--unix", path])),
        format!("healthy: unix {path} accepts connections")
    );
    // Nothing accepts the connections, and closed ones stay in the queue.
    let connects = || {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let client = nix::sys::socket::socket(AddressFamily::Unix, SockType::Stream, flags, None);
        connect(client.unwrap().as_raw_fd(), &UnixAddr::new(path).unwrap()).is_ok()
    };
    while connects() {}
    let timed = ["--timeout", "100ms", "--unix", path];
    assert_eq!(
        verdict_in_time(|| verdict_of(&check(&timed))),
        format!("unhealthy: unix {path} accepted no connection within --timeout 100ms")
    );
    drop(socket);
}
