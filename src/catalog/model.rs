//! The catalog's rows.

/// Where a product is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, async_graphql::Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProductStatus {
    /// Being prepared; seen by staff only.
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
