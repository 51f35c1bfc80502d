use serde_json::json;

use crate::{FieldType, FieldValue, Timestamp, Value};

/// Types that a parameter of a function can have in Rust. A function is never called with null.
pub trait Argument: Sized {
    /// The parameter's type in definitions.
    const TYPE: FieldType;

    /// The argument, where it has the type.
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! arguments {
    ($($type:ty: $name:ident, $shape:pat => $make:expr;)*) => {
        $(
            impl Argument for $type {
                const TYPE: FieldType = FieldType::$name;

                #[inline]
                fn from_value(value: Value) -> Option<Self> {
                    match value {
                        $shape => $make,
                        _ => None,
                    }
                }
            }
        )*
    };
}

arguments! {
    String: String, Value::Text(text) => Some(text);
    f64: Number, Value::Float(number) => Some(number);
    i64: Integer, Value::Integer(number) => Some(number);
    bool: Boolean, Value::Boolean(flag) => Some(flag);
    Timestamp: DateTime, Value::Datetime(at) => Timestamp::from_micros(at);
}

/// What a function can return: a value of a field, an `Option` of one, or a `Result` of these, whose error is a sentence.
pub trait Returned {
    /// The result's type in definitions.
    const TYPE: FieldType;

    /// The result.
    ///
    /// # Errors
    ///
    /// Why there is none.
    fn into_result(self) -> Result<Value, String>;
}

impl<T: FieldValue> Returned for T {
    const TYPE: FieldType = T::TYPE;

    #[inline]
    fn into_result(self) -> Result<Value, String> {
        Ok(self.into_value())
    }
}

impl<T: FieldValue> Returned for Result<T, String> {
    const TYPE: FieldType = T::TYPE;

    #[inline]
    fn into_result(self) -> Result<Value, String> {
        self.map(T::into_value)
    }
}

/// A function as `describe` tells it. [`functions!`](crate::functions) makes it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FunctionType {
    /// Name, as in definitions.
    pub name: &'static str,
    /// What it means; empty where nothing is said.
    pub description: &'static str,
    /// Names and types of its parameters.
    pub parameters: &'static [(&'static str, FieldType)],
    /// Type of its result.
    pub returns: FieldType,
    call: fn(Vec<Value>) -> Result<Value, String>,
}

impl FunctionType {
    /// A function. [`functions!`](crate::functions) calls this.
    pub const fn new(
        (name, description): (&'static str, &'static str),
        parameters: &'static [(&'static str, FieldType)],
        returns: FieldType,
        call: fn(Vec<Value>) -> Result<Value, String>,
    ) -> Self {
        Self { name, description, parameters, returns, call }
    }
}

/// A module of functions. [`functions!`](crate::functions) writes it.
pub trait FunctionModule {
    /// Name.
    const NAME: &'static str;
    /// Version.
    const VERSION: &'static str;
    /// Its functions, in the order of the indices.
    const FUNCTIONS: &'static [FunctionType];
}

/// The export `describe`.
pub fn describe<M: FunctionModule>() -> String {
    let functions: Vec<_> = M::FUNCTIONS
        .iter()
        .map(|function| {
            let parameters: Vec<_> = function
                .parameters
                .iter()
                .map(|(name, r#type)| json!({"name": name, "type": r#type.name()}))
                .collect();
            let mut said = json!({"name": function.name, "parameters": parameters});
            crate::module::describe_it(&mut said, function.description);
            said["returns"] = function.returns.name().into();
            said
        })
        .collect();
    json!({"name": M::NAME, "version": M::VERSION, "functions": functions}).to_string()
}

/// The export `call`.
pub fn call<M: FunctionModule>(
    function: u32,
    batch: Vec<Vec<Value>>,
) -> Vec<Result<Value, String>> {
    let known = usize::try_from(function).ok().and_then(|at| M::FUNCTIONS.get(at));
    batch
        .into_iter()
        .map(|arguments| match known {
            Some(known) => (known.call)(arguments),
            None => Err(format!("there is no function {function}")),
        })
        .collect()
}

/// The next argument of a call. [`functions!`](crate::functions) calls this.
///
/// # Errors
///
/// That it is missing or of another type, which the engine never lets happen.
pub fn argument<T: Argument>(
    arguments: &mut std::vec::IntoIter<Value>,
    name: &str,
) -> Result<T, String> {
    let given = arguments.next().and_then(T::from_value);
    given.ok_or_else(|| format!("`{name}` must be of the type {}", T::TYPE.name()))
}
