use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use wasmtime::CacheStore;

use crate::cwasm::replace;

/// Machine code of single functions by their content, so that an edit of the definitions does not compile the
/// runtime library anew. Kept in memory, and in one file of the cache folder.
#[derive(Debug, Default)]
pub(crate) struct FunctionCache {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    functions: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Functions that the present process has asked for or compiled.
    used: BTreeSet<Vec<u8>>,
    /// The file has been read.
    loaded: bool,
    /// There is something that the file does not hold.
    changed: bool,
}

/// Beyond this size the file keeps only what the present process has used.
const FILE_BYTES_MAX: usize = 64 << 20;
const DIGEST_BYTES: usize = 32;

impl FunctionCache {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of functions.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.known().functions.len()
    }

    /// Reads the file, once. One that is missing or damaged is as good as empty.
    pub(crate) fn load(&self, file: &Path) {
        let mut known = self.known();
        if known.loaded {
            return;
        }
        known.loaded = true;
        if let Some(functions) = fs::read(file).ok().as_deref().and_then(decode) {
            for (key, code) in functions {
                known.functions.entry(key).or_insert(code);
            }
        }
    }

    /// Writes the file if anything is new.
    pub(crate) fn save(&self, file: &Path) -> std::io::Result<()> {
        let mut known = self.known();
        if !known.changed {
            return Ok(());
        }
        let size: usize = known.functions.iter().map(|(key, code)| key.len() + code.len()).sum();
        if size > FILE_BYTES_MAX {
            let Known { functions, used, .. } = &mut *known;
            functions.retain(|key, _| used.contains(key));
        }
        replace(file, &encode(&known.functions))?;
        known.changed = false;
        Ok(())
    }
}

impl CacheStore for FunctionCache {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let mut known = self.known();
        let code = known.functions.get(key).cloned()?;
        known.used.insert(key.to_vec());
        Some(Cow::Owned(code))
    }

    fn insert(&self, key: &[u8], code: Vec<u8>) -> bool {
        let mut known = self.known();
        known.used.insert(key.to_vec());
        known.functions.insert(key.to_vec(), code);
        known.changed = true;
        true
    }
}

fn encode(functions: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, code) in functions {
        for part in [key, code] {
            body.extend_from_slice(&(part.len() as u64).to_le_bytes());
            body.extend_from_slice(part);
        }
    }
    let mut file = Sha256::digest(&body).to_vec();
    file.append(&mut body);
    file
}

fn decode(file: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let (digest, mut rest) = file.split_at_checked(DIGEST_BYTES)?;
    if digest != Sha256::digest(rest).as_slice() {
        return None;
    }
    let mut functions = Vec::new();
    while !rest.is_empty() {
        let (key, after) = part(rest)?;
        let (code, after) = part(after)?;
        functions.push((key.to_vec(), code.to_vec()));
        rest = after;
    }
    Some(functions)
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_comes_back_and_damage_empties_it() {
        let functions = BTreeMap::from([(vec![1, 2], vec![3]), (vec![], vec![4; 300])]);
        let mut file = encode(&functions);
        let read: BTreeMap<_, _> = decode(&file).unwrap().into_iter().collect();
        assert_eq!(read, functions);
        file[40] ^= 1;
        assert_eq!(decode(&file), None);
        assert_eq!(decode(&[]), None);
    }
}
