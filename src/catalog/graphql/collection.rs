//! Collections.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};

use crate::catalog::images::CollectionImageOf;
use crate::catalog::model;
use crate::catalog::queries::ChildPage;
use crate::catalog::queries::collections::{ProductCountOf, ProductsOf};
use crate::graphql::{Connection, ContextExt, page_cost};
use crate::ids::CollectionId;
use crate::pagination::PageArgs;

use super::image::Image;
use super::product::{Product, connection_columns};

/// A set of products that belong together.
pub struct Collection(pub model::Collection);

impl Collection {
    /// The collection with this id.
    pub async fn load(ctx: &Context<'_>, id: CollectionId) -> Result<Option<Self>> {
        Ok(ctx.loaders().load_one(id).await?.map(Self))
    }
}

/// A set of products that belong together.
#[Object]
impl Collection {
    /// Globally unique and opaque.
    pub async fn id(&self) -> CollectionId {
        self.0.id
    }

    /// For people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Identifies the collection in URLs; unique.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Text or HTML; show it as HTML only after cleaning it.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// What stands for it; null when it has no image.
    async fn image(&self, ctx: &Context<'_>) -> Result<Option<Image>> {
        Ok(ctx.loaders().load_one(CollectionImageOf(self.0.id)).await?.map(Image))
    }

    /// Its products, in the order that the shop gave them.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Product>> {
        let page = PageArgs::new(first, after, last, before)?;
        let list = ChildPage { of: self.0.id, page };
        let key = ProductsOf { list, columns: connection_columns(ctx) };
        let page = ctx.loaders().load_one(key).await?.unwrap_or_default();
        Ok(Connection::counted_by(page.map(Product), ProductCountOf(self.0.id)))
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
