//! Managing collections.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use crate::access::Permission;
use crate::catalog::collections::{self, CollectionChange, NewCollection, Placement};
use crate::catalog::edit::channels_of;
use crate::graphql::{ContextExt, UserError, outcome};
use crate::ids::{ChannelId, CollectionId, ProductId};

use super::collection::Collection;
use super::rule::CollectionRuleInput;

/// A new collection.
#[derive(InputObject)]
pub struct CollectionCreateInput {
    /// 1 to 255 characters.
    name: String,
    /// Identifies it in URLs: unique, 1 to 255 characters, none of them a space, "/", "?" or "#". Made from the name
    /// when left out.
    slug: Option<String>,
    /// Text or HTML.
    #[graphql(default)]
    description: String,
    /// Absolute, or a path on this server.
    #[graphql(default)]
    image_url: String,
    /// What the image shows, for those who cannot see it.
    #[graphql(default)]
    image_alt_text: String,
    /// Which products are members; they are chosen by hand when left out.
    rule: Option<CollectionRuleInput>,
}

/// An edit of a collection; what is left out stays.
#[derive(InputObject)]
pub struct CollectionUpdateInput {
    /// The collection.
    id: CollectionId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// 1 to 255 characters.
    name: Option<String>,
    /// Unique, 1 to 255 characters, none of them a space, "/", "?" or "#".
    slug: Option<String>,
    /// Text or HTML.
    description: Option<String>,
    /// Absolute, or a path on this server.
    image_url: Option<String>,
    /// What the image shows, for those who cannot see it.
    image_alt_text: Option<String>,
    /// Which products are members; null: they are chosen by hand from now on, beginning with those that there are.
    rule: MaybeUndefined<CollectionRuleInput>,
}

/// A collection to delete.
#[derive(InputObject)]
pub struct CollectionDeleteInput {
    /// The collection.
    id: CollectionId,
    /// The version that was looked at; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
}

/// Where a collection is seen, and from when on.
#[derive(InputObject)]
pub struct CollectionPublishInput {
    /// The collection.
    id: CollectionId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// The channels; that of the request when left out.
    channel_ids: Option<Vec<ChannelId>>,
    /// From when on, perhaps in the future; now when left out.
    published_at: Option<DateTime<Utc>>,
}

/// Where a collection is hidden.
#[derive(InputObject)]
pub struct CollectionUnpublishInput {
    /// The collection.
    id: CollectionId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// The channels; that of the request when left out.
    channel_ids: Option<Vec<ChannelId>>,
}

/// Products that are added to a collection.
#[derive(InputObject)]
pub struct CollectionProductsAddInput {
    /// The collection; its members are chosen by hand.
    collection_id: CollectionId,
    /// The version of the collection that was looked at; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// The products, in the order in which they are appended; at most 1,000.
    product_ids: Vec<ProductId>,
}

/// Products that are taken out of a collection.
#[derive(InputObject)]
pub struct CollectionProductsRemoveInput {
    /// The collection; its members are chosen by hand.
    collection_id: CollectionId,
    /// The version of the collection that was looked at; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// The products; at most 1,000.
    product_ids: Vec<ProductId>,
}

/// Members of a collection that are moved.
#[derive(InputObject)]
pub struct CollectionProductsReorderInput {
    /// The collection; its members are chosen by hand.
    collection_id: CollectionId,
    /// The version of the collection that was looked at; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// The members that are moved, in their new order; at most 1,000.
    product_ids: Vec<ProductId>,
    /// The member that they are moved behind; to the beginning when left out.
    after: Option<ProductId>,
}

macro_rules! collection_payloads {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The collection after the edit; null when there are user errors.
            collection: Option<Collection>,
            /// What stands in the way; empty on success.
            user_errors: Vec<UserError>,
        }

        impl $name {
            async fn of(ctx: &Context<'_>, result: crate::error::Result<CollectionId>) -> Result<Self> {
                let (id, user_errors) = outcome(result)?;
                let collection = match id {
                    Some(id) => Collection::load_any(ctx, id).await?,
                    None => None,
                };
                Ok(Self { collection, user_errors })
            }
        }
    )*};
}

// Seven payloads of one shape, which GraphQL wants to have seven names.
collection_payloads! {
    /// What `collectionCreate` answers.
    CollectionCreatePayload,
    /// What `collectionUpdate` answers.
    CollectionUpdatePayload,
    /// What `collectionPublish` answers.
    CollectionPublishPayload,
    /// What `collectionUnpublish` answers.
    CollectionUnpublishPayload,
    /// What `collectionProductsAdd` answers.
    CollectionProductsAddPayload,
    /// What `collectionProductsRemove` answers.
    CollectionProductsRemovePayload,
    /// What `collectionProductsReorder` answers.
    CollectionProductsReorderPayload,
}

