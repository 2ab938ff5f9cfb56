//! The encryption of records.

use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, NONCE_LEN, Nonce, OutboundOpaqueMessage, OutboundPlainMessage,
    PrefixedPayload, Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError,
    make_tls12_aad, make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};

const TAG: usize = 16;
/// The maximum size of a record's content (RFC 8446, 5.1).
const MAX_CONTENT: usize = 16 * 1024;

pub(super) static AES_128_GCM: Aead = Aead {
    key_length: 16,
    explicit: 8,
    cipher: cipher::<Aes128Gcm>,
};
pub(super) static AES_256_GCM: Aead = Aead {
    key_length: 32,
    explicit: 8,
    cipher: cipher::<Aes256Gcm>,
};
pub(super) static CHACHA20_POLY1305: Aead = Aead {
    key_length: 32,
    explicit: 0,
    cipher: cipher::<ChaCha20Poly1305>,
};

/// An algorithm for authenticated encryption.
pub(super) struct Aead {
    key_length: usize,
    /// How many bytes of the nonce each record of TLS 1.2 contains (RFC 5288, 3; RFC 7905, 2).
    explicit: usize,
    cipher: fn(&[u8]) -> Box<dyn Cipher>,
}

/// An algorithm with its key.
trait Cipher: Send + Sync {
    fn seal(&self, nonce: &[u8; NONCE_LEN], context: &[u8], bytes: &mut [u8]) -> Option<[u8; TAG]>;
    /// Without the tag, which is the end of the bytes. None: they were not sealed with this key, nonce and context.
    fn open<'b>(
        &self,
        nonce: &[u8; NONCE_LEN],
        context: &[u8],
        bytes: &'b mut [u8],
    ) -> Option<&'b mut [u8]>;
}

/// None for the cipher: the key had another length, which rustls does not give.
fn cipher<A>(key: &[u8]) -> Box<dyn Cipher>
where
    A: AeadInOut<NonceSize = U12, TagSize = U16> + KeyInit + Send + Sync + 'static,
{
    Box::new(A::new_from_slice(key).ok())
}

impl<A> Cipher for Option<A>
where
    A: AeadInOut<NonceSize = U12, TagSize = U16> + Send + Sync,
{
    fn seal(&self, nonce: &[u8; NONCE_LEN], context: &[u8], bytes: &mut [u8]) -> Option<[u8; TAG]> {
        let tag = self
            .as_ref()?
            .encrypt_inout_detached(nonce.into(), context, bytes.into());
        Some(tag.ok()?.into())
    }

    fn open<'b>(
        &self,
        nonce: &[u8; NONCE_LEN],
        context: &[u8],
        bytes: &'b mut [u8],
    ) -> Option<&'b mut [u8]> {
        let (plain, tag) = bytes.split_last_chunk_mut::<TAG>()?;
        self.as_ref()?
            .decrypt_inout_detached(nonce.into(), context, (&mut *plain).into(), (&*tag).into())
            .ok()?;
        Some(plain)
    }
}

/// What encrypts or decrypts the records of one direction.
struct Records {
    cipher: Box<dyn Cipher>,
    iv: Iv,
    version: Version,
}

enum Version {
    Tls13,
    Tls12 { explicit: usize },
}

impl Aead {
    fn tls13(&self, key: &[u8], iv: Iv) -> Records {
        Records {
            cipher: (self.cipher)(key),
            iv,
            version: Version::Tls13,
        }
    }

    /// The parts of the IV follow each other; what is left is 0.
    fn tls12(&self, key: &[u8], iv: &[u8], explicit: &[u8]) -> Records {
        let mut bytes = [0; NONCE_LEN];
        for (to, from) in bytes.iter_mut().zip(iv.iter().chain(explicit)) {
            *to = *from;
        }
        Records {
            cipher: (self.cipher)(key),
            iv: bytes.into(),
            version: Version::Tls12 {
                explicit: self.explicit,
            },
        }
    }
}

