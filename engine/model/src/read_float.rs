//! Decimal text to the nearest float. The standard library has the same, at six times the code, and every module of
//! definitions carries a copy.

/// The float nearest to a decimal number (ties to even): digits with an optional sign, point and exponent, and nothing
/// else. `None` for other text, and for numbers beyond the largest float.
pub fn read_float(text: &str) -> Option<f64> {
    let (negative, unsigned) = signed(text.as_bytes())?;
    let magnitude = Decimal::read(unsigned)?.nearest(unsigned)?;
    Some(if negative { -magnitude } else { magnitude })
}

/// Whether there is a minus, and what follows the sign.
fn signed(text: &[u8]) -> Option<(bool, &[u8])> {
    Some(match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    })
}

/// Digits that decide: of 768 and more, the rest only tells whether there is anything.
const DIGITS_MAX: usize = 800;

/// `0.digits` times ten to the power of `point`.
#[derive(Default)]
struct Decimal {
    /// Digits, not counting zeros in front.
    digits: usize,
    point: i64,
    /// The number that the digits make, where there are few enough for it to be exact.
    number: f64,
}

impl Decimal {
    fn read(text: &[u8]) -> Option<Self> {
        let mut read = Self::default();
        let (mut any, mut fraction) = (false, false);
        for (place, byte) in text.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    any = true;
                    let idle = *byte == b'0' && read.digits == 0;
                    read.point += i64::from(!fraction && !idle) - i64::from(fraction && idle);
                    read.digits += usize::from(!idle);
                    read.number = read.number * 10.0 + f64::from(byte - b'0');
                }
                b'.' if !fraction => fraction = true,
                b'e' | b'E' if any => {
                    read.point += exponent(text.get(place + 1..)?)?;
                    return Some(read);
                }
                _ => return None,
            }
        }
        any.then_some(read)
    }

    fn nearest(&self, text: &[u8]) -> Option<f64> {
        if self.digits == 0 || self.point < -330 {
            return Some(0.0);
        }
        if self.point > 310 {
            return None;
        }
        let power = self.point - i64::try_from(self.digits.min(DIGITS_MAX)).unwrap_or_default();
        if self.digits <= 15 && (-22..=22).contains(&power) {
            // One operation on exact floats gives it.
            let mut ten = 1.0;
            for _ in 0..power.abs() {
                ten *= 10.0;
            }
            return Some(if power < 0 { self.number / ten } else { self.number * ten });
        }
        // Enough words below that 64 bits and more are left: a decimal place takes less than four bits.
        let places = usize::try_from(-power).unwrap_or_default();
        let below = if places == 0 { 0 } else { places / 8 + 3 };
        let mut whole = Words { words: [0; WORDS_MAX], below, length: 0 };
        let mut more = false;
        let digits = text.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
        let digits = digits.filter(|byte| **byte != b'.').skip_while(|byte| **byte == b'0');
        for (place, byte) in digits.enumerate() {
            if place < DIGITS_MAX {
                whole.multiply(byte - b'0');
            } else {
                more |= *byte != b'0';
            }
        }
        for _ in 0..power {
            whole.multiply(0);
        }
        whole.length += below;
        whole.below = 0;
        for _ in 0..places {
            more |= whole.divide() != 0;
        }
        whole.round(-32 * i64::try_from(below).unwrap_or_default(), more)
    }
}

/// Digits with an optional sign. Beyond a million the number no longer matters.
#[inline(never)]
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = signed(text)?;
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_i64;
    for byte in digits {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        value = (value * 10 + digit).min(1 << 40);
    }
    Some(if negative { -value } else { value })
}

/// A whole number in words of 32 bits, lowest first, none above the highest.
struct Words {
    words: [u32; WORDS_MAX],
    /// Words below it, which are zero.
    below: usize,
    length: usize,
}

/// 800 digits have 84 words, and are divided by ten 1,130 times at most.
const WORDS_MAX: usize = 84 + 1_130 / 8 + 3;

impl Words {
    /// Times ten, plus a digit.
    #[inline(never)]
    fn multiply(&mut self, digit: u8) {
        let mut carry = u64::from(digit);
        for word in self.words.iter_mut().skip(self.below).take(self.length) {
            let wide = u64::from(*word) * 10 + carry;
            *word = low(wide);
            carry = wide >> 32;
        }
        if let Some(word) = self.words.get_mut(self.below + self.length).filter(|_| carry > 0) {
            *word = low(carry);
            self.length += 1;
        }
    }

    /// Divides by ten and gives the remainder.
    #[inline(never)]
    fn divide(&mut self) -> u64 {
        let mut rest = 0;
        for word in self.words.iter_mut().take(self.length).rev() {
            let wide = rest << 32 | u64::from(*word);
            *word = low(wide / 10);
            rest = wide % 10;
        }
        let highest = self.words.iter().take(self.length).next_back();
        self.length -= usize::from(highest == Some(&0));
        rest
    }

