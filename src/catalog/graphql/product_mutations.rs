//! Managing products beyond their own columns: deleting, publishing, options.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use crate::catalog::edit::{self, OptionEdit, ValueEdit};
use crate::graphql::{ContextExt, UserError, outcome};
use crate::ids::{ChannelId, OptionId, ProductId};

use super::mutations::written;
use super::product::Product;

/// A product to delete.
#[derive(InputObject)]
pub struct ProductDeleteInput {
    /// The product.
    id: ProductId,
    /// The version that was looked at; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
}

/// What `productDelete` answers.
#[derive(SimpleObject)]
pub struct ProductDeletePayload {
    /// The id of what is gone; null when there are user errors.
    deleted_id: Option<ProductId>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Where a product is published, and from when on.
#[derive(InputObject)]
pub struct ProductPublishInput {
    /// The product.
    id: ProductId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// The channels; that of the request when left out.
    channel_ids: Option<Vec<ChannelId>>,
    /// From when on, perhaps in the future; now when left out.
    published_at: Option<DateTime<Utc>>,
}

/// What `productPublish` answers.
#[derive(SimpleObject)]
pub struct ProductPublishPayload {
    /// The product after the edit; null when there are user errors.
    product: Option<Product>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Where a product is no longer published.
#[derive(InputObject)]
pub struct ProductUnpublishInput {
    /// The product.
    id: ProductId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// The channels; that of the request when left out.
    channel_ids: Option<Vec<ChannelId>>,
}

/// What `productUnpublish` answers.
#[derive(SimpleObject)]
pub struct ProductUnpublishPayload {
    /// The product after the edit; null when there are user errors.
    product: Option<Product>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// The options of a product as they shall be, in display order; those that are not named go.
#[derive(InputObject)]
pub struct ProductOptionsUpdateInput {
    /// The product.
    product_id: ProductId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// Every option, in display order.
    options: Vec<ProductOptionEditInput>,
}

/// An option as it shall be.
#[derive(InputObject)]
pub struct ProductOptionEditInput {
    /// The option that it is; a new one when left out, of which all variants get the first value.
    id: Option<OptionId>,
    /// 1 to 255 characters.
    name: String,
    /// Every value, in display order; at least one.
    values: Vec<ProductOptionValueInput>,
}

/// A value as it shall be.
#[derive(InputObject)]
pub struct ProductOptionValueInput {
    /// 1 to 255 characters.
    value: String,
    /// The value that it replaces: variants that have that one get this one.
    renames: Option<String>,
}

/// What `productOptionsUpdate` answers.
#[derive(SimpleObject)]
pub struct ProductOptionsUpdatePayload {
    /// The product after the edit; null when there are user errors.
    product: Option<Product>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Root mutations about whole products.
#[derive(Default)]
pub struct ProductMutation;

#[Object]
impl ProductMutation {
    /// Deletes a product for good. Orders keep copies of what was bought, carts lose the lines that hold it. Not possible while
    /// units are promised to orders: set its status to ARCHIVED instead. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product.")] input: ProductDeleteInput,
    ) -> Result<ProductDeletePayload> {
        let deleted = edit::delete(ctx.app(), ctx.viewer(), input.id, input.expected_version).await;
        let (deleted_id, user_errors) = outcome(deleted)?;
        Ok(ProductDeletePayload { deleted_id, user_errors })
    }

    /// Publishes a product in channels, now or from a time on. Shoppers see it there while its status is ACTIVE. Needs
    /// CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_publish(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where and when.")] input: ProductPublishInput,
    ) -> Result<ProductPublishPayload> {
        let ProductPublishInput { id, expected_version, channel_ids, published_at } = input;
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let published = async {
            viewer.require(crate::access::Permission::CatalogWrite)?;
            let channels = edit::channels_of(app, ctx.channel(), channel_ids).await?;
            edit::publish(app, viewer, id, expected_version, channels, published_at).await
        };
        let (id, user_errors) = outcome(published.await)?;
        Ok(ProductPublishPayload { product: written(ctx, id).await?, user_errors })
    }

    /// Takes a product back from channels. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_unpublish(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where.")] input: ProductUnpublishInput,
    ) -> Result<ProductUnpublishPayload> {
        let ProductUnpublishInput { id, expected_version, channel_ids } = input;
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let unpublished = async {
            viewer.require(crate::access::Permission::CatalogWrite)?;
            let channels = edit::channels_of(app, ctx.channel(), channel_ids).await?;
            edit::unpublish(app, viewer, id, expected_version, channels).await
        };
        let (id, user_errors) = outcome(unpublished.await)?;
        Ok(ProductUnpublishPayload { product: written(ctx, id).await?, user_errors })
    }

    /// Adds, renames, reorders and removes options and their values; the variants follow. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_options_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The options.")] input: ProductOptionsUpdateInput,
    ) -> Result<ProductOptionsUpdatePayload> {
        let ProductOptionsUpdateInput { product_id, expected_version, options } = input;
        let value = |value: ProductOptionValueInput| ValueEdit { value: value.value, renames: value.renames };
        let options = options
            .into_iter()
            .map(|option| OptionEdit {
                id: option.id,
                name: option.name,
                values: option.values.into_iter().map(value).collect(),
            })
            .collect();
        let updated =
            edit::options_update(ctx.app(), ctx.viewer(), product_id, expected_version, options).await;
        let (id, user_errors) = outcome(updated)?;
        Ok(ProductOptionsUpdatePayload { product: written(ctx, id).await?, user_errors })
    }
}
