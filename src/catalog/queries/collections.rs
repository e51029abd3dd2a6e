//! Collections, and what they have to do with products.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Untyped, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::filter::push_channel;
use crate::catalog::model::{Collection, Product, ProductColumns, Scope};
use crate::db::Conn;
use crate::error::Result;
use crate::graphql::BatchReader;
use crate::ids::{CollectionId, ProductId};
use crate::pagination::{Page, PageArgs};
use crate::sql::Sql;

use super::lists::limit;
use super::products::{ProductRow, columns_of, columns_within, image_join};
use super::{ChildPage, by_page, by_parent};

/// The SQL type of a [`Collection`].
type CollectionSql = (Uuid, Text, Text, Text, Text, Text, BigInt, Timestamptz, Timestamptz);

/// The columns of `c`.
const COLUMNS: &str = "c.id, c.slug, c.name, c.description, c.image_url, c.image_alt_text, c.version, c.created_at, c.updated_at";

/// Appends that the scope may see the collection `c`: shoppers do not while it is hidden in the channel.
fn push_visible<Row>(sql: &mut Sql<'_, Row>, scope: &Scope) {
    if !scope.staff {
        sql.push(
            " AND NOT EXISTS (SELECT FROM collection_channels AS cc WHERE cc.collection_id = c.id AND cc.channel_id = ? \
             AND (cc.published_at IS NULL OR cc.published_at > ?))",
        );
        sql.add::<Uuid, _>(scope.channel_id);
        sql.add::<Timestamptz, _>(scope.now);
    }
}

pub(in crate::catalog) async fn find_by_slug(
    conn: &mut Conn,
    scope: &Scope,
    slug: &str,
) -> QueryResult<Option<Collection>> {
    let mut sql =
        Sql::<CollectionSql>::new(format!("SELECT {COLUMNS} FROM collections AS c WHERE c.slug = ?"))
            .bind::<Text, _>(slug);
    push_visible(&mut sql, scope);
    sql.get_result(conn).await.optional()
}

/// By name.
pub(in crate::catalog) async fn list(
    conn: &mut Conn,
    scope: &Scope,
    page: &PageArgs,
) -> Result<Page<Collection>> {
    let mut sql =
        Sql::<CollectionSql>::assembled(format!("SELECT {COLUMNS} FROM collections AS c WHERE true"));
    push_visible(&mut sql, scope);
    let cursor: Option<(String, CollectionId)> = page.cursor()?;
    if let Some((name, id)) = cursor {
        sql.push(if page.backward { " AND (c.name, c.id) < (?, ?)" } else { " AND (c.name, c.id) > (?, ?)" });
        sql.add::<Text, _>(name);
        sql.add::<Uuid, _>(id);
    }
    let order = if page.backward { "c.name DESC, c.id DESC" } else { "c.name, c.id" };
    sql.push(&format!(" ORDER BY {order} LIMIT {}", limit(page)));
    let mut rows: Vec<Collection> = sql.load(conn).await?;
    rows.truncate(usize::try_from(page.limit()).unwrap_or(usize::MAX));
    Ok(Page::new(rows, page, |collection: &Collection| (collection.name.clone(), collection.id)))
}

pub(in crate::catalog) async fn count(conn: &mut Conn, scope: &Scope) -> Result<i64> {
    let mut sql = Sql::<BigInt>::new("SELECT count(*) FROM collections AS c WHERE true");
    push_visible(&mut sql, scope);
    Ok(sql.get_result(conn).await?)
}

/// The collections with these ids, in no order.
pub(in crate::catalog) async fn load(
    conn: &mut Conn,
    scope: &Scope,
    ids: &[CollectionId],
) -> QueryResult<Vec<Collection>> {
    let mut sql = Sql::<CollectionSql>::new(format!(
        "SELECT {COLUMNS} FROM collections AS c WHERE c.id = ANY((SELECT ?)::uuid[])"
    ))
    .bind::<Array<Uuid>, _>(ids);
    push_visible(&mut sql, scope);
    sql.load(conn).await
}

impl Loader<CollectionId> for BatchReader {
    type Value = Collection;
    type Error = async_graphql::Error;

