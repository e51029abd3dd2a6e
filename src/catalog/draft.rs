//! What a writer of products hands over: the whole product, as an import or the demo store describes it.

use crate::ids::ProductId;

/// A product with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ProductDraft {
    /// Identifies the product across imports.
    pub slug: String,
    /// 1 to 255 characters.
    pub name: String,
    /// Plain text or HTML, as the source has it.
    pub description: String,
    /// The maker, or empty.
    pub vendor: String,
    /// The kind of product, or empty.
    pub product_type: String,
    /// Sorted, without repeats.
    pub tags: Vec<String>,
    /// DRAFT, ACTIVE or ARCHIVED; an ACTIVE product is published in the channel.
    pub status: super::ProductStatus,
    /// In display order; empty for a product with a single variant.
    pub options: Vec<OptionDraft>,
    /// In display order; at least one.
    pub variants: Vec<VariantDraft>,
    /// In display order.
    pub images: Vec<ImageDraft>,
    /// Slugs of manual collections that exist.
    pub collections: Vec<String>,
}

/// An option and its values in display order.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct OptionDraft {
    /// Such as "Size".
    pub name: String,
    /// Such as "S", "M".
    pub values: Vec<String>,
}

/// A variant.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct VariantDraft {
    /// May be empty.
    pub sku: String,
    /// One value for every option, in option order.
    pub option_values: Vec<String>,
    /// In minor units of the channel's currency.
    pub price_minor: i64,
    /// The price before a reduction, in minor units.
    pub compare_at_minor: Option<i64>,
    /// Units on hand at the default location; `None` leaves stock as it is.
    pub stock: Option<i64>,
    /// May be sold beyond what is on hand.
    pub backorderable: bool,
    /// May be empty.
    pub barcode: String,
    /// In grams.
    pub weight_grams: Option<i64>,
    /// False for what is not sent, such as a gift card.
    pub requires_shipping: bool,
    /// Whether tax is charged.
    pub taxable: bool,
}

/// An image by URL.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ImageDraft {
    /// Absolute, or a path on this server.
    pub url: String,
    /// For those who cannot see it.
    pub alt_text: String,
}

/// What to do with a product whose slug exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, async_graphql::Enum)]
pub enum OnConflict {
    /// Make it equal to the source.
    Update,
    /// Leave it as it is.
    Skip,
}

/// What became of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// A new product.
    Created(ProductId),
    /// It existed and was made equal.
    Updated(ProductId),
    /// It existed and was equal already: nothing was written, no version grew.
    Unchanged(ProductId),
    /// It existed and was left alone.
    Skipped(ProductId),
}
