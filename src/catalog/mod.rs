//! Products, variants, options, prices, images and collections.

mod check;
mod create;
mod draft;
mod filter;
pub mod graphql;
mod model;
mod queries;
mod read;
mod reindex;
mod selection;
pub mod terms;
mod update;
mod words;
mod write;

pub use create::{NewProduct, create};
pub use draft::{ImageDraft, OnConflict, OptionDraft, ProductDraft, VariantDraft, Written};
pub use filter::{
    AttributeFilter, OptionFilter, ProductFilter, ProductSort, ProductSortField, SortDirection,
};
pub use model::{
    Collection, Details, Fetched, Image, Product, ProductColumns, ProductOption, ProductStatus, Scope,
    Variant,
};
pub use queries::ChildPage;
pub use queries::lists::{in_part, level_for};
pub use read::{
    PageEnd,     count_collections, count_products, find_collection_by_slug, find_product_by_slug, list_collections,
    list_products, price_at, probe, products_in_order,
};
pub use reindex::reindex;
pub use selection::{Base, SAMPLE_LEVEL, Selection};
pub use update::{ProductChange, update};
pub use words::words;
pub use write::write_products;
