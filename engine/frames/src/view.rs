use std::cell::Cell as Counter;

use crate::abi::{ABI, header};
use crate::{FrameError, FrameErrorKind, Head};

/// A frame that came back from a module, read with every address checked.
#[derive(Debug)]
pub(crate) struct View<'a> {
    bytes: &'a [u8],
    origin: u32,
    /// Values that may still be read: a frame with a circle must not keep the host busy.
    budget: Counter<usize>,
}

/// A part of a frame that lies inside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    bytes: &'a [u8],
}

/// Values that one frame may hold by sharing, beyond what its bytes can hold without.
const SHARED_VALUES_MAX: usize = 1 << 20;
/// So many bytes of text count as one value.
const TEXT_UNIT: usize = 64;

impl<'a> View<'a> {
    /// Checks the head of a frame against what was sent.
    pub(crate) fn new(
        bytes: &'a [u8],
        head: Head,
        kind: u32,
        rows: u32,
    ) -> Result<Self, FrameError> {
        let budget = Counter::new((bytes.len() / 8).saturating_add(SHARED_VALUES_MAX));
        let view = Self { bytes, origin: head.origin, budget };
        let start = view.block("header", head.origin, header::SIZE)?;
        for (what, field, expected) in [
            ("ABI version", header::ABI, ABI),
            ("layout", header::LAYOUT, head.layout),
            ("kind", header::KIND, kind),
            ("index", header::INDEX, head.index),
            ("row count", header::ROWS, rows),
        ] {
            let found = start.u32(field);
            if found != expected {
                let (found, expected) = (u64::from(found), u64::from(expected));
                return view.refuse(what, FrameErrorKind::Mismatch { found, expected });
            }
        }
        Ok(view)
    }

    pub(crate) fn refuse<T>(
        &self,
        what: &'static str,
        kind: FrameErrorKind,
    ) -> Result<T, FrameError> {
        Err(FrameError { what, kind })
    }

    /// Bytes of the frame.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    fn slice(&self, what: &'static str, address: u32, size: u32) -> Result<&'a [u8], FrameError> {
        address
            .checked_sub(self.origin)
            .map(|offset| offset as usize)
            .and_then(|offset| self.bytes.get(offset..)?.get(..size as usize))
            .ok_or(FrameError { what, kind: FrameErrorKind::Outside(address, u64::from(size)) })
    }

    /// An aligned part.
    #[inline]
    pub(crate) fn block(
        &self,
        what: &'static str,
        address: u32,
        size: u32,
    ) -> Result<Block<'a>, FrameError> {
        if !address.is_multiple_of(8) {
            return self.refuse(what, FrameErrorKind::Alignment(address));
        }
        self.slice(what, address, size).map(|bytes| Block { bytes })
    }

    /// Text.
    pub(crate) fn text(
        &self,
        what: &'static str,
        address: u32,
        length: u32,
    ) -> Result<&'a str, FrameError> {
        if length == 0 {
            return Ok("");
        }
        self.charge(what, length as usize / TEXT_UNIT)?;
        let bytes = self.slice(what, address, length)?;
        str::from_utf8(bytes).map_err(|_| FrameError { what, kind: FrameErrorKind::Text })
    }

    /// Takes from the budget.
    pub(crate) fn charge(&self, what: &'static str, values: usize) -> Result<(), FrameError> {
        match self.budget.get().checked_sub(values) {
            Some(rest) => {
                self.budget.set(rest);
                Ok(())
            }
            None => self.refuse(what, FrameErrorKind::Endless),
        }
    }

    /// The head.
    pub(crate) fn header(&self) -> Block<'a> {
        Block { bytes: self.bytes }
    }
}

impl Block<'_> {
    #[inline]
    fn array<const N: usize>(self, field: u32) -> [u8; N] {
        let field = self.bytes.get(field as usize..).and_then(|rest| rest.first_chunk());
        // The block has been measured against the layout when it was made.
        field.copied().unwrap_or([0; N])
    }

    #[inline]
    pub(crate) fn u8(self, field: u32) -> u8 {
        let [byte] = self.array(field);
        byte
    }

    #[inline]
    pub(crate) fn u32(self, field: u32) -> u32 {
        u32::from_le_bytes(self.array(field))
    }

    #[inline]
    pub(crate) fn u64(self, field: u32) -> u64 {
        u64::from_le_bytes(self.array(field))
    }

    #[inline]
    pub(crate) fn i64(self, field: u32) -> i64 {
        i64::from_le_bytes(self.array(field))
    }
}
