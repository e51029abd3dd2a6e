//! GraphQL of the catalog.

mod collection;
mod image;
mod image_mutations;
mod inputs;
mod mutations;
mod product;
mod root;
mod variant;

pub use collection::Collection;
pub use image::Image;
pub use image_mutations::ImageMutation;
pub use inputs::{ProductSortInput, ProductWhereInput};
pub use mutations::CatalogMutation;
pub use product::{PriceRange, Product, ProductOption, connection_columns, product_columns};
pub use root::CatalogQuery;
pub use variant::{Availability, ProductVariant, SelectedOption};
