use std::collections::BTreeMap;
use std::ops::Range;

use wasm_encoder::Encode;
use wasmparser::{BinaryReader, BinaryReaderError, FunctionBody, Operator};

use crate::constants::count;
use crate::library::LibraryFunction;

/// A place in a body that names a function.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) function: u32,
    /// Bytes of the index, counted from the start of the body.
    place: Range<usize>,
}

/// The places in a body that name functions, in order.
pub(crate) fn calls(body: &FunctionBody<'_>) -> Result<Vec<Call>, BinaryReaderError> {
    let start = body.range().start;
    let mut calls = Vec::new();
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let opcode = operators.original_position();
        if let Operator::Call { function_index: function }
        | Operator::ReturnCall { function_index: function }
        | Operator::RefFunc { function_index: function } = operators.read()?
        {
            let place = opcode + 1 - start..operators.original_position() - start;
            calls.push(Call { function, place });
        }
    }
    Ok(calls)
}

/// New indices of functions when those of the library that nothing reaches are left out.
///
/// A function of the library keeps its length whichever others there are: the compiler of machine code finds it again
/// by its content, and distances within it are part of that.
#[derive(Debug)]
pub(crate) struct Renumbering {
    library: BTreeMap<u32, u32>,
    /// Number of library functions before and after.
    counts: (u32, u32),
}

impl Renumbering {
    /// Keeps these of so many library functions, and all generated ones.
    pub(crate) fn new(kept: impl Iterator<Item = u32>, functions: u32) -> Self {
        let library: BTreeMap<u32, u32> = kept.zip(0..).collect();
        let counts = (functions, count(library.len()));
        Self { library, counts }
    }

    /// The new index; of a function that is left out, one that does not exist.
    pub(crate) fn index(&self, function: u32) -> u32 {
        match function.checked_sub(self.counts.0) {
            Some(generated) => self.counts.1 + generated,
            None => self.library.get(&function).copied().unwrap_or(u32::MAX),
        }
    }

    /// A body of the library. Indices get two bytes each.
    pub(crate) fn library_body(&self, function: &LibraryFunction) -> Vec<u8> {
        self.replace(&function.body, &function.calls, |index, body| match u16::try_from(index) {
            Ok(index) if index < 1 << 14 => {
                let [low, high] = [index & 0x7f | 0x80, index >> 7];
                body.extend([low, high].map(|byte| byte.to_le_bytes()[0]));
            }
            _ => index.encode(body),
        })
    }

    /// A generated body.
    pub(crate) fn generated_body(&self, body: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
        let calls = calls(&FunctionBody::new(BinaryReader::new(body, 0)))?;
        Ok(self.replace(body, &calls, |index, body| index.encode(body)))
    }

    fn replace(&self, body: &[u8], calls: &[Call], encode: impl Fn(u32, &mut Vec<u8>)) -> Vec<u8> {
        let mut made = Vec::with_capacity(body.len() + calls.len());
        let mut from = 0;
        for call in calls {
            made.extend_from_slice(body.get(from..call.place.start).unwrap_or_default());
            encode(self.index(call.function), &mut made);
            from = call.place.end;
        }
        made.extend_from_slice(body.get(from..).unwrap_or_default());
        made
    }
}
