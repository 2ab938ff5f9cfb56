//! The cryptography of TLS, by crates that need no C compiler: what rustls needs of it, and no more.

use rustls::crypto::tls12::PrfUsingHmac;
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{
    CipherSuiteCommon, CryptoProvider, GetRandomFailed, KeyExchangeAlgorithm, KeyProvider,
    SecureRandom, WebPkiSupportedAlgorithms,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{CipherSuite, Error, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite};
use std::sync::Arc;

use super::verifier::ALL_SCHEMES;
use crate::sys;

mod aead;
mod hash;
mod key_exchange;

use aead::{AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305};
use hash::{SHA256, SHA384};

pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: SUITES.to_vec(),
        kx_groups: key_exchange::GROUPS.to_vec(),
        signature_verification_algorithms: WebPkiSupportedAlgorithms {
            all: &[],
            mapping: &[],
        },
        secure_random: &Kernel,
        key_provider: &Kernel,
    }
}

macro_rules! tls13 {
    ($suite:ident, $hash:expr, $aead:expr) => {
        SupportedCipherSuite::Tls13(&Tls13CipherSuite {
            common: common(CipherSuite::$suite, $hash),
            hkdf_provider: &HkdfUsingHmac($hash),
            aead_alg: $aead,
            quic: None,
        })
    };
}

macro_rules! tls12 {
    ($suite:ident, $hash:expr, $aead:expr) => {
        SupportedCipherSuite::Tls12(&Tls12CipherSuite {
            common: common(CipherSuite::$suite, $hash),
            prf_provider: &PrfUsingHmac($hash),
            kx: KeyExchangeAlgorithm::ECDHE,
            sign: ALL_SCHEMES,
            aead_alg: $aead,
        })
    };
}

/// In the order in which they are offered.
static SUITES: &[SupportedCipherSuite] = &[
    tls13!(TLS13_AES_128_GCM_SHA256, &SHA256, &AES_128_GCM),
    tls13!(TLS13_AES_256_GCM_SHA384, &SHA384, &AES_256_GCM),
    tls13!(TLS13_CHACHA20_POLY1305_SHA256, &SHA256, &CHACHA20_POLY1305),
    tls12!(
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        &SHA256,
        &AES_128_GCM
    ),
    tls12!(
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        &SHA384,
        &AES_256_GCM
    ),
    tls12!(
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        &SHA256,
        &CHACHA20_POLY1305
    ),
    tls12!(TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, &SHA256, &AES_128_GCM),
    tls12!(TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, &SHA384, &AES_256_GCM),
    tls12!(
        TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        &SHA256,
        &CHACHA20_POLY1305
    ),
];

const fn common(
    suite: CipherSuite,
    hash: &'static dyn rustls::crypto::hash::Hash,
) -> CipherSuiteCommon {
    CipherSuiteCommon {
        suite,
        hash_provider: hash,
        // A health check sends a few records; the limit of each cipher is 2^24 or more (RFC 8446, 5.5).
        confidentiality_limit: 1 << 24,
    }
}

/// Random bytes from the kernel, and no private keys.
#[derive(Debug)]
struct Kernel;

impl SecureRandom for Kernel {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        sys::fill_with_random(bytes).map_err(|_| GetRandomFailed)
    }
}

impl KeyProvider for Kernel {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General(String::new()))
    }
}

#[cfg(test)]
mod tests;
