//! Health checks of servers that answer 200 even when something is wrong, and say so in JSON.

use super::steps::PYTHON;
use super::*;

/// Runs a server of this status, and compares the verdict and the finding of each check.
fn assert_verdicts(status: &str, checks: &[(&str, &[&str], &str, &str)]) {
    let (home, port) = (Home::new(), Port::new());
    let Some(python) = installed("python3", Some(PYTHON.into())) else {
        return;
    };
    let start = home.start(Mode::Subreaper, &[]).args([python]);
    let server = start.args([source("health/json_server.py")]);
    let server = server.args([&port.number.to_string(), status]);
    while_running(&home, server, &[Probe::http(port.url("/"))], |_| {
        for (path, options, verdict, finding) in checks {
            let url = port.url(path);
            let line = check_probes(&[&["--http", &url], *options].concat());
            let expected = format!("{verdict}: {url} answered 200{finding} after Nms");
            assert_eq!(line, expected, "{options:?}");
        }
    });
}

#[test]
fn the_health_of_a_cluster() {
    let health = "/_cluster/health";
    let options: &[&str] = &[
        "--lacks",
        "\"status\":\"red\"",
        "--lacks=\"timed_out\":true",
    ];
    let known: &[&str] = &[&["--contains", "\"status\":"], options].concat();
    for status in ["green", "yellow"] {
        let checks = [
            (health, options, "healthy", " OK"),
            (health, known, "healthy", " OK"),
        ];
        assert_verdicts(status, &checks);
    }
    let red = ", but the body contains `\"status\":\"red\"`";
    let checks = [
        (health, options, "unhealthy", red),
        (health, known, "unhealthy", red),
    ];
    assert_verdicts("red", &checks);
}

#[test]
fn a_json_rpc_node() {
    let request =
        |method: &str| format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"id\":1}}");
    let (known, unknown) = (request("eth_syncing"), request("eth_sync"));
    let with = |body| {
        let start = [
            "--method=POST",
            "--header",
            "Content-Type: application/json",
            "--body",
        ];
        [&start[..], &[body, "--contains", "\"result\":false"]].concat()
    };
    let missing = ", but the first 64 KiB of the body do not contain `\"result\":false`";
    let checks = [
        ("/", &*with(&known), "healthy", " OK"),
        ("/", &*with(&unknown), "unhealthy", missing),
    ];
    assert_verdicts("green", &checks);
    assert_verdicts("red", &[("/", &*with(&known), "unhealthy", missing)]);
}
