//! `${NAME}` in the values of options, which hinit replaces from its environment.

use std::fs;
use std::io::Write;
use std::net::TcpListener;

use crate::support::*;

in_both_modes!(the_files_and_addresses_of_a_server);

fn the_files_and_addresses_of_a_server(mode: Mode) {
    let dir = TempDir::new();
    let listener = TcpListener::bind(unused_address()).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let variables = [
        ("DIR", dir.join("").display().to_string()),
        ("HOST", listener.local_addr().unwrap().ip().to_string()),
        ("PORT", port),
    ];
    let hinit = Start::new(mode)
        .args(["--pid-file", "${DIR}pid", "--listen", "unix:${DIR}socket"])
        .args(["--ready-when", "--tcp ${HOST}:${PORT}"])
        .with(|command| {
            command.envs(variables.clone());
        })
        .fixture(["ready"])
        .start()
        .ready();
    let pid = recorded(&dir.join("pid"));
    eventually("the server is ready", || {
        let answer = Client::new(&dir.join("socket")).fetch("/readyz");
        (answer.code() == 200).then_some(())
    });
    let small = |args: &[&str]| {
        let mut command = hinit.hinit_in_namespaces();
        Ended::of(&command.args(args).envs(variables.clone()).output().unwrap())
    };
    let alive = format!("healthy: process {pid} is alive");
    let checked = small(&["healthcheck", "--pid-file=${DIR}pid", "--ready"]);
    assert_eq!(checked.stdout, alive);
    let status = small(&["status", "--json", "--pid-file", "${DIR}pid"]);
    let shown = "\"pid_file\":\"${DIR}pid\"";
    assert!(status.stdout.contains(shown), "{}", status.stdout);
    assert_eq!(small(&["signal", "CONT", "--pid-file=${DIR}pid"]).code, 0);
    // The options of a second hinit, whose messages have the same texts.
    let taken = Start::new(mode)
        .args(["--pid-file", "${DIR}pid"])
        .with(|command| {
            command.envs(variables.clone());
        })
        .script("true")
        .run();
    let start = "hinit: cannot claim the PID file `${DIR}pid`: ";
    assert!(taken.log.starts_with(start), "{}", taken.log);
    assert_eq!(hinit.stop().code, 143);
    let none = ["pid", "socket", "pid.sock"].map(|name| dir.join(name).exists());
    assert_eq!(none, [false; 3]);
}

#[test]
fn probes_by_options_and_by_variables() {
    let dir = TempDir::new();
    let beat = dir.join("beat");
    fs::write(&beat, "").unwrap();
    for by in ["options", "HINIT_HTTP", "HINIT_HEALTH"] {
        let (port, server) =
            serve(|mut stream| stream.write_all(b"HTTP/1.1 204 x\r\n\r\n").unwrap());
        let port = port.to_string();
        let url = "http://127.0.0.1:${PORT}/${NO_SUCH:-health}?$$x=$y";
        let header = "Authorization: Bearer ${TOKEN}";
        let in_health = format!("--http {url} --header '{header}' --timeout ${{LIMIT}}");
        let (args, own) = match by {
            "options" => (vec!["--http", url, "--header", header], vec![]),
            "HINIT_HTTP" => (vec![], vec![("HINIT_HTTP", url), ("HINIT_HEADER", header)]),
            _ => (vec![], vec![("HINIT_HEALTH", in_health.as_str())]),
        };
        let others = [
            ("PORT", port.as_str()),
            ("TOKEN", "a \"b' $$"),
            ("LIMIT", "30s"),
        ];
        let ended = check_with(&args, &[&own, &others[..]].concat());
        assert_eq!(
            verdict_of(&ended),
            format!("healthy: {url} answered 204 x"),
            "{by}"
        );
        let request = server.join().unwrap();
        assert!(
            request.starts_with("GET /health?$x=$y HTTP/1.1\r\n"),
            "{request}"
        );
        let field = "\r\nAuthorization: Bearer a \"b' $$\r\n";
        assert!(request.contains(field), "{request}");
    }
    let args = ["--heartbeat", "${BEAT}", "--max-age", "${AGE:-60m}"];
    let ended = check_with(&args, &[("BEAT", beat.to_str().unwrap())]);
    let start = "healthy: heartbeat ${BEAT} was touched ";
    assert!(ended.stdout.starts_with(start), "{}", ended.stdout);
}

#[test]
fn a_value_of_a_variable_is_only_text() {
    let body = "HTTP/1.1 200 OK\r\n\r\n${PORT} $$ 'a --tcp x";
    let (port, server) = serve(move |mut stream| stream.write_all(body.as_bytes()).unwrap());
    let url = format!("http://127.0.0.1:{port}/");
    let ended = check_with(
        &[],
        &[
            ("HINIT_HEALTH", "--http ${URL} --contains ${TEXT}"),
            ("URL", &url),
            ("TEXT", "${PORT} $$ 'a --tcp x"),
            ("PORT", "1"),
        ],
    );
    server.join().unwrap();
    assert_eq!(verdict_of(&ended), "healthy: ${URL} answered 200 OK");
}

