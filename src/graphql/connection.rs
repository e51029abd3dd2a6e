//! The GraphQL face of a page: a Relay connection with `nodes` beside `edges`, `totalCount` only when selected.

use std::borrow::Cow;
use std::future::Future;
use std::hash::Hash;

use async_graphql::connection::PageInfo;
use async_graphql::dataloader::Loader;
use async_graphql::{Context, Object, OutputType, Result, TypeName};
use futures_util::future::BoxFuture;

use crate::pagination::Page;

use super::{Asked, AtHand, BatchReader, ContextExt, HasAtHand, Writer};

type Count = Box<dyn for<'a, 'b> Fn(&'a Context<'b>) -> BoxFuture<'a, Result<i64>> + Send + Sync>;

/// A page of `T` as `TConnection`.
pub struct Connection<T> {
    page: Page<T>,
    count: Count,
}

impl<T> Connection<T> {
    /// From a page and what counts the whole list; `count` runs only if `totalCount` is selected.
    pub fn new<F>(page: Page<T>, count: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = crate::error::Result<i64>> + Send + 'static,
    {
        let count: Count = Box::new(move |_| {
            let count = count();
            Box::pin(async move { Ok(count.await?) })
        });
        Self { page, count }
    }

    /// From a page of a list under a parent and the loader's key for how many it has: lists of many parents are
    /// counted together. A parent that the loader does not know has none.
    pub fn counted_by<K>(page: Page<T>, key: K) -> Self
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
        BatchReader: Loader<K, Value = i64, Error = async_graphql::Error>,
    {
        let count: Count = Box::new(move |ctx: &Context<'_>| {
            let key = key.clone();
            Box::pin(async move { Ok(ctx.loaders().load_one(key).await?.unwrap_or_default()) })
        });
        Self { page, count }
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

/// A page of a list.
#[Object(name_type)]
impl<T: OutputType> Connection<T> {
    /// The items of the page, each with its cursor.
    async fn edges(&self) -> Vec<Edge<'_, T>> {
        self.page.items.iter().map(Edge::new).collect()
    }

    /// The items of the page.
    async fn nodes(&self) -> Vec<&T> {
        self.page.items.iter().map(|(_, node)| node).collect()
    }

    /// Where the page lies in the list.
    async fn page_info(&self) -> PageInfo {
        page_info(&self.page)
    }

    /// How many items the whole list has. Counted only when selected.
    #[graphql(complexity = 10)]
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        (self.count)(ctx).await
    }
}

impl<T: HasAtHand> HasAtHand for Connection<AtHand<T>> {
    const AWAITED: &'static [&'static str] = &["totalCount"];
    const USUAL_BYTES: usize = 16 * 1024;

    fn write<'a>(&self, field: &Asked<'a>, to: &mut Writer<'a>) -> Option<()> {
        let items = &self.page.items;
        match field.name() {
            "edges" => to.list(items, |to, item| to.whole(field, &Edge::new(item))),
            "nodes" => to.list(items, |to, (_, AtHand(node))| to.whole(field, node)),
            "pageInfo" => to.whole(field, &page_info(&self.page)),
            _ => None,
        }
    }
}

impl<T: HasAtHand> HasAtHand for Edge<'_, AtHand<T>> {
    fn write<'a>(&self, field: &Asked<'a>, to: &mut Writer<'a>) -> Option<()> {
        match field.name() {
            "cursor" => to.plain(self.cursor),
            "node" => to.whole(field, &self.node.0),
            _ => None,
        }
    }
}

impl HasAtHand for PageInfo {
    fn write<'a>(&self, field: &Asked<'a>, to: &mut Writer<'a>) -> Option<()> {
        let cursor = |to: &mut Writer<'a>, cursor: &Option<String>| match cursor {
            Some(cursor) => to.plain(cursor),
            None => to.null(),
        };
        match field.name() {
            "hasNextPage" => to.boolean(self.has_next_page),
            "hasPreviousPage" => to.boolean(self.has_previous_page),
            "startCursor" => cursor(to, &self.start_cursor),
            "endCursor" => cursor(to, &self.end_cursor),
            _ => None,
        }
    }
}

/// What a list costs: its items, and one for itself. For `#[graphql(complexity = "page_cost(first, last, child_complexity)")]`.
pub fn page_cost(first: Option<i32>, last: Option<i32>, child_complexity: usize) -> usize {
    let size = first.or(last).unwrap_or(0).clamp(0, 100);
    usize::try_from(size).unwrap_or(0) * child_complexity + 1
}

/// The `pageInfo` of a page.
pub fn page_info<T>(page: &Page<T>) -> PageInfo {
    PageInfo {
        has_next_page: page.has_next,
        has_previous_page: page.has_previous,
        start_cursor: page.items.first().map(|item| item.0.clone()),
        end_cursor: page.items.last().map(|item| item.0.clone()),
    }
}

/// One item of a page as `TEdge`.
pub struct Edge<'a, T> {
    cursor: &'a str,
    node: &'a T,
}

impl<'a, T> Edge<'a, T> {
    /// From an item of a page.
    pub fn new((cursor, node): &'a (String, T)) -> Self {
        Self { cursor, node }
    }
}

impl<T: OutputType> TypeName for Edge<'_, T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// An item of a page and its place in the list.
#[Object(name_type)]
impl<T: OutputType> Edge<'_, T> {
    /// Opaque; for `after` and `before`.
    async fn cursor(&self) -> &str {
        self.cursor
    }

    /// The item.
    async fn node(&self) -> &T {
        self.node
    }
}
