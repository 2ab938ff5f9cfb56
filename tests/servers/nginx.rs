//! nginx: TERM is its fast shutdown, QUIT its graceful one.

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;

use nix::libc::SIGTERM;

use crate::home::*;
use crate::notify::ProbedServer;
use crate::support::*;

/// Far more than the buffers of a socket, so that the download does not complete before the client reads it.
const SIZE: usize = 16 << 20;

/// A hinit that will start an nginx, which serves a large file.
fn prepare(home: &Home, mode: Mode, options: &[&str]) -> Option<Start> {
    let nginx = installed("nginx", Some("/usr/sbin/nginx".into()))?;
    fs::create_dir(home.join("files")).unwrap();
    fs::write(home.join("files/large"), vec![b'x'; SIZE]).unwrap();
    let start = home.start(mode, options).args([nginx]);
    let start = start.args(["-e", "stderr", "-p"]).args([home.as_ref()]);
    Some(start.args(["-c".into(), source("nginx.conf")]))
}

/// The same, started.
fn serve(home: &Home, mode: Mode, options: &[&str]) -> Option<Running> {
    Some(prepare(home, mode, options)?.start())
}

/// A client in the middle of the download, which has read the header.
fn download(home: &Home) -> UnixStream {
    let mut client = home.request("/large");
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        header.extend(byte);
    }
    assert!(header.starts_with(b"HTTP/1.1 200 OK\r\n"));
    // A master and two workers.
    eventually("all processes of nginx run", || {
        (home.processes("nginx").len() == 3).then_some(())
    });
    client
}

in_both_modes!(
    with_term_rewritten_to_quit_a_download_under_way_is_finished,
    without_the_rewrite_it_is_cut_off,
    with_notify_it_is_alive_but_never_ready
);

fn with_term_rewritten_to_quit_a_download_under_way_is_finished(mode: Mode) {
    let home = Home::new();
    let Some(hinit) = serve(&home, mode, &["--rewrite", "TERM=QUIT"]) else {
        return;
    };
    let client = download(&home);
    hinit.signal(SIGTERM);
    home.refuses();
    assert_eq!(rest(client).len(), SIZE);
    let ended = home.end(hinit);
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(ended.log.contains("hinit: SIGTERM from "), "{}", ended.log);
}

// The negative control.
fn without_the_rewrite_it_is_cut_off(mode: Mode) {
    let home = Home::new();
    let Some(hinit) = serve(&home, mode, &[]) else {
        return;
    };
    let client = download(&home);
    hinit.signal(SIGTERM);
    let ended = home.end(hinit);
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(rest(client).len() < SIZE);
}

// nginx sends no notify messages.
fn with_notify_it_is_alive_but_never_ready(mode: Mode) {
    let home = Home::new();
    let Some(start) = prepare(&home, mode, &["--notify"]) else {
        return;
    };
    let probed = ProbedServer::start(&home, mode, start);
    assert_eq!(rest(home.request("/missing"))[..13], *b"HTTP/1.1 404 ");
    probed.is("starting");
    probed.hinit.signal(SIGTERM);
    assert_eq!(probed.end().code, 0);
}