/// What `collectionDelete` answers.
#[derive(SimpleObject)]
pub struct CollectionDeletePayload {
    /// The id of what is gone; null when there are user errors.
    deleted_id: Option<CollectionId>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Root mutations about collections.
#[derive(Default)]
pub struct CollectionMutation;

#[Object]
impl CollectionMutation {
    /// Creates a collection, seen in every channel. The members by a rule are found soon after. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn collection_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection.")] input: CollectionCreateInput,
    ) -> Result<CollectionCreatePayload> {
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let created = async {
            viewer.require(Permission::CatalogWrite)?;
            let rule = match input.rule {
                Some(rule) => Some(rule.read(app, ctx.channel()).await?),
                None => None,
            };
            let new = NewCollection {
                name: input.name,
                slug: input.slug.unwrap_or_default(),
                description: input.description,
                image_url: input.image_url,
                image_alt_text: input.image_alt_text,
                rule,
            };
            collections::create(app, viewer, new).await
        };
        CollectionCreatePayload::of(ctx, created.await).await
    }

    /// Edits a collection. The members by a changed rule are found soon after. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn collection_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edit.")] input: CollectionUpdateInput,
    ) -> Result<CollectionUpdatePayload> {
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let updated = async {
            viewer.require(Permission::CatalogWrite)?;
            let CollectionUpdateInput { id, expected_version, name, slug, description, .. } = input;
            let (image_url, image_alt_text) = (input.image_url, input.image_alt_text);
            let rule = match input.rule {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(rule) => Some(Some(rule.read(app, ctx.channel()).await?)),
            };
            let change = CollectionChange { name, slug, description, image_url, image_alt_text, rule };
            collections::update(app, viewer, id, expected_version, change).await
        };
        CollectionUpdatePayload::of(ctx, updated.await).await
    }

    /// Deletes a collection for good; its products stay. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn collection_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection.")] input: CollectionDeleteInput,
    ) -> Result<CollectionDeletePayload> {
        let deleted = collections::delete(ctx.app(), ctx.viewer(), input.id, input.expected_version).await;
        let (deleted_id, user_errors) = outcome(deleted)?;
        Ok(CollectionDeletePayload { deleted_id, user_errors })
    }

    /// Shows a collection in channels, now or from a time on. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn collection_publish(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where and when.")] input: CollectionPublishInput,
    ) -> Result<CollectionPublishPayload> {
        let CollectionPublishInput { id, expected_version, channel_ids, published_at } = input;
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let published = async {
            viewer.require(Permission::CatalogWrite)?;
            let channels = channels_of(app, ctx.channel(), channel_ids).await?;
            collections::publish(app, viewer, id, expected_version, channels, published_at).await
        };
        CollectionPublishPayload::of(ctx, published.await).await
    }

    /// Hides a collection in channels; its products are seen as before. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn collection_unpublish(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where.")] input: CollectionUnpublishInput,
    ) -> Result<CollectionUnpublishPayload> {
        let CollectionUnpublishInput { id, expected_version, channel_ids } = input;
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let unpublished = async {
            viewer.require(Permission::CatalogWrite)?;
            let channels = channels_of(app, ctx.channel(), channel_ids).await?;
            collections::unpublish(app, viewer, id, expected_version, channels).await
        };
        CollectionUnpublishPayload::of(ctx, unpublished.await).await
    }

    /// Appends products to a collection whose members are chosen by hand. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn collection_products_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The products.")] input: CollectionProductsAddInput,
    ) -> Result<CollectionProductsAddPayload> {
        let CollectionProductsAddInput { collection_id, expected_version, product_ids } = input;
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let added = collections::add(app, viewer, collection_id, expected_version, product_ids).await;
        CollectionProductsAddPayload::of(ctx, added).await
    }

    /// Takes products out of a collection whose members are chosen by hand. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn collection_products_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The products.")] input: CollectionProductsRemoveInput,
    ) -> Result<CollectionProductsRemovePayload> {
        let CollectionProductsRemoveInput { collection_id, expected_version, product_ids } = input;
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let removed = collections::remove(app, viewer, collection_id, expected_version, product_ids).await;
        CollectionProductsRemovePayload::of(ctx, removed).await
    }

    /// Moves members of a collection that are chosen by hand. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn collection_products_reorder(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is moved, and where to.")] input: CollectionProductsReorderInput,
    ) -> Result<CollectionProductsReorderPayload> {
        let CollectionProductsReorderInput { collection_id, expected_version, product_ids, after } = input;
        let placement = after.map_or(Placement::First, Placement::After);
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let moved =
            collections::reorder(app, viewer, collection_id, expected_version, product_ids, placement).await;
        CollectionProductsReorderPayload::of(ctx, moved).await
    }
}
