/// A function of the language (language.md 4.9), except the forms that are no calls: `now` and
/// `coalesce`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each has a file of its own")]
#[repr(u32)]
pub enum Function {
    StrToLowercase, StrToUppercase, StrTrim, StrSubstring,
    StartsWith, EndsWith, Contains, Replace, RegexMatch, RegexExtract,
    ToString, Len, Split, Join,
    MathAbs, Floor, Ceil, Round, Min, Max,
    DaysBetween, HoursBetween, MinutesBetween, DaysSince,
    YearOf, MonthOf, DayOf, HourOf, MinuteOf, SecondOf, WeekOf, DayOfWeek, DateTrunc,
    ParseDatetime, ToDatetime, ToInt, ToFloat,
}

/// What a parameter takes. Null is always taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types of language.md 4.3")]
pub enum Parameter { Any, Int, Number, String, DateTime, List, StringOrList, StringListOrObject, Ordered }

/// What a call gives when no argument is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types of language.md 4.3")]
pub enum Returns {
    Bool, Int, Float, String, DateTime, List,
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
