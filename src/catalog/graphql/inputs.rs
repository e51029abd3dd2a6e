//! What a list of products is asked for.

use async_graphql::{ID, InputObject};

use crate::catalog::filter::{ProductFilter, ProductSort, ProductSortField, SortDirection};
use crate::catalog::model::ProductStatus;
use crate::channels::Channel;
use crate::error::{Code, Error, Result};
use crate::graphql::{Decimal, IdFilter, StringFilter, one_of};
use crate::money::Money;

/// Which products; the conditions all hold.
#[derive(Debug, Default, InputObject)]
pub struct ProductWhereInput {
    /// Has one of these ids, at most 100.
    ids: Option<Vec<ID>>,
    /// By slug.
    slug: Option<StringFilter>,
    /// By maker.
    vendor: Option<StringFilter>,
    /// By kind.
    product_type: Option<StringFilter>,
    /// Has this tag, or one of these.
    tag: Option<StringFilter>,
    /// Is in this collection, or in one of these.
    collection: Option<IdFilter>,
    /// Some variant costs so much in the channel.
    price: Option<PriceFilter>,
    /// Whether some variant can be ordered now.
    available: Option<bool>,
    /// By status. Needs CATALOG_READ; shoppers see ACTIVE products only.
    #[graphql(visible = "crate::graphql::visible::catalog_read")]
    status: Option<ProductStatusFilter>,
}

/// A range of prices in the channel's currency, in major units, ends included. A product passes when its own range of
/// prices meets it.
#[derive(Debug, Default, InputObject)]
pub struct PriceFilter {
    /// This or more, such as `"10.00"`.
    gte: Option<Decimal>,
    /// This or less, such as `"49.99"`.
    lte: Option<Decimal>,
}

/// A status is one of some.
#[derive(Debug, Default, InputObject)]
pub struct ProductStatusFilter {
    /// Equals this.
    eq: Option<ProductStatus>,
    /// Equals one of these.
    #[graphql(name = "in")]
    in_: Option<Vec<ProductStatus>>,
}

/// A sort key and its direction.
#[derive(Debug, InputObject)]
pub struct ProductSortInput {
    /// What to sort by.
    field: ProductSortField,
    /// Which way; ascending when left out.
    #[graphql(default_with = "SortDirection::Asc")]
    direction: SortDirection,
}

impl ProductWhereInput {
    /// The filter; an id of another type, or an amount that the currency cannot have, is the client's mistake.
    pub fn read(self, channel: &Channel) -> Result<ProductFilter> {
        let amount = |text: Option<Decimal>| {
            text.map(|Decimal(text)| Money::parse(&text, channel.currency).map(|money| money.minor))
                .transpose()
                .map_err(|error| {
                    Error::request(Code::BadUserInput, format!("The price cannot be used: {error}."))
                })
        };
        let texts = |filter: Option<StringFilter>| filter.map_or(Ok(None), StringFilter::one_of);
        let price = self.price.unwrap_or_default();
        let status = self.status.unwrap_or_default();
        Ok(ProductFilter {
            ids: IdFilter { eq: None, in_: self.ids }.one_of()?,
            slugs: texts(self.slug)?,
            vendors: texts(self.vendor)?,
            product_types: texts(self.product_type)?,
            tags: texts(self.tag)?,
            collections: self.collection.map_or(Ok(None), IdFilter::one_of)?,
            statuses: one_of(status.eq, status.in_)?,
            price_at_least: amount(price.gte)?,
            price_at_most: amount(price.lte)?,
            available: self.available,
        })
    }
}

impl From<ProductSortInput> for ProductSort {
    fn from(input: ProductSortInput) -> Self {
        Self { field: input.field, direction: input.direction }
    }
}
