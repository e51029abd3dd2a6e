//! The GraphQL schema: the roots, what every resolver finds in its context, and the types that features share.
//!
//! The features own their types and root fields; this module merges them.

mod at_hand;
mod connection;
mod context;
mod filters;
pub mod json;
mod loaders;
mod node;
mod scalars;
mod user_error;
pub mod visible;

use async_graphql::{MergedObject, MergedSubscription, SchemaBuilder, ValidationMode};

pub use at_hand::{Asked, AtHand, AtOnce, HasAtHand, Shown, Writer};
pub use connection::{Connection, Edge, page_cost, page_info};
pub use context::ContextExt;
pub use filters::{IdFilter, StringFilter, one_of};
pub use loaders::{BatchReader, Batches, Loaders, drive};
pub use node::{Node, NodeQuery};
pub use scalars::{CurrencyCode, Decimal, Json, MoneyInput};
pub use user_error::{UserError, outcome, present};

/// Reads. Every list is a connection of at most 100 items; every id is opaque.
#[derive(MergedObject, Default)]
pub struct Query(
    crate::channels::graphql::ShopQuery,
    NodeQuery,
    crate::access::graphql::AccessQuery,
    crate::catalog::graphql::CatalogQuery,
    crate::catalog::graphql::ProductTypeQuery,
    crate::inventory::graphql::InventoryQuery,
    crate::search::graphql::SearchQuery,
    crate::carts::graphql::CartQuery,
    crate::orders::graphql::OrderQuery,
    crate::jobs::graphql::JobQuery,
);

/// Writes. Each takes one input and answers with a payload whose `userErrors` say what stands in the way.
#[derive(MergedObject, Default)]
pub struct Mutation(
    crate::access::graphql::AccessMutation,
    crate::channels::graphql::ChannelMutation,
    crate::customers::graphql::CustomerMutation,
    crate::catalog::graphql::CatalogMutation,
    crate::catalog::graphql::ImageMutation,
    crate::catalog::graphql::ProductMutation,
    crate::catalog::graphql::VariantMutation,
    crate::catalog::graphql::PricingMutation,
    crate::catalog::graphql::CollectionMutation,
    crate::catalog::graphql::ProductTypeMutation,
    crate::catalog::graphql::TranslationMutation,
    crate::catalog::graphql::MetadataMutation,
    crate::inventory::graphql::InventoryMutation,
    crate::inventory::graphql::LocationMutation,
    crate::bulk::graphql::BulkMutation,
    crate::carts::graphql::CartMutation,
    crate::checkout::graphql::CheckoutMutation,
    crate::payments::graphql::PaymentMutation,
    crate::fulfillment::graphql::FulfillmentMutation,
    crate::jobs::graphql::JobMutation,
    crate::jobs::graphql::JobMatchingMutation,
    crate::jobs::graphql::QueueLimitMutation,
    crate::jobs::graphql::ScheduleMutation,
);

/// News. Each emits the current state at once, then every change.
#[derive(MergedSubscription, Default)]
pub struct Subscription(
    crate::orders::graphql::OrderSubscription,
    crate::jobs::graphql::JobSubscription,
    crate::jobs::graphql::BoardSubscription,
);

/// The executable schema.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema; needs no database. Requests carry an [`crate::App`], a [`crate::access::Viewer`], a
/// [`crate::channels::Channel`], a [`crate::locale::Locale`] and [`Loaders`] as data.
pub fn schema() -> Schema {
    builder().finish()
}

/// The same for documents that [`schema`] found valid. Of what it checks before it executes this checks the cost only, because that
/// depends on the variables.
pub fn lenient_schema() -> Schema {
    builder().validation_mode(ValidationMode::Fast).finish()
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    async_graphql::Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .disable_suggestions()
        .limit_complexity(crate::http::limits::MAX_COMPLEXITY)
        .limit_depth(crate::http::limits::MAX_INTROSPECTION_DEPTH)
}
