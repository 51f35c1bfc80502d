use defacto_syntax::parse;

/// The text that the error points at, its message and help.
fn error(text: &str) -> (&str, String, Option<String>) {
    let error = parse(text).expect_err(text);
    let start = usize::try_from(error.range.start).unwrap();
    let end = usize::try_from(error.range.end).unwrap();
    (&text[start..end], error.message, error.help)
}

#[test]
fn errors_point_at_the_fault() {
    let cases = [
        ("", "", "empty expression"),
        (" \u{a0}", " \u{a0}", "empty expression"),
        ("event.a = 1", "=", "`=` is not an operator"),
        ("event.a ==", "", "the expression ends where a value is expected"),
        ("event. a", " ", "a name or an index must follow the `.` without blanks"),
        ("event .a", ".", "no `.` may stand here"),
        ("1.5.2", ".", "no `.` may stand here"),
        ("'a'.b", ".", "no `.` may stand here"),
        ("3 + 10ms", "10ms", "malformed number `10ms`"),
        ("1e5", "1e5", "malformed number `1e5`"),
        ("1_000", "1_000", "malformed number `1_000`"),
        (".5", ".", "a value is expected, not `.`"),
        ("'a\\d'", "\\d", "unknown escape `\\d`"),
        ("'abc", "'abc", "text without its closing '"),
        ("r'abc\\", "r'abc\\", "text without its closing '"),
        ("'abc\\", "'abc\\", "text without its closing '"),
        ("9223372036854775808", "9223372036854775808", "integer out of range"),
        ("106751991168d", "106751991168d", "duration out of range"),
        ("(1", "", "`)` expected"),
        ("1)", ")", "`)` without `(`"),
        ("if 1 then 2", "", "`else` expected; an `if` always has one"),
        ("[1]", "[", "expressions have no list literals"),
        ("a AND b", "AND", "the expression should end here, or an operator is missing"),
        ("str.trim(1)", "str.trim", "only a function name may stand before `(`"),
        ("str::", "", "a function name must follow the `::` without blanks"),
        ("str ::trim(1)", ":", "unexpected `:`"),
        ("event.é", "é", "a name or an index must follow the `.` without blanks"),
    ];
    for (text, place, message) in cases {
        let (found, said, _) = error(text);
        assert_eq!((found, said.as_str()), (place, message), "{text}");
    }
}

#[test]
fn help_says_what_to_write() {
    assert_eq!(error("a & b").2.as_deref(), Some("write `and` or `&&`"));
    assert_eq!(error("a Or b").2.as_deref(), Some("write `or` in lower case"));
}
