//! GraphQL of parcels.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use crate::error::Error;
use crate::graphql::{BatchReader, ContextExt, UserError, outcome};
use crate::ids::{FulfillmentId, OrderId, OrderLineId};

use super::{CreateInput, FulfillmentState, LineInput, queries};

/// The parcels of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FulfillmentsOf(pub OrderId);

impl Loader<FulfillmentsOf> for BatchReader {
    type Value = Vec<super::Fulfillment>;
    type Error = async_graphql::Error;

    async fn load(
        &self,
        keys: &[FulfillmentsOf],
    ) -> Result<HashMap<FulfillmentsOf, Self::Value>, Self::Error> {
        let ids: Vec<OrderId> = keys.iter().map(|key| key.0).collect();
        let rows = queries::of_orders(&mut *self.app.db.get().await?, &ids).await.map_err(Error::from)?;
        let mut by_order: HashMap<FulfillmentsOf, Vec<super::Fulfillment>> = HashMap::new();
        for parcel in rows {
            by_order.entry(FulfillmentsOf(parcel.order_id)).or_default().push(parcel);
        }
        Ok(by_order)
    }
}

/// A parcel.
pub struct Fulfillment(pub super::Fulfillment);

/// A parcel of an order.
#[Object]
impl Fulfillment {
    /// Its id.
    async fn id(&self) -> FulfillmentId {
        self.0.id
    }

    /// Where it is.
    async fn status(&self) -> FulfillmentState {
        self.0.status
    }

    /// The carrier's number.
    async fn tracking_number(&self) -> Option<&str> {
        self.0.tracking_number.as_deref()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// Units of a line.
#[derive(InputObject)]
struct FulfillmentLineInput {
    /// A line of the order.
    line_id: OrderLineId,
    /// How many of its units; at least 1.
    quantity: i64,
}

/// What goes into the parcel.
#[derive(InputObject)]
struct FulfillmentCreateInput {
    /// A paid order.
    order_id: OrderId,
    /// Which units; everything that is left when not given.
    lines: Option<Vec<FulfillmentLineInput>>,
    /// The carrier's number.
    tracking_number: Option<String>,
    /// Whether the buyer gets a mail.
    #[graphql(default)]
    notify_customer: bool,
}

/// The parcel, or why it was not recorded.
#[derive(SimpleObject)]
struct FulfillmentCreatePayload {
    /// The parcel; null when something stands in the way.
    fulfillment: Option<Fulfillment>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// Root mutations of parcels.
#[derive(Default)]
pub struct FulfillmentMutation;

#[Object]
impl FulfillmentMutation {
    /// Records a parcel that leaves now. Needs FULFILLMENTS_WRITE. The order is completed when all of it is sent.
    #[graphql(visible = "crate::graphql::visible::fulfillments_write")]
    async fn fulfillment_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order, and what goes into the parcel.")] input: FulfillmentCreateInput,
    ) -> Result<FulfillmentCreatePayload> {
        let line = |line: FulfillmentLineInput| LineInput { line_id: line.line_id, quantity: line.quantity };
        let input = CreateInput {
            order_id: input.order_id,
            lines: input.lines.unwrap_or_default().into_iter().map(line).collect(),
            tracking_number: input.tracking_number,
            notify_customer: input.notify_customer,
        };
        let (fulfillment, user_errors) = outcome(super::create(ctx.app(), ctx.viewer(), input).await)?;
        Ok(FulfillmentCreatePayload { fulfillment: fulfillment.map(Fulfillment), user_errors })
    }
}
