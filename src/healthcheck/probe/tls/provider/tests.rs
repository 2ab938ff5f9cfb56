//! Known answers, from the documents of TLS. (Whether servers understand hinit, tests/it/tls.rs tests.)

use rustls::crypto::tls12::Prf;
use rustls::crypto::tls13::Hkdf;

use super::*;

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// The test vector of the mailing list of the TLS working group.
#[test]
fn the_prf_of_tls_1_2() {
    let mut output = [0; 100];
    PrfUsingHmac(&SHA256).for_secret(
        &mut output,
        &bytes("9bbe436ba940f017b17652849a71db35"),
        b"test label",
        &bytes("a0ba9f936cda311827a6f796ffd5198c"),
    );
    let expected = "
        e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a
        6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab
        4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701
        87347b66";
    assert_eq!(output.to_vec(), bytes(expected));
}

/// RFC 5869, A.1.
#[test]
fn the_key_derivation_of_tls_1_3() {
    let salt = bytes("000102030405060708090a0b0c");
    let hkdf = HkdfUsingHmac(&SHA256).extract_from_secret(Some(&salt), &[0x0b; 22]);
    let mut output = [0; 42];
    let info = bytes("f0f1f2f3f4f5f6f7f8f9");
    hkdf.expand_slice(&[&info], &mut output).unwrap();
    let expected = "
        3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(output.to_vec(), bytes(expected));
}
