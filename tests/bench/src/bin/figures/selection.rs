//! The figures that the guide and the README show, and the names that they use for them.

use crate::bench::{HINIT, NO_OP, PID_CHECK, TINY, TLS, YARDSTICK};
use crate::floor::FLOOR;
use crate::http::{BUSYBOX, CURL};
use crate::waits::{NO_INIT, RUN_INIT};

pub(crate) struct Table {
    pub(crate) about: &'static str,
    pub(crate) programs: &'static [&'static str],
    /// The name in the table, and the name of the figure.
    pub(crate) rows: &'static [(&'static str, &'static str)],
}

/// What a user of a container notices first.
pub(crate) const HIGHLIGHTS: [Table; 2] = [
    Table {
        about: "init",
        programs: &[TINY, YARDSTICK, "dumb-init", "catatonit"],
        rows: &[
            (
                "signals lost at full speed",
                "signals at full speed as PID 1: lost of those taken",
            ),
            ("memory of the idle PID 1", "idle: PSS"),
            ("size of the binary", "file: size"),
        ],
    },
    Table {
        about: "health check over HTTP",
        programs: &[TINY, CURL],
        rows: &[
            ("time", "http: time"),
            ("system calls", "http: system calls"),
        ],
    },
];

pub(crate) const TABLES: [Table; 5] = [
    Table {
        about: "init",
        programs: &[
            HINIT,
            TINY,
            FLOOR,
            YARDSTICK,
            "tini",
            "dumb-init",
            "catatonit",
        ],
        rows: &[
            ("extra time of a launch", "launch: extra time"),
            (
                "… over tini-static's",
                "launch: extra time over tini-static's",
            ),
            (
                "extra time without a PID file",
                "launch with --no-pid-file: extra time",
            ),
            (
                "extra time over a bare parent's, PID file on a tmpfs",
                "launch with the PID file on tmpfs: extra time over a bare parent's",
            ),
            (
                "… over the floor's",
                "launch with the PID file on tmpfs: extra time over the floor's",
            ),
            (
                "the same, PID file on a disk",
                "launch with the PID file on disk: extra time over a bare parent's",
            ),
            (
                "… over the floor's",
                "launch with the PID file on disk: extra time over the floor's",
            ),
            (
                "minor page faults of a launch",
                "launch: extra minor page faults",
            ),
            (
                "system calls until the server's exec",
                "launch: system calls until exec",
            ),
            (
                "SIGTERMs lost in the first 2 ms of a PID 1",
                "early SIGTERM as PID 1: lost (95 % interval)",
            ),
            (
                "time for a signal to get to the server",
                "forwarding as PID 1: latency",
            ),
            (
                "… over the best peer's",
                "forwarding as PID 1: latency over the best peer's",
            ),
            (
                "99th percentile of that time",
                "forwarding as PID 1: 99th percentile",
            ),
            (
                "… over that peer's",
                "forwarding as PID 1: 99th percentile over that peer's",
            ),
            (
                "signals lost at full speed",
                "signals at full speed as PID 1: lost of those taken",
            ),
            (
                "CPU time for one of 100,000 orphans",
                "orphans reaped by one: CPU time for one of 100000",
            ),
            (
                "the same, of 3,000 that have all ended",
                "orphans of a stopped init: CPU time for one",
            ),
            (
                "… over the best peer's",
                "orphans of a stopped init: CPU time for one over the best peer's",
            ),
            (
                "… over the floor's",
                "orphans of a stopped init: CPU time for one over the floor's",
            ),
            ("memory of the idle PID 1 (PSS)", "idle: PSS"),
            ("… over tini-static's", "idle: PSS over tini-static's"),
            ("… of that what it has written to", "idle: anonymous memory"),
            (
                "memory of 1,000 idle inits together (PSS)",
                "idle inits: PSS of 1000",
            ),
            ("wake-ups in 60 idle seconds", "idle: wake-ups in 60 s"),
            ("size of the binary", "file: size"),
        ],
    },
    Table {
        about: "health check",
        programs: &[HINIT, TINY, FLOOR, PID_CHECK, NO_OP, CURL, BUSYBOX],
        rows: &[
            ("time", "health check: time"),
            (
                "… over that of a program that does nothing",
                "health check: time over the no-op's",
            ),
            ("… over the floor's", "health check: time over the floor's"),
            ("minor page faults", "health check: minor page faults"),
            ("system calls", "health check: system calls"),
            (
                "instructions, but the kernel's",
                "instructions of a health check",
            ),
            ("time over HTTP", "http: time"),
            ("… over curl's", "http: time over curl's"),
            ("… over busybox's", "http: time over busybox's"),
            ("system calls over HTTP", "http: system calls"),
            ("CPU time to ask Redis", "Redis: CPU time"),
            ("… over redis-cli's", "Redis: CPU time over redis-cli's"),
            ("CPU time to ask PHP-FPM", "PHP-FPM: CPU time"),
            ("… over cgi-fcgi's", "PHP-FPM: CPU time over cgi-fcgi's"),
        ],
    },
    Table {
        about: "health check over TLS",
        programs: &[TLS, NO_OP, CURL],
        rows: &[
            ("time", "https: time"),
            ("CPU time", "https: CPU time"),
            ("… over curl's", "https: CPU time over curl's"),
            ("size of the binary", "https: size of the binary"),
        ],
    },
    Table {
        about: "answering probes",
        programs: &[HINIT, TINY],
        rows: &[
            (
                "CPU time of a HEALTHCHECK, the engine's exec of `hinit healthcheck`",
                "a probe's CPU time by HEALTHCHECK",
            ),
            (
                "CPU time of a `GET /livez` on a new connection, hinit and client",
                "a probe's CPU time by GET on a new connection",
            ),
            (
                "CPU time of a `GET /livez` on a kept connection",
                "a probe's CPU time by GET on a kept one",
            ),
            (
                "requests answered in a second on kept connections",
                "kept-alive probes: answered in a second",
            ),
            (
                "in a storm: connections in a second",
                "a storm of probes, orphans and signals: connections in a second",
            ),
            (
                "orphans in a second",
                "a storm of probes, orphans and signals: orphans in a second",
            ),
            (
                "probes failed",
                "a storm of probes, orphans and signals: probes failed",
            ),
            (
                "time for a signal to get to the server",
                "a storm of probes, orphans and signals: a signal's time",
            ),
            (
                "its 99th percentile",
                "a storm of probes, orphans and signals: 99th percentile of a signal's time",
            ),
            (
                "growth of memory",
                "a storm of probes, orphans and signals: growth of RSS",
            ),
            (
                "among 1,000 slow clients: time of a probe",
                "1,000 slow clients: a probe's time",
            ),
            (
                "its 99th percentile",
                "1,000 slow clients: 99th percentile of a probe's time",
            ),
            (
                "with `--notify` and `--listen`: time for a signal over that without",
                "forwarding, listening: latency over the plain one's",
            ),
            (
                "time of a health check over that without",
                "health check, listening: time over the plain one's",
            ),
            (
                "wake-ups in 60 idle seconds",
                "idle, listening: wake-ups in 60 s",
            ),
        ],
    },
    Table {
        about: "waiting for an engine",
        programs: &[HINIT, TINY, RUN_INIT, NO_INIT],
        rows: &[
            (
                "from `docker run` until the container is healthy",
                "an engine: from docker run to healthy",
            ),
            ("for `docker stop`", "an engine: docker stop"),
        ],
    },
];
