//! The gRPC probe.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use crate::support::*;

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

/// Its authority is localhost, as that of gRPC's own clients.
#[test]
fn a_grpc_server_at_a_unix_socket() {
    let dir = TempDir::new();
    let path = dir.join("app.sock").display().to_string();
    let name = format!("unix:{path}:/my.Service");
    let missing = format!("unhealthy: grpc {name} cannot be reached: No such file or directory");
    assert_eq!(verdict_of(&check(&["--grpc", &name])), missing);
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        stream.write_all(&grpc_answer(1)).unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let ended = check(&["--grpc", &name, "--header", "X-Token: secret"]);
    let request = server.join().unwrap();
    for part in ["\x01\x09localhost\0", "\x07x-token\x06secret", "my.Service"] {
        assert!(request.contains(part), "{part}: {request}");
    }
    let healthy = format!("healthy: grpc {name} answered SERVING");
    assert_eq!(verdict_of(&ended), healthy);
}
