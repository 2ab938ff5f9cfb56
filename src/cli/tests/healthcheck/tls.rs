//! `https://`, `grpcs://` and `--tls`.

use super::*;

type Variables = &'static [(&'static str, &'static str)];

/// The command lines that need TLS.
const EACH: [(&[&str], Variables); 9] = [
    (&["--http", "https://127.0.0.1/"], &[]),
    (&["--http", "HTTPS://127.0.0.1:8443/x"], &[]),
    (&["--http", "https+unix:///run/x.sock:/health"], &[]),
    (&[], &[("HINIT_HTTP", "https://127.0.0.1/")]),
    (&["--grpc", "grpcs://127.0.0.1:50051/my.Service"], &[]),
    (&["--grpc", "grpcs://unix:/run/x.sock"], &[]),
    (&[], &[("HINIT_GRPC", "grpcs://127.0.0.1:50051")]),
    (&["--tls", "--tcp", "127.0.0.1:6379", "--reply", "x"], &[]),
    (
        &["--tcp", "127.0.0.1:6379", "--reply", "x"],
        &[("HINIT_TLS", "1")],
    ),
];

#[cfg(not(feature = "tls"))]
#[test]
fn a_build_without_tls_names_the_one_that_has_it() {
    for (words, variables) in EACH {
        let why = check_with(words, variables).unwrap_err();
        let expected = "this build has no TLS: use the build hinit-tls, or the server's plain port";
        assert!(why.ends_with(expected), "{words:?}: {why}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn the_build_with_tls_takes_them() {
    use crate::cli::Transport;
    for (words, variables) in EACH {
        let check = check_with(words, variables).unwrap();
        let transport = match &check.probes[0].value {
            Probe::Http(url) => url.transport,
            Probe::Grpc(endpoint) => endpoint.transport,
            _ => check.exchange.transport,
        };
        assert_eq!(transport, Transport::Tls, "{words:?}");
    }
}

/// The host is that of the handshake, which may not be an address.
#[cfg(feature = "tls")]
#[test]
fn the_hosts_of_tls() {
    use crate::cli::Address;
    for (option, text, host, port) in [
        ("--http", "https://127.0.0.1", "localhost", 443),
        ("--http", "https://127.0.0.1:8443/x", "localhost:8443", 8443),
        ("--http", "https://[::1]/", "localhost", 443),
        ("--http", "https://[::1]:8443/", "localhost:8443", 8443),
        ("--http", "https://localhost:8443/", "localhost:8443", 8443),
        ("--http", "https+unix:///run/x.sock:/h", "localhost", 0),
        (
            "--grpc",
            "grpcs://127.0.0.1:50051/s",
            "localhost:50051",
            50051,
        ),
        ("--grpc", "grpcs://unix:/run/x.sock:/s", "localhost", 0),
    ] {
        let check = check_with(&[option, text], &[]).unwrap();
        let (found, address) = match &check.probes[0].value {
            Probe::Http(url) => (&url.host, &url.address),
            Probe::Grpc(endpoint) => (&endpoint.host, &endpoint.address),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, host, "{text}");
        match address {
            Address::Tcp(addresses) => assert_eq!(addresses[0].port(), port, "{text}"),
            Address::Unix(path) => assert_eq!(path.as_os_str(), "/run/x.sock", "{text}"),
        }
    }
}

#[test]
fn tls_needs_an_exchange() {
    let check = check_with(&["--tls", "--tcp", "127.0.0.1:6379"], &[]);
    let expected = if cfg!(feature = "tls") {
        "`--tls` needs `--reply`"
    } else {
        "this build has no TLS: use the build hinit-tls, or the server's plain port"
    };
    assert_eq!(check, Err(expected.into()));
}
