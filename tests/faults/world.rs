//! The processes beside hinit in all scenarios: servers under other hinits, and web servers.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use nix::libc::{SIGKILL, SIGSTOP};

use crate::support::*;

/// The paths and addresses of these servers.
pub struct World {
    pub dir: TempDir,
    pub healthy: String,
    pub unhealthy: String,
}

impl World {
    /// Also returns the hinits, which end when they are dropped.
    pub fn new() -> (Self, [Running; 4]) {
        let dir = TempDir::new();
        let start = |name: &str| Start::new(Mode::Subreaper).pid_file(dir.join(name));
        let listen = format!("unix:{}", dir.join("socket").display());
        let alive = start("alive").args(["--notify", "--listen", &listen]);
        let alive = alive.fixture(["notifies", "READY=1"]).start().ready();
        let starting = start("starting")
            .args(["--notify"])
            .fixture(["notifies", "@none"])
            .start()
            .ready();
        let stopped = start("stopped").fixture(["ready"]).start().ready();
        let zombie = start("zombie").fixture(["ready"]).start().ready();
        for (name, hinit) in [
            ("alive", &alive),
            ("starting", &starting),
            ("stopped", &stopped),
            ("zombie", &zombie),
        ] {
            let path = dir.join(name);
            eventually(name, || {
                fs::read(&path)
                    .is_ok_and(|pid| !pid.is_empty())
                    .then_some(())
            });
            assert!(hinit.server() > 0);
        }
        kill(stopped.server(), SIGSTOP);
        // A server that has ended, which its stopped hinit has not noticed yet.
        kill(zombie.pid(), SIGSTOP);
        kill(zombie.server(), SIGKILL);
        // This process lives, but is not the server of a hinit.
        fs::write(dir.join("dead"), format!("{}\n", std::process::id())).unwrap();
        fs::write(dir.join("foreign"), "4194303\n").unwrap();
        let world = Self {
            dir,
            healthy: web_server("200 OK"),
            unhealthy: web_server("500 Internal Server Error"),
        };
        (world, [alive, starting, stopped, zombie])
    }
}

/// Answers every request with this status, until the end of this process. Returns its address.
fn web_server(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let Ok(mut stream) = stream else { return };
                let _ignored = stream.read(&mut [0; 1000]);
                let _ignored = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\nfine");
            });
        }
    });
    address
}
