//! Health checks of nginx, gunicorn and granian over HTTP.

use std::fs;

use super::*;

/// The part of a body that is searched.
const SEARCHED: usize = 64 << 10;

/// A hinit that will start an nginx with two sites, which listens at `listen`.
pub(super) fn nginx(home: &Home, listen: &str) -> Option<Start> {
    let nginx = installed("nginx", Some("/usr/sbin/nginx".into()))?;
    let conf = fs::read_to_string(source("health/nginx.conf")).unwrap();
    fs::write(home.join("nginx.conf"), conf.replace("LISTEN", listen)).unwrap();
    fs::create_dir(home.join("files")).unwrap();
    for (name, text) in [
        ("index.html", "the first site\n".to_owned()),
        ("just-within", "x".repeat(SEARCHED - 4) + "text"),
        ("just-outside", "x".repeat(SEARCHED - 3) + "text"),
    ] {
        fs::write(home.join("files").join(name), text).unwrap();
    }
    let start = home.start(Mode::Subreaper, &[]).args([nginx]);
    let start = start.args(["-e", "stderr", "-c", "nginx.conf", "-p"]);
    Some(start.args([home.as_ref()]))
}

/// Checks a page with these options, and compares the verdict and the finding.
#[track_caller]
fn assert_verdict(url: &str, options: &[&str], verdict: &str, finding: &str) {
    let line = check_probes(&[&["--http", url], options].concat());
    assert_eq!(line, format!("{verdict}: {url} {finding}"), "{options:?}");
}

#[test]
fn nginx_on_a_port() {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = nginx(&home, &port.address()) else {
        return;
    };
    let probes = [Probe::http(port.url("/")), Probe::tcp(&port)];
    while_running(&home, server, &probes, |hinit| {
        codes_of_nginx(&port);
        bodies_of_nginx(&port);
        let second = ["--header", "Host: second.test", "--contains"];
        for (options, is_first) in [(&["--contains"][..], true), (&second[..], false)] {
            for (text, is_there) in [("the first site", is_first), ("the second site", !is_first)] {
                let options = [options, &[text]].concat();
                assert_contains(&port.url("/"), &options, text, is_there);
            }
        }
        // A name with two addresses, of which nginx listens on one.
        let by_name = format!("http://localhost:{}/", port.number);
        assert_verdict(&by_name, &[], "healthy", "answered 200 OK after Nms");
        assert_eq!(
            check_probes(&["--grpc", &port.address()]),
            format!(
                "unhealthy: grpc {} sent an answer that is not gRPC after Nms",
                port.address()
            )
        );
        // The PID file and the probe together.
        let pid_file = home.pid_file();
        let options = [
            "--pid-file",
            pid_file.to_str().unwrap(),
            "--http",
            &port.url("/"),
        ];
        let expected = format!(
            "healthy: process {} is alive; {} answered 200 OK after Nms",
            hinit.server(),
            port.url("/")
        );
        assert_eq!(check(&options), expected);
    });
}

/// Checks whether a text is in the body.
#[track_caller]
fn assert_contains(url: &str, options: &[&str], text: &str, is_there: bool) {
    if is_there {
        return assert_verdict(url, options, "healthy", "answered 200 OK after Nms");
    }
    let lacks =
        format!("answered 200, but the first 64 KiB of the body do not contain `{text}` after Nms");
    assert_verdict(url, options, "unhealthy", &lacks);
}

fn codes_of_nginx(port: &Port) {
    for (path, options, verdict, answer) in [
        ("/missing", &[][..], "unhealthy", "404 Not Found"),
        ("/missing", &["--expect", "404"], "healthy", "404 Not Found"),
        ("/", &["--expect", "404"], "unhealthy", "200 OK"),
        ("/moved", &[], "healthy", "301 Moved Permanently"),
        (
            "/moved",
            &["--expect", "200-299,304"],
            "unhealthy",
            "301 Moved Permanently",
        ),
        (
            "/busy",
            &[],
            "unhealthy",
            "503 Service Temporarily Unavailable",
        ),
        (
            "/busy",
            &["--expect", "200-299,503"],
            "healthy",
            "503 Service Temporarily Unavailable",
        ),
        ("/head-only", &[], "unhealthy", "405 Not Allowed"),
        (
            "/head-only",
            &["--method", "HEAD"],
            "healthy",
            "204 No Content",
        ),
        ("/", &["--method", "HEAD"], "healthy", "200 OK"),
    ] {
        assert_verdict(
            &port.url(path),
            options,
            verdict,
            &format!("answered {answer} after Nms"),
        );
    }
}

