use defacto_syntax::{EXPRESSION_BYTES_MAX, NESTING_MAX, parse};

/// Each way to nest, `n` deep around `1`.
fn nestings(n: usize) -> Vec<String> {
    vec![
        format!("{}1{}", "(".repeat(n), ")".repeat(n)),
        format!("{}1{}", "a[".repeat(n), "]".repeat(n)),
        format!("{}1{}", "f(".repeat(n), ")".repeat(n)),
        format!("{}1", "-".repeat(n)),
        format!("{}1", "not ".repeat(n)),
        format!("{}1", "1**".repeat(n)),
        format!("{}1", "if 1 then 1 else ".repeat(n)),
        format!("{}1{}", "if ".repeat(n), " then 1 else 1".repeat(n)),
    ]
}

#[test]
fn nesting_is_allowed_up_to_the_limit() {
    let limit = usize::try_from(NESTING_MAX).unwrap();
    for text in nestings(limit) {
        assert!(parse(&text).is_ok(), "{text}");
    }
    for text in nestings(limit + 1) {
        assert!(parse(&text).unwrap_err().message.contains("nested deeper"), "{text}");
    }
    for text in nestings(800) {
        assert!(parse(&text).is_err(), "{text}");
    }
}

#[test]
fn depth_is_given_back() {
    let text = vec!["((1))"; 1_000].join("+");
    assert!(parse(&text).is_ok());
}

#[test]
fn long_chains_fit_a_small_stack() {
    let chains = ["1+".repeat(8_000) + "1", format!("a{}", "[0]".repeat(5_000))];
    for chain in chains {
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        let parsed = thread.spawn(move || parse(&chain).is_ok()).unwrap().join().unwrap();
        assert!(parsed);
    }
}

#[test]
fn length_is_limited_in_bytes() {
    let fits = format!("'{}'", "ä".repeat(EXPRESSION_BYTES_MAX / 2 - 1));
    assert_eq!(fits.len(), EXPRESSION_BYTES_MAX);
    assert!(parse(&fits).is_ok());
    assert!(parse(&format!("{fits} ")).is_err());
}
