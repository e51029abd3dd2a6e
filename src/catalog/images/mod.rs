//! Which images products and collections show. The files themselves are the business of [`crate::media`].

mod add;
mod collection;
mod product;
mod queries;
mod source;

pub use add::{ImageAddition, NewProductImage, add};
pub(super) use collection::hold_named_image;
pub use collection::{CollectionImage, set_collection_image};
pub use product::{change_alt_text, remove, reorder};
pub use queries::CollectionImageOf;
pub use source::ImageSource;
pub(super) use source::{alt_text_fault, url_fault};
