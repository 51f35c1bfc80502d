use crate::{Arena, Example, Fault, FaultKind, Val};

/// A function of the language (language.md 4.9), except the forms that are no calls: `now` and
/// `coalesce`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each has a file of its own")]
#[repr(u32)]
pub enum Function {
    StrToLowercase,
    StrToUppercase,
    StrTrim,
    StrSubstring,
    StartsWith,
    EndsWith,
    Contains,
    Replace,
    RegexMatch,
    RegexExtract,
    ToString,
    Len,
    Split,
    Join,
    MathAbs,
    Floor,
    Ceil,
    Round,
    Min,
    Max,
    DaysBetween,
    HoursBetween,
    MinutesBetween,
    DaysSince,
    YearOf,
    MonthOf,
    DayOf,
    HourOf,
    MinuteOf,
    SecondOf,
    WeekOf,
    DayOfWeek,
    DateTrunc,
    ParseDatetime,
    ToDatetime,
    ToInt,
    ToFloat,
}

/// What a parameter takes. Null is always taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types of language.md 4.3")]
pub enum Parameter {
    Any,
    Int,
    Number,
    String,
    DateTime,
    List,
    StringOrList,
    StringListOrObject,
    Ordered,
    /// What `to_int` takes.
    NumberBoolOrString,
    /// What `to_float` takes.
    NumberOrString,
    /// What `to_datetime` takes.
    NumberStringOrDateTime,
}

/// What a call gives when no argument is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types of language.md 4.3")]
pub enum Returns {
    Bool,
    Int,
    Float,
    String,
    DateTime,
    List,
    /// The type of the first argument.
    First,
    /// `min` and `max`: the arguments' common type, Float when numbers are mixed.
    Common,
    /// `round`: Int with one argument, Float with two.
    Round,
}

/// How a function may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// Name as the user types it.
    pub name: &'static str,
    /// Parameters in order; the last repeats when `variadic`.
    pub parameters: &'static [Parameter],
    /// How many must be given.
    pub required: usize,
    /// Whether the last parameter repeats.
    pub variadic: bool,
    /// Result.
    pub returns: Returns,
}
/// What a call may use besides its arguments.
#[derive(Debug, Clone, Copy)]
pub struct Cx<'a> {
    /// Where results live.
    pub arena: &'a dyn Arena<'a>,
    /// Logical instant, in microseconds (language.md 4.10).
    pub now: i64,
}

impl Signature {
    /// All parameters must be given.
    pub(crate) const fn fixed(
        name: &'static str,
        parameters: &'static [Parameter],
        returns: Returns,
    ) -> Signature {
        Signature { name, parameters, required: parameters.len(), variadic: false, returns }
    }

    /// The parameter that takes the argument at a position.
    pub fn parameter(&self, position: usize) -> Option<Parameter> {
        let last = self.parameters.last().copied().filter(|_| self.variadic);
        self.parameters.get(position).copied().or(last)
    }
}

impl Parameter {
    /// Whether a value fits. Null always does.
    pub fn accepts(self, value: &Val<'_>) -> bool {
        use Parameter as P;
        match value {
            Val::Null => true,
            Val::Bool(_) => matches!(self, P::Any | P::NumberBoolOrString),
            Val::Int(_) => matches!(
                self,
                P::Any
                    | P::Int
                    | P::Number
                    | P::Ordered
                    | P::NumberBoolOrString
                    | P::NumberOrString
                    | P::NumberStringOrDateTime
            ),
            Val::Float(_) | Val::BigInt(_) => matches!(
                self,
                P::Any
                    | P::Number
                    | P::Ordered
                    | P::NumberBoolOrString
                    | P::NumberOrString
                    | P::NumberStringOrDateTime
            ),
            Val::Str(_) => matches!(
                self,
                P::Any
                    | P::String
                    | P::StringOrList
                    | P::StringListOrObject
                    | P::Ordered
                    | P::NumberBoolOrString
                    | P::NumberOrString
                    | P::NumberStringOrDateTime
            ),
            Val::DateTime(_) => {
                matches!(self, P::Any | P::DateTime | P::Ordered | P::NumberStringOrDateTime)
            }
            Val::Duration(_) => matches!(self, P::Any | P::Ordered),
            Val::List(_) => {
                matches!(self, P::Any | P::List | P::StringOrList | P::StringListOrObject)
            }
            Val::Object(_) => matches!(self, P::Any | P::StringListOrObject),
        }
    }
}

