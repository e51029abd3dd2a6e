//! GraphQL of this feature.

use async_graphql::Object;

/// Root fields.
#[derive(Default)]
pub struct CartQuery;

#[Object]
impl CartQuery {
    /// Placeholder.
    async fn cart_query_placeholder(&self) -> bool {
        true
    }
}

/// Root fields.
#[derive(Default)]
pub struct CartMutation;

#[Object]
impl CartMutation {
    /// Placeholder.
    async fn cart_mutation_placeholder(&self) -> bool {
        true
    }
}
