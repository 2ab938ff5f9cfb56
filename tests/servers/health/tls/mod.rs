//! Health checks of real servers over TLS, by the build that has it. All certificates are self-signed.

mod bad;
mod openssl;
mod others;
mod web;

use super::*;

/// The beginning of the finding on a server that hangs before its end of the handshake.
const NO_HANDSHAKE: &str = "did not complete the TLS handshake";

/// What `openssl req` makes a key by.
const RSA: &[&str] = &["rsa:2048"];
const P256: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// The build with TLS.
fn tls_hinit() -> Option<PathBuf> {
    let program = std::env::var_os("TEST_TLS_BINARY").map(PathBuf::from);
    installed("hinit-tls (TEST_TLS_BINARY)", program)
}

/// Makes the files cert.pem, of a certificate of the server itself, and key.pem.
fn make_certificate(home: &Home, key: &[&str], options: &[&str]) -> Option<()> {
    installed("openssl", Some("/usr/bin/openssl".into()))?;
    let files = ["-nodes", "-keyout", "key.pem", "-out", "cert.pem"];
    let subject = ["-subj", "/CN=server.test"];
    let command = [&["req", "-x509", "-newkey"], key, &files, &subject, options];
    run_openssl(home, &command.concat());
    Some(())
}

fn run_openssl(home: &Home, arguments: &[&str]) {
    let mut command = Command::new("openssl");
    let output = command.args(arguments).current_dir(home).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
}

/// The line of a health check by the build with TLS.
#[track_caller]
fn check_tls(options: &[&str]) -> String {
    check_by(&tls_hinit().unwrap(), &[&["--no-pid"], options].concat())
}

/// Checks a page with these options, and compares the verdict and the finding.
#[track_caller]
fn assert_verdict(url: &str, options: &[&str], verdict: &str, finding: &str) {
    let line = check_tls(&[&["--http", url], options].concat());
    assert_eq!(line, format!("{verdict}: {url} {finding}"), "{options:?}");
}

/// While all of the server's processes are stopped, a probe ends with its deadline.
#[track_caller]
fn assert_no_answer_while_stopped(home: &Home, hinit: &Running, option: &str, probe: &Probe) {
    let mut processes = home.processes_here();
    processes.retain(|&pid| pid != hinit.pid());
    while_stopped(&processes, || {
        let options = [
            &["--timeout", "500ms", option, &probe.target],
            probe.options,
        ];
        assert_late(&check_tls(&options.concat()), &probe.name, NO_HANDSHAKE);
    });
    probe.is_healthy();
}

impl Probe {
    /// The same by the build with TLS.
    fn over_tls(self) -> Self {
        let program = tls_hinit().unwrap();
        Self { program, ..self }
    }
}
