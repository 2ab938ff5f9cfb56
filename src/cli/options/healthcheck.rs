//! The options of `hinit healthcheck`.

use std::time::Duration;

use super::table::{option, options};
use super::{PID_FILE, Topic, Typed};
use crate::cli::PidFile;
use crate::cli::probes::{self, Codes, Header, Probe};
use crate::cli::values::{self, Separators, Written};

pub(crate) const FOREIGN: Typed<bool> = option!(
    ("--foreign", "Accept the PID file of another program: any owner, no lock", variable)
    flag()
);
pub(crate) const JSON: Typed<bool> = option!(
    ("--json", "Print one JSON object instead of text", variable)
    flag()
);

options! {
    /// What was given to `hinit healthcheck`.
    HealthcheckOptions {
        ["The process"]
        pid_file: PidFile = PID_FILE,
        no_pid: bool = NO_PID {
            ("--no-pid", "Do not look at the PID file; only the probes decide", variable)
            flag()
        },
        ready: bool = READY {
            (
                "--ready",
                "Also ask hinit whether the server is ready; hinit must run with --notify, --listen or --ready-when",
                variable
            )
            flag()
        },
        foreign: bool = FOREIGN,

        ["Probes"]
        http: Vec<Written<Probe>> = HTTP {
            (
                "--http URL",
                "Ask a web server: http://127.0.0.1:8000/health or http+unix:///run/app.sock:/health; may be repeated",
                variable, expanded
            )
            // A comma can be part of a URL.
            parsed(Separators::Blanks, probes::HTTP)
        },
        fastcgi: Vec<Written<Probe>> = FASTCGI {
            (
                "--fastcgi ADDRESS/PATH",
                "Ask a FastCGI server such as PHP-FPM: 127.0.0.1:9000/ping or unix:/run/php/fpm.sock:/ping; may be repeated",
                variable, expanded
            )
            // A comma can be part of a path.
            parsed(Separators::Blanks, probes::FASTCGI)
        },
        grpc: Vec<Written<Probe>> = GRPC {
            (
                "--grpc ADDRESS",
                "Ask the health service of a gRPC server: 127.0.0.1:50051[/SERVICE] or unix:/run/app.sock[:/SERVICE]; may be repeated",
                variable, expanded
            )
            parsed(Separators::BlanksOrCommas, probes::GRPC)
        },
        tcp: Vec<Written<Probe>> = TCP {
            (
                "--tcp ADDRESS",
                "Connect to this address: 127.0.0.1:5432, [::1]:5432 or localhost:5432; may be repeated",
                variable, expanded
            )
            parsed(Separators::BlanksOrCommas, probes::TCP)
        },
        unix: Vec<Written<Probe>> = UNIX {
            (
                "--unix PATH",
                "Connect to this Unix socket: a path, or @NAME for an abstract one; may be repeated",
                variable, expanded
            )
            parsed(Separators::Lines, probes::UNIX)
        },
        heartbeat: Vec<Written<Probe>> = HEARTBEAT {
            (
                "--heartbeat PATH",
                "File that the server must have touched within --max-age; may be repeated",
                variable, expanded
            )
            parsed(Separators::Lines, probes::HEARTBEAT)
        },
        max_age: Option<Duration> = MAX_AGE {
            ("--max-age DURATION", "How old the heartbeat file may be", variable, expanded)
            value(&values::DURATION)
        },

        ["Requests and answers"]
        send: Vec<u8> = SEND {
            (
                "--send TEXT",
                "Text to send, such as `PING\\r\\n`; the escapes are `\\r \\n \\t \\\\ \\xNN`",
                variable, expanded
            )
            bytes()
        },
        reply: Vec<u8> = REPLY {
            (
                "--reply TEXT",
                "How the answer must begin, such as `+PONG`; without --send, the server speaks first",
                variable, expanded
            )
            bytes()
        },
        tls: bool = TLS {
            (
                "--tls",
                "Use TLS for --send and --reply (only hinit-tls)",
                variable
            )
            flag()
        },
        method: Option<Written<String>> = METHOD {
            (
                "--method METHOD",
                "Method of the HTTP request, such as HEAD or POST",
                default "GET",
                variable, expanded
            )
            parsed_once(probes::METHOD)
        },
        header: Vec<Header> = HEADER {
            (
                "--header FIELD",
                "Header field to send, such as `Accept: text/plain`, or metadata of gRPC; may be repeated",
                variable, expanded
            )
            parsed(Separators::Lines, probes::header)
        },
        body: Option<Written<String>> = BODY {
            (
                "--body TEXT",
                "Body of the HTTP request; hinit sets its Content-Length",
                variable, expanded
            )
            parsed_once(probes::TEXT)
        },
        expect: Vec<Codes> = EXPECT {
            (
                "--expect CODES",
                "HTTP status codes that are healthy, such as 200 or 200-299,304; may be repeated",
                default "200-399",
                variable, expanded
            )
            parsed(Separators::List, probes::codes)
        },
        contains: Vec<Written<String>> = CONTAINS {
            (
                "--contains TEXT",
                "Text that the first 64 KiB of the body must contain; may be repeated",
                variable, expanded
            )
            parsed(Separators::Lines, probes::TEXT)
        },
        lacks: Vec<Written<String>> = LACKS {
            (
                "--lacks TEXT",
                "Text that the body, of at most 64 KiB, must not contain; may be repeated",
                variable, expanded
            )
            parsed(Separators::Lines, probes::TEXT)
        },

        ["Time and output"]
        timeout: Duration = TIMEOUT {
            (
                "--timeout DURATION",
                "Time limit for the whole check: 500ms, 2s, 1.5s, 1m; a bare number is seconds",
                default "900ms",
                variable, expanded
            )
            value_or(&values::TIMEOUT, Duration::from_millis(900))
        },
        json: bool = JSON,
        quiet: bool = NO_LINE {
            ("-q, --quiet", "Print nothing, only set the exit code", variable)
            flag()
        },
    }
}

pub(crate) static HEALTHCHECK: Topic = Topic {
    call: "hinit healthcheck",
    usage: "usage: hinit healthcheck [OPTIONS]",
    about: "\
Checks the PID file and its process, and then each probe that is given; all must
pass. Prints the verdict in one line; exits with 0 if the server is healthy,
else with 1.

HINIT_HEALTH may contain any of these options, as on a command line; the other
variables and the command line itself override it. In values, ${NAME} and
${NAME:-DEFAULT} are replaced from the environment.",
    mixed: false,
    clusters: false,
    options: HealthcheckOptions::OPTIONS,
    general: Some("HINIT_HEALTH"),
    titles: HealthcheckOptions::TITLES,
    examples: "
Examples:
  hinit healthcheck
  hinit healthcheck --http http://127.0.0.1:8000/health --contains ok
  hinit healthcheck --tcp 127.0.0.1:6379 --send 'PING\\r\\n' --reply +PONG
",
};
