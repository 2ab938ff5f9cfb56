//! Servers that work.

use super::openssl::Server;

const HEALTHY: &str = "healthy: https://ADDRESS/ answered 200 ok";

/// The page of `s_server -www` names the cipher.
#[test]
fn each_cipher_of_each_version() {
    for (key, version, option, cipher) in [
        ("ec", "tls1_3", "ciphersuites", "TLS_AES_128_GCM_SHA256"),
        ("ec", "tls1_3", "ciphersuites", "TLS_AES_256_GCM_SHA384"),
        (
            "rsa:2048",
            "tls1_3",
            "ciphersuites",
            "TLS_CHACHA20_POLY1305_SHA256",
        ),
        ("ec", "tls1_2", "cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("ec", "tls1_2", "cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("ec", "tls1_2", "cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (
            "rsa:2048",
            "tls1_2",
            "cipher",
            "ECDHE-RSA-AES128-GCM-SHA256",
        ),
        (
            "rsa:2048",
            "tls1_2",
            "cipher",
            "ECDHE-RSA-AES256-GCM-SHA384",
        ),
        (
            "rsa:2048",
            "tls1_2",
            "cipher",
            "ECDHE-RSA-CHACHA20-POLY1305",
        ),
    ] {
        for group in ["X25519", "P-256"] {
            let server = Server::start(
                key,
                &format!("-www -{version} -{option} {cipher} -groups {group}"),
            );
            let contains = format!("Cipher is {cipher}");
            let verdict = server.verdict(&["--http", "https://ADDRESS/", "--contains", &contains]);
            assert_eq!(verdict, HEALTHY, "{cipher} {group}");
        }
    }
}

/// No certificate is verified.
#[test]
fn each_certificate() {
    for (key, name, days) in [
        ("ec", "localhost", 30),
        ("ec", "localhost", -1),
        ("ec", "other.example", 30),
        ("rsa:2048", "other.example", -1),
        ("ed25519", "localhost", 30),
    ] {
        let server = Server::with_certificate(key, name, days, "-www");
        let verdict = server.verdict(&["--http", "https://ADDRESS/"]);
        assert_eq!(verdict, HEALTHY, "{key} {name} {days}");
    }
}

/// The server refuses a client that does not offer this protocol.
#[test]
fn each_probe_offers_its_protocol() {
    let refused = "sent TLS alert 120 (no_application_protocol)";
    let grpc = Server::start("ec", "-rev -alpn h2");
    assert_eq!(
        grpc.verdict(&["--http", "https://ADDRESS/"]),
        format!("unhealthy: https://ADDRESS/ {refused}")
    );
    let http = Server::start("ec", "-www -alpn http/1.1");
    assert_eq!(http.verdict(&["--http", "https://ADDRESS/"]), HEALTHY);
    assert_eq!(
        http.verdict(&["--grpc", "grpcs://ADDRESS"]),
        format!("unhealthy: grpc grpcs://ADDRESS {refused}")
    );
}

/// The server refuses a client that names another host. An address is not named (RFC 6066, 3).
#[test]
fn the_host_of_the_handshake() {
    let fatal = "-www -servername localhost -servername_fatal -cert2 crt -key2 key";
    let server = Server::start("ec", fatal);
    let refused = "unhealthy: https://ADDRESS/ sent TLS alert 112 (unrecognized_name)";
    for (args, verdict) in [
        (&[][..], HEALTHY),
        (&["--header", "host: localhost:8443"], HEALTHY),
        (&["--header", "Host: 127.0.0.1:8443"], HEALTHY),
        (&["--header", "Host: [::1]:8443"], HEALTHY),
        (&["--header", "Host: other.example"], refused),
    ] {
        let args = [&["--http", "https://ADDRESS/"], args].concat();
        assert_eq!(server.verdict(&args), verdict, "{args:?}");
    }
}

#[test]
fn an_exchange() {
    let server = Server::start("ec", "-rev");
    for (reply, verdict) in [
        ("GNIP", "healthy: tcp ADDRESS answered as expected"),
        (
            "PONG",
            r"unhealthy: tcp ADDRESS answered `GNIP\n` instead of --reply",
        ),
    ] {
        let args = [
            "--tls", "--tcp", "ADDRESS", "--send", r"PING\n", "--reply", reply,
        ];
        assert_eq!(server.verdict(&args), verdict);
    }
}

/// In TLS 1.3 the refusal comes after the handshake.
#[test]
fn a_server_that_wants_a_certificate_of_the_client() {
    for (version, alert) in [
        ("tls1_2", "40 (handshake_failure)"),
        ("tls1_3", "116 (certificate_required)"),
    ] {
        let server = Server::start("ec", &format!("-www -Verify 1 -{version}"));
        assert_eq!(
            server.verdict(&["--http", "https://ADDRESS/"]),
            format!("unhealthy: https://ADDRESS/ sent TLS alert {alert}")
        );
    }
}

#[test]
fn a_version_that_is_too_old() {
    let server = Server::start("ec", "-www -tls1_1 -cipher DEFAULT:@SECLEVEL=0");
    assert_eq!(
        server.verdict(&["--http", "https://ADDRESS/"]),
        "unhealthy: https://ADDRESS/ sent TLS alert 70 (protocol_version)"
    );
}

/// The body is larger than a record of TLS.
#[test]
fn a_long_body() {
    let server = Server::start("ec", "-HTTP");
    let body = format!("{}end", "x".repeat(60_000));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    std::fs::write(server.dir.join("page"), head + &body).unwrap();
    assert_eq!(
        server.verdict(&["--http", "https://ADDRESS/page", "--contains", "xend"]),
        "healthy: https://ADDRESS/page answered 200 OK"
    );
}
