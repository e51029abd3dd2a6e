//! GraphQL of the catalog.

mod at_hand;
mod attributes;
mod collection;
mod collection_mutations;
mod image;
mod image_mutations;
mod inputs;
mod metadata;
mod mutations;
mod prices;
mod product;
mod product_mutations;
mod root;
mod rule;
mod translations;
mod variant;
mod variant_mutations;

pub use attributes::{ProductTypeMutation, ProductTypeQuery};
pub use collection::Collection;
pub use collection_mutations::CollectionMutation;
pub use image::Image;
pub use image_mutations::ImageMutation;
pub use inputs::{ProductSortInput, ProductWhereInput};
pub use metadata::MetadataMutation;
pub use mutations::CatalogMutation;
pub use prices::PricingMutation;
pub use product::{PriceRange, Product, ProductOption, connection_columns, product_columns};
pub use product_mutations::ProductMutation;
pub use root::CatalogQuery;
pub use translations::TranslationMutation;
pub use variant::{Availability, ProductVariant, SelectedOption};
pub use variant_mutations::VariantMutation;
