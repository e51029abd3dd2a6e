//! Exact money: minor units and an ISO 4217 currency.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

/// An ISO 4217 currency that has minor units (no funds, metals or test codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// Why a text or number is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The code is not a currency of ISO 4217.
    #[error("{0:?} is not an ISO 4217 currency code")]
    UnknownCurrency(String),
    /// The text is not a plain decimal number.
    #[error("{0:?} is not a decimal number")]
    NotDecimal(String),
    /// More places than the currency has.
    #[error("{currency} has {places} decimal places")]
    TooManyPlaces {
        /// The currency.
        currency: Currency,
        /// How many places it has.
        places: u32,
    },
    /// Beyond what 64 bits of minor units hold.
    #[error("the amount is too large")]
    Overflow,
}

impl Currency {
    /// US dollar.
    pub const USD: Currency = Currency(iso_currency::Currency::USD);

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimal places of the major unit: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn places(self) -> u32 {
        self.0.exponent().map_or(2, u32::from)
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some())
            .map(Currency)
            .ok_or_else(|| MoneyError::UnknownCurrency(code.chars().take(8).collect()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// In minor units, e.g. cents.
    pub minor: i64,
    /// Its currency.
    pub currency: Currency,
}

impl Money {
    /// From minor units.
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// From a decimal number of major units; refuses what the currency cannot represent exactly.
    pub fn from_decimal(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let amount = amount.normalize();
        let places = currency.places();
        if amount.scale() > places {
            return Err(MoneyError::TooManyPlaces { currency, places });
        }
        let scaled = amount.checked_mul(Decimal::from(10_i64.pow(places))).ok_or(MoneyError::Overflow)?;
        let minor = i64::try_from(scaled.normalize().mantissa()).map_err(|_| MoneyError::Overflow)?;
        Ok(Self { minor, currency })
    }

    /// From a decimal text of major units such as `"12.50"`. No exponent, no grouping.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let not_decimal = || MoneyError::NotDecimal(text.chars().take(40).collect());
        let text_is_plain =
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
        if !text_is_plain {
            return Err(not_decimal());
        }
        let amount = Decimal::from_str_exact(text).map_err(|_| not_decimal())?;
        Self::from_decimal(amount, currency)
    }

    /// The exact decimal text of major units: `"12.50"`.
    pub fn amount(self) -> String {
        // From the last digit to the first; no amount is longer.
        let mut text = [0; 24];
        let (mut rest, mut start, mut digits) = (self.minor.unsigned_abs(), text.len(), 0);
        let places = self.currency.places();
        let mut put = |byte| {
            start -= 1;
            text[start] = byte;
        };
        while rest > 0 || digits <= places {
            if digits == places && places > 0 {
                put(b'.');
            }
            put(b'0' + (rest % 10) as u8);
            (rest, digits) = (rest / 10, digits + 1);
        }
        if self.minor < 0 {
            put(b'-');
        }
        str::from_utf8(&text[start..]).expect("digits, a point and a sign").to_owned()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

/// `part` parts per million of `amount`, rounded half to even; both in minor units.
pub fn parts_per_million(amount: i64, part: i64) -> i64 {
    let product = i128::from(amount) * i128::from(part);
    let (quotient, remainder) = (product.div_euclid(1_000_000), product.rem_euclid(1_000_000));
    let up = remainder > 500_000 || (remainder == 500_000 && quotient % 2 != 0);
    i64::try_from(quotient + i128::from(up)).expect("a part of an i64 of at most a million per million fits")
}

/// Splits `total` over `weights` in proportion, to the last minor unit (largest remainder first).
/// All zero weights give all zeros.
pub fn split(total: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i128 = weights.iter().map(|&w| i128::from(w)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let mut parts: Vec<(i64, i128)> = weights
        .iter()
        .map(|&weight| {
            let product = i128::from(total) * i128::from(weight);
            (product.div_euclid(sum) as i64, product.rem_euclid(sum))
        })
        .collect();
    let mut left = total - parts.iter().map(|part| part.0).sum::<i64>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(parts[index].1));
    for index in order {
        if left == 0 {
            break;
        }
        parts[index].0 += 1;
        left -= 1;
    }
    parts.into_iter().map(|part| part.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_in_the_places_of_their_currency() {
        let money = |text, code: &str| Money::parse(text, code.parse().unwrap());
        assert_eq!(money("12.5", "USD").unwrap().minor, 1250);
        assert_eq!(money("12.50", "USD").unwrap().amount(), "12.50");
        assert_eq!(money("1200", "JPY").unwrap().amount(), "1200");
        assert_eq!(money("1000000", "JPY").unwrap().minor, 1_000_000);
        assert_eq!(money("0.125", "KWD").unwrap().minor, 125);
        assert_eq!(money("-3.10", "EUR").unwrap().minor, -310);
        assert_eq!(money("-0.05", "EUR").unwrap().amount(), "-0.05");
        assert_eq!(Money::new(i64::MIN, Currency::USD).amount(), "-92233720368547758.08");
        assert_eq!(money("0", "USD").unwrap().amount(), "0.00");
        assert!(matches!(money("1.005", "USD"), Err(MoneyError::TooManyPlaces { .. })));
        assert!(matches!(money("1e3", "USD"), Err(MoneyError::NotDecimal(_))));
        assert!(matches!(money("1,000", "USD"), Err(MoneyError::NotDecimal(_))));
        assert!(matches!(money("", "USD"), Err(MoneyError::NotDecimal(_))));
        assert!(matches!(money("99999999999999999999", "USD"), Err(MoneyError::Overflow)));
        assert!("XXX".parse::<Currency>().is_err());
        assert!("usd".parse::<Currency>().is_err());
    }

    #[test]
    fn parts_round_half_to_even_and_splits_lose_nothing() {
        assert_eq!(parts_per_million(1000, 80_000), 80);
        assert_eq!(parts_per_million(25, 500_000), 12);
        assert_eq!(parts_per_million(27, 500_000), 14);
        assert_eq!(split(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(split(7, &[0, 0]), [0, 0]);
        assert_eq!(split(1, &[5, 10]).iter().sum::<i64>(), 1);
    }
}