    async fn load(&self, ids: &[CollectionId]) -> Result<HashMap<CollectionId, Collection>, Self::Error> {
        let mut conn = self.app.db.get().await?;
        let rows = load(&mut conn, &self.scope(), ids).await.map_err(crate::Error::from)?;
        Ok(rows.into_iter().map(|collection| (collection.id, collection)).collect())
    }
}

/// The collections that a product is in, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CollectionsOf(pub ChildPage<ProductId>);

impl Loader<CollectionsOf> for BatchReader {
    type Value = Page<Collection>;
    type Error = async_graphql::Error;

    async fn load(
        &self,
        keys: &[CollectionsOf],
    ) -> Result<HashMap<CollectionsOf, Page<Collection>>, Self::Error> {
        let scope = self.scope();
        let mut conn = self.app.db.get().await?;
        let mut found = HashMap::with_capacity(keys.len());
        for (page, products) in by_page(keys, |key| (key.0.of, key.0.page.clone())) {
            let cursor: Option<(String, CollectionId)> = page.cursor()?;
            let mut sql = Sql::<(Uuid, CollectionSql)>::assembled(format!(
                "SELECT parent.id, page.* FROM unnest((SELECT ?)::uuid[]) AS parent(id) CROSS JOIN LATERAL (SELECT {COLUMNS} \
                 FROM collection_products AS cp JOIN collections AS c ON c.id = cp.collection_id \
                 WHERE cp.product_id = parent.id"
            ))
            .bind::<Array<Uuid>, _>(products.as_slice());
            push_visible(&mut sql, &scope);
            if let Some((name, id)) = cursor {
                sql.push(if page.backward {
                    " AND (c.name, c.id) < (?, ?)"
                } else {
                    " AND (c.name, c.id) > (?, ?)"
                });
                sql.add::<Text, _>(name);
                sql.add::<Uuid, _>(id);
            }
            let order = if page.backward { "c.name DESC, c.id DESC" } else { "c.name, c.id" };
            let outer = if page.backward { "page.name DESC, page.id DESC" } else { "page.name, page.id" };
            sql.push(&format!(" ORDER BY {order} LIMIT {}) AS page ORDER BY {outer}", limit(&page)));
            let rows: Vec<(ProductId, Collection)> = sql.load(&mut conn).await.map_err(crate::Error::from)?;
            for (product_id, mut collections) in by_parent(&products, rows) {
                collections.truncate(usize::try_from(page.limit()).unwrap_or(usize::MAX));
                let collections = Page::new(collections, &page, |c: &Collection| (c.name.clone(), c.id));
                found.insert(CollectionsOf(ChildPage { of: product_id, page: page.clone() }), collections);
            }
        }
        Ok(found)
    }
}

/// How many collections a product is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CollectionCountOf(pub ProductId);

impl Loader<CollectionCountOf> for BatchReader {
    type Value = i64;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[CollectionCountOf]) -> Result<HashMap<CollectionCountOf, i64>, Self::Error> {
        let mut sql = Sql::<(Uuid, BigInt)>::new(
            "SELECT cp.product_id, count(*) FROM collection_products AS cp JOIN collections AS c ON c.id = cp.collection_id \
             WHERE cp.product_id = ANY((SELECT ?)::uuid[])",
        )
        .bind::<Array<Uuid>, _>(keys.iter().map(|key| key.0).collect::<Vec<_>>());
        push_visible(&mut sql, &self.scope());
        sql.push(" GROUP BY cp.product_id");
        let mut conn = self.app.db.get().await?;
        let rows: Vec<(ProductId, i64)> = sql.load(&mut conn).await.map_err(crate::Error::from)?;
        Ok(rows.into_iter().map(|(id, count)| (CollectionCountOf(id), count)).collect())
    }
}

/// The products of a collection, in the collection's order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProductsOf {
    /// Of which collection, and which part.
    pub list: ChildPage<CollectionId>,
    /// What of them.
    pub columns: ProductColumns,
}

