//! Health checks of PHP-FPM over FastCGI.

use std::fs;

use super::*;

/// A hinit that will start a PHP-FPM with one worker.
fn php_fpm(home: &Home, listen: &str) -> Option<Start> {
    let is_fpm = |path: &PathBuf| path.to_string_lossy().starts_with("/usr/sbin/php-fpm");
    let files = fs::read_dir("/usr/sbin").unwrap().flatten();
    let fpm = installed("PHP-FPM", files.map(|file| file.path()).find(is_fpm))?;
    let conf = fs::read_to_string(source("health/fpm.conf")).unwrap();
    fs::write(home.join("fpm.conf"), conf.replace("LISTEN", listen)).unwrap();
    for (name, code) in [
        ("up.php", "echo 'up ', $_SERVER['QUERY_STRING'];"),
        ("down.php", "http_response_code(503); echo 'down';"),
        ("moved.php", "header('Location: /elsewhere');"),
        ("long.php", "echo str_repeat('x', 200000), 'end';"),
        ("log.php", "error_log('a message'); echo 'logged';"),
        // The worker waits until the test has removed the file.
        (
            "stuck.php",
            "touch('stuck'); while (file_exists('stuck')) { usleep(1000); clearstatcache(); }",
        ),
    ] {
        fs::write(home.join(name), format!("<?php {code}")).unwrap();
    }
    let start = home.start(Mode::Subreaper, &[]).args([fpm]);
    // Without php.ini, and as root too.
    Some(
        start
            .args(["-n", "-F", "-O", "-R", "-y", "fpm.conf", "-p"])
            .args([home.as_ref()]),
    )
}

/// Checks with these options, and compares the verdict and the finding.
#[track_caller]
fn assert_verdict(target: &str, options: &[&str], verdict: &str, finding: &str) {
    let line = check_probes(&[&["--fastcgi", target], options].concat());
    let expected = format!("{verdict}: fastcgi {target} {finding}");
    assert_eq!(line, expected, "{options:?}");
}

/// The answers of PHP-FPM itself, and of scripts.
fn answers(home: &Home, address: &str) {
    let ok = "answered 200 OK after Nms";
    for (path, options, verdict, finding) in [
        ("/ping", &["--contains", "pong"][..], "healthy", ok),
        (
            "/status?json",
            &["--contains", "\"max active processes\":1"],
            "healthy",
            ok,
        ),
        (
            "/status",
            &["--lacks", "www"],
            "unhealthy",
            "answered 200, but the body contains `www` after Nms",
        ),
        (
            "HOME/up.php?a=b&c",
            &["--contains", "up a=b&c"],
            "healthy",
            ok,
        ),
        (
            "HOME/down.php",
            &[],
            "unhealthy",
            "answered 503 Service Unavailable after Nms",
        ),
        (
            "HOME/down.php",
            &["--expect=503", "--contains=down"],
            "healthy",
            "answered 503 Service Unavailable after Nms",
        ),
        (
            "HOME/moved.php",
            &[],
            "healthy",
            "answered 302 Found after Nms",
        ),
        ("HOME/long.php", &[], "healthy", ok),
        (
            "HOME/long.php",
            &["--contains=end"],
            "unhealthy",
            "answered 200, but the first 64 KiB of the body do not contain `end` after Nms",
        ),
        (
            "HOME/log.php",
            &["--contains=logged", "--lacks=message"],
            "healthy",
            ok,
        ),
        (
            "HOME/none.php",
            &["--contains=File not found"],
            "unhealthy",
            "answered 404 Not Found after Nms",
        ),
        (
            "HOME/fpm.conf",
            &[],
            "unhealthy",
            "answered 403 Forbidden after Nms",
        ),
    ] {
        let target = format!(
            "{address}{}",
            path.replace("HOME", home.as_ref().to_str().unwrap())
        );
        assert_verdict(&target, options, verdict, finding);
    }
}

/// While the only worker is busy, each check is unhealthy, and afterwards healthy again.
fn a_stuck_worker(home: &Home, address: &str) {
    let script = format!("{address}{}/stuck.php", home.as_ref().display());
    let late = "gave no complete answer within --timeout 1s";
    assert_verdict(&script, &["--timeout=1s"], "unhealthy", late);
    assert!(home.join("stuck").exists());
    let ping = format!("{address}/ping");
    assert_verdict(&ping, &["--timeout=1s"], "unhealthy", late);
    fs::remove_file(home.join("stuck")).unwrap();
    assert_verdict(&ping, &[], "healthy", "answered 200 OK after Nms");
}

fn wrong_protocols(port: &Port) {
    let url = port.url("/ping");
    let line = check_probes(&["--http", &url, "--timeout=1s"]);
    assert!(line.starts_with(&format!("unhealthy: {url} ")), "{line}");
}

#[test]
fn php_fpm_on_a_port() {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = php_fpm(&home, &port.address()) else {
        return;
    };
    let probes = [
        Probe::fastcgi(format!("{}/ping", port.address())),
        Probe::tcp(&port),
    ];
    while_running(&home, server, &probes, |_| {
        answers(&home, &port.address());
        a_stuck_worker(&home, &port.address());
        wrong_protocols(&port);
    });
}

#[test]
fn php_fpm_on_a_unix_socket() {
    let home = Home::new();
    let socket = home.join("fpm.sock");
    let Some(server) = php_fpm(&home, socket.to_str().unwrap()) else {
        return;
    };
    let address = format!("unix:{}:", socket.display());
    let probes = [
        Probe::fastcgi(format!("{address}/ping")),
        Probe::unix(&socket),
    ];
    while_running(&home, server, &probes, |_| {
        answers(&home, &address);
        a_stuck_worker(&home, &address);
    });
}