impl Tls13AeadAlgorithm for Aead {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(self.tls13(key.as_ref(), iv))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(self.tls13(key.as_ref(), iv))
    }

    fn key_len(&self) -> usize {
        self.key_length
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

impl Tls12AeadAlgorithm for Aead {
    fn encrypter(&self, key: AeadKey, iv: &[u8], explicit: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(self.tls12(key.as_ref(), iv, explicit))
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(self.tls12(key.as_ref(), iv, &[]))
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape {
            enc_key_len: self.key_length,
            fixed_iv_len: NONCE_LEN - self.explicit,
            explicit_nonce_len: self.explicit,
        }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

impl Records {
    fn explicit(&self) -> usize {
        match self.version {
            Version::Tls13 => 0,
            Version::Tls12 { explicit } => explicit,
        }
    }

    /// What the tag of a record protects besides its content (RFC 8446, 5.2; RFC 5246, 6.2.3.3).
    fn context(
        &self,
        number: u64,
        kind: ContentType,
        version: ProtocolVersion,
        plain: usize,
    ) -> Vec<u8> {
        match self.version {
            Version::Tls13 => make_tls13_aad(plain + TAG).to_vec(),
            Version::Tls12 { .. } => make_tls12_aad(number, kind, version, plain).to_vec(),
        }
    }
}

impl MessageEncrypter for Records {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage,
        number: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let OutboundPlainMessage {
            typ: kind,
            version,
            payload,
        } = message;
        let explicit = self.explicit();
        let nonce = Nonce::new(&self.iv, number).0;
        let mut record = PrefixedPayload::with_capacity(self.encrypted_payload_len(payload.len()));
        record.extend_from_slice(nonce.get(NONCE_LEN - explicit..).unwrap_or_default());
        record.extend_from_chunks(&payload);
        let (outer_kind, outer_version) = match self.version {
            Version::Tls12 { .. } => (kind, version),
            Version::Tls13 => {
                record.extend_from_slice(&[kind.into()]);
                (ContentType::ApplicationData, ProtocolVersion::TLSv1_2)
            }
        };
        let plain = record.as_mut().get_mut(explicit..).unwrap_or_default();
        let context = self.context(number, kind, version, plain.len());
        let tag = self.cipher.seal(&nonce, &context, plain);
        record.extend_from_slice(&tag.ok_or(Error::EncryptError)?);
        Ok(OutboundOpaqueMessage::new(
            outer_kind,
            outer_version,
            record,
        ))
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        let kind = usize::from(matches!(self.version, Version::Tls13));
        self.explicit() + length + kind + TAG
    }
}

impl MessageDecrypter for Records {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        number: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let length = self.open(&mut message, number).ok_or(Error::DecryptError)?;
        message.payload.truncate(length);
        if matches!(self.version, Version::Tls13) {
            return message.into_tls13_unpadded_message();
        }
        if length > MAX_CONTENT {
            return Err(Error::PeerSentOversizedRecord);
        }
        Ok(message.into_plain_message())
    }
}

impl Records {
    /// Decrypts a record. Its content is then at its beginning, and has this length.
    fn open(&self, message: &mut InboundOpaqueMessage, number: u64) -> Option<usize> {
        let explicit = self.explicit();
        let (kind, version) = (message.typ, message.version);
        let (sent, sealed) = message.payload.split_at_mut_checked(explicit)?;
        let mut nonce = Nonce::new(&self.iv, number).0;
        nonce.get_mut(NONCE_LEN - explicit..)?.copy_from_slice(sent);
        let context = self.context(number, kind, version, sealed.len().checked_sub(TAG)?);
        let length = self.cipher.open(&nonce, &context, sealed)?.len();
        message.payload.copy_within(explicit..explicit + length, 0);
        Some(length)
    }
}

#[cfg(test)]
mod tests;
