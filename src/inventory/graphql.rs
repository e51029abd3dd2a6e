//! GraphQL of this feature.

use async_graphql::Object;

/// Root fields.
#[derive(Default)]
pub struct InventoryMutation;

#[Object]
impl InventoryMutation {
    /// Placeholder.
    async fn inventory_mutation_placeholder(&self) -> bool {
        true
    }
}
