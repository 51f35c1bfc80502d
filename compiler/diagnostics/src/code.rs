use std::{fmt, str::FromStr};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The definitions are refused.
    Error,
    /// They are accepted.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Code of a finding: `DF0101`… for E-01…, `DF0501`… for the X rules (X-6 is DF0506), `DF0601`… for the
/// warnings W-1…, `DF1001`… for run-time failures N, `DF1101`… I, `DF1201`… T (decisions.md 33).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

struct Entry {
    code: Code,
    name: &'static str,
    title: &'static str,
    page: &'static str,
}

macro_rules! registry {
    ($($constant:ident = $number:literal, $digits:literal, $name:literal, $title:literal;)*) => {
        impl Code {
            $(#[doc = concat!($name, ": ", $title, ".")]
            pub const $constant: Self = Self($number);)*
        }

        /// Every code with its texts, ascending by number.
        static REGISTRY: &[Entry] = &[
            $(Entry {
                code: Code::$constant,
                name: $name,
                title: $title,
                page: include_str!(concat!("../codes/DF", $digits, ".md")),
            },)*
        ];
    };
}

registry! {
    E01 = 101, "0101", "E-01", "invalid YAML, duplicate key or block of the wrong kind";
    E02 = 102, "0102", "E-02", "unknown key or illegal name";
    E03 = 103, "0103", "E-03", "missing required key";
    E04 = 104, "0104", "E-04", "empty block";
    E05 = 105, "0105", "E-05", "start state not declared";
    E06 = 106, "0106", "E-06", "unknown word of a closed set";
    E07 = 107, "0107", "E-07", "reserved property name";
    E08 = 108, "0108", "E-08", "unsuitable `default`, `allowed`, `min` or `max`";
    E09 = 109, "0109", "E-09", "transition to an undeclared state";
    E10 = 110, "0110", "E-10", "effect on an unsuitable property";
    E11 = 111, "0111", "E-11", "`set` without exactly one source of its value";
    E12 = 112, "0112", "E-12", "literal not of the property's type";
    E13 = 113, "0113", "E-13", "nothing creates the entity";
    E14 = 114, "0114", "E-14", "`create` is not the first effect";
    E15 = 115, "0115", "E-15", "state cannot be reached";
    E16 = 116, "0116", "E-16", "bad threshold";
    E17 = 117, "0117", "E-17", "`create` or `relate` in a time rule";
    E18 = 118, "0118", "E-18", "expression does not parse";
    E19 = 119, "0119", "E-19", "expression does not resolve or type-check";
    E20 = 120, "0120", "E-20", "bad relationship";
    E21 = 121, "0121", "E-21", "relationship without a fitting inverse";
    E22 = 122, "0122", "E-22", "computed properties in a cycle";
    E23 = 123, "0123", "E-23", "`relate` without a matching relationship";
    E24 = 124, "0124", "E-24", "empty name of a raw field";
    E25 = 125, "0125", "E-25", "contradictory mapping";
    E26 = 126, "0126", "E-26", "hint that cannot work";
    E27 = 127, "0127", "E-27", "two events with one raw type";
    E28 = 128, "0128", "E-28", "empty `event_id`";
    E29 = 129, "0129", "E-29", "unsuitable schema constraint";
    E30 = 130, "0130", "E-30", "normalizer that cannot be used";
    E31 = 131, "0131", "E-31", "event or field that the normalizer does not make";
    X06 = 506, "0506", "X-6", "handled event without a schema";
    X07 = 507, "0507", "X-7", "source event without a schema";
    X08 = 508, "0508", "X-8", "mapped field missing in the schema";
    X09 = 509, "0509", "X-9", "required field not mapped";
    X10 = 510, "0510", "X-10", "mapping type contradicts the schema";
    W01 = 601, "0601", "W-1", "state is a dead end";
    W02 = 602, "0602", "W-2", "hint without a handler";
    W03 = 603, "0603", "W-3", "property written but never read";
    W04 = 604, "0604", "W-4", "`treatment` without `sensitive`";
    W05 = 605, "0605", "W-5", "handler for an event that no source produces";
    W06 = 606, "0606", "W-6", "identity field that no source hints";
    W07 = 607, "0607", "W-7", "event field that is always null";
    W08 = 608, "0608", "W-8", "reference that is always null here";
    W09 = 609, "0609", "W-9", "unary operator binds tighter than it looks";
    W10 = 610, "0610", "W-10", "current time in a computed property";
    W11 = 611, "0611", "W-11", "property never written";
    W12 = 612, "0612", "W-12", "time rule that can cycle or never fires";
    W13 = 613, "0613", "W-13", "repeats may count as duplicates";
    W14 = 614, "0614", "W-14", "deprecated `events/` folder";
    W15 = 615, "0615", "W-15", "guard or condition that is not boolean";
    W16 = 616, "0616", "W-16", "property hides a built-in field";
    W17 = 617, "0617", "W-17", "integer division in a property of type `number`";
    W18 = 618, "0618", "W-18", "operation that fails unless an operand is null";
    N01 = 1001, "1001", "N01", "record without an event type";
    N02 = 1002, "1002", "N02", "unknown raw type";
    N03 = 1003, "1003", "N03", "timestamp missing";
    N04 = 1004, "1004", "N04", "unreadable timestamp";
    N05 = 1005, "1005", "N05", "mapping expression failed";
    N06 = 1006, "1006", "N06", "value cannot be converted";
    N07 = 1007, "1007", "N07", "schema check failed";
    N08 = 1008, "1008", "N08", "event id without a value";
    N09 = 1009, "1009", "N09", "identity normalization failed";
    N10 = 1010, "1010", "N10", "event without a usable hint";
    N11 = 1011, "1011", "N11", "record refused by the normalizer";
    N12 = 1012, "1012", "N12", "normalizer stopped or gave a wrong result";
    I01 = 1101, "1101", "I01", "guard failed";
    I02 = 1102, "1102", "I02", "condition failed";
    I03 = 1103, "1103", "I03", "effect value failed";
    I04 = 1104, "1104", "I04", "value violates its property";
    I05 = 1105, "1105", "I05", "computed property failed";
    I06 = 1106, "1106", "I06", "effect without an entity";
    T01 = 1201, "1201", "T01", "time rule failed";
}

