//! Collections.

use std::borrow::Cow;

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};

use crate::access::Permission;
use crate::catalog::edit::Owner;
use crate::catalog::images::CollectionImageOf;
use crate::catalog::queries::ChildPage;
use crate::catalog::queries::collections::{ProductCountOf, ProductsOf};
use crate::catalog::queries::rules::CollectionPublicationsOf;
use crate::catalog::translations::Translated;
use crate::catalog::{model, read};
use crate::graphql::{AtHand, Connection, ContextExt, page_cost};
use crate::ids::CollectionId;
use crate::media::public_url;
use crate::pagination::PageArgs;

use super::image::Image;
use super::metadata::{self, MetadataEntry};
use super::product::{Product, Publication, connection_columns, publications};
use super::rule::{CollectionRule, rule_of};
use super::translations::{Translation, texts_of, translations_of};

/// A set of products that belong together.
pub struct Collection(pub model::Collection);

impl Collection {
    /// The collection with this id.
    pub async fn load(ctx: &Context<'_>, id: CollectionId) -> Result<Option<Self>> {
        Ok(ctx.loaders().load_one(id).await?.map(Self))
    }

    /// The same, whatever the viewer may read: who may change a collection sees the result.
    pub async fn load_any(ctx: &Context<'_>, id: CollectionId) -> Result<Option<Self>> {
        let app = ctx.app();
        let scope = model::Scope { channel_id: ctx.channel().id, now: app.clock.now(), staff: true };
        Ok(read::find_collection(&app.db, &scope, id).await?.map(Self))
    }
}

/// A set of products that belong together.
#[Object]
impl Collection {
    /// Globally unique and opaque.
    pub async fn id(&self) -> CollectionId {
        self.0.id
    }

    /// For people; in the language of the request, or as it was written.
    async fn name(&self, ctx: &Context<'_>) -> Result<Cow<'_, str>> {
        let translated = texts_of(ctx, Translated::Collection(self.0.id)).await?.name;
        Ok(translated.map_or(Cow::Borrowed(self.0.name.as_str()), Cow::Owned))
    }

    /// Identifies the collection in URLs; unique.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Text or HTML; show it as HTML only after cleaning it. In the language of the request, or as it was written.
    async fn description(&self, ctx: &Context<'_>) -> Result<Cow<'_, str>> {
        let translated = texts_of(ctx, Translated::Collection(self.0.id)).await?.description;
        Ok(translated.map_or(Cow::Borrowed(self.0.description.as_str()), Cow::Owned))
    }

    /// What stands for it; null when it has no image.
    async fn image(&self, ctx: &Context<'_>) -> Result<Option<Image>> {
        Ok(ctx.loaders().load_one(CollectionImageOf(self.0.id)).await?.map(Image))
    }

    /// Its texts in other languages, by language. Needs CATALOG_READ.
    #[graphql(visible = "crate::graphql::visible::catalog_read", complexity = "3 * child_complexity + 1")]
    async fn translations(&self, ctx: &Context<'_>) -> Result<Option<Vec<Translation>>> {
        translations_of(ctx, Translated::Collection(self.0.id)).await
    }

    /// The address of its image, absolute or a path on this server; null when there is none.
    async fn image_url(&self, ctx: &Context<'_>) -> Option<Cow<'_, str>> {
        let url = Some(self.0.image_url.as_str()).filter(|url| !url.is_empty())?;
        Some(public_url(&ctx.app().config.media, url))
    }

    /// What its image shows, for those who cannot see it; may be empty.
    async fn image_alt_text(&self) -> &str {
        &self.0.image_alt_text
    }

    /// Which products are members; null when they are chosen by hand. Needs CATALOG_READ.
    #[graphql(visible = "crate::graphql::visible::catalog_read", complexity = "3 * child_complexity + 1")]
    async fn rule(&self, ctx: &Context<'_>) -> Result<Option<CollectionRule>> {
        rule_of(ctx, self.0.id).await
    }

    /// The channels in which it is hidden, or seen from a time on; in all others it is seen. Needs CATALOG_READ.
    #[graphql(visible = "crate::graphql::visible::catalog_read", complexity = "3 * child_complexity + 1")]
    async fn publications(&self, ctx: &Context<'_>) -> Result<Option<Vec<Publication>>> {
        ctx.viewer().require(Permission::CatalogRead)?;
        let rows = ctx.loaders().load_one(CollectionPublicationsOf(self.0.id)).await?;
        Ok(Some(publications(ctx, rows.unwrap_or_default()).await?))
    }

    /// What the shop keeps with it for programs of its own, by key.
    #[graphql(complexity = "3 * child_complexity + 1")]
    async fn metadata(&self, ctx: &Context<'_>) -> Result<Vec<MetadataEntry>> {
        metadata::public(ctx, Owner::Collection(self.0.id)).await
    }

    /// The same for staff. Needs CATALOG_READ.
    #[graphql(visible = "crate::graphql::visible::catalog_read", complexity = "3 * child_complexity + 1")]
    async fn private_metadata(&self, ctx: &Context<'_>) -> Result<Option<Vec<MetadataEntry>>> {
        metadata::private(ctx, Owner::Collection(self.0.id)).await
    }

    /// Its products: in the order that the shop gave them, newest first where a rule decides about them.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<AtHand<Connection<AtHand<Product>>>> {
        let page = PageArgs::new(first, after, last, before)?;
        let list = ChildPage { of: self.0.id, page };
        let key = ProductsOf { list, columns: connection_columns(ctx) };
        let page = ctx.loaders().load_one(key).await?.unwrap_or_default();
        let page = page.map(|product| AtHand(Product(product)));
        Ok(AtHand(Connection::counted_by(page, ProductCountOf(self.0.id))))
    }

    /// Grows by one with every change; for `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}
