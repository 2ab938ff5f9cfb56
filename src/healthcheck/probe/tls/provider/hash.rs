//! SHA-2, and HMAC with it.

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use rustls::crypto::hash::{self, HashAlgorithm};
use rustls::crypto::hmac::{self as rustls_hmac, Tag};
use sha2::{Digest, Sha256, Sha384};
use std::marker::PhantomData;

pub(super) static SHA256: Sha2<Sha256> = Sha2(HashAlgorithm::SHA256, PhantomData);
pub(super) static SHA384: Sha2<Sha384> = Sha2(HashAlgorithm::SHA384, PhantomData);

/// A hash function, and the HMAC with it.
pub(super) struct Sha2<D>(HashAlgorithm, PhantomData<D>);

/// A hash that is being computed.
struct Context<D>(D);

/// A key of HMAC, ready for a message.
struct Key<D: EagerHash>(Hmac<D>);

impl<D: Digest + Clone + Send + Sync + 'static> hash::Hash for Sha2<D> {
    fn start(&self) -> Box<dyn hash::Context> {
        Box::new(Context(D::new()))
    }

    fn hash(&self, bytes: &[u8]) -> hash::Output {
        hash::Output::new(&D::digest(bytes))
    }

    fn output_len(&self) -> usize {
        <D as Digest>::output_size()
    }

    fn algorithm(&self) -> HashAlgorithm {
        self.0
    }
}

impl<D: Digest + Clone + Send + Sync + 'static> hash::Context for Context<D> {
    fn fork_finish(&self) -> hash::Output {
        hash::Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn hash::Context> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> hash::Output {
        hash::Output::new(&self.0.finalize())
    }

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

impl<D> rustls_hmac::Hmac for Sha2<D>
where
    D: EagerHash + Digest + Send + Sync + 'static,
    Hmac<D>: Mac + KeyInit + Clone + Send + Sync,
{
    fn with_key(&self, key: &[u8]) -> Box<dyn rustls_hmac::Key> {
        match <Hmac<D> as KeyInit>::new_from_slice(key) {
            Ok(hmac) => Box::new(Key(hmac)),
            // HMAC takes keys of any length (RFC 2104, 2).
            Err(_) => Box::new(Key(
                Hmac::<D>::new(&hmac::digest::Key::<Hmac<D>>::default()),
            )),
        }
    }

    fn hash_output_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}

impl<D> rustls_hmac::Key for Key<D>
where
    D: EagerHash + Digest + Send + Sync + 'static,
    Hmac<D>: Mac + Clone + Send + Sync,
{
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> Tag {
        let mut hmac = self.0.clone();
        hmac.update(first);
        for part in middle {
            hmac.update(part);
        }
        hmac.update(last);
        Tag::new(&hmac.finalize().into_bytes())
    }

    fn tag_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}
