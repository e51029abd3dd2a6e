//! GraphQL of this feature.

use async_graphql::Object;

/// Root fields.
#[derive(Default)]
pub struct JobQuery;

#[Object]
impl JobQuery {
    /// Placeholder.
    async fn job_query_placeholder(&self) -> bool {
        true
    }
}

/// Root fields.
#[derive(Default)]
pub struct JobMutation;

#[Object]
impl JobMutation {
    /// Placeholder.
    async fn job_mutation_placeholder(&self) -> bool {
        true
    }
}

/// Root subscriptions.
#[derive(Default)]
pub struct JobSubscription;

#[async_graphql::Subscription]
impl JobSubscription {
    /// Placeholder.
    async fn job_placeholder(&self) -> impl futures_util::Stream<Item = bool> {
        futures_util::stream::empty()
    }
}
