//! Variants.

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::access::Permission;
use crate::catalog::edit::Owner;
use crate::catalog::model;
use crate::catalog::queries::children::OptionsOf;
use crate::graphql::ContextExt;
use crate::ids::VariantId;
use crate::inventory::graphql::StockLevel;
use crate::inventory::{self, AvailabilityOf, LevelsOf};
use crate::money::Money;

use super::metadata::{self, MetadataEntry};
use super::prices::{self, VariantPrice};
use super::product::Product;

/// What is bought: a product in one combination of its options.
pub struct ProductVariant(pub model::Variant);

/// The value of an option that a variant has.
#[derive(SimpleObject)]
pub struct SelectedOption {
    /// The option, such as "Size".
    name: String,
    /// The value, such as "M".
    value: String,
}

/// Whether and how often a variant can be ordered now.
pub struct Availability(pub inventory::Availability);

impl ProductVariant {
    /// The variant with this id, also when its product is no longer published.
    pub async fn load(ctx: &Context<'_>, id: VariantId) -> Result<Option<Self>> {
        Ok(ctx.loaders().load_one(id).await?.map(Self))
    }

    /// The variant with this id, if the viewer may see its product.
    pub async fn load_visible(ctx: &Context<'_>, id: VariantId) -> Result<Option<Self>> {
        let Some(variant) = Self::load(ctx, id).await? else { return Ok(None) };
        let product = Product::load(ctx, variant.0.product_id).await?;
        Ok(product.map(|_| variant))
    }
}

/// What is bought: a product in one combination of its options.
#[Object]
impl ProductVariant {
    /// Globally unique and opaque.
    pub async fn id(&self) -> VariantId {
        self.0.id
    }

    /// Identifies the variant for people; may be empty, and need not be unique.
    async fn sku(&self) -> &str {
        &self.0.sku
    }

    /// Its option values, such as "M / Blue".
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it costs in the channel now; null when it is not sold there.
    async fn price(&self, ctx: &Context<'_>) -> Option<Money> {
        self.0.price.map(|minor| ctx.channel().money(minor))
    }

    /// The regular price while it is on sale, or what it cost before another reduction; null when it is not reduced.
    async fn compare_at_price(&self, ctx: &Context<'_>) -> Option<Money> {
        self.0.compare_at_price.map(|minor| ctx.channel().money(minor))
    }

    /// The value of every option of its product, in display order.
    #[graphql(complexity = "3 * child_complexity + 1")]
    async fn selected_options(&self, ctx: &Context<'_>) -> Result<Vec<SelectedOption>> {
        let names = match &self.0.option_names {
            Some(names) => names.clone(),
            None => {
                let options = ctx.loaders().load_one(OptionsOf(self.0.product_id)).await?;
                options.unwrap_or_default().into_iter().map(|option| option.name).collect()
            }
        };
        let values = self.0.option_values.iter().cloned();
        Ok(names.into_iter().zip(values).map(|(name, value)| SelectedOption { name, value }).collect())
    }

    /// Whether and how often it can be ordered now.
    async fn availability(&self, ctx: &Context<'_>) -> Result<Availability> {
        Ok(Availability(ctx.loaders().load_one(AvailabilityOf(self.0.id)).await?.unwrap_or_default()))
    }

    /// Its units at every location that has had some, in the order that orders draw from. Needs INVENTORY_READ.
    #[graphql(visible = "crate::graphql::visible::inventory_read", complexity = "3 * child_complexity + 1")]
    async fn stock_levels(&self, ctx: &Context<'_>) -> Result<Option<Vec<StockLevel>>> {
        ctx.viewer().require(Permission::InventoryRead)?;
        let levels = ctx.loaders().load_one(LevelsOf(self.0.id)).await?.unwrap_or_default();
        Ok(Some(levels.into_iter().map(StockLevel).collect()))
    }

    /// What it is a variant of; null when the viewer may not see it (any more).
    async fn product(&self, ctx: &Context<'_>) -> Result<Option<Product>> {
        Product::load(ctx, self.0.product_id).await
    }

    /// Such as an EAN; may be empty.
    async fn barcode(&self) -> &str {
        &self.0.barcode
    }

    /// In grams; null when it is not known.
    async fn weight_grams(&self) -> Option<i64> {
        self.0.weight_grams
    }

    /// False for what is not sent, such as a gift card.
    async fn requires_shipping(&self) -> bool {
        self.0.requires_shipping
    }

    /// Whether tax is charged.
    async fn taxable(&self) -> bool {
        self.0.taxable
    }

    /// Grows by one with every change; for `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// What it costs in every channel that it is sold in, by the channels' slugs. Needs PRICING_READ.
    #[graphql(visible = "crate::graphql::visible::pricing_read", complexity = "3 * child_complexity + 1")]
    async fn prices(&self, ctx: &Context<'_>) -> Result<Option<Vec<VariantPrice>>> {
        prices::prices_of(ctx, self.0.id).await
    }

    /// What the shop keeps with it for programs of its own, by key.
    #[graphql(complexity = "3 * child_complexity + 1")]
    async fn metadata(&self, ctx: &Context<'_>) -> Result<Vec<MetadataEntry>> {
        metadata::public(ctx, Owner::Variant(self.0.id)).await
    }

    /// The same for staff. Needs CATALOG_READ.
    #[graphql(visible = "crate::graphql::visible::catalog_read", complexity = "3 * child_complexity + 1")]
    async fn private_metadata(&self, ctx: &Context<'_>) -> Result<Option<Vec<MetadataEntry>>> {
        metadata::private(ctx, Owner::Variant(self.0.id)).await
    }
}

/// Whether and how often a variant can be ordered now.
#[Object]
impl Availability {
    /// Whether at least one can be ordered now.
    async fn in_stock(&self) -> bool {
        self.0.covers(1)
    }

    /// How many can be delivered from stock, over all locations.
    async fn quantity_available(&self) -> i64 {
        self.0.quantity
    }

    /// Whether more than that can be ordered, to be delivered later.
    async fn backorderable(&self) -> bool {
        self.0.backorderable
    }
}
