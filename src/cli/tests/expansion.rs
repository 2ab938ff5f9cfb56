//! `${NAME}` in the values of options: where it is replaced, when, and what is shown.

use crate::cli::{Address, Command, Healthcheck, PidFile, Probe, Run};

mod refused;

const VARIABLES: [(&str, &str); 8] = [
    ("PORT", "8000"),
    ("NAME", "a b"),
    ("TWO", "127.0.0.1:1,127.0.0.1:2"),
    ("CODES", "200,204"),
    ("SECRET", "s3cret"),
    ("HOSTILE", "\"' ${PORT} $$ --tcp\n"),
    ("LINES", "a\r\nb: c"),
    ("HINIT_X", "own"),
];

fn parse(words: &[&str], variables: &[(&str, &str)]) -> Result<Command, String> {
    let variables = [&VARIABLES, variables].concat();
    super::parse_as("hinit", words, &variables).map_err(|error| error.why)
}

fn check(words: &[&str], variables: &[(&str, &str)]) -> Result<Healthcheck, String> {
    match parse(&[&["healthcheck"], words].concat(), variables)? {
        Command::Healthcheck(check) => Ok(check),
        other => panic!("{other:?}"),
    }
}

fn run(words: &[&str], variables: &[(&str, &str)]) -> Result<Run, String> {
    match parse(words, variables)? {
        Command::Run(run) => Ok(run),
        other => panic!("{other:?}"),
    }
}

fn tcp(text: &str) -> Address {
    Address::Tcp(vec![text.parse().unwrap()])
}

/// The same by an option, by its variable, and by the variable for all options.
#[test]
fn the_values_of_a_health_check() {
    let given = [
        ("http", "http://127.0.0.1:${PORT}/${NO:-health}"),
        ("fastcgi", "unix:/run/${NAME}:/${HINIT_X}?${PORT}"),
        ("grpc", "127.0.0.1:${PORT}/${HINIT_X}"),
        ("tcp", "127.0.0.1:${PORT}"),
        ("unix", "/run/${NAME}"),
        ("heartbeat", "/beat/${NAME}"),
        ("max-age", "${NO:-60}"),
        ("method", "${NO:-GET}"),
        ("header", "Authorization: Bearer ${SECRET}"),
        ("expect", "${NO:-204}"),
        ("contains", "${HOSTILE}"),
        ("lacks", "${NAME}"),
        ("body", "${HOSTILE}"),
        ("send", "AUTH ${SECRET}\\r\\n"),
        ("reply", "${NO:-+OK}"),
        ("timeout", "${NO:-2}s"),
        ("pid-file", "/run/${NAME}.pid"),
    ];
    let words: Vec<String> = given
        .map(|(name, value)| format!("--{name}={value}"))
        .into();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let found = check(&words, &[]).unwrap();
    let expected = [
        "/beat/${NAME}",
        "/run/${NAME}",
        "127.0.0.1:${PORT}",
        "http://127.0.0.1:${PORT}/${NO:-health}",
        "unix:/run/${NAME}:/${HINIT_X}?${PORT}",
        "127.0.0.1:${PORT}/${HINIT_X}",
    ];
    let texts = found.probes.iter().map(|probe| probe.text.as_str());
    assert!(texts.eq(expected));
    for (probe, expected) in found.probes.iter().zip(["/beat/a b", "/run/a b"]) {
        match &probe.value {
            Probe::Heartbeat(path, _) | Probe::Unix(path) => {
                assert_eq!(path.to_str(), Some(expected));
            }
            other => panic!("{other:?}"),
        }
    }
    match &found.probes[2..] {
        [http, grpc, rest @ ..] => {
            let Probe::Tcp(endpoint) = &http.value else {
                panic!("{http:?}")
            };
            assert_eq!(endpoint.address, tcp("127.0.0.1:8000"));
            let Probe::Http(url) = &grpc.value else {
                panic!("{grpc:?}")
            };
            assert_eq!(
                (url.host.as_str(), url.target.as_str()),
                ("127.0.0.1:8000", "/health")
            );
            let Probe::Fastcgi(endpoint) = &rest[0].value else {
                panic!("{rest:?}")
            };
            assert_eq!(endpoint.address, Address::Unix("/run/a b".into()));
            assert_eq!(endpoint.service, "/own?8000");
            let Probe::Grpc(endpoint) = &rest[1].value else {
                panic!("{rest:?}")
            };
            assert_eq!(endpoint.service, "own");
        }
        other => panic!("{other:?}"),
    }
    let header = ("Authorization".to_owned(), "Bearer s3cret".to_owned());
    assert_eq!(found.http.headers, [header]);
    assert_eq!(found.http.expect, [204..=204]);
    // Quotes, dollars and blanks of a variable are only text.
    let contains = &found.http.contains[0];
    assert_eq!(contains.text, "${HOSTILE}");
    assert_eq!(contains.value, "\"' ${PORT} $$ --tcp\n");
    assert_eq!(found.http.lacks[0].value, "a b");
    assert_eq!(found.http.body, contains.value);
    assert_eq!(found.exchange.send, b"AUTH s3cret\r\n");
    assert_eq!(found.exchange.reply, b"+OK");
    assert_eq!(found.timeout.as_secs(), 2);
    let expected = PidFile::At {
        path: "/run/a b.pid".into(),
        shown: "/run/${NAME}.pid".into(),
    };
    assert_eq!(found.pid_file, Some(expected));

    let names = given.map(|(name, _)| format!("HINIT_{}", name.replace('-', "_").to_uppercase()));
    let mut variables = Vec::new();
    for (name, (_, value)) in names.iter().zip(given) {
        variables.push((name.as_str(), value));
    }
    assert_eq!(check(&[], &variables), check(&words, &[]));
    let all: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    assert_eq!(
        check(&[], &[("HINIT_HEALTH", &all.join(" "))]),
        check(&words, &[])
    );
}

