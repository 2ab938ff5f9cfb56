//! Servers that speak no TLS, stop in the middle of it, are slow, or send something else than they should.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::openssl::{home_with, s_server};
use super::*;

const NOT_TLS: &str = "unhealthy: URL sent an answer that is not TLS after Nms";
const VIOLATION: &str = "unhealthy: URL sent a message that breaks the TLS protocol after Nms";
const CLOSED: &str = "unhealthy: URL closed the connection during the TLS handshake after Nms";

/// The verdict on a server that does this with its only connection.
fn verdict_on(timeout: &str, serve: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || serve(listener.accept().unwrap().0));
    let url = format!("https://{address}/up");
    let line = check_tls(&["--timeout", timeout, "--http", &url]);
    // Ends the wait of a server that hinit has not connected to.
    drop(TcpStream::connect(address));
    server.join().unwrap();
    line.replace(&url, "URL")
}

/// Reads until the client disconnects.
fn drain(mut stream: &TcpStream) {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).is_ok_and(|count| count > 0) {}
}

#[test]
fn answers_that_are_not_tls() {
    if tls_hinit().is_none() {
        return;
    }
    let noise = |seed: u32| {
        let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        std::iter::successors(Some(seed), next).map(|state| (state >> 24) as u8)
    };
    let record = |kind: u8, bytes: &[u8]| {
        let [.., high, low] = bytes.len().to_be_bytes();
        [&[kind, 3, 3, high, low], bytes].concat()
    };
    let garbage: Vec<u8> = noise(1).take(100_000).collect();
    let bad_hello: Vec<u8> = [2, 0, 0, 76].into_iter().chain(noise(2).take(76)).collect();
    for (answer, expected) in [
        (
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
            NOT_TLS,
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), NOT_TLS),
        (garbage.clone(), NOT_TLS),
        (vec![0; 100_000], NOT_TLS),
        // Records of handshakes, of data that come too early, and of no kind.
        (record(22, &garbage[..16_000]), NOT_TLS),
        (record(22, &bad_hello), NOT_TLS),
        (record(23, &garbage[..100]), VIOLATION),
        (record(99, b"x"), NOT_TLS),
        // A message of 16 MiB.
        (record(22, &[2, 255, 255, 255, 3, 3]), NOT_TLS),
    ] {
        let start = answer[..answer.len().min(20)].to_vec();
        let line = verdict_on("30s", move |mut stream| {
            let _reset = stream.write_all(&answer);
            drain(&stream);
        });
        assert_eq!(line, expected, "{start:?}");
    }
    // Fatal alerts, and the end of the connection.
    let line = verdict_on("30s", move |mut stream| {
        stream.write_all(&[21, 3, 3, 0, 2, 2, 40]).unwrap();
        drain(&stream);
    });
    assert_eq!(
        line,
        "unhealthy: URL sent TLS alert 40 (handshake_failure) after Nms"
    );
    let line = verdict_on("30s", |stream| {
        let mut hello = [0; 5];
        (&stream).read_exact(&mut hello).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        drain(&stream);
    });
    assert_eq!(line, CLOSED);
}

/// Records that have no end and no content.
#[test]
fn endless_records() {
    if tls_hinit().is_none() {
        return;
    }
    for record in [
        &[22, 3, 3, 0, 0][..],
        &[20, 3, 3, 0, 1, 1],
        &[21, 3, 3, 0, 2, 1, 0],
        &[21, 3, 3, 0, 2, 1, 90],
    ] {
        let line = verdict_on("500ms", |mut stream| {
            let records = record.repeat(1000);
            while stream.write_all(&records).is_ok() {}
        });
        let is_ended = line.starts_with("unhealthy: URL ");
        assert!(
            is_ended || line == "unhealthy: no verdict within 500ms",
            "{line}"
        );
    }
}

#[test]
fn a_server_that_says_nothing() {
    if tls_hinit().is_none() {
        return;
    }
    let line = verdict_on("500ms", |stream| drain(&stream));
    assert_late(&line, "URL", NO_HANDSHAKE);
}

/// OpenSSL's server completes the handshake, and waits for its terminal then.
#[test]
fn a_server_that_says_nothing_after_the_handshake() {
    let Some(home) = home_with(P256, &[]) else {
        return;
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let port = Port::new();
        let arguments = ["s_server", "-accept", &port.address(), "-quiet", version];
        let server = home.start(Mode::Subreaper, &["--clean-stop"]);
        let files = ["-cert", "cert.pem", "-key", "key.pem"];
        // Its standard input must not end.
        let script = "exec openssl \"$@\" < <(sleep infinity)";
        let server = server.args(["bash", "-c", script, "bash"]);
        let server = server.args(arguments).args(files);
        while_running(&home, server, &[Probe::tcp(&port)], |_| {
            let url = port.https("/");
            let line = check_tls(&["--timeout", "500ms", "--http", &url]);
            assert_late(&line, &url, NO_ANSWER);
        });
    }
}

