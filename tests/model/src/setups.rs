//! The models that are explored, the mistakes that must be found, and the limits.

use crate::rules::{Mutation, Rule, Setup, Stranger};

const PLAIN: Setup = Setup::PLAIN;

pub const MODELS: [Setup; 16] = [
    Setup {
        name: "two hinits start, run and crash on one path",
        hinits: 2,
        ..PLAIN
    },
    Setup {
        name: "two hinits and a check",
        hinits: 2,
        check: true,
        ..PLAIN
    },
    Setup {
        name: "two hinits and a signal",
        hinits: 2,
        signal: true,
        ..PLAIN
    },
    Setup {
        name: "two hinits, a stop with a delay and a check",
        hinits: 2,
        delay: true,
        check: true,
        ..PLAIN
    },
    Setup {
        name: "two hinits, a handover and a check",
        hinits: 2,
        handover: true,
        pids: 3,
        check: true,
        ..PLAIN
    },
    Setup {
        name: "a handover by MAINPID and a check",
        handover: true,
        pids: 3,
        check: true,
        ..PLAIN
    },
    Setup {
        name: "a handover by MAINPID and a signal",
        handover: true,
        pids: 3,
        signal: true,
        ..PLAIN
    },
    Setup {
        name: "two hinits and a handover",
        hinits: 2,
        handover: true,
        pids: 3,
        ..PLAIN
    },
    Setup {
        name: "a stop with a delay, a handover and a check",
        delay: true,
        handover: true,
        pids: 3,
        check: true,
        ..PLAIN
    },
    Setup {
        name: "a stop with a delay on a file system that keeps no modes",
        delay: true,
        check: true,
        keeps_modes: false,
        ..PLAIN
    },
    Setup {
        name: "a stranger that locks the file, and a check",
        stranger: Stranger::Reads,
        check: true,
        ..PLAIN
    },
    Setup {
        name: "a stranger that renames the file, and a check",
        stranger: Stranger::WritesDirectory,
        check: true,
        ..PLAIN
    },
    Setup {
        name: "a stranger that renames the file, and a signal",
        stranger: Stranger::WritesDirectory,
        signal: true,
        ..PLAIN
    },
    Setup {
        name: "two hinits and a file that sometimes cannot be emptied",
        hinits: 2,
        empties_fail: true,
        handover: true,
        pids: 3,
        ..PLAIN
    },
    Setup {
        name: "two hinits and a check, without locks of fcntl(2)",
        hinits: 2,
        check: true,
        ofd_locks: false,
        ..PLAIN
    },
    Setup {
        name: "two hinits and a check of a file that is a mount point",
        hinits: 2,
        check: true,
        mount_point: true,
        ..PLAIN
    },
];

pub const MUTATIONS: [(Setup, Rule); 11] = [
    (
        Setup {
            name: "the PID is written to another file, which is renamed",
            hinits: 2,
            mutations: &[Mutation::Rename],
            ..PLAIN
        },
        Rule::OneOwner,
    ),
    (
        Setup {
            name: "the exclusive locks are taken before the file is emptied",
            mutations: &[Mutation::LockBeforeEmptying],
            ..PLAIN
        },
        Rule::NoStalePid,
    ),
    (
        Setup {
            name: "readers look at the bytes before the lock",
            hinits: 2,
            signal: true,
            mutations: &[Mutation::BytesBeforeLock],
            ..PLAIN
        },
        Rule::NoWrongSignal,
    ),
    (
        Setup {
            name: "the server is reaped before the file is emptied",
            mutations: &[Mutation::ReapBeforeEmptying],
            ..PLAIN
        },
        Rule::PidNotReused,
    ),
    (
        Setup {
            name: "readers believe flock(2)",
            stranger: Stranger::Reads,
            check: true,
            mutations: &[Mutation::FlockIsProof],
            ..PLAIN
        },
        Rule::NoFalseHealthy,
    ),
    (
        Setup {
            name: "MAINPID may name any process",
            handover: true,
            pids: 3,
            check: true,
            mutations: &[Mutation::MainPidOfAnyProcess],
            ..PLAIN
        },
        Rule::NoFalseHealthy,
    ),
    (
        Setup {
            name: "the mark of a stop is in the mode",
            delay: true,
            check: true,
            keeps_modes: false,
            mutations: &[Mutation::MarkInMode],
            ..PLAIN
        },
        Rule::StopIsSeen,
    ),
    (
        Setup {
            name: "the size was read before the lock",
            hinits: 2,
            ofd_locks: false,
            mutations: &[Mutation::SizeBeforeLock],
            ..PLAIN
        },
        Rule::NoStalePid,
    ),
    (
        Setup {
            name: "the writer lock is taken before the last look at the size",
            hinits: 2,
            mutations: &[Mutation::WriterLockBeforeLook],
            ..PLAIN
        },
        Rule::NoStalePid,
    ),
    (
        Setup {
            name: "hinit uses the file after it has released its locks",
            hinits: 2,
            empties_fail: true,
            handover: true,
            pids: 3,
            mutations: &[Mutation::UseAfterRelease],
            ..PLAIN
        },
        Rule::OnlyItsOwnFile,
    ),
    (
        Setup {
            name: "the check looks at the lock only once",
            check: true,
            mutations: &[Mutation::NoSecondLook],
            ..PLAIN
        },
        Rule::NoFalseHealthy,
    ),
];

pub const LIMITS: [(Setup, Rule); 2] = [
    (
        Setup {
            name: "hinit is killed during a check, and another process gets the PID at once",
            check: true,
            is_strict: true,
            ..PLAIN
        },
        Rule::NoFalseHealthy,
    ),
    (
        Setup {
            name: "a stranger renames the file between hinit's last look and its unlinkat(2)",
            stranger: Stranger::WritesDirectory,
            is_strict: true,
            ..PLAIN
        },
        Rule::OnlyItsOwnFile,
    ),
];
