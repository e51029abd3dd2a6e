//! The cart as it stands, with what its totals depend on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::channels::Channel;
use crate::error::{Reason, Rejection};
use crate::ids::{CartId, CartLineId, CustomerId, VariantId};
use crate::promotions::Promotion;
use crate::shipping::Method;
use crate::tax::RatePpm;

use super::Totals;

/// A shopper's cart, read in whole.
#[derive(Debug, Clone)]
pub struct Cart {
    /// Random; holding it is the right to use the cart.
    pub id: CartId,
    /// Where it was made; its prices and currency are this channel's.
    pub channel: Channel,
    /// The signed-in customer who made it.
    pub customer_id: Option<CustomerId>,
    /// Open until it is placed or abandoned.
    pub status: CartStatus,
    /// Where the confirmation goes.
    pub email: Option<String>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// Where the bill goes; the shipping address when not given.
    pub billing_address: Option<Address>,
    /// The chosen way to ship.
    pub shipping_method: Option<Method>,
    /// The applied code.
    pub promotion: Option<Promotion>,
    /// The tax rate for the shipping address.
    pub tax_rate: RatePpm,
    /// In the order in which they were added.
    pub lines: Vec<CartLine>,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A line, with what its variant is and costs now.
#[derive(Debug, Clone)]
pub struct CartLine {
    /// Its id.
    pub id: CartLineId,
    /// What is bought.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: i64,
    /// The price of one now, in minor units; `None` when the variant cannot be bought in this channel any more.
    pub unit_price: Option<i64>,
    /// The variant's SKU; may be empty.
    pub sku: String,
    /// The product's name.
    pub product_name: String,
    /// The variant's name.
    pub variant_name: String,
    /// Whether tax is charged on it.
    pub taxable: bool,
    /// Whether it has to be sent.
    pub requires_shipping: bool,
}

impl Cart {
    /// What it costs now.
    pub fn totals(&self, now: DateTime<Utc>) -> Totals {
        Totals::of(self, now)
    }

    /// Whether anything in it has to be sent.
    pub fn requires_shipping(&self) -> bool {
        self.lines.iter().any(|line| line.requires_shipping)
    }
}

/// Where a cart is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
pub enum CartStatus {
    /// Can be changed and placed.
    Open,
    /// Has become an order.
    Placed,
    /// Given up.
    Abandoned,
}

impl CartStatus {
    pub(super) fn from_stored(text: &str) -> Self {
        match text {
            "PLACED" => CartStatus::Placed,
            "ABANDONED" => CartStatus::Abandoned,
            _ => CartStatus::Open,
        }
    }
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Company, if any.
    pub company: Option<String>,
    /// Street and number.
    pub line1: String,
    /// More of the street address.
    pub line2: Option<String>,
    /// City or town.
    pub city: String,
    /// State or province.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country_code: String,
    /// Phone for the carrier.
    pub phone: Option<String>,
}

/// No part of an address is longer.
const MAX_PART_LEN: usize = 200;

impl Address {
    /// Trims every part and rejects what cannot be an address; `field` is where it stands in the input.
    pub fn checked(mut self, field: &str) -> Result<Self, Vec<Rejection>> {
        let mut problems = Vec::new();
        let mut required = |name: &str, value: &mut String| {
            *value = value.trim().to_owned();
            if value.is_empty() {
                let message = "This part of the address is needed.";
                problems.push(Rejection::new(Reason::Required, message).at(["input", field, name]));
            } else if value.chars().count() > MAX_PART_LEN {
                let message = "This part of the address is too long (200 characters at most).";
                problems.push(Rejection::new(Reason::Invalid, message).at(["input", field, name]));
            }
        };
        required("lastName", &mut self.last_name);
        required("line1", &mut self.line1);
        required("city", &mut self.city);
        self.first_name = self.first_name.trim().to_owned();
        for (name, value) in [
            ("company", &mut self.company),
            ("line2", &mut self.line2),
            ("region", &mut self.region),
            ("postalCode", &mut self.postal_code),
            ("phone", &mut self.phone),
        ] {
            *value = value.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            if value.as_ref().is_some_and(|text| text.chars().count() > MAX_PART_LEN) {
                let message = "This part of the address is too long (200 characters at most).";
                problems.push(Rejection::new(Reason::Invalid, message).at(["input", field, name]));
            }
        }
        if self.first_name.chars().count() > MAX_PART_LEN {
            let message = "This part of the address is too long (200 characters at most).";
            problems.push(Rejection::new(Reason::Invalid, message).at(["input", field, "firstName"]));
        }
        self.country_code = self.country_code.trim().to_ascii_uppercase();
        if self.country_code.len() != 2 || !self.country_code.bytes().all(|b| b.is_ascii_uppercase()) {
            let message = "The country is a two-letter ISO 3166-1 code, such as US.";
            problems.push(Rejection::new(Reason::Invalid, message).at(["input", field, "countryCode"]));
        }
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }
}
