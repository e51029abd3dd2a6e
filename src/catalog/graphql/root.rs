//! The root fields of the catalog.

use async_graphql::{Context, Object, Result};

use crate::catalog::model::Scope;
use crate::catalog::read;
use crate::catalog::selection::Selection;
use crate::error::{Code, Error};
use crate::graphql::{AtHand, Connection, ContextExt, page_cost};
use crate::ids::{CollectionId, ProductId};
use crate::pagination::PageArgs;

use super::collection::Collection;
use super::inputs::{ProductSortInput, ProductWhereInput};
use super::product::{Product, connection_columns, product_columns};

/// Root queries about the catalog.
#[derive(Default)]
pub struct CatalogQuery;

fn one_of_slug_and_id() -> async_graphql::Error {
    Error::request(Code::BadUserInput, "Exactly one of `slug` and `id` is required.").into()
}

#[Object]
impl CatalogQuery {
    /// Products: those on sale in the channel, or all of them for staff with CATALOG_READ. Newest first when `sort` is empty.
    /// `totalCount` is exact up to about 8,000, of more an estimate that is about 3 % off.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[allow(clippy::too_many_arguments)] // The arguments of a Relay list.
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which products.", name = "where")] where_: Option<ProductWhereInput>,
        #[graphql(desc = "The order; a later key decides where earlier ones are equal.")] sort: Option<
            Vec<ProductSortInput>,
        >,
    ) -> Result<AtHand<Connection<AtHand<Product>>>> {
        let ends_only = !ctx.look_ahead().field("edges").exists();
        let page = PageArgs { ends_only, ..PageArgs::new(first, after, last, before)? };
        let filter = where_.unwrap_or_default().read(ctx.channel())?;
        let sort: Vec<_> = sort.unwrap_or_default().into_iter().map(Into::into).collect();
        let app = ctx.app();
        let scope = Scope::of(ctx.viewer(), ctx.channel(), app.clock.now());
        let columns = connection_columns(ctx);
        let selection = Selection::new(scope, filter);
        let products = read::list_products(&app.db, ctx.viewer(), &selection, &sort, columns, &page).await?;
        let db = app.db.clone();
        let count = move || {
            let (db, selection) = (db.clone(), selection.clone());
            async move { read::count_products(&db, &selection).await }
        };
        Ok(AtHand(Connection::new(products.map(|product| AtHand(Product(product))), count)))
    }

    /// The product with this slug or id; null when there is none, or it is not on sale in the channel.
    async fn product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its slug.")] slug: Option<String>,
        #[graphql(desc = "Its id.")] id: Option<ProductId>,
    ) -> Result<Option<Product>> {
        match (slug, id) {
            (Some(slug), None) => {
                let app = ctx.app();
                let scope = Scope::of(ctx.viewer(), ctx.channel(), app.clock.now());
                let columns = product_columns(ctx.look_ahead());
                Ok(read::find_product_by_slug(&app.db, &scope, slug, columns).await?.map(Product))
            }
            (None, Some(id)) => Product::load(ctx, id).await,
            _ => Err(one_of_slug_and_id()),
        }
    }

    /// Every collection, by name.
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
        let app = ctx.app();
        let scope = Scope::of(ctx.viewer(), ctx.channel(), app.clock.now());
        let db = app.db.clone();
        let collections = read::list_collections(&db, &scope, &page).await?;
        let count = move || {
            let db = db.clone();
            async move { read::count_collections(&db, &scope).await }
        };
        Ok(Connection::new(collections.map(Collection), count))
    }

    /// The collection with this slug or id; null when there is none.
    async fn collection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its slug.")] slug: Option<String>,
        #[graphql(desc = "Its id.")] id: Option<CollectionId>,
    ) -> Result<Option<Collection>> {
        match (slug, id) {
            (Some(slug), None) => {
                let app = ctx.app();
                let scope = Scope::of(ctx.viewer(), ctx.channel(), app.clock.now());
                Ok(read::find_collection_by_slug(&app.db, &scope, &slug).await?.map(Collection))
            }
            (None, Some(id)) => Collection::load(ctx, id).await,
            _ => Err(one_of_slug_and_id()),
        }
    }
}
