//! GraphQL of search.

use async_graphql::connection::PageInfo;
use async_graphql::{Context, Object, Result, SimpleObject};

use crate::catalog::Scope;
use crate::catalog::graphql::{Product, ProductWhereInput, connection_columns};
use crate::graphql::{AtHand, ContextExt, Edge, page_cost, page_info};
use crate::pagination::{Page, PageArgs};

use super::{Match, Question, Search};

/// A page of the products that were found, and what all of those found have in common.
pub struct ProductSearchConnection {
    page: Page<AtHand<Product>>,
    search: Search,
    by: Match,
}

/// A property and its values among all the products found.
#[derive(SimpleObject)]
pub struct Facet {
    /// `vendor`, `productType`, `tags`, or the name of an option such as "Size".
    name: String,
    /// The most frequent first, at most 50.
    values: Vec<FacetValue>,
}

/// A value and how many of the products found have it.
#[derive(SimpleObject)]
pub struct FacetValue {
    /// The value.
    value: String,
    /// How many products.
    count: i64,
}

/// A page of the products that were found, and what all of those found have in common.
#[Object]
impl ProductSearchConnection {
    /// The products of the page, each with its cursor.
    async fn edges(&self) -> Vec<Edge<'_, AtHand<Product>>> {
        self.page.items.iter().map(Edge::new).collect()
    }

    /// The products of the page, the best first.
    async fn nodes(&self) -> Vec<&AtHand<Product>> {
        self.page.items.iter().map(|(_, product)| product).collect()
    }

    /// Where the page lies in the list.
    async fn page_info(&self) -> PageInfo {
        page_info(&self.page)
    }

    /// How many products were found. Counted only when selected.
    #[graphql(complexity = 10)]
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(super::count(&ctx.app().db, &self.search, self.by).await?)
    }

    /// What all the products found have in common, to narrow the search down. Counted only when selected.
    #[graphql(complexity = "20 + child_complexity")]
    async fn facets(&self, ctx: &Context<'_>) -> Result<Vec<Facet>> {
        let facets = super::facets(&ctx.app().db, &self.search, self.by).await?;
        let value = |value: super::FacetValue| FacetValue { value: value.value, count: value.count };
        Ok(facets
            .into_iter()
            .map(|facet| Facet { name: facet.name, values: facet.values.into_iter().map(value).collect() })
            .collect())
    }
}

/// Root queries about search.
#[derive(Default)]
pub struct SearchQuery;

#[Object]
impl SearchQuery {
    /// Products that have every word of a question, the best match first; the last word may be a beginning. When there
    /// are none, products that read alike, so that a misspelling finds something. An empty question lists every product
    /// by name. Any text can be asked; of a long one the first 200 characters count.
    #[graphql(complexity = "page_cost(first, last, child_complexity) + 20")]
    #[allow(clippy::too_many_arguments)] // The arguments of a Relay list.
    async fn product_search(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What somebody typed.")] query: String,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which products come into question.", name = "where")] where_: Option<
            ProductWhereInput,
        >,
    ) -> Result<ProductSearchConnection> {
        let page = PageArgs::new(first, after, last, before)?;
        let app = ctx.app();
        let search = Search {
            question: Question::parse(&query),
            filter: where_.unwrap_or_default().read(ctx.channel())?,
            scope: Scope::of(ctx.viewer(), ctx.channel(), app.clock.now()),
        };
        let found = super::search(&app.db, ctx.viewer(), &search, connection_columns(ctx), &page).await?;
        Ok(ProductSearchConnection {
            page: found.page.map(|product| AtHand(Product(product))),
            by: found.by,
            search,
        })
    }
}
