//! Web servers: nginx, Python's http.server, gunicorn, granian (rustls), Node, Java's HttpsServer and Caddy (Go).

use std::fs;

use super::super::http::nginx;
use super::super::steps::python;
use super::*;

/// What a server answers.
struct Site {
    path: &'static str,
    text: &'static str,
    failing: &'static str,
    status: &'static str,
}

/// That of the servers that answer in steps.
const STEPS: Site = Site {
    path: "/",
    text: "third fourth",
    failing: "/down",
    status: "503 Service Unavailable",
};
/// That of the application under gunicorn and granian.
const APPLICATION: Site = Site {
    path: "/health",
    text: "database: fine",
    failing: "/broken",
    status: "500 Internal Server Error",
};
const DATABASE: Site = Site {
    path: "/",
    failing: "/down",
    status: "503 Service Unavailable",
    ..APPLICATION
};

/// Starts a server with a key of this kind, checks its site, and then whether it hangs.
fn is_checked(
    key: &[&str],
    site: &Site,
    prepare: impl Fn(&Home, &Port) -> Option<Start>,
    test: impl FnOnce(&Port),
) {
    let (home, port) = (Home::new(), Port::new());
    if tls_hinit().is_none() || make_certificate(&home, key, &[]).is_none() {
        return;
    }
    let Some(server) = prepare(&home, &port) else {
        return;
    };
    let url = port.https(site.path);
    let probes = [Probe::http(url.clone()).over_tls(), Probe::tcp(&port)];
    while_running(&home, server, &probes, |hinit| {
        let found = "answered 200 OK after Nms";
        assert_verdict(&url, &["--contains", site.text], "healthy", found);
        let contains = format!(
            "answered 200, but the body contains `{}` after Nms",
            site.text
        );
        assert_verdict(&url, &["--lacks", site.text], "unhealthy", &contains);
        let lacks =
            "answered 200, but the first 64 KiB of the body do not contain `no text` after Nms";
        assert_verdict(&url, &["--contains", "no text"], "unhealthy", lacks);
        let failing = format!("answered {} after Nms", site.status);
        assert_verdict(&port.https(site.failing), &[], "unhealthy", &failing);
        test(&port);
        assert_no_answer_while_stopped(&home, hinit, "--http", &probes[0]);
    });
}

#[test]
fn nginx_with_two_names() {
    let site = Site {
        path: "/",
        text: "the first site",
        failing: "/busy",
        status: "503 Service Temporarily Unavailable",
    };
    let prepare = |home: &Home, port: &Port| {
        let files = "ssl_certificate cert.pem; ssl_certificate_key key.pem";
        nginx(home, &format!("{} ssl; {files}", port.address()))
    };
    is_checked(RSA, &site, prepare, |port| {
        let url = port.https("/");
        let second = [
            "--header",
            "Host: second.test",
            "--contains",
            "the second site",
        ];
        assert_verdict(&url, &second, "healthy", "answered 200 OK after Nms");
        // A body of several records of 16 KiB.
        for (path, verdict, finding) in [
            ("/just-within", "healthy", "200 OK"),
            (
                "/just-outside",
                "unhealthy",
                "200, but the first 64 KiB of the body do not contain `text`",
            ),
        ] {
            let finding = format!("answered {finding} after Nms");
            assert_verdict(
                &port.https(path),
                &["--contains", "text"],
                verdict,
                &finding,
            );
        }
        // nginx itself answers a request without TLS.
        let plain = port.url("/");
        let finding = "answered 400 Bad Request after Nms";
        assert_verdict(&plain, &[], "unhealthy", finding);
    });
}

#[test]
fn http_server() {
    for version in ["HTTP/1.0", "HTTP/1.1"] {
        let prepare = |home: &Home, port: &Port| {
            Some(python(home, port, version)?.args(["cert.pem", "key.pem"]))
        };
        is_checked(P256, &STEPS, prepare, |_| ());
    }
}

#[test]
fn gunicorn() {
    let prepare = |home: &Home, port: &Port| {
        let start = home.start(Mode::Subreaper, &[]);
        let server = crate::gunicorn::by_gunicorn(start, "health")?;
        let server = server.args(["--certfile", "cert.pem", "--keyfile", "key.pem"]);
        Some(server.args(["--bind", &port.address(), "health_app:app"]))
    };
    is_checked(RSA, &APPLICATION, prepare, |_| ());
}

#[test]
fn granian() {
    let prepare = |home: &Home, port: &Port| {
        let server = super::super::http::granian(home, port)?;
        let files = ["--ssl-certificate", "cert.pem", "--ssl-keyfile", "key.pem"];
        Some(server.args(files))
    };
    is_checked(P256, &APPLICATION, prepare, |_| ());
}

#[test]
fn node() {
    let prepare = |home: &Home, port: &Port| {
        let server = super::super::steps::node_server(home, port)?;
        Some(server.args(["cert.pem", "key.pem"]))
    };
    is_checked(P256, &STEPS, prepare, |_| ());
}

#[test]
fn java() {
    let prepare = |home: &Home, port: &Port| {
        let java = installed("Java", Some("/usr/bin/java".into()))?;
        let files = ["-inkey", "key.pem", "-in", "cert.pem", "-out", "keys.p12"];
        let export = [
            &["pkcs12", "-export", "-passout", "pass:secret"],
            &files[..],
        ];
        run_openssl(home, &export.concat());
        // The JVM exits with this code itself.
        let server = home.start(Mode::Subreaper, &["--map-exit", "TERM=0"]);
        let server = server.args([java, source("health/HttpsHealth.java")]);
        Some(server.args([port.number.to_string()]))
    };
    for key in [RSA, P256] {
        is_checked(key, &DATABASE, prepare, |_| ());
    }
}

/// A Caddy that makes its own certificate for `localhost` and, without this server name, refuses the handshake.
#[test]
fn caddy_for_localhost() {
    for version in ["tls1.2", "tls1.3"] {
        let prepare = |home: &Home, port: &Port| {
            let caddy = installed("Caddy", Some("/usr/bin/caddy".into()))?;
            let file = fs::read_to_string(source("health/tls/Caddyfile")).unwrap();
            let file = file.replace("LISTEN", &port.number.to_string());
            let file = file.replace("VERSION", version);
            fs::write(home.join("Caddyfile"), file).unwrap();
            let start = home.start(Mode::Subreaper, &[]).args([caddy]);
            Some(start.args(["run"]).with(|command| {
                command.env("HOME", ".").env_remove("XDG_DATA_HOME");
            }))
        };
        is_checked(P256, &DATABASE, prepare, |port| {
            let line = check_tls(&["--http", &port.https("/"), "--header", "Host: other.test"]);
            assert!(line.starts_with("unhealthy: "), "{line}");
            assert!(!line.contains(" answered "), "{line}");
        });
    }
}
