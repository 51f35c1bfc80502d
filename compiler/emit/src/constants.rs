use std::collections::BTreeMap;

use defacto_frames::abi::cell;
use defacto_model::Value;

/// Constants of the module: descriptors, texts, cells, and room for intermediate values. Equal texts and
/// cells are stored once.
#[derive(Debug)]
pub(crate) struct Constants {
    base: u32,
    bytes: Vec<u8>,
    texts: BTreeMap<String, u32>,
    cells: BTreeMap<[u8; 16], u32>,
}

/// A run of zeros at least this long is left out of the module.
const ZEROS: usize = 64;

impl Constants {
    /// Constants from `base` on, which is a multiple of 16.
    pub(crate) fn new(base: u32) -> Self {
        Self { base, bytes: Vec::new(), texts: BTreeMap::new(), cells: BTreeMap::new() }
    }

    /// Address after the last constant.
    pub(crate) fn end(&self) -> u32 {
        self.base.saturating_add(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX))
    }

    /// Address of new bytes.
    pub(crate) fn put(&mut self, bytes: &[u8], align: usize) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(align), 0);
        let address = self.end();
        self.bytes.extend_from_slice(bytes);
        address
    }

    /// Address of `count` cells for intermediate values.
    pub(crate) fn room(&mut self, count: u32) -> u32 {
        let size = usize::try_from(count.saturating_mul(cell::SIZE)).unwrap_or(0);
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        let address = self.end();
        self.bytes.resize(self.bytes.len() + size, 0);
        address
    }

    /// Address and length of a text.
    pub(crate) fn text(&mut self, text: &str) -> (u32, u32) {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        if let Some(&address) = self.texts.get(text) {
            return (address, length);
        }
        let address = self.put(text.as_bytes(), 1);
        self.texts.insert(text.to_owned(), address);
        (address, length)
    }

    /// Address of a cell with this value.
    pub(crate) fn cell(&mut self, value: &Value) -> u32 {
        let encoded = self.encode(value);
        if let Some(&address) = self.cells.get(&encoded) {
            return address;
        }
        let address = self.put(&encoded, 16);
        self.cells.insert(encoded, address);
        address
    }

    /// Address of consecutive cells with these values.
    pub(crate) fn cell_array(&mut self, values: &[Value]) -> u32 {
        let encoded: Vec<u8> = values.iter().flat_map(|v| self.encode(v)).collect();
        self.put(&encoded, 16)
    }

    /// The bytes of a cell.
    pub(crate) fn encode(&mut self, value: &Value) -> [u8; 16] {
        let (tag, aux, payload) = match value {
            Value::Null => (cell::NULL, 0, 0),
            Value::Bool(b) => (cell::BOOL, 0, u64::from(*b)),
            Value::Int(i) => (cell::INT, 0, i.cast_unsigned()),
            Value::Float(f) => (cell::FLOAT, 0, f.to_bits()),
            Value::DateTime(t) => (cell::DATETIME, 0, t.as_micros().cast_unsigned()),
            Value::Duration(d) => (cell::DURATION, 0, d.0.cast_unsigned()),
            Value::String(text) => {
                let (address, length) = self.text(text);
                (cell::STRING, length, u64::from(address))
            }
            Value::BigInt(digits) => {
                let (address, length) = self.text(digits);
                (cell::BIG_INT, length, u64::from(address))
            }
            Value::List(elements) => {
                let address = self.cell_array(elements);
                (cell::LIST, count(elements.len()), u64::from(address))
            }
            Value::Object(entries) => {
                let flat: Vec<Value> = entries
                    .iter()
                    .flat_map(|(k, v)| [Value::String(k.clone()), v.clone()])
                    .collect();
                let address = self.cell_array(&flat);
                (cell::OBJECT, count(entries.len()), u64::from(address))
            }
        };
        let mut bytes = [0; 16];
        bytes[0] = tag;
        bytes[4..8].copy_from_slice(&aux.to_le_bytes());
        bytes[8..16].copy_from_slice(&payload.to_le_bytes());
        bytes
    }

    /// The runs of bytes that are not all zero, with their addresses.
    pub(crate) fn segments(&self) -> Vec<(u32, &[u8])> {
        let mut segments = Vec::new();
        let mut start = 0;
        let mut zeros = 0;
        for (place, byte) in self.bytes.iter().enumerate() {
            if *byte == 0 {
                zeros += 1;
                continue;
            }
            if zeros >= ZEROS {
                self.segment(&mut segments, start, place - zeros);
                start = place;
            }
            zeros = 0;
        }
        self.segment(&mut segments, start, self.bytes.len() - zeros);
        segments
    }

    fn segment<'a>(&'a self, segments: &mut Vec<(u32, &'a [u8])>, start: usize, end: usize) {
        if let Some(bytes) = self.bytes.get(start..end).filter(|b| !b.is_empty()) {
            segments
                .push((self.base.saturating_add(u32::try_from(start).unwrap_or(u32::MAX)), bytes));
        }
    }
}

/// Length as the layouts store it.
pub(crate) fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
