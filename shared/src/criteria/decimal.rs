//! An exact decimal number, so that a value is compared as it was written and never through a rounded float.

use std::cmp::Ordering;
use std::fmt;

/// A decimal number of any size. Ordering and equality are by value: `1.50` equals `1.5`.
///
/// Kept as significant digits and the place of the decimal point, so `1e400` takes five bytes and compares exactly.
#[derive(Clone, Debug)]
pub struct Decimal {
    negative: bool,
    /// ASCII digits without leading or trailing zeros; empty for zero.
    digits: String,
    /// The value is `0.{digits} × 10^point`; 0 for zero.
    point: i64,
    /// The number as it was written, for messages.
    written: String,
}

impl Decimal {
    /// Reads a JSON number token (`-1`, `2.50`, `1E5`). `None` where it is no such token.
    #[must_use]
    pub fn from_json_token(token: &str) -> Option<Self> {
        let (mantissa, exponent) = match token.find(['e', 'E']) {
            Some(at) => (token.get(..at)?, token.get(at + 1..)?.parse::<i64>().ok()?),
            None => (token, 0),
        };
        // An exponent beyond this only serves to overflow the arithmetic below; the order is the same.
        Self::parse(mantissa, exponent.clamp(-1_000_000_000_000, 1_000_000_000_000), token)
    }

    /// Reads text that is wholly `-?digits[.digits]` in ASCII, the form in which text counts as a number.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::parse(text, 0, text)
    }

    fn parse(mantissa: &str, exponent: i64, written: &str) -> Option<Self> {
        let (negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (unsigned, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let joined = format!("{whole}{fraction}");
        let significant = joined.trim_start_matches('0');
        let leading = i64::try_from(joined.len() - significant.len()).ok()?;
        let digits = significant.trim_end_matches('0').to_owned();
        let zero = digits.is_empty();
        Some(Self {
            negative: negative && !zero,
            point: if zero { 0 } else { i64::try_from(whole.len()).ok()? - leading + exponent },
            digits,
            written: written.to_owned(),
        })
    }

    /// The number as a JSON number token.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::from_str(&self.written).unwrap_or_else(|_| serde_json::Value::String(self.written.clone()))
    }

    /// The number as an integer, where it is one that fits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let zeros = usize::try_from(self.point).ok()?.checked_sub(self.digits.len())?;
        let sign = if self.negative { "-" } else { "" };
        // An i64 has 19 digits at most; the exponent may name a billion.
        (self.point <= 19).then(|| format!("{sign}{}{}", self.digits, "0".repeat(zeros)))?.parse().ok()
    }

    fn magnitude_cmp(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Same point: digit strings without leading zeros compare as text.
            (false, false) => self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        let negative = value < 0;
        let all = value.unsigned_abs().to_string();
        let digits = all.trim_end_matches('0').to_owned();
        let point = if digits.is_empty() { 0 } else { i64::try_from(all.len()).unwrap_or(i64::MAX) };
        Self { negative, digits, point, written: value.to_string() }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude_cmp(other),
            (true, true) => other.magnitude_cmp(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;
    use proptest::prelude::*;

    fn number(token: &str) -> Decimal {
        Decimal::from_json_token(token).unwrap()
    }

    #[test]
    fn values_compare_exactly_however_they_are_written() {
        for (smaller, larger) in [
            ("-1", "0"),
            ("0", "0.0000001"),
            ("9", "10"),
            ("9007199254740992", "9007199254740993"),
            ("18446744073709551615", "18446744073709551616"),
            ("1e399", "1e400"),
            ("-1e400", "-1e399"),
            ("0.05", "0.5"),
            ("99", "1e2"),
        ] {
            assert!(number(smaller) < number(larger), "{smaller} < {larger}");
        }
        for (one, other) in [("1.50", "1.5"), ("100", "1E2"), ("-0", "0"), ("0.0", "0e9"), ("15e-1", "1.5")] {
            assert_eq!(number(one), number(other));
        }
    }

    #[test]
    fn an_integer_is_one_however_it_is_written() {
        for (token, integer) in
            [("2.0", Some(2)), ("15e-1", None), ("1e3", Some(1000)), ("-0", Some(0)), ("-12", Some(-12))]
        {
            assert_eq!(number(token).to_i64(), integer, "{token}");
        }
        for token in ["0.5", "1e19", "9223372036854775808", "1e400", "-1e400", "1e-400"] {
            assert_eq!(number(token).to_i64(), None, "{token}");
        }
    }

    #[test]
    fn only_plain_ascii_digits_make_text_a_number() {
        for text in ["", "-", "+1", " 1", "1 ", "1.", ".5", "1e3", "٣", "0x1", "1,000", "1.2.3", "--1"] {
            assert!(Decimal::from_text(text).is_none(), "{text:?}");
        }
        assert_eq!(Decimal::from_text("007").unwrap(), Decimal::from(7));
    }

    proptest! {
        #[test]
        fn integers_keep_their_order(a: i64, b: i64) {
            prop_assert_eq!(Decimal::from(a).cmp(&Decimal::from(b)), a.cmp(&b));
            prop_assert_eq!(number(&a.to_string()), Decimal::from(a));
            prop_assert_eq!(Decimal::from(a).to_i64(), Some(a));
        }
    }
}
