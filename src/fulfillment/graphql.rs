//! GraphQL of this feature.

use async_graphql::Object;

/// Root fields.
#[derive(Default)]
pub struct FulfillmentMutation;

#[Object]
impl FulfillmentMutation {
    /// Placeholder.
    async fn fulfillment_mutation_placeholder(&self) -> bool {
        true
    }
}
