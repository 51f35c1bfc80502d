use defacto_test_support::Random;

/// Longest input that mutation makes, in bytes.
const BYTES_MAX: usize = 64 << 10;

/// Texts that are worth a try anywhere.
const INTERESTING: &[&str] = &[
    "0",
    "-1",
    "1",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1e308",
    "1e999",
    "1e-400",
    "0.1",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "'",
    "\"",
    "null",
    "true",
    "false",
    "~",
    ".nan",
    "30d",
    "1us",
    "99999999999d",
    "event",
    "entity.state",
    "value",
    "now()",
    "event.a",
    "not ",
    "and",
    "or",
    "if ",
    " then ",
    " else ",
    "**",
    "-",
    "/",
    "%",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ": ",
    "- ",
    "&a ",
    "*a",
    "<<: *a",
    "? ",
    "| ",
    ">-\n",
    "# ",
    "%YAML 1.1\n",
    "---\n",
    "...\n",
    "!!int ",
    "!x ",
    "\t",
    "\r\n",
    "\u{feff}",
    "\u{2028}",
    "\u{0}",
    "é",
    "🙂",
    "\\",
    "(?i)",
    "regex_match(event.a, \"(a|b)*c{1,9}\")",
    "coalesce(",
    "to_int(",
    "str::to_uppercase(",
    "effects",
    "create",
    "transition",
    "set",
    "increment",
    "relate",
    "compute",
    "from",
    "default",
    "type",
    "states",
    "properties",
    "2024-02-30",
    "2024-02-29T12:00:00+02:00",
];

/// Makes inputs from a corpus: texts are cut into words, numbers, quoted texts, blanks and signs, and those are moved,
/// doubled, dropped, exchanged between texts and nested.
#[derive(Debug)]
pub struct Mutator {
    corpus: Vec<String>,
}

impl Mutator {
    /// From these texts.
    pub const fn new(corpus: Vec<String>) -> Self {
        Self { corpus }
    }

    /// The next input.
    pub fn next(&self, random: &mut Random) -> String {
        if random.chance(3) {
            return noise(random);
        }
        let text = self.text(random);
        let mut tokens = tokens(&text);
        let donor = self.text(random);
        let donor = self::tokens(&donor);
        let most = 1 + random.below(12);
        for _ in 0..=random.below(most) {
            mutate(&mut tokens, &donor, random);
            if tokens.iter().map(|t| t.len()).sum::<usize>() > BYTES_MAX {
                break;
            }
        }
        let mut text = tokens.concat();
        let mut end = text.len().min(BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text
    }

    fn text(&self, random: &mut Random) -> String {
        random.pick(&self.corpus)
    }
}

fn noise(random: &mut Random) -> String {
    let count = random.below(200);
    (0..count)
        .map(|_| match random.below(4) {
            0 => random.pick(INTERESTING).to_owned(),
            1 => char::from_u32(u32::try_from(random.below(0x11_0000)).unwrap_or(0))
                .unwrap_or('\u{fffd}')
                .to_string(),
            _ => char::from(u8::try_from(random.below(128)).unwrap_or(0)).to_string(),
        })
        .collect()
}

fn class(c: char) -> u8 {
    match c {
        'a'..='z' | 'A'..='Z' | '_' => 0,
        '0'..='9' => 1,
        ' ' => 2,
        '\n' => 3,
        _ => 4,
    }
}

fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match class(first) {
            3 | 4 => first.len_utf8(),
            kind => rest.find(|c| class(c) != kind).unwrap_or(rest.len()),
        };
        let (token, behind) = rest.split_at(end);
        tokens.push(token);
        rest = behind;
    }
    tokens
}

/// A random range, mostly short.
fn range(length: usize, random: &mut Random) -> std::ops::Range<usize> {
    let start = random.below(length + 1);
    let most = if random.chance(20) { length } else { 8 };
    let end = (start + random.below(most + 1)).min(length);
    start..end
}

/// The range from a token to the end of its line.
fn line(tokens: &[&str], random: &mut Random) -> std::ops::Range<usize> {
    let at = random.below(tokens.len() + 1);
    let start = tokens[..at].iter().rposition(|t| *t == "\n").map_or(0, |p| p + 1);
    let end = tokens[at..].iter().position(|t| *t == "\n").map_or(tokens.len(), |p| at + p + 1);
    start..end
}

fn mutate<'a>(tokens: &mut Vec<&'a str>, donor: &[&'a str], random: &mut Random)
where
    'static: 'a,
{
    let at = random.below(tokens.len() + 1);
    match random.below(11) {
        0 => drop(tokens.drain(range(tokens.len(), random))),
        1 => {
            let copy = tokens[range(tokens.len(), random)].to_vec();
            tokens.splice(at..at, copy);
        }
        2 => {
            let graft = donor[range(donor.len(), random)].to_vec();
            tokens.splice(at..at, graft);
        }
        3 => {
            let graft = donor[range(donor.len(), random)].to_vec();
            tokens.splice(range(tokens.len(), random), graft);
        }
        4 => tokens.insert(at, random.pick(INTERESTING)),
        5 => {
            if let Some(token) = tokens.get_mut(at) {
                *token = random.pick(INTERESTING);
            }
        }
        6 => {
            // A long repetition, or a deep nesting where the range opens something.
            let copy = tokens[range(tokens.len(), random)].to_vec();
            let times = 1 << random.below(10);
            let bytes: usize = copy.iter().map(|t| t.len()).sum();
            if bytes * times <= BYTES_MAX {
                tokens.splice(at..at, copy.repeat(times));
            }
        }
        7 => {
            let (open, close) =
                random.pick(&[("(", ")"), ("[", "]"), ("{a: ", "}"), ("-(", ")"), ("not (", ")")]);
            let within = range(tokens.len(), random);
            let times = 1 << random.below(9);
            tokens.splice(within.end..within.end, vec![close; times]);
            tokens.splice(within.start..within.start, vec![open; times]);
        }
        8 => drop(tokens.drain(line(tokens, random))),
        9 => {
            let copy = tokens[line(tokens, random)].to_vec();
            let to = line(tokens, random).start;
            tokens.splice(to..to, copy);
        }
        _ => {
            let graft = donor[line(donor, random)].to_vec();
            let to = line(tokens, random).start;
            tokens.splice(to..to, graft);
        }
    }
}
