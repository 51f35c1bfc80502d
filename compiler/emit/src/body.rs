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
}

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
        for (local, r#type) in (self.params..).zip(&self.locals) {
            if let Some(free) = class(*r#type).and_then(|c| self.free.get_mut(c)) {
                free.push(local);
            }
        }
        for free in &mut self.free {
            free.reverse();
        }
    }

    pub(crate) fn block(&mut self) {
        self.ins().block(BlockType::Empty);
        self.depth += 1;
    }

    pub(crate) fn if_(&mut self) {
        self.ins().if_(BlockType::Empty);
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

    /// Fails.
    pub(crate) fn fail(&mut self) {
        let label = self.label();
        self.ins().br(label);
    }

    /// Fails when the i32 on the stack is not 0.
    pub(crate) fn fail_if(&mut self) {
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
        self.ins().i32_const(1).end();
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
