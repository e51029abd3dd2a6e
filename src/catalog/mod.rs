//! Products, variants, options, prices, images and collections.

mod check;
mod collection_record;
pub mod collections;
mod create;
mod draft;
mod edit;
mod filter;
pub mod graphql;
mod images;
mod model;
mod prices;
mod queries;
mod read;
mod record;
mod reindex;
mod rules;
mod selection;
mod stems;
pub mod terms;
pub mod translations;
mod type_record;
pub mod types;
mod update;
mod vocabulary;
mod word_vector;
mod words;
mod write;

pub use collection_record::{
    CollectionRecord, collection_records_after, lock_collection_record, write_collection_record,
};
pub use create::{NewProduct, create};
pub use draft::{ImageDraft, OnConflict, OptionDraft, ProductDraft, VariantDraft, Written};
pub use edit::{
    MetadataChange, NewVariant, OptionEdit, Owner, PriceEdit, SaleEdit, ValueEdit, VariantChange,
    channels_of, delete, metadata_set, options_update, prices_set, publish, unpublish, variant_create,
    variant_delete, variant_update, variants_reorder,
};
pub use filter::{
    AttributeFilter, OptionFilter, ProductFilter, ProductSort, ProductSortField, SortDirection,
};
pub use model::{
    Collection, Fetched, Image, Product, ProductColumns, ProductDetails, ProductOption, ProductStatus, Scope,
    Variant,
};
pub use prices::{TurnPrices, turn_prices};
pub use queries::ChildPage;
pub use queries::lists::level_for;
pub use read::{
    PageEnd, count_collections, count_products, find_collection_by_slug, find_product_by_slug,
    list_collections, list_products, price_at, probe, products_in_order,
};
pub use record::{
    Membership, PriceRecord, ProductRecord, Publication, StockRecord, Texts, Translation, VariantRecord,
};
pub use reindex::reindex;
pub use rules::{
    ApplyRule, ApplyRules, Condition, Field, Match, Operator, ReviewStock, Rule, apply_batch, review_stock,
};
pub use selection::{About, Base, Matching, Selection, sample};
pub use type_record::{AttributeRecord, TypeRecord, lock_type_record, type_records, write_type_record};
pub use update::{ProductChange, update};
pub use vocabulary::{Lesson, Vocabulary};
pub use words::words;
pub use write::{
    LockedProduct, RecordWrite, Writing, create_products, ends_of_collections, is_slug_taken, lock_products,
    write_records,
};
