//! Feeds bytes to the parsers of all input: the bytes of libFuzzer (tests/fuzz/run), or those of its seeds,
//! cut, damaged or repeated. No bytes make a parser panic, and each parser's own invariants hold.

use crate::{cli, healthcheck, pidfile, process, run};

// HINIT_FUZZ_KIND chooses one kind for all inputs.
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

/// Feeds one input to its parser. The first byte of a seed is its kind.
fn one(kind: u8, bytes: &[u8]) {
    match kind {
        b'a' | b'e' | b'v' => cli::fuzz(kind, bytes),
        b'b' | b'c' | b'g' | b'h' | b'l' | b'p' | b't' => healthcheck::fuzz(kind, bytes),
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
fn seeds_and_damaged_seeds_are_read_without_a_panic() {
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
    assert_eq!(kinds, b"abcefghlnprstuvx", "there is a seed of each kind");
}
