//! The buyer.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};

use crate::access::Permission;
use crate::customers;
use crate::graphql::{Connection, ContextExt};
use crate::ids::CustomerId;
use crate::orders::graphql::Order;
use crate::orders::{self, OrderFilter};
use crate::pagination::PageArgs;

/// A buyer. Reached only from where the viewer may see it: the viewer's own, or that of an order.
pub struct Customer(pub customers::Customer);

/// A buyer.
#[Object]
impl Customer {
    /// Opaque.
    async fn id(&self) -> CustomerId {
        self.0.id
    }

    /// Where the buyer's mail goes.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// May be empty.
    async fn first_name(&self) -> &str {
        &self.0.first_name
    }

    /// May be empty.
    async fn last_name(&self) -> &str {
        &self.0.last_name
    }

    /// When the buyer became known.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// What they bought, newest first.
    #[graphql(complexity = "first.or(last).unwrap_or(0).max(0) as usize * child_complexity + 1")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Order>> {
        let viewer = ctx.viewer();
        if viewer.customer_id() != Some(self.0.id) {
            viewer.require(Permission::OrdersRead)?;
        }
        let filter = OrderFilter { customer_id: Some(self.0.id), ..Default::default() };
        orders::graphql::connection(ctx, filter, PageArgs::new(first, after, last, before)?).await
    }
}
