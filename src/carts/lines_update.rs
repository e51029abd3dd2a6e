//! Changes the quantities of a cart's lines.

use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{CartId, CartLineId};

use super::lines_add::MAX_QUANTITY;
use super::update::{Change, OpenCart, update};
use super::{Cart, queries};

/// A line's new quantity.
#[derive(Debug, Clone, Copy)]
pub struct LineUpdate {
    /// A line of the cart.
    pub line_id: CartLineId,
    /// 0 removes the line.
    pub quantity: i64,
}

/// Sets quantities; 0 removes. Nothing is changed if any line is wrong.
pub async fn lines_update(
    app: &App,
    id: CartId,
    lines: Vec<LineUpdate>,
    expected_version: Option<i64>,
) -> Result<Cart> {
    let mut rejections = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let at = |field: &str, reason, message: &str| {
            Rejection::new(reason, message).at(["input", "lines", &index.to_string(), field])
        };
        if !(0..=MAX_QUANTITY).contains(&line.quantity) {
            rejections.push(at("quantity", Reason::Invalid, "The quantity of a line is 0 to 10,000."));
        }
        if lines[..index].iter().any(|earlier| earlier.line_id == line.line_id) {
            rejections.push(at("lineId", Reason::Invalid, "This line is named twice."));
        }
    }
    if !rejections.is_empty() {
        return Err(Error::Rejected(rejections));
    }
    update(app, id, expected_version, SetQuantities(lines)).await
}

struct SetQuantities(Vec<LineUpdate>);

impl Change for SetQuantities {
    async fn apply(self, conn: &mut Conn, cart: &OpenCart) -> Result<()> {
        let changes: Vec<_> = self.0.iter().map(|line| (line.line_id, line.quantity)).collect();
        let found = queries::set_quantities(conn, cart.id, &changes).await?;
        let missing = self.0.iter().enumerate().filter(|(_, line)| !found.contains(&line.line_id));
        let rejections: Vec<_> = missing
            .map(|(index, _)| {
                Rejection::new(Reason::NotFound, "The cart has no such line.").at([
                    "input",
                    "lines",
                    &index.to_string(),
                    "lineId",
                ])
            })
            .collect();
        if rejections.is_empty() { Ok(()) } else { Err(Error::Rejected(rejections)) }
    }
}
