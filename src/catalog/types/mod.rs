//! Kinds of products with typed attributes. A product belongs to the type that has the name of its `product_type`, so that
//! imports need not know the types beforehand.

mod edit;
mod model;
pub(super) mod queries;
mod value;

pub use edit::{NewProductType, create, delete, update};
pub use model::{Attribute, AttributeDraft, AttributeKind, ProductType};
pub(super) use value::write as write_values;
pub use value::{AttributeValue, ValueDraft, attributes_set};
