//! The catalog's rows.

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;

use crate::access::{Permission, Viewer};
use crate::channels::Channel;
use crate::ids::{ChannelId, CollectionId, ImageId, OptionId, ProductId, VariantId};

/// Where a product is in its life.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    async_graphql::Enum,
    AsExpression,
    FromSqlRow,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[diesel(sql_type = Text)]
pub enum ProductStatus {
    /// Being prepared; seen by staff only.
    #[default]
    Draft,
    /// On sale.
    Active,
    /// No longer sold; seen by staff only.
    Archived,
}

impl ProductStatus {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            ProductStatus::Draft => "DRAFT",
            ProductStatus::Active => "ACTIVE",
            ProductStatus::Archived => "ARCHIVED",
        }
    }
}

impl ToSql<Text, Pg> for ProductStatus {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(self.as_str(), out)
    }
}

impl FromSql<Text, Pg> for ProductStatus {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            b"DRAFT" => Ok(ProductStatus::Draft),
            b"ACTIVE" => Ok(ProductStatus::Active),
            b"ARCHIVED" => Ok(ProductStatus::Archived),
            _ => Err("not a status of a product".into()),
        }
    }
}

/// Whose view of the catalog is read: shoppers see what is ACTIVE and published in the channel, staff with CATALOG_READ
/// see everything. Prices are those of the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The channel of the request.
    pub channel_id: ChannelId,
    /// What counts as published by now.
    pub now: DateTime<Utc>,
    /// Whether everything is seen.
    pub staff: bool,
}

impl Scope {
    /// The view of this viewer.
    pub fn of(viewer: &Viewer, channel: &Channel, now: DateTime<Utc>) -> Self {
        Self { channel_id: channel.id, now, staff: viewer.may(Permission::CatalogRead) }
    }
}

/// A column that costs something to read and is read only where it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched<T> {
    /// It was not read.
    No,
    /// It was read.
    Yes(T),
}

impl<T> Fetched<T> {
    /// What was read, if it was.
    pub fn as_ref(&self) -> Option<&T> {
        match self {
            Fetched::Yes(value) => Some(value),
            Fetched::No => None,
        }
    }
}

/// Which columns of a product are read, besides those that every list needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProductColumns {
    /// The details.
    pub details: bool,
    /// The description.
    pub description: bool,
    /// The tags.
    pub tags: bool,
    /// The range of prices in the channel.
    pub prices: bool,
    /// The first image.
    pub image: bool,
}

impl ProductColumns {
    /// Every column.
    pub const ALL: Self = Self { details: true, description: true, tags: true, prices: true, image: true };
    /// None of them.
    pub const NONE: Self =
        Self { details: false, description: false, tags: false, prices: false, image: false };

    /// What either of them has.
    pub fn or(self, other: Self) -> Self {
        Self {
            details: self.details || other.details,
            description: self.description || other.description,
            tags: self.tags || other.tags,
            prices: self.prices || other.prices,
            image: self.image || other.image,
        }
    }
}

/// A product.
#[derive(Debug, Clone)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Identifies it in URLs.
    pub slug: String,
    /// For people.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Small columns that few lists show.
    pub details: Fetched<ProductDetails>,
    /// Text or HTML.
    pub description: Fetched<String>,
    /// Sorted, without repeats.
    pub tags: Fetched<Vec<String>>,
    /// The lowest and highest price in the channel, in minor units.
    pub prices: Fetched<Option<(i64, i64)>>,
    /// The first image.
    pub image: Fetched<Option<Image>>,
}

/// Small columns of a product that few lists show.
#[derive(Debug, Clone, Queryable)]
pub struct ProductDetails {
    /// The maker, or empty.
    pub vendor: String,
    /// The kind of product, or empty.
    pub product_type: String,
    /// Where it is in its life.
    pub status: ProductStatus,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// An image of a product.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// Absolute, or a path on this server.
    pub url: String,
    /// For those who cannot see it.
    pub alt_text: String,
}

/// An option of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductOption {
    /// Its id.
    pub id: OptionId,
    /// Such as "Size".
    pub name: String,
    /// In display order.
    pub values: Vec<String>,
}

/// A variant and its price in the channel.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Variant {
    /// Its id.
    pub id: VariantId,
    /// What it is a variant of.
    pub product_id: ProductId,
    /// May be empty, and need not be unique.
    pub sku: String,
    /// Its option values, for people.
    pub name: String,
    /// In display order, from 0.
    pub position: i32,
    /// One per option, in option order.
    pub option_values: Vec<String>,
    /// May be empty.
    pub barcode: String,
    /// In grams.
    pub weight_grams: Option<i64>,
    /// False for what is not sent.
    pub requires_shipping: bool,
    /// Whether tax is charged.
    pub taxable: bool,
    /// Grows by one with every change.
    pub version: i64,
    /// What it costs now, in minor units; none when it is not sold in the channel.
    pub price: Option<i64>,
    /// The regular price while it is on sale, else the price before a reduction; in minor units.
    pub compare_at_price: Option<i64>,
    /// The names of its product's options; none when they were not read with it.
    pub option_names: Option<Vec<String>>,
}

/// A set of products.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Collection {
    /// Its id.
    pub id: CollectionId,
    /// Identifies it in URLs.
    pub slug: String,
    /// For people.
    pub name: String,
    /// Text or HTML.
    pub description: String,
    /// May be empty.
    pub image_url: String,
    /// May be empty.
    pub image_alt_text: String,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}
