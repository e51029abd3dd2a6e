//! Managing variants.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use crate::access::Permission;
use crate::catalog::edit::{self, NewVariant, VariantChange};
use crate::channels::Channel;
use crate::error::{Error, Rejection};
use crate::graphql::{ContextExt, MoneyInput, UserError, outcome};
use crate::ids::{ProductId, VariantId};

use super::mutations::{SelectedOptionInput, written};
use super::product::Product;
use super::variant::ProductVariant;

/// A new variant of a product that exists.
#[derive(InputObject)]
pub struct VariantCreateInput {
    /// The product.
    product_id: ProductId,
    /// The version of the product that was looked at; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// A value for each option of the product.
    #[graphql(default)]
    selected_options: Vec<SelectedOptionInput>,
    /// Identifies the variant for people.
    #[graphql(default)]
    sku: String,
    /// What it costs in the channel of the request, in its currency; not sold there when left out.
    price: Option<MoneyInput>,
    /// What it cost before a reduction.
    compare_at_price: Option<MoneyInput>,
    /// Units on hand at the default location; needs INVENTORY_WRITE unless zero.
    #[graphql(default = 0, validator(minimum = 0, maximum = 1_000_000_000))]
    stock: i64,
    /// May be sold beyond what is on hand.
    #[graphql(default)]
    backorderable: bool,
    /// Such as an EAN.
    #[graphql(default)]
    barcode: String,
    /// In grams.
    #[graphql(validator(minimum = 0, maximum = 1_000_000_000))]
    weight_grams: Option<i64>,
    /// False for what is not sent, such as a gift card.
    #[graphql(default = true)]
    requires_shipping: bool,
    /// Whether tax is charged.
    #[graphql(default = true)]
    taxable: bool,
}

/// What `variantCreate` answers.
#[derive(SimpleObject)]
pub struct VariantCreatePayload {
    /// The new variant; null when there are user errors.
    variant: Option<ProductVariant>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// An edit of a variant; what is left out stays.
#[derive(InputObject)]
pub struct VariantUpdateInput {
    /// The variant.
    id: VariantId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// A value for each option of the product.
    selected_options: Option<Vec<SelectedOptionInput>>,
    /// Identifies the variant for people.
    sku: Option<String>,
    /// Such as an EAN.
    barcode: Option<String>,
    /// In grams; null when it is not known.
    #[graphql(validator(minimum = 0, maximum = 1_000_000_000))]
    weight_grams: MaybeUndefined<i64>,
    /// False for what is not sent, such as a gift card.
    requires_shipping: Option<bool>,
    /// Whether tax is charged.
    taxable: Option<bool>,
}

/// What `variantUpdate` answers.
#[derive(SimpleObject)]
pub struct VariantUpdatePayload {
    /// The variant after the edit; null when there are user errors.
    variant: Option<ProductVariant>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// A variant to delete.
#[derive(InputObject)]
pub struct VariantDeleteInput {
    /// The variant.
    id: VariantId,
    /// The version that was looked at; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
}

/// What `variantDelete` answers.
#[derive(SimpleObject)]
pub struct VariantDeletePayload {
    /// The id of what is gone; null when there are user errors.
    deleted_id: Option<VariantId>,
    /// The product that it was a variant of; null when there are user errors.
    product: Option<Product>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// The order of a product's variants.
#[derive(InputObject)]
pub struct VariantsReorderInput {
    /// The product.
    product_id: ProductId,
    /// The version of the product that was looked at; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// Every variant of the product, in display order.
    variant_ids: Vec<VariantId>,
}

/// What `variantsReorder` answers.
#[derive(SimpleObject)]
pub struct VariantsReorderPayload {
    /// The product after the edit; null when there are user errors.
    product: Option<Product>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// An amount of the input in minor units, or the rejection with its field.
pub(super) fn minor(
    amount: Option<&MoneyInput>,
    channel: &Channel,
    path: &[&str],
) -> Result<Option<i64>, Rejection> {
    let read = |amount: &MoneyInput| amount.read(channel.currency).map(|money| money.minor);
    amount.map(read).transpose().map_err(|rejection| rejection.at(path.iter().copied()))
}

fn pairs(selected: Vec<SelectedOptionInput>) -> Vec<(String, String)> {
    selected.into_iter().map(|option| (option.name, option.value)).collect()
}

impl VariantCreateInput {
    fn into_new_variant(self, channel: &Channel) -> Result<NewVariant, Error> {
        Ok(NewVariant {
            price_minor: minor(self.price.as_ref(), channel, &["input", "price"])?,
            compare_at_minor: minor(self.compare_at_price.as_ref(), channel, &["input", "compareAtPrice"])?,
            product_id: self.product_id,
            expected_version: self.expected_version,
            selected_options: pairs(self.selected_options),
            sku: self.sku,
            barcode: self.barcode,
            weight_grams: self.weight_grams,
            requires_shipping: self.requires_shipping,
            taxable: self.taxable,
            stock: self.stock,
            backorderable: self.backorderable,
        })
    }
}

/// The variant that was just written.
pub(super) async fn written_variant(
    ctx: &Context<'_>,
    id: Option<VariantId>,
) -> Result<Option<ProductVariant>> {
    match id {
        Some(id) => ProductVariant::load(ctx, id).await,
        None => Ok(None),
    }
}

/// Root mutations about variants.
#[derive(Default)]
pub struct VariantMutation;

#[Object]
impl VariantMutation {
    /// Adds a variant to a product, behind the others. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn variant_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The variant.")] input: VariantCreateInput,
    ) -> Result<VariantCreatePayload> {
        let (app, viewer, channel) = (ctx.app(), ctx.viewer(), ctx.channel());
        let created = async {
            viewer.require(Permission::CatalogWrite)?;
            edit::variant_create(app, viewer, channel, input.into_new_variant(channel)?).await
        };
        let (id, user_errors) = outcome(created.await)?;
        Ok(VariantCreatePayload { variant: written_variant(ctx, id).await?, user_errors })
    }

