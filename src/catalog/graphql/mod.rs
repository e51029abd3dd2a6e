//! GraphQL of the catalog.

mod at_hand;
mod collection;
mod inputs;
mod mutations;
mod product;
mod root;
mod variant;

pub use collection::Collection;
pub use inputs::{ProductSortInput, ProductWhereInput};
pub use mutations::CatalogMutation;
pub use product::{Image, PriceRange, Product, ProductOption, connection_columns, product_columns};
pub use root::CatalogQuery;
pub use variant::{Availability, ProductVariant, SelectedOption};
