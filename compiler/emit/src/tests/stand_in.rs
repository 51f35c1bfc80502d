//! A library with the functions of `wit/RUNTIME.md` and no behaviour.

use defacto_functions::Function;
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, ExportKind, ExportSection,
    Function as Body, FunctionSection, GlobalSection, GlobalType, MemorySection, MemoryType,
    Module, RefType, TableSection, TableType, TypeSection, ValType,
};

/// Number that only the body of an unused function holds.
pub(crate) const UNUSED_MARK: &str = "i32.const 77777";
/// Number that only the body of a function called through the table holds.
pub(crate) const INDIRECT_MARK: &str = "i32.const 88888";

/// The whole stand-in.
pub(crate) fn module() -> Vec<u8> {
    without("")
}

/// The stand-in without one function.
pub(crate) fn without(left_out: &str) -> Vec<u8> {
    const I: ValType = ValType::I32;
    const L: ValType = ValType::I64;
    const F: ValType = ValType::F64;
    let fixed: [(&str, &[ValType], &[ValType]); 36] = [
        ("rt_start", &[I, I, I], &[]),
        ("cabi_realloc", &[I, I, I, I], &[I]),
        ("rt_normalize", &[I, I, I], &[I]),
        ("rt_interpret", &[I, I, I], &[I]),
        ("rt_hints", &[I, I, I], &[I]),
        ("rt_evaluate", &[I, I, I], &[I]),
        ("rt_eq", &[I, I], &[I]),
        ("rt_compare", &[I, I, I, I], &[I]),
        ("rt_arith", &[I, I, I, I], &[I]),
        ("rt_whole", &[I, L, L, I], &[I]),
        ("rt_float", &[I, I, I, I], &[I]),
        ("rt_fail", &[I, I, I, I], &[I]),
        ("rt_call2", &[I, I, I], &[I]),
        ("rt_call4", &[I, I, I, I, I], &[I]),
        ("rt_neg", &[I, I], &[I]),
        ("rt_bool", &[I], &[I]),
        ("rt_member", &[I, I, I, I], &[]),
        ("rt_index", &[I, I, I], &[I]),
        ("rt_str_eq", &[I, I, I, I], &[I]),
        ("rt_str_cmp", &[I, I, I, I], &[I]),
        ("rt_concat", &[I, I, I, I, I], &[]),
        ("rt_pow", &[F, F], &[F]),
        ("rt_rem", &[F, F], &[F]),
        ("rt_pow_int", &[L, L, I], &[I]),
        ("rt_now", &[], &[L]),
        ("rt_coerce", &[I, I, I], &[I]),
        ("rt_check", &[I, I, I], &[I]),
        ("rt_convert", &[I, I, I], &[I]),
        ("rt_blame", &[I, I], &[]),
        ("rt_create", &[I], &[]),
        ("rt_transition", &[I, I], &[I]),
        ("rt_set", &[I, I, I], &[I]),
        ("rt_increment", &[I, I, I], &[I]),
        ("rt_relate", &[I, I, I, I], &[I]),
        ("rt_computed", &[I, I, I], &[I]),
        ("rt_effect", &[], &[]),
    ];
    let mut all: Vec<(String, Vec<ValType>, Vec<ValType>)> =
        fixed.iter().map(|(n, p, r)| ((*n).to_owned(), p.to_vec(), r.to_vec())).collect();
    all.extend(Function::ALL.iter().map(|f| (format!("fn_{}", f.symbol()), vec![I; 3], vec![I])));
    for name in ["fn_regex_match_literal", "fn_regex_extract_literal"] {
        all.push((name.to_owned(), vec![I; 4], vec![I]));
    }
    all.push(("unused".to_owned(), vec![], vec![I]));
    all.push(("behind_the_table".to_owned(), vec![I], vec![I]));
    all.retain(|(name, ..)| name != left_out);
    assemble(&all)
}

fn assemble(all: &[(String, Vec<ValType>, Vec<ValType>)]) -> Vec<u8> {
    let mut types = TypeSection::new();
    let mut functions = FunctionSection::new();
    let mut exports = ExportSection::new();
    let mut code = CodeSection::new();
    let last = u32::try_from(all.len()).unwrap() - 1;
    for (index, (name, params, results)) in (0..).zip(all) {
        types.ty().function(params.iter().copied(), results.iter().copied());
        functions.function(index);
        exports.export(name, ExportKind::Func, index);
        let mut body = Body::new([]);
        let mut ins = body.instructions();
        match name.as_str() {
            "unused" => ins.i32_const(77777),
            "behind_the_table" => ins.i32_const(88888),
            "rt_normalize" => ins.i32_const(0).i32_const(1).call_indirect(0, last),
            _ => ins.unreachable(),
        };
        ins.end();
        code.function(&body);
    }
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 2,
        maximum: Some(2),
        shared: false,
    });
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut globals = GlobalSection::new();
    let constant = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
    globals.global(constant, &ConstExpr::i32_const(2004));
    exports.export("__heap_base", ExportKind::Global, 0);
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(1), Elements::Functions((&[last][..]).into()));
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(2000), *b"data");

    let mut module = Module::new();
    module.section(&types).section(&functions).section(&tables).section(&memories);
    module.section(&globals).section(&exports).section(&elements).section(&code).section(&data);
    module.finish()
}
