//! Products, variants, options, prices, images and collections.

mod check;
mod draft;
pub mod graphql;
mod model;
mod words;
mod write;

pub use draft::{ImageDraft, OnConflict, OptionDraft, ProductDraft, VariantDraft, Written};
pub use model::ProductStatus;
pub use words::words;
pub use write::write_products;
