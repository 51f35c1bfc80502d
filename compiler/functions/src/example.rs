use crate::{FaultKind, Val};

/// The logical instant in examples: 1970-01-11T00:00:00Z.
pub const EXAMPLE_NOW: i64 = 10 * 86_400_000_000;

/// A call and what it gives.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// Arguments.
    pub args: &'static [Val<'static>],
    /// Value, or kind of the fault.
    pub result: Result<Val<'static>, FaultKind>,
}

/// A call that gives a value.
pub(crate) const fn gives(args: &'static [Val<'static>], value: Val<'static>) -> Example {
    Example { args, result: Ok(value) }
}

/// A call that fails.
pub(crate) const fn fails(args: &'static [Val<'static>], kind: FaultKind) -> Example {
    Example { args, result: Err(kind) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cx, Function, HeapArena};

    #[test]
    fn every_function_does_what_its_examples_say() {
        for function in Function::ALL {
            assert!(!function.examples().is_empty(), "{function:?} has no examples");
            for example in function.examples() {
                let arena = HeapArena::default();
                let handle = &arena;
                let cx = Cx { arena: &handle, now: EXAMPLE_NOW };
                let result = function.call(example.args, &cx).map_err(|fault| fault.kind);
                assert_eq!(result, example.result, "{function:?}{:?}", example.args);
            }
        }
    }

    #[test]
    fn null_arguments_give_null_unless_the_function_says_otherwise() {
        for function in Function::ALL.iter().filter(|function| **function != Function::ToString) {
            let arena = HeapArena::default();
            let handle = &arena;
            let cx = Cx { arena: &handle, now: EXAMPLE_NOW };
            let args = vec![Val::Null; function.signature().required];
            assert_eq!(function.call(&args, &cx), Ok(Val::Null), "{function:?}");
        }
    }

    #[test]
    fn names_and_numbers_lead_back() {
        for function in Function::ALL {
            assert_eq!(Function::from_name(function.signature().name), Some(*function));
            assert_eq!(Function::from_number(*function as u32), Some(*function));
            assert_eq!(function.signature().name.replace("::", "_"), function.symbol());
        }
        assert_eq!(Function::from_name("lower"), None);
    }
}
