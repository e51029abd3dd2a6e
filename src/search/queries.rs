//! The statements of a search.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Float, Text, Uuid};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use crate::db::Conn;
use crate::ids::ProductId;
use crate::pagination::PageArgs;
use crate::sql::Sql;

use super::run::{Match, Search};

/// A product that matches, and how well.
#[derive(Queryable)]
pub(super) struct Hit {
    pub id: ProductId,
    pub rank: f32,
}

/// A place in a list: how it was matched, rank, id.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cursor(pub Match, pub f32, pub ProductId);

/// Values per facet; more than anybody picks from.
const MAX_FACET_VALUES: i64 = 50;

impl Search {
    /// Appends the expression of the rank over `p`, a float4.
    fn push_rank<Row>(&self, sql: &mut Sql<'_, Row>, by: Match) {
        match by {
            Match::Every => sql.push("1::float4"),
            Match::Words => {
                sql.push("ts_rank(p.search, search_query(?))");
                sql.add::<Array<Text>, _>(self.question.words().to_vec());
            }
            Match::Likeness => {
                for (index, word) in self.question.telling_words().into_iter().enumerate() {
                    sql.push(if index == 0 { "(" } else { " + " });
                    sql.push("word_similarity(lower(fold_accents(?)), p.search_text)");
                    sql.add::<Text, _>(word.to_owned());
                }
                sql.push(")");
            }
        }
    }

    /// Appends ` FROM … WHERE …` with everything that matches, as `p`.
    fn push_from<Row>(&self, sql: &mut Sql<'_, Row>, by: Match) {
        self.filter.push_from(sql, &self.scope, false);
        match by {
            Match::Every => {}
            Match::Words => {
                sql.push(" AND p.search @@ search_query(?)");
                sql.add::<Array<Text>, _>(self.question.words().to_vec());
            }
            Match::Likeness => {
                for word in self.question.telling_words() {
                    sql.push(" AND lower(fold_accents(?)) <% p.search_text");
                    sql.add::<Text, _>(word.to_owned());
                }
            }
        }
    }
}

/// The best matches after (or before) a cursor, one more than the page has. The rank is compared as it was stored in
/// the cursor: a float4 survives the way through JSON.
pub(super) async fn hits(
    conn: &mut Conn,
    search: &Search,
    by: Match,
    cursor: Option<&Cursor>,
    page: &PageArgs,
) -> QueryResult<Vec<Hit>> {
    let mut sql = Sql::<(Uuid, Float)>::new("SELECT hit.id, hit.rank FROM (SELECT p.id, ").rare();
    search.push_rank(&mut sql, by);
    sql.push(" AS rank");
    search.push_from(&mut sql, by);
    sql.push(") AS hit");
    if let Some(&Cursor(_, rank, id)) = cursor {
        sql.push(if page.backward {
            " WHERE (hit.rank, hit.id) > (?, ?)"
        } else {
            " WHERE (hit.rank, hit.id) < (?, ?)"
        });
        sql.add::<Float, _>(rank);
        sql.add::<Uuid, _>(id);
    }
    sql.push(if page.backward {
        " ORDER BY hit.rank, hit.id"
    } else {
        " ORDER BY hit.rank DESC, hit.id DESC"
    });
    sql.push(" LIMIT ?");
    sql.add::<BigInt, _>(page.limit());
    sql.load(conn).await
}

pub(super) async fn count(conn: &mut Conn, search: &Search, by: Match) -> QueryResult<i64> {
    let mut sql = Sql::<BigInt>::new("SELECT count(*)").rare();
    search.push_from(&mut sql, by);
    sql.get_result(conn).await
}

/// Name of the facet, value, count: facet after facet.
pub(super) async fn facets(
    conn: &mut Conn,
    search: &Search,
    by: Match,
) -> QueryResult<Vec<(String, String, i64)>> {
    let mut sql = Sql::<(Text, Text, BigInt)>::new(
        "WITH matching AS MATERIALIZED (SELECT p.id, p.vendor, p.product_type, p.tags",
    )
    .rare();
    search.push_from(&mut sql, by);
    sql.push(
        "), counted AS (\
         SELECT 0 AS place, 'vendor' AS name, vendor AS value, count(*) AS count FROM matching WHERE vendor <> '' GROUP BY vendor \
         UNION ALL SELECT 1, 'productType', product_type, count(*) FROM matching WHERE product_type <> '' GROUP BY product_type \
         UNION ALL SELECT 2, 'tags', tag, count(*) FROM matching, unnest(tags) AS tag GROUP BY tag \
         UNION ALL SELECT 3, o.name, value, count(*) FROM matching JOIN product_options AS o ON o.product_id = matching.id, \
         unnest(o.\"values\") AS value GROUP BY o.name, value), \
         placed AS (SELECT place, name, value, count, \
         row_number() OVER (PARTITION BY place, name ORDER BY count DESC, value) AS number, \
         sum(count) OVER (PARTITION BY place, name) AS weight FROM counted) \
         SELECT name, value, count FROM placed WHERE number <= ? ORDER BY place, weight DESC, name, number",
    );
    sql.add::<BigInt, _>(MAX_FACET_VALUES);
    sql.load(conn).await
}
