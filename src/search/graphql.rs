//! GraphQL of this feature.

use async_graphql::Object;

/// Root fields.
#[derive(Default)]
pub struct SearchQuery;

#[Object]
impl SearchQuery {
    /// Placeholder.
    async fn search_query_placeholder(&self) -> bool {
        true
    }
}
