//! Postal addresses.

use async_graphql::{InputObject, Object};

use crate::carts::model;

/// A postal address.
pub struct Address(pub model::Address);

/// A postal address.
#[Object]
impl Address {
    /// Given name.
    async fn first_name(&self) -> &str {
        &self.0.first_name
    }
    /// Family name.
    async fn last_name(&self) -> &str {
        &self.0.last_name
    }
    /// Company, if any.
    async fn company(&self) -> Option<&str> {
        self.0.company.as_deref()
    }
    /// Street and number.
    async fn line1(&self) -> &str {
        &self.0.line1
    }
    /// More of the street address.
    async fn line2(&self) -> Option<&str> {
        self.0.line2.as_deref()
    }
    /// City or town.
    async fn city(&self) -> &str {
        &self.0.city
    }
    /// State or province.
    async fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }
    /// Postal code.
    async fn postal_code(&self) -> Option<&str> {
        self.0.postal_code.as_deref()
    }
    /// Two-letter country code of ISO 3166-1.
    async fn country_code(&self) -> &str {
        &self.0.country_code
    }
    /// Phone number for the carrier.
    async fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }
}

/// A postal address. Every part has at most 200 characters.
#[derive(Debug, InputObject)]
pub struct AddressInput {
    /// Given name.
    pub first_name: Option<String>,
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
    /// Two-letter country code of ISO 3166-1, such as `US`.
    pub country_code: String,
    /// Phone number for the carrier.
    pub phone: Option<String>,
}

impl From<AddressInput> for model::Address {
    fn from(input: AddressInput) -> Self {
        model::Address {
            first_name: input.first_name.unwrap_or_default(),
            last_name: input.last_name,
            company: input.company,
            line1: input.line1,
            line2: input.line2,
            city: input.city,
            region: input.region,
            postal_code: input.postal_code,
            country_code: input.country_code,
            phone: input.phone,
        }
    }
}
