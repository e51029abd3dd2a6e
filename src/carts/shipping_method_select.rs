//! Chooses how a cart is shipped.

use crate::app::App;
use crate::db::Conn;
use crate::error::{Reason, Rejection, Result};
use crate::ids::{CartId, ShippingMethodId};

use super::update::{Change, OpenCart, update};
use super::{Cart, queries};

/// Chooses a method that the cart's channel offers.
pub async fn shipping_method_select(
    app: &App,
    id: CartId,
    method: ShippingMethodId,
    expected_version: Option<i64>,
) -> Result<Cart> {
    update(app, id, expected_version, SelectMethod(method)).await
}

struct SelectMethod(ShippingMethodId);

impl Change for SelectMethod {
    async fn apply(self, conn: &mut Conn, cart: &OpenCart) -> Result<()> {
        if queries::set_shipping_method(conn, cart.id, cart.channel_id, self.0).await? {
            return Ok(());
        }
        let message = "There is no such shipping method here.";
        Err(Rejection::new(Reason::NotFound, message).at(["input", "shippingMethodId"]).into())
    }
}
