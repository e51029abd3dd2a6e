//! GraphQL of this feature.

use async_graphql::Object;

/// Root fields.
#[derive(Default)]
pub struct CustomerMutation;

#[Object]
impl CustomerMutation {
    /// Placeholder.
    async fn customer_mutation_placeholder(&self) -> bool {
        true
    }
}
