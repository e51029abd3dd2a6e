//! Root queries about orders.

use async_graphql::{Context, Object, Result};

use crate::access::Permission;
use crate::error::Error;
use crate::graphql::{Connection, ContextExt};
use crate::ids::OrderId;
use crate::orders;
use crate::pagination::PageArgs;

use super::{Order, OrderWhereInput};

/// Root queries about orders.
#[derive(Default)]
pub struct OrderQuery;

#[Object]
impl OrderQuery {
    /// The order that this access token opens; null when none does.
    async fn order_by_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `accessToken` that `orderPlace` answered with.")] token: String,
    ) -> Result<Option<Order>> {
        let mut conn = ctx.app().db.get().await?;
        let order = orders::find_by_token(&mut conn, &token).await.map_err(Error::from)?;
        Ok(order.map(Order::from))
    }

    /// One order. Needs ORDERS_READ, or to be its customer.
    async fn order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's id.")] id: OrderId,
    ) -> Result<Option<Order>> {
        let viewer = ctx.viewer();
        if viewer.customer_id().is_none() {
            viewer.require(Permission::OrdersRead)?;
        }
        let order = orders::find(&mut *ctx.app().db.get().await?, id).await.map_err(Error::from)?;
        let order = order.filter(|order| {
            let own = viewer.customer_id().is_some() && order.customer_id == viewer.customer_id();
            own || viewer.may(Permission::OrdersRead)
        });
        Ok(order.map(Order::from))
    }

    /// Orders, newest first. Needs ORDERS_READ.
    #[graphql(
        visible = "crate::graphql::visible::orders_read",
        complexity = "first.or(last).unwrap_or(0).max(0) as usize * child_complexity + 1"
    )]
    #[allow(clippy::too_many_arguments)] // The four arguments of a Relay connection.
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
        #[graphql(name = "where", desc = "Which orders.")] filter: Option<OrderWhereInput>,
    ) -> Result<Connection<Order>> {
        ctx.viewer().require(Permission::OrdersRead)?;
        let args = PageArgs::new(first, after, last, before)?;
        let filter = filter.map(OrderWhereInput::into_filter).transpose()?.unwrap_or_default();
        connection(ctx, filter, args).await
    }
}

/// A page of the orders that match.
pub(crate) async fn connection(
    ctx: &Context<'_>,
    filter: orders::OrderFilter,
    args: PageArgs,
) -> Result<Connection<Order>> {
    let app = ctx.app().clone();
    let page = orders::list(&mut *app.db.get().await?, &filter, &args).await?;
    Ok(Connection::new(page.map(Order::from), move || {
        let (app, filter) = (app.clone(), filter.clone());
        async move { Ok(orders::count(&mut *app.db.get().await?, &filter).await?) }
    }))
}
