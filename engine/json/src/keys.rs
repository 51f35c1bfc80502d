use std::borrow::Cow;

use crate::JsonErrorKind;

/// Keys of the objects that are open at the moment, to find duplicates without a map per object.
#[derive(Debug, Default)]
pub(crate) struct Keys<'a> {
    stack: Vec<(u64, Cow<'a, str>)>,
}

/// Up to so many keys are compared pairwise; beyond, they are sorted.
const PAIRWISE_MAX: usize = 24;

/// Equal keys have equal fingerprints; others seldom.
#[inline]
fn fingerprint(key: &str) -> u64 {
    let bytes = key.as_bytes();
    let length = bytes.len() as u64;
    let head = match bytes.first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => bytes.iter().fold(0, |word, &byte| (word << 8) | u64::from(byte)),
    };
    let tail = bytes.last_chunk::<8>().map_or(0, |chunk| u64::from_le_bytes(*chunk));
    head ^ tail.rotate_left(23) ^ length.rotate_left(56)
}

impl<'a> Keys<'a> {
    /// Forgets all keys.
    pub(crate) fn clear(&mut self) {
        self.stack.clear();
    }

    /// Starts an object; the mark goes to [`Keys::close`].
    #[inline]
    pub(crate) fn open(&self) -> usize {
        self.stack.len()
    }

    /// Adds a key of the innermost object.
    #[inline]
    pub(crate) fn push(&mut self, key: Cow<'a, str>) {
        self.stack.push((fingerprint(&key), key));
    }

    /// Ends an object.
    pub(crate) fn close(&mut self, mark: usize) -> Result<(), JsonErrorKind> {
        let keys = self.stack.get_mut(mark..).unwrap_or_default();
        let duplicate = if keys.len() <= PAIRWISE_MAX {
            let mut rest: &[_] = keys;
            let mut found = None;
            while let Some(((hash, key), others)) = rest.split_first() {
                if others.iter().any(|(h, k)| h == hash && k == key) {
                    found = Some(key);
                    break;
                }
                rest = others;
            }
            found
        } else {
            keys.sort_unstable();
            keys.windows(2).find_map(|pair| match pair {
                [first, second] if first == second => Some(&first.1),
                _ => None,
            })
        };
        if let Some(key) = duplicate {
            return Err(JsonErrorKind::DuplicateKey(key.to_string()));
        }
        self.stack.truncate(mark);
        Ok(())
    }
}
