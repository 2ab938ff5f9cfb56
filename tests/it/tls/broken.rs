//! Servers that break off, or send something else.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use super::openssl::Server;
use crate::support::*;

/// The verdict on a server that does this with the connection.
#[track_caller]
fn verdict_on(timeout: &str, serve: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || serve(listener.accept().unwrap().0));
    let ended = check(&["--timeout", timeout, "--http", &url]);
    server.join().unwrap();
    verdict_of(&ended).replace(&url, "URL")
}

/// Sends these bytes, and reads until the client has gone.
fn send(bytes: &[u8]) -> impl FnOnce(TcpStream) + Send + 'static {
    let bytes = bytes.to_vec();
    move |mut stream| {
        stream.write_all(&bytes).unwrap();
        let _reset = stream.read_to_end(&mut Vec::new());
    }
}

/// A `ServerHello` of this version, with this cipher.
fn server_hello(version: u8, cipher: [u8; 2]) -> Vec<u8> {
    let mut hello = vec![22, 3, 3, 0, 42, 2, 0, 0, 38, 3, version];
    hello.extend([7; 32]);
    hello.extend([0, cipher[0], cipher[1], 0]);
    hello
}

#[test]
fn each_answer_to_the_first_message() {
    for (bytes, finding) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "sent an answer that is not TLS",
        ),
        (b"220 mail ESMTP\r\n", "sent an answer that is not TLS"),
        (&[0; 40], "sent an answer that is not TLS"),
        (
            &[21, 3, 3, 0, 2, 2, 40],
            "sent TLS alert 40 (handshake_failure)",
        ),
        (&[21, 3, 3, 0, 2, 2, 254], "sent TLS alert 254 (unknown)"),
        // Data, before there are keys.
        (
            &[23, 3, 3, 0, 2, 1, 1],
            "sent a message that breaks the TLS protocol",
        ),
        // A cipher that hinit does not offer, and TLS 1.1.
        (
            &server_hello(3, [0, 5]),
            "sent a message that breaks the TLS protocol",
        ),
        (
            &server_hello(2, [0xc0, 0x13]),
            "has no TLS version or cipher in common with hinit",
        ),
    ] {
        assert_eq!(
            verdict_on("30s", send(bytes)),
            format!("unhealthy: URL {finding}"),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_server_that_closes_the_connection() {
    let serve = |mut stream: TcpStream| {
        stream.shutdown(Shutdown::Write).unwrap();
        let _reset = stream.read_to_end(&mut Vec::new());
    };
    assert_eq!(
        verdict_on("30s", serve),
        "unhealthy: URL closed the connection during the TLS handshake"
    );
}

#[test]
fn a_handshake_that_does_not_go_on() {
    for bytes in [&b""[..], &[22], &[22, 3, 3, 0x40, 0, 2, 0, 0x3f]] {
        let verdict = verdict_in_time(|| verdict_on("300ms", send(bytes)));
        assert_eq!(
            verdict,
            "unhealthy: URL did not complete the TLS handshake within --timeout 300ms"
        );
    }
}

/// Passes the request on to a server, and calls `answer` with the server and the client.
fn pass_on(
    server: &Server,
    answer: impl FnOnce(TcpStream, &mut TcpStream) + Send + 'static,
) -> impl FnOnce(TcpStream) + Send + 'static {
    let address = server.address.clone();
    move |mut client| {
        let server = TcpStream::connect(address).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let requests = thread::spawn(move || {
            let _reset = std::io::copy(&mut from, &mut to);
            let _reset = to.shutdown(Shutdown::Write);
        });
        answer(server, &mut client);
        let _reset = client.shutdown(Shutdown::Write);
        requests.join().unwrap();
    }
}

#[test]
fn a_server_that_sends_single_bytes() {
    for version in ["tls1_2", "tls1_3"] {
        let server = Server::start("ec", &format!("-www -{version}"));
        let singly = |server: TcpStream, client: &mut TcpStream| {
            client.set_nodelay(true).unwrap();
            for byte in BufReader::new(server).bytes().map_while(Result::ok) {
                let _reset = client.write_all(&[byte]);
            }
        };
        assert_eq!(
            verdict_on("30s", pass_on(&server, singly)),
            "healthy: URL answered 200 ok"
        );
    }
}

/// Without `close_notify`, the last record. (The alert has two bytes; in TLS 1.3 its kind follows them, in TLS 1.2 eight
/// bytes of the nonce come first; and the tag has 16.) The answer has no length, and ends with the connection.
#[test]
fn an_end_without_its_alert() {
    for (version, alert) in [("tls1_2", 26), ("tls1_3", 19)] {
        let server = Server::start("ec", &format!("-www -{version}"));
        let cut = move |mut server: TcpStream, client: &mut TcpStream| {
            loop {
                let mut record = vec![0; 5];
                server.read_exact(&mut record).unwrap();
                let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
                if length == alert {
                    break;
                }
                record.resize(5 + length, 0);
                server.read_exact(&mut record[5..]).unwrap();
                client.write_all(&record).unwrap();
            }
        };
        assert_eq!(
            verdict_on("30s", pass_on(&server, cut)),
            "healthy: URL answered 200 ok"
        );
    }
}

/// As on a kernel, or below a filter of system calls, without getrandom(2).
#[test]
fn a_kernel_without_random_bytes() {
    let server = Server::start("ec", "-www");
    let url = format!("https://{}/", server.address);
    let mut command = std::process::Command::new("strace");
    command.args("-D -o /dev/null -e trace=getrandom -e inject=getrandom:error=EPERM".split(' '));
    command.arg(hinit());
    command.args([
        "healthcheck",
        "--no-pid",
        "--timeout",
        "30s",
        "--http",
        &url,
    ]);
    let ended = Ended::of(&command.output().unwrap());
    let expected = "unhealthy: URL was not asked: the kernel gives no random bytes for TLS";
    assert_eq!(verdict_of(&ended).replace(&url, "URL"), expected);
}
