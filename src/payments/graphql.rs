//! GraphQL of this feature.

use async_graphql::Object;

/// Root fields.
#[derive(Default)]
pub struct PaymentMutation;

#[Object]
impl PaymentMutation {
    /// Placeholder.
    async fn payment_mutation_placeholder(&self) -> bool {
        true
    }
}
