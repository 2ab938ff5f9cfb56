//! The FastCGI probe: its request, and each answer.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::thread;

use crate::support::*;

const END_REQUEST: u8 = 3;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[1, kind, 0, 1, high, low, 0, 0], content].concat()
}

fn stdout(text: &str) -> Vec<u8> {
    record(STDOUT, text.as_bytes())
}

fn end(status: u8) -> Vec<u8> {
    record(END_REQUEST, &[0, 0, 0, 0, status, 0, 0, 0])
}

/// Reads a request up to the end of its input, or of the connection.
fn read_request(stream: &mut impl Read) -> Vec<u8> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(&[1, 5, 0, 1, 0, 0, 0, 0]) && stream.read(&mut byte).unwrap() > 0 {
        request.extend(byte);
    }
    request
}

/// The verdict on a server that does this after the request. hinit closes the connection at the end.
#[track_caller]
fn verdict_with(args: &[&str], act: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        act(stream);
    });
    let name = format!("{address}/ping");
    let ended = check(&[&["--fastcgi", &name], args].concat());
    // If hinit did not connect, the server must not wait for ever.
    drop(TcpStream::connect(address));
    server.join().unwrap();
    verdict_of(&ended).replace(&name, "NAME")
}

/// The verdict on a server that sends these bytes and closes.
#[track_caller]
fn answer(bytes: &[Vec<u8>], args: &[&str]) -> String {
    let bytes = bytes.concat();
    verdict_with(args, move |mut stream| stream.write_all(&bytes).unwrap())
}

#[test]
fn each_fastcgi_answer() {
    let pong = || stdout("Content-type: text/plain\r\n\r\npong");
    let closed = "unhealthy: fastcgi NAME closed the connection without a complete answer";
    let other = "unhealthy: fastcgi NAME sent an answer that is not FastCGI";
    for (records, args, verdict) in [
        (
            vec![pong(), end(0)],
            &["--contains=pong", "--lacks=error"][..],
            "healthy: fastcgi NAME answered 200 OK",
        ),
        (
            vec![
                record(STDERR, b"Status: 500"),
                stdout("Status: 404 Not Found\r\n\r\n"),
                end(0),
            ],
            &[],
            "unhealthy: fastcgi NAME answered 404 Not Found",
        ),
        (
            vec![stdout("Stat"), stdout("us: 404\r\n\r\n"), end(0)],
            &["--expect=404"],
            "healthy: fastcgi NAME answered 404",
        ),
        (
            vec![pong(), end(0)],
            &["--contains=up"],
            "unhealthy: fastcgi NAME answered 200, but the first 64 KiB of the body do not contain `up`",
        ),
        (
            vec![pong(), end(0)],
            &["--lacks=ong"],
            "unhealthy: fastcgi NAME answered 200, but the body contains `ong`",
        ),
        (
            vec![end(2)],
            &[],
            "unhealthy: fastcgi NAME refused the request (FastCGI error 2)",
        ),
        (vec![pong()], &[], closed),
        (vec![end(0)], &[], closed),
        (vec![], &[], closed),
        (vec![b"HTTP/1.1 200 OK\r\n\r\nready".to_vec()], &[], other),
        (vec![pong(), vec![2], end(0)], &[], other),
    ] {
        assert_eq!(answer(&records, args), verdict, "{args:?}");
    }
}

#[test]
fn a_fastcgi_server_at_a_unix_socket() {
    let dir = TempDir::new();
    let path = dir.join("fpm.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        let answer = [stdout("A: b\r\n\r\n\"pong\""), end(0)].concat();
        stream.write_all(&answer).unwrap();
        request
    });
    let name = "unix:${DIR}/fpm.sock:/srv/a,b.php?${QUERY}";
    let variables = [
        ("HINIT_FASTCGI", name),
        ("DIR", dir.as_ref().to_str().unwrap()),
        ("QUERY", "full&x"),
    ];
    let ended = check_with(&["--json", "--contains=\"pong\""], &variables);
    // If hinit did not connect, the server must not wait for ever.
    drop(std::os::unix::net::UnixStream::connect(&path));
    let start =
        format!("{{\"verdict\":\"healthy\",\"reason\":\"fastcgi {name} answered 200 OK after ");
    assert!(ended.stdout.starts_with(&start), "{ended:?}");
    let probe = format!(
        "\"probes\":[{{\"name\":\"fastcgi {name}\",\"result\":\"answered 200 OK\",\"healthy\":true,"
    );
    assert!(ended.stdout.contains(&probe), "{ended:?}");
    let request = server.join().unwrap();
    let request = String::from_utf8_lossy(&request);
    for variable in [
        "\x0e\x03REQUEST_METHODGET\x0f\x08SERVER_PROTOCOLHTTP/1.1\x01",
        "\0\0\x0cSCRIPT_NAME/srv/a,b.php\x01",
        "\0\0\x0cSCRIPT_FILENAME/srv/a,b.php\x01",
        "\0\0\x06QUERY_STRINGfull&x\x01",
    ] {
        assert!(request.contains(variable), "{request:?} {variable:?}");
    }
}

/// As PHP-FPM whose workers are all stuck: the kernel accepts the connection, and nobody reads the request.
#[test]
fn a_fastcgi_server_without_a_free_worker() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("{}/ping", listener.local_addr().unwrap());
    let args = ["--timeout=300ms", "--fastcgi", &name];
    let late = format!("unhealthy: fastcgi {name} gave no complete answer within --timeout 300ms");
    // On a machine under load SIGALRM may come first.
    let verdict = eventually("the probe's own verdict", || {
        let verdict = verdict_of(&check(&args));
        (verdict != "unhealthy: no verdict within 300ms").then_some(verdict)
    });
    assert_eq!(verdict, late);
}

/// Servers that send without end: there is a verdict in time, and in little memory.
#[test]
fn fastcgi_answers_without_end() {
    let late = "gave no complete answer within --timeout 900ms";
    let head = || stdout("A: b\r\n\r\n");
    for (start, more, finding) in [
        (vec![], record(STDERR, &b"x".repeat(65_535)), late),
        (vec![], record(STDERR, b""), late),
        (vec![], stdout(""), late),
        (head(), stdout("y"), late),
        (head(), record(STDOUT, &b"y".repeat(65_535)), late),
        (
            vec![],
            stdout("a: b\r\n"),
            "sent more than 16 KiB or 100 fields of headers",
        ),
        (
            stdout("a: "),
            stdout("bbbbbbb"),
            "sent more than 16 KiB or 100 fields of headers",
        ),
    ] {
        let timeout = if finding == late {
            "--timeout=900ms"
        } else {
            "--timeout=30s"
        };
        let verdict = eventually("the probe's own verdict", || {
            let (start, more) = (start.clone(), more.clone());
            let verdict = verdict_with(&[timeout, "--lacks=zz"], move |mut stream| {
                let mut sent = stream.write_all(&start);
                while sent.is_ok() {
                    sent = stream.write_all(&more);
                }
            });
            (verdict != "unhealthy: no verdict within 900ms").then_some(verdict)
        });
        assert_eq!(verdict, format!("unhealthy: fastcgi NAME {finding}"));
    }
}