impl Loader<ProductsOf> for BatchReader {
    type Value = Page<Product>;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[ProductsOf]) -> Result<HashMap<ProductsOf, Page<Product>>, Self::Error> {
        let scope = self.scope();
        let mut conn = self.app.db.get().await?;
        let mut found = HashMap::with_capacity(keys.len());
        for ((page, columns), collections) in
            by_page(keys, |key| (key.list.of, (key.list.page.clone(), key.columns)))
        {
            let rows = products_of(&mut conn, &scope, &collections, &page, columns).await?;
            for (collection_id, mut products) in by_parent(&collections, rows) {
                products.truncate(usize::try_from(page.limit()).unwrap_or(usize::MAX));
                let products = Page::new(products, &page, |(position, product)| (*position, product.id));
                let list = ChildPage { of: collection_id, page: page.clone() };
                found.insert(ProductsOf { list, columns }, products.map(|(_, product)| product));
            }
        }
        Ok(found)
    }
}

async fn products_of(
    conn: &mut Conn,
    scope: &Scope,
    collections: &[CollectionId],
    page: &PageArgs,
    columns: ProductColumns,
) -> Result<Vec<(CollectionId, (i64, Product))>> {
    let mut sql = Sql::<Untyped>::assembled(format!(
        "SELECT parent.id, page.position, {} FROM unnest((SELECT ?)::uuid[]) AS parent(id) \
         CROSS JOIN LATERAL (SELECT cp.position, {} \
         FROM collection_products AS cp JOIN products AS p ON p.id = cp.product_id ",
        columns_of(columns, "page", "page"),
        columns_within(columns, "pc")
    ))
    .bind::<Array<Uuid>, _>(collections);
    push_channel(&mut sql, scope);
    sql.push(" WHERE cp.collection_id = parent.id");
    if !scope.staff {
        sql.push(" AND p.status = 'ACTIVE'");
    }
    let cursor: Option<(i64, ProductId)> = page.cursor()?;
    if let Some((position, id)) = cursor {
        sql.push(if page.backward {
            " AND (cp.position, cp.product_id) < (?, ?)"
        } else {
            " AND (cp.position, cp.product_id) > (?, ?)"
        });
        sql.add::<BigInt, _>(position);
        sql.add::<Uuid, _>(id);
    }
    let order =
        if page.backward { "cp.position DESC, cp.product_id DESC" } else { "cp.position, cp.product_id" };
    let outer = if page.backward { "page.position DESC, page.id DESC" } else { "page.position, page.id" };
    sql.push(&format!(
        " ORDER BY {order} LIMIT {}) AS page{} ORDER BY {outer}",
        limit(page),
        image_join(columns, "page.id")
    ));
    let rows: Vec<MemberRow> = sql.load(conn).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.collection_id, (row.position, row.product.into_product(columns))))
        .collect())
}

/// A product in a collection.
struct MemberRow {
    collection_id: CollectionId,
    position: i64,
    product: ProductRow,
}

impl QueryableByName<Pg> for MemberRow {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self {
            collection_id: row.get_value::<Uuid, _, _>(0)?,
            position: row.get_value::<BigInt, _, _>(1)?,
            product: ProductRow::read(row, 2)?,
        })
    }
}

/// How many products of a collection the viewer may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProductCountOf(pub CollectionId);

impl Loader<ProductCountOf> for BatchReader {
    type Value = i64;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[ProductCountOf]) -> Result<HashMap<ProductCountOf, i64>, Self::Error> {
        let scope = self.scope();
        let mut sql = Sql::<(Uuid, BigInt)>::new(
            "SELECT cp.collection_id, count(*) FROM collection_products AS cp JOIN products AS p ON p.id = cp.product_id ",
        );
        push_channel(&mut sql, &scope);
        sql.push(" WHERE cp.collection_id = ANY(?)");
        sql.add::<Array<Uuid>, _>(keys.iter().map(|key| key.0).collect::<Vec<_>>());
        sql.push(if scope.staff { "" } else { " AND p.status = 'ACTIVE'" });
        sql.push(" GROUP BY cp.collection_id");
        let mut conn = self.app.db.get().await?;
        let rows: Vec<(CollectionId, i64)> = sql.load(&mut conn).await.map_err(crate::Error::from)?;
        Ok(rows.into_iter().map(|(id, count)| (ProductCountOf(id), count)).collect())
    }
}
