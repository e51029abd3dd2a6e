//! Applies a promotion code, or takes it away.

use crate::app::App;
use crate::db::Conn;
use crate::error::{Reason, Rejection, Result};
use crate::ids::CartId;

use super::update::{Change, OpenCart, update};
use super::{Cart, queries};

/// Applies the code in place of the one before; an empty code takes it away. A code below whose minimum the
/// cart is stays applied and gives its discount once the cart reaches it.
pub async fn promotion_code_apply(
    app: &App,
    id: CartId,
    code: String,
    expected_version: Option<i64>,
) -> Result<Cart> {
    update(app, id, expected_version, ApplyCode(code.trim().to_owned())).await
}

struct ApplyCode(String);

impl Change for ApplyCode {
    async fn apply(self, conn: &mut Conn, cart: &OpenCart) -> Result<()> {
        if self.0.is_empty() {
            queries::set_promotion(conn, cart.id, None).await?;
            return Ok(());
        }
        let promotion = queries::find_promotion(conn, cart.channel_id, &self.0).await?.ok_or_else(|| {
            Rejection::new(Reason::PromotionNotApplicable, "There is no such code.").at(["input", "code"])
        })?;
        promotion.check(cart.now).map_err(|rejection| rejection.at(["input", "code"]))?;
        queries::set_promotion(conn, cart.id, Some(promotion.id)).await?;
        Ok(())
    }
}
