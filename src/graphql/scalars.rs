//! Scalars, and money.

use std::str::FromStr;

use async_graphql::{InputObject, InputValueError, InputValueResult, Object, Scalar, ScalarType, Value};

use crate::error::{Reason, Rejection};
use crate::money::{Currency, Money};

use super::{Asked, HasAtHand, Writer};

/// An exact decimal number as text, such as `"12.50"`; never a float. Input also takes whole numbers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Decimal(pub String);

/// An exact decimal number as text, such as `"12.50"`; never a float. Input also takes whole numbers.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            other => return Err(InputValueError::expected_type(other)),
        };
        match rust_decimal::Decimal::from_str_exact(&text) {
            Ok(_) if text.len() <= 40 => Ok(Self(text)),
            _ => Err(InputValueError::custom("not a decimal number such as \"12.50\"")),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// An ISO 4217 currency code, such as `USD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencyCode(pub Currency);

/// An ISO 4217 currency code, such as `USD`.
#[Scalar]
impl ScalarType for CurrencyCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(code) => Currency::from_str(&code).map(Self).map_err(InputValueError::custom),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.code().to_owned())
    }
}

/// Any JSON value.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(pub serde_json::Value);

/// Any JSON value.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(value.into_json()?))
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}

/// An exact amount of money.
#[Object]
impl Money {
    /// In major units, such as `"12.50"`.
    #[graphql(name = "amount")]
    async fn amount_(&self) -> Decimal {
        Decimal(self.amount())
    }

    /// The ISO 4217 code of its currency.
    async fn currency_code(&self) -> CurrencyCode {
        CurrencyCode(self.currency)
    }
}

impl HasAtHand for Money {
    fn write<'a>(&self, field: &Asked<'a>, to: &mut Writer<'a>) -> Option<()> {
        match field.name() {
            "amount" => to.plain(&self.amount()),
            "currencyCode" => to.plain(self.currency.code()),
            _ => None,
        }
    }
}

/// An amount of money.
#[derive(Debug, Clone, InputObject)]
pub struct MoneyInput {
    /// In major units, such as `"12.50"`, with no more places than the currency has.
    pub amount: Decimal,
    /// The ISO 4217 code of its currency.
    pub currency_code: CurrencyCode,
}

impl MoneyInput {
    /// The exact amount; rejects too many places, a negative amount, and another currency than `expected`.
    pub fn read(&self, expected: Currency) -> Result<Money, Rejection> {
        if self.currency_code.0 != expected {
            let message = format!("Amounts of this channel are in {expected}, not {}.", self.currency_code.0);
            return Err(Rejection::new(Reason::Invalid, message));
        }
        match Money::parse(&self.amount.0, expected) {
            Ok(money) if money.minor >= 0 => Ok(money),
            Ok(_) => Err(Rejection::new(Reason::Invalid, "The amount must not be negative.")),
            Err(error) => {
                Err(Rejection::new(Reason::Invalid, format!("The amount cannot be used: {error}.")))
            }
        }
    }
}
