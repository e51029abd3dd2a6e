//! Reads shipping methods.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::ids::{ChannelId, ShippingMethodId};
use crate::schema::{shipping_method_channels, shipping_methods};

use super::Method;

/// The methods of a channel, in the order that the shop gave them.
pub async fn list(conn: &mut Conn, channel: ChannelId) -> QueryResult<Vec<Method>> {
    let rows: Vec<(ShippingMethodId, String, String, i64, Option<i64>)> = shipping_methods::table
        .inner_join(shipping_method_channels::table)
        .filter(shipping_method_channels::channel_id.eq(channel))
        .order((shipping_methods::position, shipping_methods::id))
        .select((
            shipping_methods::id,
            shipping_methods::name,
            shipping_methods::description,
            shipping_method_channels::price,
            shipping_method_channels::free_above,
        ))
        .load(conn)
        .await?;
    let method =
        |(id, name, description, price, free_above)| Method { id, name, description, price, free_above };
    Ok(rows.into_iter().map(method).collect())
}