/// What happens to the records of a server on their way to hinit.
type Change<'a> = &'a (dyn Fn(&mut Vec<u8>, usize) -> Way + Sync);

/// What happens to a record that was changed.
enum Way {
    Whole,
    /// One byte, and then a pause.
    Slowly,
    /// Nothing, and the end of the connection.
    End,
}

/// The verdict on a real server behind a proxy that changes its records, which have numbers; and how many there were.
fn verdict_behind(port: &Port, timeout: &str, change: Change) -> (String, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("https://{address}/up");
    thread::scope(|scope| {
        let proxy = scope.spawn(|| {
            let client = listener.accept().unwrap().0;
            let server = TcpStream::connect(port.address()).unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _reset = std::io::copy(&mut &client, &mut &server);
                    let _closed = server.shutdown(std::net::Shutdown::Both);
                });
                let count = pass_on(&server, &client, change);
                let _closed = client.shutdown(std::net::Shutdown::Write);
                count
            })
        });
        let line = check_tls(&["--timeout", timeout, "--http", &url]);
        // As above.
        drop(TcpStream::connect(address));
        (line.replace(&url, "URL"), proxy.join().unwrap())
    })
}

/// Passes records on until one side has ended. Returns their number.
fn pass_on(mut server: &TcpStream, mut client: &TcpStream, change: Change) -> usize {
    let mut count = 0;
    loop {
        let mut record = vec![0; 5];
        if server.read_exact(&mut record).is_err() {
            return count;
        }
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(5 + length, 0);
        server.read_exact(&mut record[5..]).unwrap();
        count += 1;
        let sent = match change(&mut record, count) {
            Way::Whole => client.write_all(&record),
            Way::Slowly => record.iter().try_for_each(|byte| {
                thread::sleep(Duration::from_millis(20));
                client.write_all(&[*byte])
            }),
            Way::End => {
                let _closed = client.write_all(&record);
                return count;
            }
        };
        if sent.is_err() {
            return count;
        }
    }
}

/// Runs a real server of each version of TLS.
fn with_each_version(test: impl Fn(&Port)) {
    let Some(home) = home_with(P256, &[]) else {
        return;
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let port = Port::new();
        let server = s_server(&home, &port, &[version]);
        while_running(&home, server, &[Probe::tcp(&port)], |_| test(&port));
    }
}

#[test]
fn a_server_that_sends_one_byte_after_the_other() {
    with_each_version(|port| {
        let (line, _) = verdict_behind(port, "500ms", &|_, _| Way::Slowly);
        assert_late(&line, "URL", NO_HANDSHAKE);
    });
}

/// The record that contains the answer is the last before hinit has seen enough.
fn records_up_to_the_answer(port: &Port) -> usize {
    let (line, all) = verdict_behind(port, "30s", &|_, _| Way::Whole);
    assert_eq!(line, "healthy: URL answered 200 OK after Nms");
    (1..=all)
        .find(|&last| {
            let end = |_: &mut Vec<u8>, number| if number == last { Way::End } else { Way::Whole };
            verdict_behind(port, "30s", &end).0.starts_with("healthy: ")
        })
        .unwrap()
}

#[test]
fn a_handshake_that_ends_too_early() {
    with_each_version(|port| {
        let needed = records_up_to_the_answer(port);
        assert!(needed >= 4, "{needed}");
        for last in 1..=needed {
            for part in [1, 5, 6, 20] {
                let (line, _) = verdict_behind(port, "30s", &|record, number| {
                    if number < last {
                        return Way::Whole;
                    }
                    record.truncate(part.min(record.len() - 1));
                    Way::End
                });
                let lines = [
                    CLOSED,
                    "unhealthy: URL closed the connection without a complete answer after Nms",
                ];
                assert!(
                    lines.contains(&&*line),
                    "{part} bytes of record {last}: {line}"
                );
            }
        }
    });
}

/// hinit or the server notices it, by the tag of the record or by the hash of the handshake.
#[test]
fn a_byte_that_was_changed_on_the_way() {
    with_each_version(|port| {
        for changed in 1..=records_up_to_the_answer(port) {
            let (line, _) = verdict_behind(port, "30s", &|record, number| {
                if number == changed {
                    // The last byte of ServerHelloDone is a length: hinit would wait for the rest.
                    let is_short = record.len() < 10;
                    let at = if is_short { 5 } else { record.len() - 1 };
                    record[at] ^= 1;
                }
                Way::Whole
            });
            let alert = "unhealthy: URL sent TLS alert ";
            let is_noticed = [NOT_TLS, VIOLATION].contains(&&*line) || line.starts_with(alert);
            assert!(is_noticed, "record {changed}: {line}");
        }
    });
}
