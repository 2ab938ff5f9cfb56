//! gRPC's health service in two implementations: grpcio's, and grpclib's, which Huffman-codes its
//! fields and cuts its answers in other places.

use nix::libc::SIGUSR1;

use super::*;

/// A hinit that is about to start one of the servers here.
fn server(home: &Home, script: &str, port: &Port) -> Option<Start> {
    let start = home
        .start(Mode::Subreaper, &[])
        .args([python_program("python")?]);
    let start = start.args([source("health").join(script)]);
    Some(start.args([port.address()]).with(|command| {
        command.env("PYTHONDONTWRITEBYTECODE", "1");
    }))
}

/// Asks for a service, or for the whole server: what is answered.
#[track_caller]
fn says(port: &Port, service: &str, verdict: &str, answer: &str) {
    let address = port.address();
    let target = if service.is_empty() {
        address
    } else {
        format!("{address}/{service}")
    };
    let expected = format!("{verdict}: grpc {target} answered {answer} after Nms");
    assert_eq!(ask(&["--grpc", &target]), expected);
}

#[track_caller]
fn is_not_http(port: &Port) {
    let url = port.url("/");
    let expected = format!("unhealthy: {url} sent what is not HTTP after Nms");
    assert_eq!(ask(&["--http", &url]), expected);
}

/// What both implementations answer.
fn common_answers(port: &Port) {
    for (service, verdict, answer) in [
        ("", "healthy", "SERVING"),
        ("up", "healthy", "SERVING"),
        ("down", "unhealthy", "NOT_SERVING"),
        ("unsure", "unhealthy", "UNKNOWN"),
        ("nobody", "unhealthy", "gRPC status 5 (NOT_FOUND)"),
    ] {
        says(port, service, verdict, answer);
    }
    is_not_http(port);
}

#[test]
fn grpcio() {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = server(&home, "grpcio_server.py", &port) else {
        return;
    };
    let probes = [Probe::grpc(&port), Probe::tcp(&port)];
    while_it_lives(&home, server, &probes, |hinit| {
        common_answers(&port);
        says(&port, "unheard-of", "unhealthy", "SERVICE_UNKNOWN");
        // It says SERVING, and then that the call has failed.
        says(&port, "halfway", "unhealthy", "gRPC status 13 (INTERNAL)");
        hinit.signal(SIGUSR1);
        eventually("it says that it is about to end", || {
            ask(&["--grpc", &port.address()])
                .contains("NOT_SERVING")
                .then_some(())
        });
        says(&port, "up", "unhealthy", "NOT_SERVING");
    });
}

#[test]
fn grpclib() {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = server(&home, "grpclib_server.py", &port) else {
        return;
    };
    let probes = [Probe::grpc(&port), Probe::tcp(&port)];
    while_it_lives(&home, server, &probes, |_| common_answers(&port));
}

/// Servers of gRPC that nobody gave the health service.
fn without_health_service(script: &str) {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = server(&home, script, &port) else {
        return;
    };
    let server = server.args(["--bare"]);
    while_it_lives(&home, server, &[Probe::tcp(&port)], |_| {
        for service in ["", "up"] {
            says(
                &port,
                service,
                "unhealthy",
                "gRPC status 12 (UNIMPLEMENTED)",
            );
        }
        is_not_http(&port);
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
