//! `openssl s_server`, and its certificates.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::*;

/// A server, which ends with the test.
pub(super) struct Server {
    child: Child,
    pub(super) address: String,
    pub(super) dir: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn openssl(dir: &TempDir, arguments: &str) {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(dir.join(""));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments}: {output:?}");
}

/// Makes a self-signed certificate: `rsa:2048`, `ec` or another kind of key, for a name, and so many days from now.
fn certificate(dir: &TempDir, key: &str, name: &str, days: i32) {
    let parameters = match key {
        "ec" => " -pkeyopt ec_paramgen_curve:P-256",
        _ => "",
    };
    openssl(
        dir,
        &format!("req -newkey {key}{parameters} -nodes -keyout key -out csr -subj /CN={name}"),
    );
    openssl(
        dir,
        &format!("x509 -req -in csr -signkey key -days {days} -out crt"),
    );
}

impl Server {
    /// Starts a server with a valid certificate for `localhost`.
    pub(super) fn start(key: &str, arguments: &str) -> Self {
        Self::with_certificate(key, "localhost", 30, arguments)
    }

    pub(super) fn with_certificate(key: &str, name: &str, days: i32, arguments: &str) -> Self {
        let dir = TempDir::new();
        certificate(&dir, key, name, days);
        let mut command = Command::new("openssl");
        command.args("s_server -accept 127.0.0.1:0 -cert crt -key key".split(' '));
        command
            .args(arguments.split(' '))
            .current_dir(dir.join(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            line.strip_prefix("ACCEPT ").map(str::to_owned)
        });
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address: address.unwrap(),
            dir,
        }
    }

    /// The verdict of a check with its address in place of ADDRESS.
    #[track_caller]
    pub(super) fn verdict(&self, args: &[&str]) -> String {
        let args: Vec<String> = args
            .iter()
            .map(|arg| arg.replace("ADDRESS", &self.address))
            .collect();
        let mut all = vec!["--timeout", "30s"];
        all.extend(args.iter().map(String::as_str));
        verdict_of(&check(&all)).replace(&self.address, "ADDRESS")
    }
}