/// Bodies with a length, of which not all is read.
fn bodies_of_nginx(port: &Port) {
    for (path, is_there) in [("/just-within", true), ("/just-outside", false)] {
        assert_contains(&port.url(path), &["--contains", "text"], "text", is_there);
    }
}

#[test]
fn nginx_on_a_unix_socket() {
    let home = Home::new();
    let Some(server) = nginx(&home, "unix:socket") else {
        return;
    };
    let url = |path| format!("http+unix://{}:{path}", home.join("socket").display());
    let probes = [Probe::http(url("/")), Probe::unix(&home.join("socket"))];
    while_running(&home, server, &probes, |_| {
        assert_verdict(
            &url("/missing"),
            &[],
            "unhealthy",
            "answered 404 Not Found after Nms",
        );
        assert_verdict(
            &url("/head-only"),
            &["--method", "HEAD"],
            "healthy",
            "answered 204 No Content after Nms",
        );
        let second = [
            "--header",
            "Host: second.test",
            "--contains",
            "the second site",
        ];
        assert_verdict(&url("/"), &second, "healthy", "answered 200 OK after Nms");
    });
}

/// The answers of the tests' application, which are the same under each server.
fn the_application(url: impl Fn(&str) -> String) {
    let long: String = (1000..1256).map(|number: u16| number.to_string()).collect();
    for (text, is_there) in [
        ("database: fine", true),
        ("database: down", false),
        (&long, true),
    ] {
        assert_contains(&url("/health"), &["--contains", text], text, is_there);
    }
    for (path, options, verdict, answer) in [
        ("/broken", &[][..], "unhealthy", "500 Internal Server Error"),
        ("/missing", &[], "unhealthy", "404 Not Found"),
        (
            "/health?deep=1",
            &["--header", "Accept: text/plain"],
            "healthy",
            "200 OK",
        ),
        ("/health", &["--method", "HEAD"], "healthy", "200 OK"),
    ] {
        assert_verdict(
            &url(path),
            options,
            verdict,
            &format!("answered {answer} after Nms"),
        );
    }
}

#[test]
fn gunicorn_on_a_unix_socket() {
    let home = Home::new();
    let start = home.start(Mode::Subreaper, &[]);
    let Some(server) = crate::gunicorn::by_gunicorn(start, "health") else {
        return;
    };
    let server = server.args(["--bind", "unix:socket", "health_app:app"]);
    let socket = home.join("socket");
    let url = |path: &str| format!("http+unix://{}:{path}", socket.display());
    let probes = [Probe::unix(&socket), Probe::http(url("/health"))];
    while_running(&home, server, &probes, |_| {
        the_application(url);
        let all = home.processes("gunicorn");
        assert_eq!(all.len(), 2);
        while_stopped(&all, || {
            probes[0].is_healthy();
            let line = check_probes(&["--timeout", "500ms", "--http", &url("/health")]);
            assert_late(&line, &url("/health"), NO_ANSWER);
        });
        probes[1].is_healthy();
    });
}

/// A hinit that will start a granian.
pub(super) fn granian(home: &Home, port: &Port) -> Option<Start> {
    let granian = python_program("granian")?;
    let server = home.start(Mode::Subreaper, &[]).args([granian]);
    let server = server.args(["--interface", "wsgi", "--port", &port.number.to_string()]);
    let server = server.args(["--working-dir".into(), source("health")]);
    Some(server.args(["health_app:app"]).with(|command| {
        command.env("PYTHONDONTWRITEBYTECODE", "1");
    }))
}

#[test]
fn granian_on_a_port() {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = granian(&home, &port) else {
        return;
    };
    let probes = [Probe::http(port.url("/health")), Probe::tcp(&port)];
    while_running(&home, server, &probes, |_| {
        the_application(|path| port.url(path));
        // It also supports HTTP/2, and has no such page.
        assert_eq!(
            check_probes(&["--grpc", &port.address()]),
            format!("unhealthy: grpc {} answered 404 after Nms", port.address())
        );
    });
}