#[test]
fn the_values_of_run() {
    let words = [
        "--pid-file=/run/${NAME}",
        "--listen=unix:/run/${NAME}",
        "--listen=127.0.0.1:${PORT}",
        "x",
    ];
    let found = run(&words, &[]).unwrap();
    let expected = PidFile::At {
        path: "/run/a b".into(),
        shown: "/run/${NAME}".into(),
    };
    assert_eq!(found.pid_file, Some(expected));
    let [unix, ip] = &found.listen[..] else {
        panic!("{found:?}")
    };
    assert_eq!(unix.value, Address::Unix("/run/a b".into()));
    assert_eq!(
        (ip.text.as_str(), &ip.value),
        ("127.0.0.1:${PORT}", &tcp("127.0.0.1:8000"))
    );
    let variables = [
        ("HINIT_PID_FILE", "/run/${NAME}"),
        ("HINIT_LISTEN", "unix:/run/${NAME} 127.0.0.1:${PORT}"),
    ];
    // A blank in a variable does not split the list again.
    assert_eq!(run(&["x"], &variables), run(&words, &[]));
    // Probes of hinit's own, whose words are split first.
    let probes = "--tcp 127.0.0.1:${PORT} --unix /run/${NAME}";
    let check = run(&["--ready-when", probes, "x"], &[]).unwrap().ready_when;
    let check = check.unwrap();
    assert_eq!(check.probes[0].value, Probe::Unix("/run/a b".into()));
    assert_eq!(check.probes[1].text, "127.0.0.1:${PORT}");
    assert_eq!(check.probes.len(), 2);
    let by_variable = run(&["x"], &[("HINIT_READY_WHEN", probes)])
        .unwrap()
        .ready_when;
    assert_eq!(by_variable, Some(check));
    // Other values of hinit's, and the server's command, stay as they are.
    let found = run(&["--workdir=/${NAME}", "--follow=$$", "${NAME}", "$$"], &[]).unwrap();
    assert_eq!(found.workdir, Some("/${NAME}".into()));
    assert_eq!(found.follow, [std::path::PathBuf::from("$$")]);
    assert_eq!(found.command, ["${NAME}", "$$"]);
}

#[test]
fn the_pid_file_of_the_small_commands() {
    for words in [&["signal", "TERM"][..], &["status"]] {
        let words = [words, &["--pid-file=/run/${NAME}"]].concat();
        let pid_file = match parse(&words, &[]) {
            Ok(Command::Signal(signal)) => signal.pid_file,
            Ok(Command::Status(status)) => status.pid_file,
            other => panic!("{other:?}"),
        };
        let expected = PidFile::At {
            path: "/run/a b".into(),
            shown: "/run/${NAME}".into(),
        };
        assert_eq!(pid_file, expected);
    }
}
