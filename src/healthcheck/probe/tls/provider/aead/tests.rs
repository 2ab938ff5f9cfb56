use rustls::crypto::cipher::OutboundChunks;

use super::super::tests::bytes;
use super::*;

const DATA: ContentType = ContentType::ApplicationData;
const VERSION: ProtocolVersion = ProtocolVersion::TLSv1_2;

fn encrypt(records: &mut Records, text: &[u8], number: u64) -> Vec<u8> {
    let message = OutboundPlainMessage {
        typ: DATA,
        version: VERSION,
        payload: OutboundChunks::Single(text),
    };
    records.encrypt(message, number).unwrap().encode()
}

fn decrypt(records: &mut Records, sealed: &[u8], number: u64) -> Result<Vec<u8>, Error> {
    let mut sealed = sealed.to_vec();
    let record = InboundOpaqueMessage::new(DATA, VERSION, &mut sealed);
    let message = records.decrypt(record, number)?;
    Ok(message.payload.to_vec())
}

/// RFC 8448, 3: the first record of the client's data.
#[test]
fn the_record_of_an_example_of_tls_1_3() {
    let key = bytes("17422dda596ed5d9acd890e3c63f5051");
    let iv: [u8; 12] = bytes("5b78923dee08579033e523d9").try_into().unwrap();
    let text: Vec<u8> = (0..50).collect();
    let record = encrypt(&mut AES_128_GCM.tls13(&key, iv.into()), &text, 0);
    let expected = "
        1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a
        20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";
    assert_eq!(record, bytes(expected));
}

/// A record is decrypted if it is unchanged and has its number.
#[test]
fn there_and_back() {
    let text = b"a record";
    for aead in [&AES_128_GCM, &AES_256_GCM, &CHACHA20_POLY1305] {
        let key = vec![7; aead.key_length];
        let shape = aead.key_block_shape();
        let (iv, explicit) = (
            vec![5; shape.fixed_iv_len],
            vec![6; shape.explicit_nonce_len],
        );
        for (mut encrypter, mut decrypter) in [
            (aead.tls12(&key, &iv, &explicit), aead.tls12(&key, &iv, &[])),
            (
                aead.tls13(&key, [5; 12].into()),
                aead.tls13(&key, [5; 12].into()),
            ),
        ] {
            let record = encrypt(&mut encrypter, text, 1);
            let sealed = &record[5..];
            assert_eq!(sealed.len(), encrypter.encrypted_payload_len(text.len()));
            assert_eq!(decrypt(&mut decrypter, sealed, 1), Ok(text.to_vec()));
            assert_eq!(decrypt(&mut decrypter, sealed, 2), Err(Error::DecryptError));
            for at in 0..sealed.len() {
                let mut damaged = sealed.to_vec();
                damaged[at] ^= 1;
                for sealed in [&damaged, &sealed[..at]] {
                    let found = decrypt(&mut decrypter, sealed, 1);
                    assert_eq!(found, Err(Error::DecryptError), "{at}");
                }
            }
        }
    }
}
