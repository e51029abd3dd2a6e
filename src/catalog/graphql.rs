//! GraphQL of this feature.

use async_graphql::Object;

/// Root fields.
#[derive(Default)]
pub struct CatalogQuery;

#[Object]
impl CatalogQuery {
    /// Placeholder.
    async fn catalog_query_placeholder(&self) -> bool {
        true
    }
}

/// Root fields.
#[derive(Default)]
pub struct CatalogMutation;

#[Object]
impl CatalogMutation {
    /// Placeholder.
    async fn catalog_mutation_placeholder(&self) -> bool {
        true
    }
}
