//! What a list of products is asked for.

use async_graphql::{ID, InputObject};

use crate::catalog::filter::{
    AttributeFilter, OptionFilter, ProductFilter, ProductSort, ProductSortField, SortDirection,
};
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
    /// Comes in one of some values of each of these options, at most 10.
    options: Option<Vec<OptionFilterInput>>,
    /// Has each of these attributes so, at most 10.
    attributes: Option<Vec<AttributeFilterInput>>,
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

/// Comes in one of these values of an option.
#[derive(Debug, InputObject)]
pub struct OptionFilterInput {
    /// The option, such as `"Size"`.
    name: String,
    /// One of these, such as `["M", "L"]`; at most 20.
    values: Vec<String>,
}

/// An attribute of the product's type has one of some values, or is a number in a range.
#[derive(Debug, InputObject)]
pub struct AttributeFilterInput {
    /// The code of the attribute, such as `"material"`.
    code: String,
    /// One of these texts, choices or dates (`"2026-11-24"`), or `"true"` or `"false"`; at most 20.
    values: Option<Vec<String>>,
    /// A number in this range.
    range: Option<NumberRange>,
}

/// A range of numbers, ends included.
#[derive(Debug, InputObject)]
pub struct NumberRange {
    /// This or more.
    gte: Option<Decimal>,
    /// This or less.
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
            options: few(self.options)?.into_iter().map(OptionFilterInput::read).collect::<Result<_>>()?,
            attributes: few(self.attributes)?
                .into_iter()
                .map(AttributeFilterInput::read)
                .collect::<Result<_>>()?,
        })
    }
}

/// More filters of one kind than this are a mistake.
const MAX_FILTERS: usize = 10;
/// Each option and attribute takes so many values.
const MAX_VALUES: usize = 20;

fn few<T>(filters: Option<Vec<T>>) -> Result<Vec<T>> {
    let filters = filters.unwrap_or_default();
    if filters.len() > MAX_FILTERS {
        return Err(Error::request(
            Code::BadUserInput,
            "At most 10 options and 10 attributes can be filtered by.",
        ));
    }
    Ok(filters)
}

fn few_values(mut values: Vec<String>) -> Result<Vec<String>> {
    if values.len() > MAX_VALUES {
        return Err(Error::request(Code::BadUserInput, "An option or attribute takes at most 20 values."));
    }
    // PostgreSQL cannot store such a text, so nothing equals it, and it cannot be sent.
    values.retain(|value| !value.contains('\0'));
    Ok(values)
}

fn without_nul(text: String) -> Result<String> {
    if text.contains('\0') {
        return Err(Error::request(Code::BadUserInput, "A name cannot contain the character U+0000."));
    }
    Ok(text)
}

impl OptionFilterInput {
    fn read(self) -> Result<OptionFilter> {
        Ok(OptionFilter { name: without_nul(self.name)?, values: few_values(self.values)? })
    }
}

impl AttributeFilterInput {
    fn read(self) -> Result<AttributeFilter> {
        let range = self.range.unwrap_or(NumberRange { gte: None, lte: None });
        let filter = AttributeFilter {
            code: without_nul(self.code)?,
            values: self.values.map(few_values).transpose()?,
            at_least: range.gte.map(|Decimal(text)| text),
            at_most: range.lte.map(|Decimal(text)| text),
        };
        if filter.values.is_none() && !filter.is_range() {
            return Err(Error::request(Code::BadUserInput, "An attribute takes `values` or a `range`."));
        }
        Ok(filter)
    }
}

impl From<ProductSortInput> for ProductSort {
    fn from(input: ProductSortInput) -> Self {
        Self { field: input.field, direction: input.direction }
    }
}
