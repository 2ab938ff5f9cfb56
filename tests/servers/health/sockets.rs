//! Redis and PostgreSQL, to which the probes only connect.

use super::*;
use crate::postgresql::Cluster;

/// A hinit that will start Redis with these options, without files.
pub(super) fn redis(home: &Home, port: &Port, options: &[&str]) -> Option<Start> {
    let redis = installed("Redis", Some("/usr/bin/redis-server".into()))?;
    let server = home.start(Mode::Subreaper, &[]).args([redis]);
    let server = server.args(["--bind", "127.0.0.1", "--port", &port.number.to_string()]);
    let server = server.args(["--unixsocket", "socket", "--save", "", "--appendonly", "no"]);
    Some(server.args(options))
}

/// A hinit that will start PostgreSQL at this port and at a Unix socket, and that socket.
pub(super) fn postgresql_at(cluster: &Cluster, port: &Port) -> (Start, PathBuf) {
    let number = port.number.to_string();
    let server = cluster.prepare(&[], &["-h", "127.0.0.1", "-p", &number]);
    (server, cluster.home.join(&format!(".s.PGSQL.{number}")))
}

#[test]
fn redis_on_a_port_and_a_unix_socket() {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = redis(&home, &port, &[]) else {
        return;
    };
    let socket = home.join("socket");
    let probes = [Probe::tcp(&port), Probe::unix(&socket)];
    while_running(&home, server, &probes, |_| {
        let url = port.url("/");
        // Redis closes a connection on which it receives an HTTP request.
        assert_eq!(
            check_probes(&["--http", &url]),
            format!("unhealthy: {url} closed the connection without a complete answer after Nms")
        );
    });
}

#[test]
fn postgresql_on_a_port_and_a_unix_socket() {
    let Some(cluster) = Cluster::new(Mode::Subreaper) else {
        return;
    };
    let port = Port::new();
    let (server, socket) = postgresql_at(&cluster, &port);
    let probes = [Probe::tcp(&port), Probe::unix(&socket)];
    while_running(&cluster.home, server, &probes, |_| {});
}