    /// The float nearest to this times two to the power of `binary`, and a little more if `more`.
    fn round(&self, binary: i64, mut more: bool) -> Option<f64> {
        // The 64 highest bits.
        let mut highest = self.words.iter().take(self.length).rev();
        let mut next = || u64::from(highest.next().copied().unwrap_or_default());
        let (first, second, third) = (next(), next(), next());
        let idle = first.leading_zeros() - 32;
        let wide = first << 32 | second;
        let top = if idle == 0 { wide } else { wide << idle | third >> (32 - idle) };
        more |= low(third << idle) != 0 || highest.any(|word| *word != 0);
        // Place of the highest bit, and how many of the 64 a float of that size has no room for.
        let words = i64::try_from(self.length).unwrap_or_default();
        let place = words * 32 - 1 - i64::from(idle) + binary;
        if place > 1_023 {
            return None;
        }
        let excess = 11 + (-1_022 - place).max(0);
        let Ok(excess @ 0..=64) = u32::try_from(excess) else { return Some(0.0) };
        let kept = top.checked_shr(excess).unwrap_or(0);
        let half = 1 << (excess - 1);
        let rest = if excess == 64 { top } else { top & ((1 << excess) - 1) };
        let up = rest > half || rest == half && (more || kept & 1 == 1);
        let exponent = u64::try_from((place + 1_022).max(0)).unwrap_or_default();
        let float = f64::from_bits((exponent << 52) + kept + u64::from(up));
        float.is_finite().then_some(float)
    }
}

fn low(wide: u64) -> u32 {
    u32::try_from(wide & 0xffff_ffff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) {
        let expected = text.parse::<f64>().ok().filter(|float| float.is_finite());
        let found = read_float(text);
        assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "{text}");
    }

    /// A fixed sequence of numbers.
    fn random() -> impl FnMut() -> u64 {
        let mut state = 1_u64;
        move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 29
        }
    }

    #[test]
    fn texts_that_are_floats_and_texts_that_are_none() {
        for text in [
            "",
            "-",
            "+",
            ".",
            "-.",
            "e5",
            ".e5",
            "1e",
            "1e+",
            "1e-",
            "1.5.2",
            "1e5.0",
            "1 ",
            " 1",
            "--1",
            "0x1",
            "1_0",
            "1e5e5",
            "١",
            "0",
            "-0",
            "+0",
            "0.0",
            ".5",
            "5.",
            "-.5e1",
            "00012.500",
            "1E5",
            "1e+05",
            "1e-0",
            "0e99999999999999999999",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880",
            "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042879",
            "4.9406564584124654e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "2.2250738585072014e-308",
            "2.2250738585072011e-308",
            "9007199254740993",
            "9007199254740992.99999999999999999999999",
            "9007199254740993.00000000000000000001",
        ] {
            check(text);
        }
        for special in ["inf", "NaN", "infinity", "-inf"] {
            assert_eq!(read_float(special), None);
        }
    }

    #[test]
    fn every_text_gives_the_float_of_the_standard_library() {
        let mut next = random();
        for _ in 0..20_000 {
            let float = f64::from_bits(next());
            if float.is_finite() {
                check(&format!("{float:e}"));
                check(&format!("{float}"));
            }
            let (digits, power) = (next() >> (next() % 64), next() % 700);
            check(&format!("{digits}e{}", i64::try_from(power).unwrap() - 350));
            check(&format!("{}.{digits:020}e{}", next(), i64::try_from(power).unwrap() - 350));
        }
    }

    #[test]
    fn halfway_between_two_floats_the_last_digit_decides() {
        let mut next = random();
        for _ in 0..500 {
            // A float of 53 bits and half a unit more, in all its digits.
            let float = f64::from_bits(next() >> 2);
            let power = i32::try_from(next() % 52).unwrap();
            let odd = ((next() >> 11 | 1 << 52) * 2 + 1) as f64 * 2_f64.powi(-power);
            check(&format!("{odd:.80}"));
            let half = (next() >> 11 | 1 << 52) as u128 * 2 + 1;
            let whole = half << (next() % 70);
            for text in [
                format!("{whole}"),
                format!("{whole}.{}1", "0".repeat(900)),
                format!("{}.{}", whole - 1, "9".repeat(900)),
                format!("{float:.1100}"),
                format!("{float:.1100}1"),
            ] {
                check(&text);
            }
        }
        // Half of the smallest float, in all its digits, and next to it.
        let half =
            format!("{:.1080}", f64::from_bits(1)).replace("4940656458412465", "2470328229206232");
        check(&half);
    }
}
