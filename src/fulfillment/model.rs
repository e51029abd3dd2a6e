//! The parcel.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::ids::{FulfillmentId, OrderId};
use crate::schema::fulfillments;
use crate::text_enum::text_enum;

text_enum! {
    /// Where a parcel is.
    #[graphql(name = "FulfillmentStatus")]
    FulfillmentState {
        /// Being packed.
        Pending = "PENDING",
        /// On its way.
        Shipped = "SHIPPED",
        /// With the buyer.
        Delivered = "DELIVERED",
        /// Not sent after all.
        Canceled = "CANCELED",
    }
}

/// A parcel of an order.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = fulfillments)]
pub struct Fulfillment {
    /// Its id.
    pub id: FulfillmentId,
    /// The order.
    pub order_id: OrderId,
    /// Where it is.
    pub status: FulfillmentState,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}