impl Code {
    /// Every code that exists, ascending.
    pub fn all() -> impl Iterator<Item = Self> {
        REGISTRY.iter().map(|entry| entry.code)
    }

    /// Name in the specification: `E-01`, `X-6`, `W-1`, `N01`; `?` for a code that does not exist.
    pub fn name(self) -> &'static str {
        self.entry().map_or("?", |entry| entry.name)
    }

    /// What the code says, in a few words; empty for a code that does not exist.
    pub fn title(self) -> &'static str {
        self.entry().map_or("", |entry| entry.title)
    }

    /// The explanation in Markdown: meaning, a bad example, how to mend it; empty for a code that does not
    /// exist.
    pub fn page(self) -> &'static str {
        self.entry().map_or("", |entry| entry.page)
    }

    /// Warnings are the `W` codes and N10 (an event without a usable hint is stored all the same).
    pub fn severity(self) -> Severity {
        match self.0 {
            601..=699 | 1010 => Severity::Warning,
            _ => Severity::Error,
        }
    }

    fn entry(self) -> Option<&'static Entry> {
        REGISTRY.iter().find(|entry| entry.code == self)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DF{:04}", self.0)
    }
}

/// A text that names no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no diagnostic code (codes look like DF0101 or E-01)")]
pub struct UnknownCode(pub String);

impl FromStr for Code {
    type Err = UnknownCode;

    /// Reads `DF0101` and the specification's `E-01`; letter case, the dash and leading zeros do not matter.
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let wanted = squeeze(text.trim());
        REGISTRY
            .iter()
            .find(|entry| {
                squeeze(&entry.code.to_string()) == wanted || squeeze(entry.name) == wanted
            })
            .map(|entry| entry.code)
            .ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

/// Letters in upper case, then the digits without a dash before them and without leading zeros.
fn squeeze(text: &str) -> String {
    let split = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (letters, rest) = text.split_at_checked(split).unwrap_or((text, ""));
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    format!("{}{}", letters.to_ascii_uppercase(), rest.trim_start_matches('0'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::{Code, Severity};

    #[test]
    fn every_code_has_a_page_of_its_own_and_every_page_a_code() {
        let mut expected = BTreeSet::new();
        for code in Code::all() {
            let page = code.page();
            let title = format!("# {code} ({}): {}\n", code.name(), code.title());
            assert!(page.starts_with(&title), "{code}: {title}");
            assert!(page.contains("\n```"), "{code} has no example");
            assert!(page.contains("\n## What to do\n\n"), "{code} gives no advice");
            assert!(page.lines().count() >= 8, "{code} is too short");
            expected.insert(format!("{code}.md"));
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("codes");
        let found: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(found, expected);
        assert_eq!(found.len(), 31 + 5 + 18 + 12 + 6 + 1);
    }

    #[test]
    fn codes_ascend_and_read_both_spellings() {
        let numbers: Vec<u16> = Code::all().map(|code| code.0).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        for code in Code::all() {
            assert_eq!(code.to_string().parse(), Ok(code));
            assert_eq!(code.name().parse(), Ok(code));
        }
        for (text, code) in [
            ("e-1", Code::E01),
            ("E01", Code::E01),
            ("df0101", Code::E01),
            ("X-06", Code::X06),
            ("W1", Code::W01),
        ] {
            assert_eq!(text.parse(), Ok(code), "{text}");
        }
        for text in ["", "E-0", "E-99", "DF", "DF9999", "101", "E", "ä"] {
            assert!(text.parse::<Code>().is_err(), "{text}");
        }
    }

    #[test]
    fn warnings_are_the_w_codes_and_events_without_hint() {
        let warnings: Vec<Code> =
            Code::all().filter(|code| code.severity() == Severity::Warning).collect();
        assert!(warnings.iter().all(|&code| code.name().starts_with('W') || code == Code::N10));
        assert_eq!(warnings.len(), 19);
    }
}
