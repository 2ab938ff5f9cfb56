//! The gRPC probe.

use std::io::{Read, Write};

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
