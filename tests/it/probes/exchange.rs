//! An exchange on a TCP or Unix socket, by --send and --reply.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use crate::support::*;

/// The verdict on a server that sends these bytes without reading, and then does this, with its address as ADDRESS.
#[track_caller]
fn banner(
    bytes: &'static [u8],
    args: &[&str],
    act: impl FnOnce(TcpStream) + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(bytes).unwrap();
        act(stream);
    });
    let ended = check(&[&["--tcp", &address], args].concat());
    server.join().unwrap();
    verdict_of(&ended).replace(&address, "ADDRESS")
}

/// Waits for the end of the client's bytes, so that the close of the connection is no reset.
fn wait_for_end(mut stream: TcpStream) {
    let _reset = stream.read_to_end(&mut Vec::new());
}

/// The server closes its end of the connection behind what it has sent.
fn end(stream: TcpStream) {
    let _reset = stream.shutdown(Shutdown::Write);
    wait_for_end(stream);
}

#[test]
fn each_banner() {
    for (bytes, reply, verdict) in [
        (
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            "SSH-2.0-",
            "healthy: tcp ADDRESS answered as expected",
        ),
        (
            b"220 mail ESMTP\r\n",
            r"220 mail ESMTP\r\n",
            "healthy: tcp ADDRESS answered as expected",
        ),
        (
            b"\x00\xff",
            r"\x00\xFF",
            "healthy: tcp ADDRESS answered as expected",
        ),
        (
            b"421 too busy\r\n220 mail ESMTP\r\n",
            "220",
            r"unhealthy: tcp ADDRESS answered `421 too busy\r\n` instead of --reply",
        ),
        // A beginning alone, a control character, and no text.
        (
            b"22",
            "220",
            "unhealthy: tcp ADDRESS answered `22` instead of --reply",
        ),
        (
            b"\x1b[31m\\\t\xff",
            "220",
            r"unhealthy: tcp ADDRESS answered `\x1b[31m\\\t\xff` instead of --reply",
        ),
        (
            b"",
            "220",
            "unhealthy: tcp ADDRESS closed the connection without a complete answer",
        ),
    ] {
        assert_eq!(banner(bytes, &["--reply", reply], end), verdict, "{reply}");
    }
}

/// The connection stays open: hinit does not wait for its end.
#[test]
fn an_answer_ends_with_the_reply_or_its_line() {
    for (bytes, verdict) in [
        (&b"+PONG"[..], "healthy: tcp ADDRESS answered as expected"),
        (
            b"-ERR x\n",
            r"unhealthy: tcp ADDRESS answered `-ERR x\n` instead of --reply",
        ),
        // No line, so for a tenth of a second it might go on.
        (
            b"-ERR",
            "unhealthy: tcp ADDRESS answered `-ERR` instead of --reply",
        ),
    ] {
        let args = ["--reply", "+PONG", "--timeout", "30s"];
        assert_eq!(banner(bytes, &args, wait_for_end), verdict);
    }
    let silent = "unhealthy: tcp ADDRESS gave no complete answer within --timeout 200ms";
    for bytes in [&b""[..], b"+PON"] {
        let args = ["--reply", "+PONG", "--timeout", "200ms"];
        assert_eq!(
            verdict_in_time(|| banner(bytes, &args, wait_for_end)),
            silent
        );
    }
}

#[test]
fn a_long_answer_is_cut() {
    let verdict = banner(&[b'x'; 5000], &["--reply", "y"], end);
    let shown = "x".repeat(100);
    let expected = format!("unhealthy: tcp ADDRESS answered `{shown}...` instead of --reply");
    assert_eq!(verdict, expected);
}

/// A server that sends without end, as fast as it can or slowly: the check ends, and keeps little of it.
#[test]
fn a_server_that_sends_without_end() {
    let flood = |mut stream: TcpStream| while stream.write_all(&[b'x'; 4096]).is_ok() {};
    let shown = "x".repeat(100);
    let refused = format!("unhealthy: tcp ADDRESS answered `{shown}...` instead of --reply");
    let most = "x".repeat(4095);
    for (reply, verdict) in [
        ("y", &*refused),
        (&(most.clone() + "y"), &refused),
        (&(most + "x"), "healthy: tcp ADDRESS answered as expected"),
    ] {
        let args = ["--timeout", "30s", "--reply", reply];
        assert_eq!(banner(b"", &args, flood), verdict);
    }
    let slow = |mut stream: TcpStream| {
        let pause = Duration::from_millis(5);
        stream.set_read_timeout(Some(pause)).unwrap();
        // The client sends nothing, so a read ends with an error until the client is gone.
        while stream.read(&mut [0]).is_err() && stream.write_all(b"x").is_ok() {}
    };
    for (reply, verdict) in [
        ("y", "unhealthy: tcp ADDRESS answered `x"),
        (
            &*"x".repeat(4096),
            "unhealthy: tcp ADDRESS gave no complete answer within --timeout 300ms",
        ),
    ] {
        let args = ["--timeout", "300ms", "--reply", reply];
        let found = verdict_in_time(|| banner(b"x", &args, slow));
        assert!(found.starts_with(verdict), "{found}");
    }
}

/// What is sent, and at which probes.
#[test]
fn each_tcp_and_unix_probe_sends_and_expects_the_same() {
    let dir = TempDir::new();
    let path = dir.join("socket").display().to_string();
    let listener = UnixListener::bind(&path).unwrap();
    let at_path = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 9];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(b"imok").unwrap();
        request
    });
    let (port, at_port) = serve(|mut stream| stream.write_all(b"imnot").unwrap());
    let address = format!("127.0.0.1:{port}");
    let ended = check(&[
        "--unix",
        &path,
        "--tcp",
        &address,
        "--send",
        r"\x00\t\\ok\r\n\r\n",
        "--reply",
        "imok",
        "--json",
    ]);
    assert_eq!(&at_path.join().unwrap(), b"\0\t\\ok\r\n\r\n");
    assert_eq!(at_port.join().unwrap(), "\0\t\\ok\r\n\r\n");
    let json = ended.stdout;
    for (name, result, is_healthy) in [
        (format!("unix {path}"), "answered as expected", true),
        (
            format!("tcp {address}"),
            "answered `imnot` instead of --reply",
            false,
        ),
    ] {
        let probe =
            format!("{{\"name\":\"{name}\",\"result\":\"{result}\",\"healthy\":{is_healthy},");
        assert!(json.contains(&probe), "{json}");
    }
    assert_eq!(ended.code, 1);
}

/// Options without effect, and unknown escapes, are usage errors.
#[test]
fn each_exchange_that_cannot_be() {
    let usage = |why: &str| format!("unhealthy: usage: {why}; try `hinit healthcheck --help`");
    for (args, why) in [
        (&["--unix=/x", "--send=x"][..], "`--send` needs `--reply`"),
        (
            &["--http=http://127.0.0.1:1/", "--reply=x"],
            "`--reply` needs `--tcp` or `--unix`",
        ),
        (
            &["--unix=/x", r"--reply=\0"],
            r"`--reply \0`: a backslash begins one of the escapes \r, \n, \t, \\ and \xNN",
        ),
    ] {
        assert_eq!(check(args).stdout, usage(why));
    }
    let long = "x".repeat(4097);
    let ended = check(&["--unix=/x", "--reply=x", "--send", &long]);
    assert!(
        ended
            .stdout
            .ends_with("xxx`: this is longer than 4 KiB; try `hinit healthcheck --help`"),
        "{}",
        ended.stdout
    );
}
