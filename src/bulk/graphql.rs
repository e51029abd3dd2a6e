//! GraphQL of this feature.

use async_graphql::Object;

/// Root fields.
#[derive(Default)]
pub struct BulkMutation;

#[Object]
impl BulkMutation {
    /// Placeholder.
    async fn bulk_mutation_placeholder(&self) -> bool {
        true
    }
}
