//! OpenSSL's test server, which can be told the versions, suites, groups and certificates to use.

use std::fs;

use super::*;

const P384: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
const P521: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"];

const FAILURE: &str = "sent TLS alert 40 (handshake_failure) after Nms";

/// A hinit that will start a server of the files `up` and `down`.
pub(super) fn s_server(home: &Home, port: &Port, options: &[&str]) -> Start {
    for (name, status) in [("up", "200 OK"), ("down", "503 Unavailable")] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nfine\n");
        fs::write(home.join(name), answer).unwrap();
    }
    // It has no handler for SIGTERM.
    let server = home.start(Mode::Subreaper, &["--clean-stop"]);
    let server = server.args(["openssl", "s_server", "-accept", &port.address(), "-HTTP"]);
    let server = server.args(["-quiet", "-cert", "cert.pem", "-key", "key.pem"]);
    server.args(options)
}

/// A directory with a certificate of this key, if the tests can run.
pub(super) fn home_with(key: &[&str], options: &[&str]) -> Option<Home> {
    let home = Home::new();
    tls_hinit()?;
    make_certificate(&home, key, options)?;
    Some(home)
}

fn is_checked(home: &Home, options: &[&str]) {
    let port = Port::new();
    let server = s_server(home, &port, options);
    let probe = Probe::http(port.https("/up")).over_tls();
    while_running(home, server, &[probe], |_| {
        let down = port.https("/down");
        let finding = "answered 503 Unavailable after Nms";
        assert_verdict(&down, &[], "unhealthy", finding);
    });
}

/// The server and hinit have nothing in common.
fn is_refused(home: &Home, options: &[&str], finding: &str) {
    let port = Port::new();
    let server = s_server(home, &port, options);
    while_running(home, server, &[Probe::tcp(&port)], |_| {
        assert_verdict(&port.https("/up"), &[], "unhealthy", finding);
    });
}

#[test]
fn kinds_of_certificates() {
    let expired = [
        "x509", "-in", "cert.pem", "-signkey", "key.pem", "-days", "-1",
    ];
    let expired = [&expired[..], &["-out", "cert.pem"]].concat();
    // Longer than a record.
    let names: Vec<_> = (0..1500)
        .map(|number| format!("DNS:{number:04}.server.test"))
        .collect();
    let names = format!("subjectAltName = {}", names.join(","));
    for (key, options) in [
        (RSA, &[][..]),
        (&["rsa:4096"], &[]),
        (P256, &[]),
        (&["ed25519"], &[]),
        (P256, &["-sha1"]),
        (P256, &["-addext", &names]),
    ] {
        let Some(home) = home_with(key, options) else {
            return;
        };
        for version in ["-tls1_2", "-tls1_3"] {
            is_checked(&home, &[version]);
        }
    }
    // In TLS 1.2, the group of such a key must be one that the client can exchange keys by.
    for key in [P384, P521] {
        let home = home_with(key, &[]).unwrap();
        is_checked(&home, &["-tls1_3"]);
        is_refused(&home, &["-tls1_2"], FAILURE);
    }
    for key in [RSA, P256] {
        let home = home_with(key, &[]).unwrap();
        run_openssl(&home, &expired);
        is_checked(&home, &[]);
    }
}

#[test]
fn suites_and_groups() {
    for (key, name) in [(RSA, "RSA"), (P256, "ECDSA")] {
        let Some(home) = home_with(key, &[]) else {
            return;
        };
        for group in ["X25519", "P-256"] {
            for suite in [
                "AES128-GCM-SHA256",
                "AES256-GCM-SHA384",
                "CHACHA20-POLY1305",
            ] {
                let suite = format!("ECDHE-{name}-{suite}");
                is_checked(&home, &["-tls1_2", "-cipher", &suite, "-groups", group]);
            }
            for suite in [
                "TLS_AES_128_GCM_SHA256",
                "TLS_AES_256_GCM_SHA384",
                "TLS_CHACHA20_POLY1305_SHA256",
            ] {
                is_checked(
                    &home,
                    &["-tls1_3", "-ciphersuites", suite, "-groups", group],
                );
            }
        }
    }
}

#[test]
fn what_hinit_does_not_support() {
    let Some(home) = home_with(RSA, &[]) else {
        return;
    };
    for (options, finding) in [
        (
            &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"][..],
            "sent TLS alert 70 (protocol_version) after Nms",
        ),
        (&["-tls1_2", "-cipher", "AES128-GCM-SHA256"], FAILURE),
        (&["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"], FAILURE),
        (&["-tls1_2", "-groups", "P-384"], FAILURE),
        (&["-tls1_3", "-groups", "P-384"], FAILURE),
        // The server requires a certificate of its client.
        (&["-tls1_2", "-Verify", "1"], FAILURE),
        (
            &["-tls1_3", "-Verify", "1"],
            "sent TLS alert 116 (certificate_required) after Nms",
        ),
    ] {
        is_refused(&home, options, finding);
    }
}

/// The server has another certificate for this name, and refuses all others.
#[test]
fn the_name_of_the_server() {
    let Some(home) = home_with(RSA, &[]) else {
        return;
    };
    for (name, header) in [
        ("localhost", &[][..]),
        ("api.test", &["--header", "Host: api.test"]),
        ("api.test", &["--header", "host: api.test:8443"]),
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            let port = Port::new();
            let only = [
                "-servername",
                name,
                "-servername_fatal",
                "-cert2",
                "cert.pem",
            ];
            let options = [&[version, "-key2", "key.pem"], &only[..]].concat();
            let server = s_server(&home, &port, &options);
            while_running(&home, server, &[Probe::tcp(&port)], |_| {
                let url = port.https("/up");
                assert_verdict(&url, header, "healthy", "answered 200 OK after Nms");
                let other = ["--header", "Host: other.test"];
                let refused = "sent TLS alert 112 (unrecognized_name) after Nms";
                assert_verdict(&url, &other, "unhealthy", refused);
            });
        }
    }
}
