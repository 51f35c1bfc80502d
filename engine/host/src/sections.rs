//! Custom sections of a component's top level, read without a Wasm parser.

/// Name of the section with the manifest.
pub(crate) const MANIFEST: &str = "defacto-manifest";

/// Content of the first custom section of that name.
pub(crate) fn custom<'a>(component: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = component.get(8..)?;
    while let Some((&id, after)) = rest.split_first() {
        let (size, after) = leb(after)?;
        let (content, next) = after.split_at_checked(size)?;
        if id == 0 {
            let (length, content) = leb(content)?;
            let (found, data) = content.split_at_checked(length)?;
            if found == name.as_bytes() {
                return Some(data);
            }
        }
        rest = next;
    }
    None
}

/// An unsigned LEB128 number of 32 bits.
fn leb(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u32;
    for (index, &byte) in (0..5_u32).zip(bytes) {
        value |= u32::from(byte & 0x7f).checked_shl(7 * index)?;
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, bytes.get(index as usize + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_found_by_name_and_broken_ones_are_not() {
        let component = b"\0asm\x0d\0\x01\0\x01\x02xy\x00\x04\x01azz\x00\x82\x00\x01b";
        assert_eq!(custom(component, "a"), Some(b"zz".as_slice()));
        assert_eq!(custom(component, "b"), Some(b"".as_slice()));
        assert_eq!(custom(component, "c"), None);
        for end in 0..component.len() {
            assert_eq!(custom(&component[..end], "c"), None);
        }
    }
}
