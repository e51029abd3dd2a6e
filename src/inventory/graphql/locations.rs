//! Locations, and moving stock between them.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::graphql::{ContextExt, UserError, outcome};
use crate::ids::{LocationId, VariantId};
use crate::inventory::locations;
use crate::inventory::set::{StockSetting, set};
use crate::inventory::transfer::{StockTransfer, transfer};

use super::{Location, StockLevel};

/// A new location.
#[derive(InputObject)]
pub struct LocationCreateInput {
    /// 1 to 255 characters, unique.
    name: String,
    /// Orders draw from the location of the lowest priority first; it is also the default one.
    #[graphql(default = 0)]
    priority: i32,
}

/// An edit of a location; what is left out stays.
#[derive(InputObject)]
pub struct LocationUpdateInput {
    /// The location.
    id: LocationId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// 1 to 255 characters, unique.
    name: Option<String>,
    /// Orders draw from the location of the lowest priority first; it is also the default one.
    priority: Option<i32>,
}

/// What `locationCreate` answers.
#[derive(SimpleObject)]
pub struct LocationCreatePayload {
    /// The new location; null when there are user errors.
    location: Option<Location>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// What `locationUpdate` answers.
#[derive(SimpleObject)]
pub struct LocationUpdatePayload {
    /// The location after the edit; null when there are user errors.
    location: Option<Location>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// What there is of a variant at a location.
#[derive(InputObject)]
pub struct StockSetInput {
    /// The variant.
    variant_id: VariantId,
    /// The location; the default one when left out.
    location_id: Option<LocationId>,
    /// Units in the building, promised ones included; as it is when left out.
    on_hand: Option<i64>,
    /// Whether more may be sold than is on hand; as it is when left out.
    backorderable: Option<bool>,
    /// Why, for the stock book; at most 255 characters.
    #[graphql(default)]
    reason: String,
    /// Chosen by the client, up to 255 characters: the same key with the same input takes effect once.
    idempotency_key: String,
}

/// What `stockSet` answers.
#[derive(SimpleObject)]
pub struct StockSetPayload {
    /// The level after the change; null when there are user errors.
    stock_level: Option<StockLevel>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Units that go from one location to another.
#[derive(InputObject)]
pub struct StockTransferInput {
    /// The variant.
    variant_id: VariantId,
    /// Where the units are.
    from_location_id: LocationId,
    /// Where they go.
    to_location_id: LocationId,
    /// How many; at least one. Units that are promised to orders stay.
    quantity: i64,
    /// Why, for the stock book; at most 255 characters.
    #[graphql(default)]
    reason: String,
    /// Chosen by the client, up to 255 characters: the same key with the same input takes effect once.
    idempotency_key: String,
}

/// What `stockTransfer` answers.
#[derive(SimpleObject)]
pub struct StockTransferPayload {
    /// The level that the units came from; null when there are user errors.
    from: Option<StockLevel>,
    /// The level that they went to; null when there are user errors.
    to: Option<StockLevel>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Root queries about stock.
#[derive(Default)]
pub struct InventoryQuery;

#[Object]
impl InventoryQuery {
    /// Every location, in the order in which orders draw from them. Needs INVENTORY_READ.
    #[graphql(visible = "crate::graphql::visible::inventory_read", complexity = "10 * child_complexity + 1")]
    async fn locations(&self, ctx: &Context<'_>) -> Result<Vec<Location>> {
        let locations = locations::list(ctx.app(), ctx.viewer()).await?;
        Ok(locations.into_iter().map(Location).collect())
    }
}

/// Root mutations about locations.
#[derive(Default)]
pub struct LocationMutation;

#[Object]
impl LocationMutation {
    /// Creates a location without stock. Needs INVENTORY_WRITE.
    #[graphql(visible = "crate::graphql::visible::inventory_write")]
    async fn location_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The location.")] input: LocationCreateInput,
    ) -> Result<LocationCreatePayload> {
        let made = locations::create(ctx.app(), ctx.viewer(), &input.name, input.priority).await;
        let (location, user_errors) = outcome(made)?;
        Ok(LocationCreatePayload { location: location.map(Location), user_errors })
    }

    /// Edits a location. Needs INVENTORY_WRITE.
    #[graphql(visible = "crate::graphql::visible::inventory_write")]
    async fn location_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edit.")] input: LocationUpdateInput,
    ) -> Result<LocationUpdatePayload> {
        let LocationUpdateInput { id, expected_version, name, priority } = input;
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let updated = locations::update(app, viewer, id, expected_version, name.as_deref(), priority).await;
        let (location, user_errors) = outcome(updated)?;
        Ok(LocationUpdatePayload { location: location.map(Location), user_errors })
    }

    /// Says how many units are on hand, and whether more may be sold. Takes effect once per idempotency key. Needs INVENTORY_WRITE.
    #[graphql(visible = "crate::graphql::visible::inventory_write")]
    async fn stock_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What there is.")] input: StockSetInput,
    ) -> Result<StockSetPayload> {
        let StockSetInput { variant_id, location_id, on_hand, backorderable, reason, idempotency_key } =
            input;
        let setting =
            StockSetting { variant_id, location_id, on_hand, backorderable, reason, idempotency_key };
        let (level, user_errors) = outcome(set(ctx.app(), ctx.viewer(), setting).await)?;
        Ok(StockSetPayload { stock_level: level.map(StockLevel), user_errors })
    }

    /// Moves units that are not promised to orders to another location. Takes effect once per idempotency key. Needs
    /// INVENTORY_WRITE.
    #[graphql(visible = "crate::graphql::visible::inventory_write")]
    async fn stock_transfer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What goes where.")] input: StockTransferInput,
    ) -> Result<StockTransferPayload> {
        let StockTransferInput { variant_id, quantity, reason, idempotency_key, .. } = input;
        let (from, to) = (input.from_location_id, input.to_location_id);
        let moved = StockTransfer { variant_id, from, to, quantity, reason, idempotency_key };
        let (levels, user_errors) = outcome(transfer(ctx.app(), ctx.viewer(), moved).await)?;
        let (from, to) = levels.unzip();
        Ok(StockTransferPayload { from: from.map(StockLevel), to: to.map(StockLevel), user_errors })
    }
}
