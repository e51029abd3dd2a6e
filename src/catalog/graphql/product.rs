//! Products.

use std::borrow::Cow;

use async_graphql::{Context, Lookahead, Object, Result, SelectionField, SimpleObject};
use chrono::{DateTime, Utc};

use crate::access::Permission;
use crate::catalog::edit::Owner;
use crate::catalog::model::{self, ProductColumns, ProductStatus};
use crate::catalog::queries::ChildPage;
use crate::catalog::queries::attributes::AttributesOf;
use crate::catalog::queries::children::{ImagesOf, OptionsOf};
use crate::catalog::queries::collections::{CollectionCountOf, CollectionsOf};
use crate::catalog::queries::staff::{self, PublicationsOf};
use crate::catalog::queries::variants::{VariantCountOf, VariantsOf};
use crate::catalog::translations::Translated;
use crate::channels::graphql::Channel;
use crate::graphql::{Connection, ContextExt, page_cost};
use crate::ids::{OptionId, ProductId};
use crate::money::Money;
use crate::pagination::PageArgs;

use super::attributes::ProductAttribute;
use super::collection::Collection;
use super::image::Image;
use super::metadata::{self, MetadataEntry};
use super::translations::{Translation, texts_of, translations_of};
use super::variant::ProductVariant;

/// Something for sale, in one or more variants.
pub struct Product(pub model::Product);

/// An option that a product comes in, such as its size.
pub struct ProductOption(pub model::ProductOption);

/// From when on a product is seen in a channel.
#[derive(SimpleObject)]
pub struct Publication {
    /// Where.
    channel: Channel,
    /// From when on; null when it is not published there.
    published_at: Option<DateTime<Utc>>,
}

/// From the cheapest to the dearest variant.
#[derive(SimpleObject)]
pub struct PriceRange {
    /// The lowest price.
    pub min: Money,
    /// The highest price.
    pub max: Money,
}

impl Product {
    /// The product with this id, if the viewer may see it.
    pub async fn load(ctx: &Context<'_>, id: ProductId) -> Result<Option<Self>> {
        Ok(ctx.loaders().load_one(id).await?.map(Self))
    }

    /// A column: as it was read, or from the whole row.
    async fn column<T: Default>(&self, ctx: &Context<'_>, of: fn(&model::Product) -> Option<T>) -> Result<T> {
        if let Some(value) = of(&self.0) {
            return Ok(value);
        }
        let whole: Option<model::Product> = ctx.loaders().load_one(self.0.id).await?;
        Ok(whole.as_ref().and_then(of).unwrap_or_default())
    }
}

/// Publications with their channels, by the channels' slugs.
pub(super) async fn publications(
    ctx: &Context<'_>,
    rows: Vec<staff::Publication>,
) -> Result<Vec<Publication>> {
    let app = ctx.app();
    let mut publications = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(channel) = app.channels.by_id(&app.db, row.channel_id).await? {
            publications.push(Publication { channel: Channel(channel), published_at: row.published_at });
        }
    }
    publications.sort_by(|a, b| a.channel.0.slug.cmp(&b.channel.0.slug));
    Ok(publications)
}

/// Which columns a selection of products asks for.
pub fn product_columns(products: Lookahead<'_>) -> ProductColumns {
    let mut columns = ProductColumns::NONE;
    for field in products.selection_fields().iter().flat_map(SelectionField::selection_set) {
        match field.name() {
            "vendor" | "productType" | "status" | "version" | "updatedAt" => columns.details = true,
            "description" => columns.description = true,
            "tags" => columns.tags = true,
            "priceRange" => columns.prices = true,
            "featuredImage" => columns.image = true,
            _ => {}
        }
    }
    columns
}

/// As [`product_columns`], for a field that is a connection of products.
pub fn connection_columns(ctx: &Context<'_>) -> ProductColumns {
    let connection = ctx.look_ahead();
    product_columns(connection.field("nodes")).or(product_columns(connection.field("edges").field("node")))
}

/// Something for sale, in one or more variants.
#[Object]
impl Product {
    /// Globally unique and opaque.
    pub async fn id(&self) -> ProductId {
        self.0.id
    }

