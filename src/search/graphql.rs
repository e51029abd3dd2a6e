//! GraphQL of search.

use async_graphql::connection::PageInfo;
use async_graphql::{Context, Object, Result, SimpleObject};
use tokio::sync::OnceCell;

use crate::catalog::graphql::{PriceRange, Product, ProductSortInput, ProductWhereInput, connection_columns};
use crate::catalog::{ProductColumns, Scope};
use crate::error::{Code, Error};
use crate::graphql::{AtHand, ContextExt, Edge, page_cost, page_info};
use crate::pagination::{Page, PageArgs};

use super::{FacetSource, Found, Question, Search, SuggestionKind};

/// A page of the products that were found, and what all of those found have in common.
pub struct ProductSearchConnection {
    found: Found,
    columns: ProductColumns,
    args: PageArgs,
    page: OnceCell<Page<AtHand<Product>>>,
}

impl ProductSearchConnection {
    /// Read by whichever field needs it first, beside what the others count.
    async fn page(&self, ctx: &Context<'_>) -> Result<&Page<AtHand<Product>>> {
        let read = async || {
            let page = self.found.page(&ctx.app().db, ctx.viewer(), self.columns, &self.args).await?;
            Ok(page.map(|product| AtHand(Product(product))))
        };
        self.page.get_or_try_init(read).await
    }
}

/// A property and its values among all the products found. A facet that `where` narrows by is counted as though it did
/// not, so that other values can be picked.
#[derive(SimpleObject)]
pub struct Facet {
    /// What it is about.
    source: FacetSource,
    /// `vendor`, `productType`, `tags`, the name of an option such as "Size", or the code of an attribute.
    name: String,
    /// For people.
    label: String,
    /// Whether the counts are exact. Of more than about 2,000 products they are estimated from a part of the catalog.
    is_exact: bool,
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

/// Something that somebody who is typing may mean.
#[derive(SimpleObject)]
pub struct SearchSuggestion {
    /// What it is.
    kind: SuggestionKind,
    /// For people; of a correction or completion the question to ask instead.
    text: String,
    /// Of a collection or product.
    slug: Option<String>,
}

/// A page of the products that were found, and what all of those found have in common.
#[Object]
impl ProductSearchConnection {
    /// The products of the page, each with its cursor.
    async fn edges(&self, ctx: &Context<'_>) -> Result<Vec<Edge<'_, AtHand<Product>>>> {
        Ok(self.page(ctx).await?.items.iter().map(Edge::new).collect())
    }

    /// The products of the page, the best first.
    async fn nodes(&self, ctx: &Context<'_>) -> Result<Vec<&AtHand<Product>>> {
        Ok(self.page(ctx).await?.items.iter().map(|(_, product)| product).collect())
    }

    /// Where the page lies in the list.
    async fn page_info(&self, ctx: &Context<'_>) -> Result<PageInfo> {
        Ok(page_info(self.page(ctx).await?))
    }

    /// How many products were found: exact up to about 8,000, of more an estimate that is about 3 % off. Counted only
    /// when selected.
    #[graphql(complexity = 10)]
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(crate::catalog::count_products(&ctx.app().db, &self.found.selection).await?)
    }

    /// The question as it was understood, when nothing had its words and some were taken for misspelled; otherwise null.
    async fn corrected_query(&self) -> Option<&str> {
        self.found.corrected()
    }

    /// What all the products found have in common, to narrow the search down. Counted only when selected.
    #[graphql(complexity = "20 + child_complexity")]
    async fn facets(&self, ctx: &Context<'_>) -> Result<Vec<Facet>> {
        let facets = super::facets(&ctx.app().db, &self.found.selection).await?;
        let value = |value: super::FacetValue| FacetValue { value: value.value, count: value.count };
        Ok(facets
            .into_iter()
            .map(|facet| Facet {
                source: facet.source,
                name: facet.name,
                label: facet.label,
                is_exact: facet.is_exact,
                values: facet.values.into_iter().map(value).collect(),
            })
            .collect())
    }

    /// From the cheapest to the dearest of the products found, each by its lowest price and whatever prices `where` asks
    /// for; null when none has a price.
    #[graphql(complexity = "10 + child_complexity")]
    async fn price_range(&self, ctx: &Context<'_>) -> Result<Option<PriceRange>> {
        let channel = ctx.channel();
        let prices = super::prices(&ctx.app().db, &self.found.selection).await?;
        Ok(prices.map(|(min, max)| PriceRange { min: channel.money(min), max: channel.money(max) }))
    }

    /// How many of the products found can be ordered now, whatever availability `where` asks for; counted as `totalCount` is.
    #[graphql(complexity = 10)]
    async fn in_stock_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(super::in_stock(&ctx.app().db, &self.found.selection).await?)
    }
}

/// More suggestions than this nobody reads while typing.
const MAX_SUGGESTIONS: i32 = 20;

/// Root queries about search.
#[derive(Default)]
pub struct SearchQuery;

#[Object]
impl SearchQuery {
    /// Products that have every word of a question, the best match first; the last word may be a beginning. Where nothing has
    /// them, words that nobody uses are taken for ones that are spelled alike (`correctedQuery`). An empty question
    /// lists every product by name. Any text can be asked; of a long one the first 200 characters count.
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
        #[graphql(desc = "The order; by relevance when left out.")] sort: Option<Vec<ProductSortInput>>,
    ) -> Result<ProductSearchConnection> {
        let args = PageArgs::new(first, after, last, before)?;
        let app = ctx.app();
        let search = Search {
            question: Question::parse(&query),
            filter: where_.unwrap_or_default().read(ctx.channel())?,
            scope: Scope::of(ctx.viewer(), ctx.channel(), app.clock.now()),
            sort: sort.unwrap_or_default().into_iter().map(Into::into).collect(),
        };
        let found = super::search(&app.db, ctx.viewer(), search).await?;
        let columns = connection_columns(ctx);
        Ok(ProductSearchConnection { found, columns, args, page: OnceCell::new() })
    }

    /// What somebody who is typing may mean: the question corrected or completed, makers, kinds of product, collections,
    /// products. Everything suggested finds something in the channel.
    #[graphql(complexity = "40 + child_complexity")]
    async fn search_suggestions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was typed so far.")] query: String,
        #[graphql(desc = "At most so many, up to 20.", default = 8)] first: i32,
    ) -> Result<Vec<SearchSuggestion>> {
        if !(0..=MAX_SUGGESTIONS).contains(&first) {
            return Err(Error::request(Code::BadUserInput, "There are 0 to 20 suggestions.").into());
        }
        let app = ctx.app();
        let search = Search {
            question: Question::parse(&query),
            filter: crate::catalog::ProductFilter::default(),
            scope: Scope::of(ctx.viewer(), ctx.channel(), app.clock.now()),
            sort: Vec::new(),
        };
        let most = usize::try_from(first).unwrap_or_default();
        let suggestions = super::suggestions(&app.db, ctx.viewer(), search, &query, most).await?;
        Ok(suggestions
            .into_iter()
            .map(|found| SearchSuggestion { kind: found.kind, text: found.text, slug: found.slug })
            .collect())
    }
}
