//! gRPC's health service in two implementations: that of grpcio, and that of grpclib, which uses Huffman coding for its
//! fields and other sizes of frames.

use nix::libc::SIGUSR1;

use super::*;

/// A hinit that will start one of the servers.
pub(super) fn server(home: &Home, script: &str, port: &Port) -> Option<Start> {
    let start = home
        .start(Mode::Subreaper, &[])
        .args([python_program("python")?]);
    let start = start.args([source("health").join(script)]);
    let start = start.args([port.address()]).args([home.join("socket")]);
    Some(start.with(|command| {
        command.env("PYTHONDONTWRITEBYTECODE", "1");
    }))
}

/// Checks a service, or the whole server, and compares the verdict and the answer.
#[track_caller]
fn assert_verdict(port: &Port, service: &str, verdict: &str, answer: &str) {
    let address = port.address();
    let target = if service.is_empty() {
        address
    } else {
        format!("{address}/{service}")
    };
    let expected = format!("{verdict}: grpc {target} answered {answer} after Nms");
    assert_eq!(check_probes(&["--grpc", &target]), expected);
}

#[track_caller]
fn assert_not_http(port: &Port) {
    let url = port.url("/");
    let expected = format!("unhealthy: {url} sent an answer that is not HTTP after Nms");
    assert_eq!(check_probes(&["--http", &url]), expected);
}

/// The answers that are the same in both implementations, and at the server's Unix socket.
fn common_answers(port: &Port, home: &Home) {
    let socket = home.join("socket").display().to_string();
    for (service, verdict) in [
        ("", "healthy: grpc TARGET answered SERVING after Nms"),
        (":/up", "healthy: grpc TARGET answered SERVING after Nms"),
        (
            ":/down",
            "unhealthy: grpc TARGET answered NOT_SERVING after Nms",
        ),
    ] {
        let target = format!("unix:{socket}{service}");
        let verdict = verdict.replace("TARGET", &target);
        assert_eq!(check_probes(&["--grpc", &target]), verdict);
    }
    for (service, verdict, answer) in [
        ("", "healthy", "SERVING"),
        ("up", "healthy", "SERVING"),
        ("down", "unhealthy", "NOT_SERVING"),
        ("unsure", "unhealthy", "UNKNOWN"),
        ("nobody", "unhealthy", "gRPC status 5 (NOT_FOUND)"),
    ] {
        assert_verdict(port, service, verdict, answer);
    }
    assert_not_http(port);
}

#[test]
fn grpcio() {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = server(&home, "grpcio_server.py", &port) else {
        return;
    };
    let probes = [Probe::grpc(&port), Probe::tcp(&port)];
    while_running(&home, server, &probes, |hinit| {
        common_answers(&port, &home);
        assert_verdict(&port, "unheard-of", "unhealthy", "SERVICE_UNKNOWN");
        // It sends SERVING, and then that the call has failed.
        assert_verdict(&port, "halfway", "unhealthy", "gRPC status 13 (INTERNAL)");
        hinit.signal(SIGUSR1);
        eventually("the server reports NOT_SERVING", || {
            check_probes(&["--grpc", &port.address()])
                .contains("NOT_SERVING")
                .then_some(())
        });
        assert_verdict(&port, "up", "unhealthy", "NOT_SERVING");
    });
}

#[test]
fn grpclib() {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = server(&home, "grpclib_server.py", &port) else {
        return;
    };
    let probes = [Probe::grpc(&port), Probe::tcp(&port)];
    while_running(&home, server, &probes, |_| common_answers(&port, &home));
}

/// A gRPC server without the health service.
fn without_health_service(script: &str) {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = server(&home, script, &port) else {
        return;
    };
    let server = server.args(["--bare"]);
    while_running(&home, server, &[Probe::tcp(&port)], |_| {
        for service in ["", "up"] {
            assert_verdict(
                &port,
                service,
                "unhealthy",
                "gRPC status 12 (UNIMPLEMENTED)",
            );
        }
        assert_not_http(&port);
    });
}

#[test]
fn grpcio_without_the_health_service() {
    without_health_service("grpcio_server.py");
}

#[test]
fn grpclib_without_the_health_service() {
    without_health_service("grpclib_server.py");
}
