//! Bytes that others have written, whatever they are: libFuzzer's (tests/fuzz/run), or those of its seeds
//! and what is left of them when they are cut, damaged or repeated. Nothing makes a reader of them panic,
//! and what must hold for all bytes holds.

use crate::{cli, healthcheck, pidfile, process, run};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| one(bytes));

/// The first byte says what they are.
fn one(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    match kind {
        b'a' => cli::fuzz(bytes),
        b'g' | b'h' | b'p' => healthcheck::fuzz(*kind, bytes),
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
        kinds.push(seed[0]);
        one(&[&seed[..], &seed[1..], &seed[1..]].concat());
        for at in 1..seed.len() {
            one(&seed[..at]);
            for byte in [0, b'\n', b'0', b'9', b' ', 0x7f, 0xff, seed[at] ^ 1] {
                let mut damaged = seed.clone();
                damaged[at] = byte;
                one(&damaged);
            }
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, b"afghnprsux", "there is a seed of each kind");
}
