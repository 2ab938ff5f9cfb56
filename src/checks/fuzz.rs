//! Bytes that others have written, whatever they are: libFuzzer's (tests/fuzz/run), or those of its seeds
//! and what is left of them when they are cut, damaged or repeated. Nothing makes a reader of them panic,
//! and what must hold for all bytes holds.

use crate::{cli, healthcheck, pidfile, process, run};

// All of one kind, where one is named.
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static KIND: std::sync::LazyLock<Option<u8>> = std::sync::LazyLock::new(|| {
        let kind = std::env::var("HINIT_FUZZ_KIND").ok()?;
        kind.bytes().next()
    });
    if let Some((first, bytes)) = bytes.split_first() {
        one(KIND.unwrap_or(*first), bytes);
    }
});

/// What reads them, by the first byte of a seed.
fn one(kind: u8, bytes: &[u8]) {
    match kind {
        b'a' | b'v' => cli::fuzz(kind, bytes),
        b'g' | b'h' | b'p' => healthcheck::fuzz(kind, bytes),
        b'f' => pidfile::fuzz(bytes),
        b'n' => run::fuzz::datagram(bytes),
        b'r' => run::fuzz::request(bytes),
        b's' => process::fuzz(bytes),
        b'u' => run::fuzz::accounts(bytes),
        b'x' => run::fuzz::program(bytes),
        _ => {}
    }
}

#[cfg(test)]
#[test]
fn no_seed_and_nothing_like_it_does_any_harm() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/seeds");
    let mut kinds = Vec::new();
    for seed in std::fs::read_dir(seeds).unwrap() {
        let seed = std::fs::read(seed.unwrap().path()).unwrap();
        let (&kind, seed) = seed.split_first().unwrap();
        kinds.push(kind);
        one(kind, &seed.repeat(3));
        for at in 0..seed.len() {
            one(kind, &seed[..at]);
            for byte in [0, b'\n', b'0', b'9', b' ', 0x7f, 0xff, seed[at] ^ 1] {
                let mut damaged = seed.to_vec();
                damaged[at] = byte;
                one(kind, &damaged);
            }
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, b"afghnprsuvx", "there is a seed of each kind");
}
