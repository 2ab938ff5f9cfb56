//! The two groups in which a key is agreed on: every server of TLS 1.3 has P-256 (RFC 8446, 9.1), and most have X25519.

use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use rustls::crypto::{ActiveKeyExchange, GetRandomFailed, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

use crate::sys;

pub(super) static GROUPS: &[&dyn SupportedKxGroup] = &[&X25519, &P256];

const INVALID: Error = Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare);

#[derive(Debug)]
struct X25519;

#[derive(Debug)]
struct P256;

/// An exchange of keys, whose server has not answered yet.
struct Exchange<S> {
    secret: S,
    public: Vec<u8>,
}

fn random() -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    sys::fill_with_random(&mut bytes).map_err(|_| GetRandomFailed)?;
    Ok(bytes)
}

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let secret = random()?;
        Ok(Box::new(Exchange {
            secret,
            public: x25519(secret, X25519_BASEPOINT_BYTES).to_vec(),
        }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

impl ActiveKeyExchange for Exchange<[u8; 32]> {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = peer.try_into().map_err(|_| INVALID)?;
        let shared = x25519(self.secret, peer);
        // A point of small order, which TLS forbids (RFC 8446, 7.4.2).
        if shared == [0; 32] {
            return Err(INVALID);
        }
        Ok(SharedSecret::from(shared.as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

impl SupportedKxGroup for P256 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        loop {
            // One number in 2^32 is not a key.
            if let Ok(secret) = SecretKey::from_slice(&random()?) {
                let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
                return Ok(Box::new(Exchange { secret, public }));
            }
        }
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

impl ActiveKeyExchange for Exchange<SecretKey> {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = PublicKey::from_sec1_bytes(peer).map_err(|_| INVALID)?;
        let shared = self.secret.diffie_hellman(&peer);
        Ok(SharedSecret::from(shared.raw_secret_bytes().as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_have_the_same_secret() {
        for group in GROUPS {
            let (ours, theirs) = (group.start().unwrap(), group.start().unwrap());
            assert_eq!((ours.group(), theirs.group()), (group.name(), group.name()));
            let (our_key, their_key) = (ours.pub_key().to_vec(), theirs.pub_key().to_vec());
            let secrets = [ours.complete(&their_key), theirs.complete(&our_key)];
            let [one, other] = secrets.map(|secret| secret.unwrap().secret_bytes().to_vec());
            assert_eq!(one, other);
            assert_ne!(our_key, their_key);
        }
    }

    /// A key of another length, of small order, or not on the curve.
    #[test]
    fn keys_that_are_none() {
        for (group, key) in [
            (GROUPS[0], &[9; 31][..]),
            (GROUPS[0], &[0; 32]),
            (GROUPS[0], &[]),
            (GROUPS[1], &[4; 64]),
            (GROUPS[1], &[4; 65]),
            (GROUPS[1], &[0]),
            (GROUPS[1], &[]),
        ] {
            let secret = group.start().unwrap().complete(key);
            assert_eq!(secret.map(|_| ()), Err(INVALID), "{key:?}");
        }
    }
}