/// The answer of a strict function whose arguments are not those it works on: Null when one of
/// them is Null, else a fault that blames the first that does not fit (the last when all do).
pub(crate) fn unfit<'a>(
    function: Function,
    signature: &Signature,
    args: &[Val<'a>],
) -> Result<Val<'a>, Fault<'a>> {
    if args.contains(&Val::Null) {
        return Ok(Val::Null);
    }
    let fits = |position, value| signature.parameter(position).is_some_and(|p| p.accepts(value));
    let misfit = args.iter().enumerate().find(|(position, value)| !fits(*position, value));
    let value = misfit.map(|(_, value)| value).or(args.last()).copied().unwrap_or_default();
    Err(Fault::new(FaultKind::Argument, function as u32, value))
}

macro_rules! functions {
    ($($variant:ident = $module:ident,)*) => {
        impl Function {
            /// Every function.
            pub const ALL: &'static [Function] = &[$(Function::$variant),*];

            /// How it may be called.
            pub const fn signature(self) -> &'static Signature {
                match self { $(Function::$variant => &crate::$module::SIGNATURE,)* }
            }

            /// Its name after `fn_` in the runtime library (wit/RUNTIME.md), and that of its file.
            pub const fn symbol(self) -> &'static str {
                match self { $(Function::$variant => stringify!($module),)* }
            }

            /// Calls and their results, which tests run.
            pub const fn examples(self) -> &'static [Example] {
                match self { $(Function::$variant => crate::$module::EXAMPLES,)* }
            }

            /// Calls it.
            ///
            /// # Errors
            /// [`FaultKind::Argument`], [`FaultKind::Domain`] or [`FaultKind::Pattern`].
            pub fn call<'a>(self, args: &[Val<'a>], cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
                match self { $(Function::$variant => crate::$module::call(args, cx),)* }
            }
        }
    };
}

functions! {
    StrToLowercase = str_to_lowercase,
    StrToUppercase = str_to_uppercase,
    StrTrim = str_trim,
    StrSubstring = str_substring,
    StartsWith = starts_with,
    EndsWith = ends_with,
    Contains = contains,
    Replace = replace,
    RegexMatch = regex_match,
    RegexExtract = regex_extract,
    ToString = to_string,
    Len = len,
    Split = split,
    Join = join,
    MathAbs = math_abs,
    Floor = floor,
    Ceil = ceil,
    Round = round,
    Min = min,
    Max = max,
    DaysBetween = days_between,
    HoursBetween = hours_between,
    MinutesBetween = minutes_between,
    DaysSince = days_since,
    YearOf = year_of,
    MonthOf = month_of,
    DayOf = day_of,
    HourOf = hour_of,
    MinuteOf = minute_of,
    SecondOf = second_of,
    WeekOf = week_of,
    DayOfWeek = day_of_week,
    DateTrunc = date_trunc,
    ParseDatetime = parse_datetime,
    ToDatetime = to_datetime,
    ToInt = to_int,
    ToFloat = to_float,
}

impl Function {
    /// The function that users call by that name.
    pub fn from_name(name: &str) -> Option<Function> {
        Self::ALL.iter().copied().find(|function| function.signature().name == name)
    }

    /// The function with that number (`detail` of faults).
    pub fn from_number(number: u32) -> Option<Function> {
        Self::ALL.iter().copied().find(|function| *function as u32 == number)
    }
}
