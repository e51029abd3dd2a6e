//! GraphQL of stock.

mod locations;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::catalog::graphql::ProductVariant;
use crate::graphql::{ContextExt, UserError, outcome};
use crate::ids::{LocationId, VariantId};

use super::adjust::{StockAdjustment, adjust};
use super::model;

pub use locations::{InventoryQuery, LocationMutation};

/// The units of a variant at a location.
pub struct StockLevel(pub model::StockLevel);

/// The units of a variant at a location.
#[Object]
impl StockLevel {
    /// What the units are of.
    async fn variant(&self, ctx: &Context<'_>) -> Result<Option<ProductVariant>> {
        ProductVariant::load(ctx, self.0.variant_id).await
    }

    /// The place that holds them.
    async fn location(&self, ctx: &Context<'_>) -> Result<Option<Location>> {
        Ok(ctx.loaders().load_one(self.0.location_id).await?.map(Location))
    }

    /// Units in the building, promised ones included.
    async fn on_hand(&self) -> i64 {
        self.0.on_hand
    }

    /// Units promised to orders that are not shipped yet.
    async fn reserved(&self) -> i64 {
        self.0.reserved
    }

    /// Units that can still be promised.
    async fn available(&self) -> i64 {
        self.0.available()
    }

    /// Whether more may be sold than is on hand.
    async fn backorderable(&self) -> bool {
        self.0.backorderable
    }
}

/// A place that holds stock.
pub struct Location(pub model::Location);

/// A place that holds stock.
#[Object]
impl Location {
    /// Its id.
    async fn id(&self) -> LocationId {
        self.0.id
    }

    /// For people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Orders draw from the location of the lowest priority first; it is also the default one.
    async fn priority(&self) -> i32 {
        self.0.priority
    }

    /// Grows by one with every change; for `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }
}

/// A change of the units on hand.
#[derive(InputObject)]
pub struct StockAdjustInput {
    /// The variant.
    variant_id: VariantId,
    /// The location; the default one when left out.
    location_id: Option<LocationId>,
    /// Units to add, or to take away when negative; not zero.
    delta: i64,
    /// Why, for the stock book; at most 255 characters.
    #[graphql(default)]
    reason: String,
    /// Chosen by the client, up to 255 characters: the same key with the same input takes effect once.
    idempotency_key: String,
}

/// What `stockAdjust` answers.
#[derive(SimpleObject)]
pub struct StockAdjustPayload {
    /// The level after the change; null when there are user errors.
    stock_level: Option<StockLevel>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Root mutations about stock.
#[derive(Default)]
pub struct InventoryMutation;

#[Object]
impl InventoryMutation {
    /// Adds units to those on hand, or takes them away. Takes effect once per idempotency key. Needs INVENTORY_WRITE.
    #[graphql(visible = "crate::graphql::visible::inventory_write")]
    async fn stock_adjust(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: StockAdjustInput,
    ) -> Result<StockAdjustPayload> {
        let StockAdjustInput { variant_id, location_id, delta, reason, idempotency_key } = input;
        let adjustment = StockAdjustment { variant_id, location_id, delta, reason, idempotency_key };
        let (level, user_errors) = outcome(adjust(ctx.app(), ctx.viewer(), adjustment).await)?;
        Ok(StockAdjustPayload { stock_level: level.map(StockLevel), user_errors })
    }
}