    /// For people; in the language of the request, or as it was written.
    async fn name(&self, ctx: &Context<'_>) -> Result<Cow<'_, str>> {
        let translated = texts_of(ctx, Translated::Product(self.0.id)).await?.name;
        Ok(translated.map_or(Cow::Borrowed(self.0.name.as_str()), Cow::Owned))
    }

    /// Identifies the product in URLs; unique.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Text or HTML, as the source has it; show it as HTML only after cleaning it. In the language of the request, or as
    /// it was written.
    async fn description(&self, ctx: &Context<'_>) -> Result<String> {
        match texts_of(ctx, Translated::Product(self.0.id)).await?.description {
            Some(translated) => Ok(translated),
            None => self.column(ctx, |product| product.description.as_ref().cloned()).await,
        }
    }

    /// The maker, or empty.
    async fn vendor(&self, ctx: &Context<'_>) -> Result<String> {
        self.column(ctx, |product| Some(product.details.as_ref()?.vendor.clone())).await
    }

    /// The kind of product, or empty.
    async fn product_type(&self, ctx: &Context<'_>) -> Result<String> {
        self.column(ctx, |product| Some(product.details.as_ref()?.product_type.clone())).await
    }

    /// Words that products are found and grouped by, sorted.
    async fn tags(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        self.column(ctx, |product| product.tags.as_ref().cloned()).await
    }

    /// Where the product is in its life. Needs CATALOG_READ; shoppers see ACTIVE products only.
    #[graphql(visible = "crate::graphql::visible::catalog_read")]
    async fn status(&self, ctx: &Context<'_>) -> Result<Option<ProductStatus>> {
        ctx.viewer().require(Permission::CatalogRead)?;
        Ok(Some(self.column(ctx, |product| Some(product.details.as_ref()?.status)).await?))
    }

    /// The prices of its variants in the channel; null when none is sold there.
    async fn price_range(&self, ctx: &Context<'_>) -> Result<Option<PriceRange>> {
        let prices = self.column(ctx, |product| product.prices.as_ref().cloned()).await?;
        let channel = ctx.channel();
        Ok(prices.map(|(min, max)| PriceRange { min: channel.money(min), max: channel.money(max) }))
    }

    /// The first image; null when there is none.
    async fn featured_image(&self, ctx: &Context<'_>) -> Result<Option<Image>> {
        Ok(self.column(ctx, |product| product.image.as_ref().cloned()).await?.map(Image))
    }

    /// Every image, in display order.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn images(&self, ctx: &Context<'_>) -> Result<Vec<Image>> {
        let images = ctx.loaders().load_one(ImagesOf(self.0.id)).await?;
        Ok(images.unwrap_or_default().into_iter().map(Image).collect())
    }

    /// The options that it comes in, in display order; empty for a product with a single variant.
    #[graphql(complexity = "3 * child_complexity + 1")]
    async fn options(&self, ctx: &Context<'_>) -> Result<Vec<ProductOption>> {
        let options = ctx.loaders().load_one(OptionsOf(self.0.id)).await?;
        Ok(options.unwrap_or_default().into_iter().map(ProductOption).collect())
    }

    /// The collections that it is in, by name.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn collections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Collection>> {
        let page = PageArgs::new(first, after, last, before)?;
        let key = CollectionsOf(ChildPage { of: self.0.id, page });
        let page = ctx.loaders().load_one(key).await?.unwrap_or_default();
        Ok(Connection::counted_by(page.map(Collection), CollectionCountOf(self.0.id)))
    }

    /// Its variants, in display order.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn variants(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<ProductVariant>> {
        let page = PageArgs::new(first, after, last, before)?;
        let key = VariantsOf(ChildPage { of: self.0.id, page });
        let page = ctx.loaders().load_one(key).await?.unwrap_or_default();
        Ok(Connection::counted_by(page.map(ProductVariant), VariantCountOf(self.0.id)))
    }

    /// What its type says that it has, in the type's order.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn attributes(&self, ctx: &Context<'_>) -> Result<Vec<ProductAttribute>> {
        let attributes = ctx.loaders().load_one(AttributesOf(self.0.id)).await?;
        Ok(attributes.unwrap_or_default().into_iter().map(ProductAttribute).collect())
    }

    /// Its texts in other languages, by language. Needs CATALOG_READ.
    #[graphql(visible = "crate::graphql::visible::catalog_read", complexity = "3 * child_complexity + 1")]
    async fn translations(&self, ctx: &Context<'_>) -> Result<Option<Vec<Translation>>> {
        translations_of(ctx, Translated::Product(self.0.id)).await
    }

    /// Where it is published, by the channels' slugs. Needs CATALOG_READ.
    #[graphql(visible = "crate::graphql::visible::catalog_read", complexity = "3 * child_complexity + 1")]
    async fn publications(&self, ctx: &Context<'_>) -> Result<Option<Vec<Publication>>> {
        ctx.viewer().require(Permission::CatalogRead)?;
        let rows = ctx.loaders().load_one(PublicationsOf(self.0.id)).await?.unwrap_or_default();
        Ok(Some(publications(ctx, rows).await?))
    }

    /// What the shop keeps with it for programs of its own, by key.
    #[graphql(complexity = "3 * child_complexity + 1")]
    async fn metadata(&self, ctx: &Context<'_>) -> Result<Vec<MetadataEntry>> {
        metadata::public(ctx, Owner::Product(self.0.id)).await
    }

    /// The same for staff. Needs CATALOG_READ.
    #[graphql(visible = "crate::graphql::visible::catalog_read", complexity = "3 * child_complexity + 1")]
    async fn private_metadata(&self, ctx: &Context<'_>) -> Result<Option<Vec<MetadataEntry>>> {
        metadata::private(ctx, Owner::Product(self.0.id)).await
    }

    /// Grows by one with every change; for `expectedVersion`.
    async fn version(&self, ctx: &Context<'_>) -> Result<i64> {
        self.column(ctx, |product| Some(product.details.as_ref()?.version)).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    async fn updated_at(&self, ctx: &Context<'_>) -> Result<DateTime<Utc>> {
        self.column(ctx, |product| Some(product.details.as_ref()?.updated_at)).await
    }
}

/// An option that a product comes in, such as its size.
#[Object]
impl ProductOption {
    /// Globally unique and opaque.
    async fn id(&self) -> OptionId {
        self.0.id
    }

    /// Such as "Size".
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Such as "S" and "M", in display order.
    async fn values(&self) -> &[String] {
        &self.0.values
    }
}
