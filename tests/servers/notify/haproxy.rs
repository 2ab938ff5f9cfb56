//! HAProxy as a master with a worker (`-W`), which notifies a service manager (`-s`). The master executes itself anew for
//! a reload. USR1 is its graceful stop, TERM its fast one.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use nix::libc::{O_NONBLOCK, SIGTERM, SIGUSR1, SIGUSR2};
use nix::sys::stat;

use super::*;

/// A hinit with an HAProxy whose configuration is a FIFO, so that it waits each time that it reads it.
fn serve(home: &Home, mode: Mode) -> Option<ProbedServer<'_>> {
    let haproxy = installed("HAProxy", Some("/usr/sbin/haproxy".into()))?;
    nix::unistd::mkfifo(&home.join("haproxy.cfg"), stat::Mode::S_IRWXU).unwrap();
    let start = home.start(mode, &["--notify"]).args([haproxy]);
    let start = start.args(["-Ws", "-f", "haproxy.cfg"]);
    Some(ProbedServer::start(home, mode, start))
}

/// Writes the configuration to the FIFO, followed by `more`.
#[track_caller]
fn configure(home: &Home, more: &str) {
    let text = fs::read_to_string(source("notify/haproxy.cfg")).unwrap();
    let text = text.replace("HOME", home.as_ref().to_str().unwrap());
    let mut fifo = eventually("HAProxy reads its configuration", || {
        let mut options = File::options();
        let options = options.write(true).custom_flags(O_NONBLOCK);
        options.open(home.join("haproxy.cfg")).ok()
    });
    fifo.write_all((text + more).as_bytes()).unwrap();
}

/// Checks that HAProxy itself answers, with its current configuration.
#[track_caller]
fn answers(home: &Home) {
    let answer = rest(home.request("/own"));
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

/// A client in the middle of a request, and HAProxy's connection to the backend.
#[track_caller]
fn under_way(home: &Home) -> [UnixStream; 2] {
    let listener = UnixListener::bind(home.join("backend")).unwrap();
    listener.set_nonblocking(true).unwrap();
    let client = home.request("/");
    let (mut backend, _) = eventually("HAProxy forwards the request", || listener.accept().ok());
    backend.set_nonblocking(false).unwrap();
    backend.set_read_timeout(Some(bound())).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        backend.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    [client, backend]
}

/// Its worker, once the previous worker has ended.
#[track_caller]
fn worker(probed: &ProbedServer) -> i32 {
    eventually("there is one worker", || {
        match children_of(probed.hinit.server())[..] {
            [worker] => Some(worker),
            _ => None,
        }
    })
}

in_both_modes!(
    its_reloads_keep_it_ready_and_its_master_the_server,
    it_reports_its_stop_itself
);

fn its_reloads_keep_it_ready_and_its_master_the_server(mode: Mode) {
    let home = Home::new();
    let Some(probed) = serve(&home, mode) else {
        return;
    };
    probed.is("starting");
    configure(&home, "");
    probed.becomes("ready");
    let master = recorded(&home.pid_file());
    answers(&home);
    // The second one fails: HAProxy keeps its configuration, and sends READY=1 as well.
    for more in ["", "junk\n", ""] {
        let before = worker(&probed);
        probed.hinit.signal(SIGUSR2);
        probed.becomes("reloading");
        answers(&home);
        assert_eq!(recorded(&home.pid_file()), master);
        configure(&home, more);
        probed.becomes("ready");
        answers(&home);
        assert_eq!(recorded(&home.pid_file()), master);
        assert_eq!(worker(&probed) == before, !more.is_empty());
    }
    probed.hinit.signal(SIGTERM);
    let ended = probed.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
}

// USR1 is no stop signal of hinit, which learns of the stop from HAProxy's STOPPING=1.
fn it_reports_its_stop_itself(mode: Mode) {
    let home = Home::new();
    let Some(probed) = serve(&home, mode) else {
        return;
    };
    configure(&home, "");
    probed.becomes("ready");
    let [client, mut backend] = under_way(&home);
    probed.hinit.signal(SIGUSR1);
    probed.becomes("stopping");
    backend.write_all(b"HTTP/1.0 200 OK\r\n\r\ndone\n").unwrap();
    drop(backend);
    assert!(rest(client).ends_with(b"\r\n\r\ndone\n"));
    let ended = probed.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
}