#[test]
fn lists_are_split_first() {
    for (codes, verdict) in [
        ("${A},${B}", "healthy: ${URL} answered 204"),
        (
            "200,${BOTH}",
            "unhealthy: usage: `--expect ${BOTH}`: not status codes such as 200 or 200-299,304; \
             try `hinit healthcheck --help`",
        ),
    ] {
        let (port, _server) = serve(|mut stream| {
            let _left = stream.write_all(b"HTTP/1.1 204 \r\n\r\n");
        });
        let url = format!("http://127.0.0.1:{port}/");
        let variables = [
            ("URL", &*url),
            ("A", "200"),
            ("B", "204"),
            ("BOTH", "201,204"),
        ];
        let ended = check_with(&["--http=${URL}", "--expect", codes], &variables);
        assert_eq!(verdict_of(&ended), verdict);
    }
}

#[test]
fn an_unset_name_is_a_usage_error() {
    let line = |why: &str| format!("unhealthy: usage: {why}; try `hinit healthcheck --help`");
    for (args, variables, why) in [
        (
            &["--tcp", "127.0.0.1:${PORT}"][..],
            &[][..],
            "`--tcp 127.0.0.1:${PORT}`: the variable PORT is not set",
        ),
        (
            &["--tcp", "127.0.0.1:${PORT}"],
            &[("PORT", "")],
            "`--tcp 127.0.0.1:${PORT}`: the variable PORT is not set",
        ),
        (
            &[],
            &[("HINIT_TCP", "127.0.0.1:${PORT}")],
            "`HINIT_TCP=127.0.0.1:${PORT}`: the variable PORT is not set",
        ),
        (
            &["--http=http://127.0.0.1:1/", "--contains", "${TEXT:-}"],
            &[],
            "`--contains ${TEXT:-}`: the value is empty",
        ),
        (
            &["--tcp", "127.0.0.1:${PORT-80}"],
            &[],
            "`--tcp 127.0.0.1:${PORT-80}`: write `${NAME}` or `${NAME:-DEFAULT}`, and `$$` for a \
             dollar",
        ),
    ] {
        let ended = check_with(args, variables);
        assert_eq!((ended.code, ended.stdout), (1, line(why)));
    }
    let ended = Start::new(Mode::Subreaper)
        .args(["--listen", "127.0.0.1:${NO_SUCH}", "--no-pid-file", "true"])
        .run();
    let line = "hinit: `--listen 127.0.0.1:${NO_SUCH}`: the variable NO_SUCH is not set; try \
                `hinit run --help`";
    assert_eq!((ended.code, ended.log.as_str()), (125, line));
}

#[test]
fn nothing_shows_what_a_variable_contains() {
    const SECRET: &str = "s3cret";
    let secret = ("SECRET", SECRET);
    for (args, shown) in [
        (&["--tcp=127.0.0.1:${SECRET}"][..], "127.0.0.1:${SECRET}"),
        (&["--http=${SECRET}://x"], "${SECRET}://x"),
        (&["--unix=/${SECRET}"], "unix /${SECRET} cannot be reached"),
        (
            &["--heartbeat=/${SECRET}", "--max-age=1s"],
            "heartbeat /${SECRET} does not exist",
        ),
        (
            &["--grpc=127.0.0.1:1/${SECRET}"],
            "grpc 127.0.0.1:1/${SECRET} cannot be reached",
        ),
        (
            &["--grpc=127.0.0.1:1", "--header=grpc-${SECRET}: x"],
            "`--header grpc-`: gRPC reserves this field",
        ),
    ] {
        for args in [args, &[args, &["--json"]].concat()] {
            let ended = check_with(args, &[secret]);
            assert!(ended.stdout.contains(shown), "{}", ended.stdout);
            assert!(!ended.stdout.contains(SECRET), "{}", ended.stdout);
        }
    }
    let (port, server) = serve(|mut stream| stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap());
    let url = format!("http://127.0.0.1:{port}/${{SECRET}}");
    let ended = check_with(&["--http", &url, "--contains=${SECRET}"], &[secret]);
    assert!(server.join().unwrap().starts_with("GET /s3cret "));
    let verdict = format!(
        "unhealthy: {url} answered 200, but the first 64 KiB of the body do not contain `${{SECRET}}`"
    );
    assert_eq!(verdict_of(&ended), verdict);
    for args in [
        &["healthcheck", "--pid-file=/missing/${SECRET}"][..],
        &["signal", "TERM", "--pid-file=/missing/${SECRET}"],
        &["status", "--pid-file=/missing/${SECRET}"],
        &["--pid-file=/dev/null/${SECRET}", "true"],
        &["--no-pid-file", "--listen=unix:/missing/${SECRET}", "true"],
    ] {
        let mut command = std::process::Command::new(hinit());
        let ended = Ended::of(&command.args(args).env("SECRET", SECRET).output().unwrap());
        assert_ne!(ended.code, 0);
        let shown = [ended.stdout, ended.log].concat();
        assert!(
            shown.contains("${SECRET}") && !shown.contains(SECRET),
            "{shown}"
        );
    }
}
