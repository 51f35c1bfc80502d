use std::collections::BTreeSet;

use crate::ValueType;
use crate::normalizer::{check_name, check_texts};

/// What a module of functions says about itself (`wit/engine@0.1.0/functions.wit`).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionsDescription {
    /// Its own name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Functions, in the order of their indices.
    pub functions: Vec<DescribedFunction>,
}

/// A function that expressions may call.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedFunction {
    /// Name, without that of the module.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Parameters, in order. Null for one of them gives null, without a call.
    pub parameters: Vec<DescribedParameter>,
    /// Type of the result, which may also be null.
    pub returns: ValueType,
}

/// A parameter of such a function.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedParameter {
    /// Name, for messages.
    pub name: String,
    /// Type of its values. An integer is taken where a number is declared.
    pub r#type: ValueType,
}

/// A function that compiled definitions may call. Its place in the manifest's list is its number.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FunctionManifest {
    /// Name of the module in the project.
    pub module: String,
    /// SHA-256 of the module's bytes and tables, hexadecimal.
    pub digest: String,
    /// Its place in what the module describes.
    pub index: u32,
    /// Name, parameters and result.
    pub function: DescribedFunction,
}

impl FunctionManifest {
    /// The name in expressions.
    pub fn full_name(&self) -> String {
        format!("{}::{}", self.module, self.function.name)
    }
}

/// Most functions of a module.
pub const FUNCTIONS_MAX: usize = 1_000;
/// Most parameters of a function.
pub const PARAMETERS_MAX: usize = 32;

impl FunctionsDescription {
    /// Checks what the form of the text does not: counts, and names that are usable and stand once.
    ///
    /// # Errors
    ///
    /// What is wrong, in words for the module's author.
    pub fn check(&self) -> Result<(), String> {
        check_texts(&[("name", &self.name), ("version", &self.version)])?;
        if self.functions.is_empty() || self.functions.len() > FUNCTIONS_MAX {
            let count = self.functions.len();
            return Err(format!(
                "`functions` has {count} entries, and must have 1 to {FUNCTIONS_MAX}"
            ));
        }
        let mut names = BTreeSet::new();
        for function in &self.functions {
            check_name("function", &function.name, false)?;
            if !names.insert(&function.name) {
                return Err(format!("function `{}` stands twice", function.name));
            }
            if function.parameters.len() > PARAMETERS_MAX {
                return Err(format!(
                    "function `{}` has {} parameters, and may have {PARAMETERS_MAX}",
                    function.name,
                    function.parameters.len()
                ));
            }
            let mut parameters = BTreeSet::new();
            for parameter in &function.parameters {
                check_name("parameter", &parameter.name, false)?;
                if !parameters.insert(&parameter.name) {
                    let (name, function) = (&parameter.name, &function.name);
                    return Err(format!("parameter `{name}` of `{function}` stands twice"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(functions: &[(&str, &[&str])]) -> FunctionsDescription {
        let parameter = |name: &&str| DescribedParameter {
            name: (*name).to_owned(),
            r#type: ValueType::String,
        };
        let function = |(name, parameters): &(&str, &[&str])| DescribedFunction {
            name: (*name).to_owned(),
            description: None,
            parameters: parameters.iter().map(parameter).collect(),
            returns: ValueType::Integer,
        };
        let functions = functions.iter().map(function).collect();
        FunctionsDescription { name: "n".to_owned(), version: "1".to_owned(), functions }
    }

    #[test]
    fn names_and_counts_are_checked() {
        assert_eq!(described(&[("f", &["a", "b"]), ("g", &[])]).check(), Ok(()));
        for bad in [
            described(&[]),
            described(&[("f", &[]), ("f", &[])]),
            described(&[("f", &["a", "a"])]),
            described(&[("f.g", &[])]),
            described(&[("f", &["1"])]),
            described(&[("f", &["a"; 33])]),
            FunctionsDescription { version: String::new(), ..described(&[("f", &[])]) },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
