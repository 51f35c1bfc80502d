use std::hash::{BuildHasher, Hasher};

use defacto_ports::Transaction;
use sha2::{Digest, Sha256};

use crate::Error;

/// A key of the namespace, made on first need and kept as a setting.
pub(crate) async fn secret(tx: &mut dyn Transaction, name: &str) -> Result<String, Error> {
    if let Some(secret) = tx.setting(name).await? {
        return Ok(secret);
    }
    let secret = new_secret();
    tx.set_setting(name, &secret).await?;
    Ok(secret)
}

/// HMAC-SHA-256 (RFC 2104).
pub(crate) fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0u8; 64];
    if key.len() > block.len() {
        block.iter_mut().zip(Sha256::digest(key)).for_each(|(to, from)| *to = from);
    } else {
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    }
    let inner =
        Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

/// A key that nobody knows: from the random state that the standard library draws from the system. It decides
/// nothing about history, only how erased hints are remembered.
fn new_secret() -> String {
    let mut bytes = Vec::with_capacity(32);
    for round in 0..4u64 {
        let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
        hasher.write_u64(round);
        bytes.extend(hasher.finish().to_le_bytes());
    }
    hex::encode(bytes)
}
