//! The probes of a health check.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, SystemTime};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect};

use crate::support::*;

/// The verdict on a server that answers with these bytes and closes.
#[track_caller]
fn answer(bytes: &'static [u8], args: &[&str]) -> String {
    let (port, server) = serve(move |mut stream| stream.write_all(bytes).unwrap());
    let url = format!("http://127.0.0.1:{port}/health");
    let ended = check(&[&["--http", &url], args].concat());
    server.join().unwrap();
    let verdict = verdict_of(&ended);
    let (verdict, finding) = verdict.split_once(&format!(" {url} ")).unwrap();
    format!("{verdict} {finding}")
}

#[test]
fn each_http_answer() {
    for (bytes, args, verdict) in [
        (
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            &[][..],
            "healthy: answered 200 OK",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\n\r\n",
            &[],
            "healthy: answered 302 Found",
        ),
        (
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
            &[],
            "unhealthy: answered 503 Service Unavailable",
        ),
        (
            b"HTTP/1.1 302 Found\r\n\r\n",
            &["--expect", "200-299,304"],
            "unhealthy: answered 302 Found",
        ),
        (
            b"HTTP/1.1 401 x\r\n\r\n",
            &["--expect=200", "--expect", "401"],
            "healthy: answered 401 x",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nall: up",
            &["--contains", "all:"],
            "healthy: answered 200 OK",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nall: up",
            &["--contains", "up"],
            "unhealthy: answered 200, but the first 64 KiB of the body do not contain `up`",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\nall: up",
            &["--contains", "up", "--contains=all"],
            "healthy: answered 200 OK",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\nall: up",
            &["--contains", "all", "--contains=down"],
            "unhealthy: answered 200, but the first 64 KiB of the body do not contain `down`",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\n",
            &["--method", "HEAD"],
            "healthy: answered 200 OK",
        ),
        (
            b"",
            &[],
            "unhealthy: closed the connection without a complete answer",
        ),
        (
            b"HTTP/1.1 200",
            &[],
            "unhealthy: closed the connection without a complete answer",
        ),
        (
            b"\0\xff\x1b[31m\r\n\r\n",
            &[],
            "unhealthy: sent an answer that is not HTTP",
        ),
        // A reason phrase with control characters is left out.
        (
            b"HTTP/1.1 500 a\tb\x80\r\n\r\n",
            &[],
            "unhealthy: answered 500",
        ),
    ] {
        assert_eq!(answer(bytes, args), verdict, "{args:?}");
    }
}

#[test]
fn the_request_has_the_given_method_and_fields() {
    let (port, server) = serve(|mut stream| stream.write_all(b"HTTP/1.1 204 \r\n\r\n").unwrap());
    let url = format!("http://localhost:{port}/a?b=c");
    let fields = ["--header", "X-Probe: a, b", "--header=Host: example.org"];
    let ended = check(&[&["--method=HEAD", "--http", &url], &fields[..]].concat());
    assert_eq!(verdict_of(&ended), format!("healthy: {url} answered 204"));
    let request = server.join().unwrap();
    assert!(request.starts_with("HEAD /a?b=c HTTP/1.1\r\n"), "{request}");
    assert!(
        request.contains("\r\nX-Probe: a, b\r\nHost: example.org\r\n"),
        "{request}"
    );
    assert!(!request.contains("localhost"), "{request}");
}

#[test]
fn each_unreachable_server() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (option, name) in [
        ("--http", format!("http://{free}/x")),
        ("--tcp", free.to_string()),
        ("--grpc", free.to_string()),
        ("--tcp", format!("localhost:{}", free.port())),
    ] {
        let kind = option.replace("--http", "").replace("--", "");
        let expected = format!("unhealthy: {kind} {name} cannot be reached: Connection refused")
            .replace("  ", " ");
        assert_eq!(verdict_of(&check(&[option, &name])), expected);
    }
    let dir = TempDir::new();
    let path = dir.join("socket");
    let path = path.to_str().unwrap();
    let missing = format!("unhealthy: unix {path} cannot be reached: No such file or directory");
    assert_eq!(verdict_of(&check(&["--unix", path])), missing);
    let url = format!("http+unix://{path}:/health");
    let missing = format!("unhealthy: {url} cannot be reached: No such file or directory");
    assert_eq!(verdict_of(&check(&["--http", &url])), missing);
    // The listener is closed.
    drop(UnixListener::bind(path).unwrap());
    let refused = format!("unhealthy: unix {path} cannot be reached: Connection refused");
    assert_eq!(verdict_of(&check(&["--unix", path])), refused);
}

