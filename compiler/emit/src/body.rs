use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, ValType};

/// A function under construction: instructions, locals, and where a failure leads.
///
/// The outermost block is the failure target: leaving it with [`Body::fail_if`] makes the function return 1.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    params: u32,
    locals: Vec<ValType>,
    /// Locals not in use, by type: i32, i64, f64.
    free: [Vec<u32>; 3],
    depth: u32,
    targets: Vec<u32>,
    /// Number of jumps to failure targets.
    fails: u32,
    /// Where the last instruction starts and ends, when it sets this local.
    last_set: Option<(usize, usize, u32)>,
    /// Local that says whom a failure concerns, and the function that takes it to the fault record.
    blame: Option<(u32, u32)>,
    /// How often it is set.
    blames: u32,
}

/// Opcode of `local.tee`.
const TEE: u8 = 0x22;

impl Body {
    /// A function with this many i32 parameters that returns a status.
    pub(crate) fn new(params: u32) -> Self {
        let mut body = Self {
            bytes: Vec::new(),
            params,
            locals: Vec::new(),
            free: [Vec::new(), Vec::new(), Vec::new()],
            depth: 0,
            targets: Vec::new(),
            fails: 0,
            last_set: None,
            blame: None,
            blames: 0,
        };
        body.open_target();
        body
    }

    /// Appends instructions.
    pub(crate) fn ins(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.bytes)
    }

    /// A local that holds nothing yet.
    pub(crate) fn local(&mut self, r#type: ValType) -> u32 {
        if let Some(local) = class(r#type).and_then(|c| self.free.get_mut(c)).and_then(Vec::pop) {
            return local;
        }
        self.locals.push(r#type);
        self.params + u32::try_from(self.locals.len() - 1).unwrap_or(u32::MAX)
    }

    /// Between statements: every local may be used anew.
    pub(crate) fn release_locals(&mut self) {
        self.free = [Vec::new(), Vec::new(), Vec::new()];
        let kept = self.blame.map(|(local, _)| local);
        for (local, r#type) in (self.params..).zip(&self.locals) {
            if Some(local) != kept
                && let Some(free) = class(*r#type).and_then(|c| self.free.get_mut(c))
            {
                free.push(local);
            }
        }
        for free in &mut self.free {
            free.reverse();
        }
    }

    /// Pops the stack into a local.
    pub(crate) fn set(&mut self, local: u32) {
        let start = self.bytes.len();
        self.ins().local_set(local);
        self.last_set = Some((start, self.bytes.len(), local));
    }

    /// Pushes a local.
    pub(crate) fn get(&mut self, local: u32) {
        if let Some((start, end, set)) = self.last_set
            && (end, set) == (self.bytes.len(), local)
            && let Some(opcode) = self.bytes.get_mut(start)
        {
            *opcode = TEE;
            self.last_set = None;
            return;
        }
        self.ins().local_get(local);
    }

    pub(crate) fn block(&mut self) {
        self.ins().block(BlockType::Empty);
        self.depth += 1;
    }

    pub(crate) fn if_(&mut self) {
        self.ins().if_(BlockType::Empty);
        self.depth += 1;
    }

    /// An `if` that leaves an i32 on the stack.
    pub(crate) fn if_i32(&mut self) {
        self.ins().if_(BlockType::Result(ValType::I32));
        self.depth += 1;
    }

    pub(crate) fn else_(&mut self) {
        self.ins().else_();
    }

    pub(crate) fn end(&mut self) {
        self.ins().end();
        self.depth -= 1;
    }

    /// Opens a block that failures leave from now on.
    pub(crate) fn open_target(&mut self) {
        self.block();
        self.targets.push(self.depth);
    }

    /// Ends it; failures lead further out again.
    pub(crate) fn close_target(&mut self) {
        self.targets.pop();
        self.end();
    }

    /// Whether anything was emitted that may fail, as a number that then changes.
    pub(crate) fn fails(&self) -> u32 {
        self.fails
    }

    /// From here on failures concern this.
    pub(crate) fn set_blame(&mut self, packed: i32, function: u32) {
        let (local, _) = match self.blame {
            Some(known) => known,
            None => {
                // Not one of those that statements share.
                self.locals.push(ValType::I32);
                let local = self.params + u32::try_from(self.locals.len() - 1).unwrap_or(u32::MAX);
                *self.blame.insert((local, function))
            }
        };
        self.blames += 1;
        self.ins().i32_const(packed).local_set(local);
    }

    /// A place to return to with [`Body::forget_blame`] or [`Body::rewind`].
    pub(crate) fn mark(&self) -> usize {
        self.bytes.len()
    }

    /// Takes back the instructions of a [`Body::set_blame`], but not those behind them.
    pub(crate) fn forget_blame(&mut self, from: usize, to: usize) {
        self.bytes.drain(from..to);
        self.blames -= 1;
        self.last_set = self
            .last_set
            .filter(|(start, ..)| *start >= to)
            .map(|(start, end, local)| (start - (to - from), end - (to - from), local));
    }

    /// Takes back everything since the mark, where no block was left open.
    pub(crate) fn rewind(&mut self, mark: usize) {
        self.bytes.truncate(mark);
        self.last_set = None;
    }

    /// Fails.
    pub(crate) fn fail(&mut self) {
        self.fails += 1;
        let label = self.label();
        self.ins().br(label);
    }

    /// Fails when the i32 on the stack is not 0.
    pub(crate) fn fail_if(&mut self) {
        self.fails += 1;
        let label = self.label();
        self.ins().br_if(label);
    }

    fn label(&self) -> u32 {
        self.depth - self.targets.last().copied().unwrap_or(self.depth)
    }

    /// The function, which returns 0 where control reaches its end.
    pub(crate) fn finish(mut self) -> Function {
        self.ins().i32_const(0).return_();
        self.close_target();
        match self.blame.filter(|_| self.blames > 0) {
            Some((local, function)) => self.ins().local_get(local).call(function).end(),
            None => self.ins().i32_const(1).end(),
        };
        let mut function = Function::new_with_locals_types(self.locals);
        function.raw(self.bytes);
        function
    }
}

fn class(r#type: ValType) -> Option<usize> {
    match r#type {
        ValType::I32 => Some(0),
        ValType::I64 => Some(1),
        ValType::F64 => Some(2),
        _ => None,
    }
}

/// Memory argument with a constant offset.
pub(crate) fn at(offset: u32) -> MemArg {
    MemArg { offset: u64::from(offset), align: 0, memory_index: 0 }
}

/// The same where the address is a multiple of 8.
pub(crate) fn at8(offset: u32) -> MemArg {
    MemArg { offset: u64::from(offset), align: 3, memory_index: 0 }
}

/// The same where the address is a multiple of 4.
pub(crate) fn at4(offset: u32) -> MemArg {
    MemArg { offset: u64::from(offset), align: 2, memory_index: 0 }
}
