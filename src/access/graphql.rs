//! GraphQL of this feature.

use async_graphql::Object;

/// Root fields.
#[derive(Default)]
pub struct AccessQuery;

#[Object]
impl AccessQuery {
    /// Placeholder.
    async fn access_query_placeholder(&self) -> bool {
        true
    }
}

/// Root fields.
#[derive(Default)]
pub struct AccessMutation;

#[Object]
impl AccessMutation {
    /// Placeholder.
    async fn access_mutation_placeholder(&self) -> bool {
        true
    }
}