#[test]
fn localhost_is_both_addresses() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(address) else {
            eprintln!("skipped: {address}: this machine has no such address");
            continue;
        };
        let port = listener.local_addr().unwrap().port();
        let name = format!("localhost:{port}");
        let ended = check(&["--tcp", &name]);
        assert_eq!(
            verdict_of(&ended),
            format!("healthy: tcp {name} accepts connections"),
            "{address}"
        );
        let name = address.replace(":0", &format!(":{port}"));
        assert_eq!(
            verdict_of(&check(&["--tcp", &name])),
            format!("healthy: tcp {name} accepts connections")
        );
    }
}

/// A socket by its abstract name, and by each way to write its path in a URL.
#[test]
fn a_unix_socket_by_any_of_its_names() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    let name = format!("hinit-it-{}", std::process::id());
    let check_at = |words: [&str; 2]| verdict_of(&check(&words));
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
             http+unix:///run/app.sock:/health; \
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
    assert_eq!(
        verdict_of(&check(&["--timeout", "100ms", "--unix", path])),
        format!("unhealthy: unix {path} accepted no connection within --timeout 100ms")
    );
    drop(socket);
}

#[test]
fn each_heartbeat() {
    let dir = TempDir::new();
    let path = dir.join("beat");
    let name = path.to_str().unwrap();
    let look = || verdict_of(&check(&["--heartbeat", name, "--max-age", "1m"]));
    assert_eq!(
        look(),
        format!("unhealthy: heartbeat {name} does not exist")
    );
    fs::write(&path, "").unwrap();
    let touch = |age: i64| {
        let now = SystemTime::now();
        let second = Duration::from_secs(age.unsigned_abs());
        let time = if age < 0 { now + second } else { now - second };
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    };
    for (age, start) in [
        (0, format!("healthy: heartbeat {name} was touched ")),
        (-1, format!("healthy: heartbeat {name} was touched ")),
        (30, format!("healthy: heartbeat {name} was touched 30.")),
        (90, format!("unhealthy: heartbeat {name} was touched 90.")),
        (
            -60,
            format!("unhealthy: heartbeat {name} was touched in the future"),
        ),
    ] {
        touch(age);
        assert!(look().starts_with(&start), "{}", look());
    }
    for (kind, path) in irregular_files(&dir) {
        let name = path.to_str().unwrap();
        let verdict = verdict_of(&check(&["--heartbeat", name, "--max-age", "1m"]));
        assert_eq!(
            verdict,
            format!("unhealthy: heartbeat {name} is not a regular file ({kind})")
        );
    }
}