    /// Edits a variant; prices and stock have mutations of their own. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn variant_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edit.")] input: VariantUpdateInput,
    ) -> Result<VariantUpdatePayload> {
        let VariantUpdateInput {
            id,
            expected_version,
            selected_options,
            sku,
            barcode,
            weight_grams,
            requires_shipping,
            taxable,
        } = input;
        let weight_grams = match weight_grams {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(grams) => Some(Some(grams)),
        };
        let selected_options = selected_options.map(pairs);
        let change =
            VariantChange { sku, barcode, weight_grams, requires_shipping, taxable, selected_options };
        let updated = edit::variant_update(ctx.app(), ctx.viewer(), id, expected_version, change).await;
        let (id, user_errors) = outcome(updated)?;
        Ok(VariantUpdatePayload { variant: written_variant(ctx, id).await?, user_errors })
    }

    /// Deletes a variant for good. Orders keep copies of what was bought, carts lose the lines that hold it. Not possible while
    /// units are promised to orders. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn variant_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The variant.")] input: VariantDeleteInput,
    ) -> Result<VariantDeletePayload> {
        let VariantDeleteInput { id, expected_version } = input;
        let deleted = edit::variant_delete(ctx.app(), ctx.viewer(), id, expected_version).await;
        let (product_id, user_errors) = outcome(deleted)?;
        let deleted_id = product_id.map(|_| id);
        Ok(VariantDeletePayload { deleted_id, product: written(ctx, product_id).await?, user_errors })
    }

    /// Places the variants of a product in another order. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn variants_reorder(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] input: VariantsReorderInput,
    ) -> Result<VariantsReorderPayload> {
        let VariantsReorderInput { product_id, expected_version, variant_ids } = input;
        let reordered =
            edit::variants_reorder(ctx.app(), ctx.viewer(), product_id, expected_version, variant_ids).await;
        let (id, user_errors) = outcome(reordered)?;
        Ok(VariantsReorderPayload { product: written(ctx, id).await?, user_errors })
    }
}
