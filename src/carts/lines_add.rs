//! Puts variants into a cart.

use std::collections::BTreeMap;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{CartId, VariantId};

use super::update::{Change, OpenCart, update};
use super::{Cart, queries};

/// A cart has no more lines than this.
pub(super) const MAX_LINES: i64 = 200;
/// A line has no more units than this; also a constraint of the table.
pub(super) const MAX_QUANTITY: i64 = 10_000;

/// What is to be added.
#[derive(Debug, Clone, Copy)]
pub struct LineAdd {
    /// The variant; it must be for sale in the cart's channel.
    pub variant_id: VariantId,
    /// At least 1.
    pub quantity: i64,
}

/// Adds to the lines of a cart; a variant that is in it already gets more units. Nothing is added if any line is wrong.
pub async fn lines_add(
    app: &App,
    id: CartId,
    lines: Vec<LineAdd>,
    expected_version: Option<i64>,
) -> Result<Cart> {
    check_quantities(&lines)?;
    update(app, id, expected_version, AddLines(lines)).await
}

pub(super) fn check_quantities(lines: &[LineAdd]) -> Result<()> {
    if lines.len() as i64 > MAX_LINES {
        return Err(too_many_lines().into());
    }
    let wrong = lines.iter().enumerate().filter(|(_, line)| !(1..=MAX_QUANTITY).contains(&line.quantity));
    let rejections: Vec<_> = wrong
        .map(|(index, _)| {
            Rejection::new(Reason::Invalid, "The quantity of a line is 1 to 10,000.").at([
                "input",
                "lines",
                &index.to_string(),
                "quantity",
            ])
        })
        .collect();
    if rejections.is_empty() { Ok(()) } else { Err(Error::Rejected(rejections)) }
}

fn too_many_lines() -> Rejection {
    Rejection::new(Reason::LimitExceeded, "A cart has at most 200 lines.").at(["input", "lines"])
}

pub(super) struct AddLines(pub Vec<LineAdd>);

impl Change for AddLines {
    async fn apply(self, conn: &mut Conn, cart: &OpenCart) -> Result<()> {
        let lines = self.0;
        if lines.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = lines.iter().map(|line| line.variant_id).collect();
        let known = queries::purchasable(conn, cart.channel_id, &ids, cart.now).await?;
        let unknown = lines.iter().enumerate().filter(|(_, line)| !known.contains(&line.variant_id));
        let rejections: Vec<_> = unknown
            .map(|(index, _)| {
                Rejection::new(Reason::NotPurchasable, "This variant is not for sale here.").at([
                    "input",
                    "lines",
                    &index.to_string(),
                    "variantId",
                ])
            })
            .collect();
        if !rejections.is_empty() {
            return Err(Error::Rejected(rejections));
        }
        // One row per variant, in id order: an upsert must not meet a row twice.
        let mut sums: BTreeMap<VariantId, i64> = BTreeMap::new();
        for line in &lines {
            *sums.entry(line.variant_id).or_default() += line.quantity;
        }
        let sums: Vec<_> = sums.into_iter().collect();
        match queries::add_lines(conn, cart.id, &sums).await {
            Err(DieselError::DatabaseError(DatabaseErrorKind::CheckViolation, info))
                if info.constraint_name() == Some("cart_lines_quantity_check") =>
            {
                let message =
                    "Together with what is in the cart this is more than 10,000 units of one variant.";
                return Err(Rejection::new(Reason::LimitExceeded, message).at(["input", "lines"]).into());
            }
            outcome => outcome?,
        }
        if queries::count_lines(conn, cart.id).await? > MAX_LINES {
            return Err(too_many_lines().into());
        }
        Ok(())
    }
}