/// Frames of an HTTP/2 server: settings, headers, a message, and trailers with grpc-status 0.
fn grpc_answer(status: u8) -> Vec<u8> {
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let head = [0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
    let message = [0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 8, status];
    let trailers = [
        &[0, 0, 15, 1, 5, 0, 0, 0, 1, 0, 11][..],
        b"grpc-status",
        &[1, b'0'],
    ]
    .concat();
    [&settings[..], &head, &message, &trailers].concat()
}

#[test]
fn each_grpc_answer() {
    for (status, verdict) in [
        (1, "healthy: grpc NAME answered SERVING"),
        (2, "unhealthy: grpc NAME answered NOT_SERVING"),
        (0, "unhealthy: grpc NAME answered UNKNOWN"),
    ] {
        // The preface of HTTP/2 ends as a request of HTTP/1 does.
        let (port, server) = serve(move |mut stream| {
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            assert!(request.contains("\x07x-token\x06secret"), "{request}");
            stream.write_all(&grpc_answer(status)).unwrap();
        });
        let name = format!("127.0.0.1:{port}/my.Service");
        let ended = check(&["--grpc", &name, "--header", "X-Token: secret"]);
        let preface = server.join().unwrap();
        assert!(preface.starts_with("PRI * HTTP/2.0\r\n\r\n"), "{preface}");
        assert_eq!(verdict_of(&ended), verdict.replace("NAME", &name));
    }
}

/// All probes run in one process; the first that fails is the verdict.
#[test]
fn all_probes_must_be_healthy() {
    let dir = TempDir::new();
    let (pid_file, socket, beat) = (dir.join("pid"), dir.join("socket"), dir.join("beat"));
    let listener = UnixListener::bind(&socket).unwrap();
    fs::write(&beat, "").unwrap();
    let [socket, beat] = [&socket, &beat].map(|path| path.to_str().unwrap());
    let (port, server) = serve(|mut stream| stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap());
    let url = format!("http://127.0.0.1:{port}/");
    let hinit = start_fixture(Mode::Subreaper, &pid_file, "ready");
    let pid = recorded(&pid_file);
    let probes = [
        "--http",
        &url,
        "--unix",
        socket,
        "--heartbeat",
        beat,
        "--max-age",
        "60m",
    ];
    let verdict = |probes: &[&str]| {
        verdict_by(
            &mut Command::new(super::support::hinit()),
            &pid_file,
            probes,
        )
    };
    let well = verdict(&probes);
    let parts: Vec<&str> = well.split("; ").collect();
    let [process, heartbeat, unix, http] = parts[..] else {
        panic!("{well}")
    };
    assert_eq!(process, format!("healthy: process {pid} is alive"));
    assert!(
        heartbeat.starts_with(&format!("heartbeat {beat} was touched ")),
        "{well}"
    );
    assert!(
        unix.starts_with(&format!("unix {socket} accepts connections after ")),
        "{well}"
    );
    assert!(
        http.starts_with(&format!("{url} answered 200 OK after ")),
        "{well}"
    );
    server.join().unwrap();
    // After the first failure no probe runs.
    drop(listener);
    let start = format!("unhealthy: unix {socket} cannot be reached: Connection refused after ");
    // A child that another test has just forked may have the listener open until its exec.
    eventually("the port is closed", || {
        verdict(&probes).starts_with(&start).then_some(())
    });
    // The process is checked before the probes.
    hinit.stop();
    let missing = format!("unhealthy: PID file {} does not exist", pid_file.display());
    assert_eq!(verdict(&probes), missing);
}

#[test]
fn each_probe_as_json() {
    let (port, server) =
        serve(|mut stream| stream.write_all(b"HTTP/1.1 503 a\"b\r\n\r\n").unwrap());
    let url = format!("http://127.0.0.1:{port}/");
    let ended = check(&["--json", "--http", &url]);
    server.join().unwrap();
    let start =
        format!("{{\"verdict\":\"unhealthy\",\"reason\":\"{url} answered 503 a\\\"b after ");
    assert!(ended.stdout.starts_with(&start), "{}", ended.stdout);
    let result = format!(
        "\"pid\":null,\"probes\":[{{\"name\":\"{url}\",\"result\":\"answered 503 \
         a\\\"b\",\"healthy\":false,\"milliseconds\":"
    );
    assert!(ended.stdout.contains(&result), "{}", ended.stdout);
    assert!(
        ended.stdout.ends_with("}]}") && ended.code == 1,
        "{}",
        ended.stdout
    );
}

#[test]
fn probes_by_the_environment_alone() {
    let serve_once = || serve(|mut stream| stream.write_all(b"HTTP/1.1 404 x\r\n\r\n").unwrap());
    for variable in ["HINIT_HTTP", "HINIT_HEALTH"] {
        let (port, server) = serve_once();
        let url = format!("http://127.0.0.1:{port}/");
        let (value, expect) = match variable {
            "HINIT_HTTP" => (url.clone(), "404"),
            _ => (format!("--http '{url}' --expect 404 --timeout 2s"), ""),
        };
        let ended = check_with(&[], &[(variable, &value), ("HINIT_EXPECT", expect)]);
        server.join().unwrap();
        assert_eq!(verdict_of(&ended), format!("healthy: {url} answered 404 x"));
    }
    let ended = check_with(
        &["--tcp", "127.0.0.1:1"],
        &[("HINIT_HEALTH", "--timout 2s")],
    );
    let line = "unhealthy: usage: in HINIT_HEALTH: unknown option `--timout` (did you mean \
                `--timeout`?); try `hinit healthcheck --help`";
    assert_eq!((ended.code, ended.stdout.as_str()), (1, line));
}
