//! Servers of other protocols: gRPC, Redis and Postfix; and one at a Unix socket.

use super::super::exchanges::postfix_with;
use super::super::sockets::redis;
use super::*;

static EXCHANGE: [&str; 5] = [
    "--tls",
    "--send",
    r"GET /health HTTP/1.0\r\n\r\n",
    "--reply",
    "HTTP/1.0 200 OK",
];

fn grpc(key: &[&str], script: &str) {
    let (home, port) = (Home::new(), Port::new());
    if tls_hinit().is_none() || make_certificate(&home, key, &[]).is_none() {
        return;
    }
    let Some(server) = super::super::grpc::server(&home, script, &port) else {
        return;
    };
    let server = server.args(["--tls", "cert.pem", "key.pem"]);
    let target = format!("grpcs://{}", port.address());
    let finds = [NO_PORT, "answered SERVING after Nms"];
    let probe = Probe::new("--grpc", "grpc ", target.clone(), finds).over_tls();
    while_running(&home, server, std::slice::from_ref(&probe), |hinit| {
        for (service, verdict) in [
            ("up", "healthy: grpc TARGET answered SERVING after Nms"),
            (
                "down",
                "unhealthy: grpc TARGET answered NOT_SERVING after Nms",
            ),
            (
                "nobody",
                "unhealthy: grpc TARGET answered gRPC status 5 (NOT_FOUND) after Nms",
            ),
        ] {
            let target = format!("{target}/{service}");
            let verdict = verdict.replace("TARGET", &target);
            assert_eq!(check_tls(&["--grpc", &target]), verdict);
        }
        assert_no_answer_while_stopped(&home, hinit, "--grpc", &probe);
    });
}

#[test]
fn grpcio() {
    grpc(RSA, "grpcio_server.py");
    grpc(P256, "grpcio_server.py");
}

#[test]
fn grpclib() {
    grpc(P256, "grpclib_server.py");
}

#[test]
fn redis_at_its_tls_port() {
    let (home, port, plain) = (Home::new(), Port::new(), Port::new());
    if tls_hinit().is_none() || make_certificate(&home, RSA, &[]).is_none() {
        return;
    }
    let number = port.number.to_string();
    let options = ["--tls-port", &number, "--tls-auth-clients", "no"];
    let files = ["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"];
    let Some(server) = redis(&home, &plain, &[options, files].concat()) else {
        return;
    };
    let probe = Probe::tcp(&port);
    let probe = probe.expecting(&["--tls", "--send", r"PING\r\n", "--reply", "+PONG"]);
    let probe = probe.over_tls();
    while_running(&home, server, std::slice::from_ref(&probe), |hinit| {
        let address = port.address();
        let wrong = [
            "--tls",
            "--tcp",
            &address,
            "--send",
            r"PONG\r\n",
            "--reply",
            "+PONG",
        ];
        let line = check_tls(&wrong);
        let start = format!("unhealthy: tcp {address} answered `-ERR unknown command 'PONG'");
        assert!(line.starts_with(&start), "{line}");
        assert_no_answer_while_stopped(&home, hinit, "--tcp", &probe);
    });
}

#[test]
fn postfix_at_its_smtps_port() {
    let (home, port) = (Home::new(), Port::new());
    if tls_hinit().is_none() || make_certificate(&home, P256, &[]).is_none() {
        return;
    }
    let files = ["cert", "key"].map(|name| {
        let path = home.join(&format!("{name}.pem"));
        format!("smtpd_tls_{name}_file={}", path.display())
    });
    let options = format!(
        "-o smtpd_tls_wrappermode=yes -o {} -o {}",
        files[0], files[1]
    );
    let Some(server) = postfix_with(&home, &port, &options) else {
        return;
    };
    let probe = Probe::tcp(&port).expecting(&["--tls", "--reply", "220 mail.example ESMTP"]);
    while_running(&home, server, &[probe.over_tls()], |_| ());
}

#[test]
fn gunicorn_at_a_unix_socket() {
    let home = Home::new();
    if tls_hinit().is_none() || make_certificate(&home, P256, &[]).is_none() {
        return;
    }
    let start = home.start(Mode::Subreaper, &[]);
    let Some(server) = crate::gunicorn::by_gunicorn(start, "health") else {
        return;
    };
    let server = server.args(["--certfile", "cert.pem", "--keyfile", "key.pem"]);
    let server = server.args(["--bind", "unix:socket", "health_app:app"]);
    let socket = home.join("socket");
    let url = format!("https+unix://{}:/health", socket.display());
    let probes = [
        Probe::unix(&socket).expecting(&EXCHANGE).over_tls(),
        Probe::http(url).over_tls(),
    ];
    while_running(&home, server, &probes, |_| ());
}
