//! GraphQL of this feature.

use async_graphql::Object;

/// Root fields.
#[derive(Default)]
pub struct OrderQuery;

#[Object]
impl OrderQuery {
    /// Placeholder.
    async fn order_query_placeholder(&self) -> bool {
        true
    }
}

/// Root fields.
#[derive(Default)]
pub struct OrderMutation;

#[Object]
impl OrderMutation {
    /// Placeholder.
    async fn order_mutation_placeholder(&self) -> bool {
        true
    }
}

/// Root subscriptions.
#[derive(Default)]
pub struct OrderSubscription;

#[async_graphql::Subscription]
impl OrderSubscription {
    /// Placeholder.
    async fn order_placeholder(&self) -> impl futures_util::Stream<Item = bool> {
        futures_util::stream::empty()
    }
}
