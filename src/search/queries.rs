//! The statements of a search.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Float, Integer, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::terms::{self, FacetKey};
use crate::catalog::{Base, Matching, Selection, sample};
use crate::db::Conn;
use crate::ids::ProductId;
use crate::sql::Sql;

/// A beginning is taken for so many stems, the most frequent ones.
const MAX_BEGUN: i64 = 30;

/// So many known words are compared with a misspelled one.
const MAX_ALIKE: i64 = 60;

/// A word of a question.
#[derive(Queryable)]
pub(super) struct Understood {
    /// In lower case, without accents.
    pub folded: String,
    /// None for a word without meaning of its own.
    pub stems: Vec<String>,
    /// Whether the vocabulary has it.
    pub known: bool,
    /// The stems of the words that it begins; for the last word.
    pub begun: Vec<String>,
}

/// Looks the words of a question up, in their order.
pub(super) async fn understand(conn: &mut Conn, words: &[String]) -> QueryResult<Vec<Understood>> {
    Sql::<(Text, Array<Text>, Bool, Array<Text>)>::new(
        "SELECT folded, stems, known, begun FROM search_understand(?, ?)",
    )
    .bind::<Array<Text>, _>(words.to_vec())
    .bind::<BigInt, _>(MAX_BEGUN)
    .load(conn)
    .await
}

/// A known word that looks like a typed one.
#[derive(Queryable)]
pub(super) struct Alike {
    pub typed: String,
    pub word: String,
    pub stem: String,
    /// About how many products have it.
    pub products: i64,
}

/// Known words that share trigrams with misspelled ones.
pub(super) async fn alike(conn: &mut Conn, typed: &[String]) -> QueryResult<Vec<Alike>> {
    Sql::<(Text, Text, Text, BigInt)>::new(
        "SELECT t.word, s.word, s.lexeme, s.products FROM unnest(?) AS t(word), search_alike(t.word, ?) AS s",
    )
    .bind::<Array<Text>, _>(typed.to_vec())
    .bind::<BigInt, _>(MAX_ALIKE)
    .load(conn)
    .await
}

/// Which of these tsqueries find something that the scope may see: their places in the list.
pub(super) async fn existing(
    conn: &mut Conn,
    matching: &[String],
    listed: Option<String>,
) -> QueryResult<Vec<usize>> {
    let places: Vec<i64> = Sql::<BigInt>::new(
        "SELECT place FROM unnest(?) WITH ORDINALITY AS t(matching, place) \
         WHERE search_finds(matching::tsquery, CAST(? AS text)::tsquery, CAST(? AS text)::tsquery) ORDER BY place",
    )
    .bind::<Array<Text>, _>(matching.to_vec())
    .bind::<Nullable<Text>, _>(listed)
    .bind::<Text, _>(sample())
    .load(conn)
    .await?;
    Ok(places.into_iter().filter_map(|place| usize::try_from(place - 1).ok()).collect())
}

/// What a sample tells of how much is selected.
#[derive(Queryable)]
pub(super) struct Extent {
    /// Whether the words find anything that the scope may see, whatever the filter.
    pub exists: bool,
    pub here: i64,
    pub everywhere: i64,
    /// The same of what has every word in its name.
    pub named_here: i64,
    pub named_everywhere: i64,
}

/// Whether words find anything, and how much of a sample is selected by them.
pub(super) async fn extent(
    conn: &mut Conn,
    words: String,
    listed: Option<String>,
    sampled: Matching,
    in_name: String,
) -> QueryResult<Extent> {
    Sql::<(Bool, BigInt, BigInt, BigInt, BigInt)>::new(
        "SELECT e.here > 0 OR search_finds(CAST(? AS text)::tsquery, CAST(? AS text)::tsquery, CAST(? AS text)::tsquery), \
         e.here, e.everywhere, e.named_here, e.named_everywhere \
         FROM search_estimate(CAST(? AS text)::tsquery, CAST(? AS text)::tsquery, CAST(? AS text)::tsquery) AS e",
    )
    .bind::<Text, _>(words)
    .bind::<Nullable<Text>, _>(listed)
    .bind::<Text, _>(sample())
    .bind::<Text, _>(sampled.query)
    .bind::<Nullable<Text>, _>(sampled.also)
    .bind::<Text, _>(in_name)
    .get_result(conn)
    .await
}

/// A product that matches, and how well.
#[derive(Debug, Queryable)]
pub(super) struct Hit {
    pub id: ProductId,
    pub rank: f32,
}

/// What is ranked.
pub(super) struct Ranking<'a> {
    pub selection: &'a Selection,
    /// The candidates; all of them are ranked.
    pub matching: Matching,
    /// The words, to rank by.
    pub anywhere: String,
    pub in_name: String,
}

/// The best of the candidates after (or before) a place. The rank is compared as it was stored in the cursor: a float4
/// survives the way through JSON.
pub(super) async fn ranked(
    conn: &mut Conn,
    ranking: Ranking<'_>,
    after: Option<(f32, ProductId)>,
    backward: bool,
    limit: i64,
) -> QueryResult<Vec<Hit>> {
    let Ranking { selection, matching, anywhere, in_name } = ranking;
    let mut sql = Sql::<(Uuid, Float)>::assembled(
        "SELECT hit.product_id, hit.rank FROM (SELECT * FROM search_ranked(CAST(? AS text)::tsquery, \
         CAST(? AS text)::tsquery, ?, CAST(? AS text)::tsquery, CAST(? AS text)::tsquery)",
    );
    matching.bind_to(&mut sql);
    sql.add::<Text, _>(anywhere);
    sql.add::<Text, _>(in_name);
    let (operator, direction) = if backward { (">", "") } else { ("<", " DESC") };
    if let Some((rank, id)) = after {
        sql.push(&format!(" WHERE (rank, product_id) {operator} (?, ?)"));
        sql.add::<Float, _>(rank);
        sql.add::<Uuid, _>(id);
    }
    // The candidates are sorted before anything is joined, so that rows are looked up for the page only.
    sql.push(&format!(" ORDER BY rank{direction}, product_id{direction} OFFSET 0) AS hit"));
    push_rows(&mut sql, selection, "hit");
    sql.push(&format!(" ORDER BY hit.rank{direction}, hit.product_id{direction} LIMIT ?"));
    sql.add::<BigInt, _>(limit);
    sql.load(conn).await
}

/// Joins the rows that decide what the index cannot tell, and appends a WHERE.
fn push_rows<Row>(sql: &mut Sql<'_, Row>, selection: &Selection, of: &str) {
    let base = if selection.scope.staff { Base::Products } else { Base::Channel };
    selection.push_rows_of(sql, base, of);
    selection.push_conditions(sql, base);
}

/// Products over which facets are counted.
pub(super) struct CountedOver {
    /// The facet that is counted over them; `None` for all that nothing is narrowed down by.
    pub key: Option<FacetKey>,
    pub matching: Matching,
    /// They are one of `2^level` parts.
    pub level: u8,
}

/// A value of a facet.
#[derive(Queryable)]
pub(super) struct Counted {
    /// v, t, g, o or a: see the table product_terms.
    pub kind: String,
    /// Of the option, or the code of the attribute.
    pub name: String,
    /// What people call the attribute.
    pub label: Option<String>,
    pub value: String,
    pub count: i64,
}

/// The most frequent values of every facet, facet after facet.
pub(super) async fn facets(
    conn: &mut Conn,
    selection: &Selection,
    sets: &[CountedOver],
    max_values: i64,
) -> QueryResult<Vec<Counted>> {
    let mut sql = Sql::<(Text, Text, Nullable<Text>, Text, BigInt)>::assembled("WITH counted AS (");
    for (index, set) in sets.iter().enumerate() {
        sql.push(if index == 0 { "" } else { " UNION ALL " });
        sql.push(
            "SELECT facet, count(*) << ? AS count FROM (SELECT unnest(m.facets) AS facet \
             FROM search_matches(CAST(? AS text)::tsquery, CAST(? AS text)::tsquery, ?) AS m",
        );
        sql.add::<Integer, _>(i32::from(set.level));
        set.matching.clone().bind_to(&mut sql);
        if selection.has_conditions() {
            push_rows(&mut sql, selection, "m");
        }
        sql.push(") AS m WHERE ");
        match &set.key {
            Some(key) => {
                sql.push("starts_with(facet, ?)");
                sql.add::<Text, _>(key.prefix());
            }
            None => {
                sql.push("true");
                for key in sets.iter().filter_map(|set| set.key.as_ref()) {
                    sql.push(" AND NOT starts_with(facet, ?)");
                    sql.add::<Text, _>(key.prefix());
                }
            }
        }
        sql.push(" GROUP BY facet");
    }
    sql.push(
        "), split AS (SELECT left(facet, 1) AS kind, count, \
         CASE WHEN left(facet, 1) IN ('o', 'a') THEN split_part(facet, ?, 2) ELSE '' END AS name, \
         split_part(facet, ?, CASE WHEN left(facet, 1) IN ('o', 'a') THEN 3 ELSE 2 END) AS value FROM counted), \
         placed AS (SELECT *, row_number() OVER (PARTITION BY kind, name ORDER BY count DESC, value) AS number, \
         sum(count) OVER (PARTITION BY kind, name) AS weight FROM split), \
         labels AS (SELECT code, min(name) AS label FROM attributes WHERE facet GROUP BY code) \
         SELECT kind, name, label, value, count FROM placed LEFT JOIN labels ON kind = 'a' AND code = placed.name \
         WHERE number <= ? AND (kind <> 'a' OR label IS NOT NULL) \
         ORDER BY array_position('{v,t,g,o,a}', kind), weight DESC, name, number LIMIT 2000",
    );
    sql.add::<Text, _>(terms::SEPARATOR);
    sql.add::<Text, _>(terms::SEPARATOR);
    sql.add::<BigInt, _>(max_values);
    sql.load(conn).await
}

/// A vendor ('v') or type ('t') that contains a text, or a collection ('k') with its slug.
#[derive(Queryable)]
pub(super) struct Named {
    pub kind: String,
    pub text: String,
    pub slug: Option<String>,
}

/// Vendors, types and collections that have a word beginning with what was typed.
pub(super) async fn named(
    conn: &mut Conn,
    selection: &Selection,
    typed: &str,
    most: i64,
) -> QueryResult<Vec<Named>> {
    let scope = &selection.scope;
    let mut pattern = String::from("% ");
    for character in typed.trim().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    Sql::<(Text, Text, Nullable<Text>)>::new(
        "(SELECT kind::text, value, NULL::text FROM search_values WHERE folded LIKE lower(fold_accents(?)) \
         ORDER BY length(value), value LIMIT ?) \
         UNION ALL (SELECT 'k', c.name, c.slug FROM collections AS c WHERE ' ' || lower(fold_accents(c.name)) LIKE lower(fold_accents(?)) \
         AND (? OR NOT EXISTS (SELECT FROM collection_channels AS cc WHERE cc.collection_id = c.id AND cc.channel_id = ? \
         AND (cc.published_at IS NULL OR cc.published_at > ?))) ORDER BY length(c.name), c.name LIMIT ?)",
    )
    .bind::<Text, _>(pattern.clone())
    .bind::<BigInt, _>(most)
    .bind::<Text, _>(pattern)
    .bind::<Bool, _>(scope.staff)
    .bind::<Uuid, _>(scope.channel_id)
    .bind::<Timestamptz, _>(scope.now)
    .bind::<BigInt, _>(most)
    .load(conn)
    .await
}

/// Known words that a word begins, with their stems; the most frequent first.
pub(super) async fn begun(conn: &mut Conn, word: &str, most: i64) -> QueryResult<Vec<(String, String)>> {
    Sql::<(Text, Text)>::new(
        "SELECT s.word, s.lexeme FROM search_words AS s, (SELECT lower(fold_accents(?)) COLLATE \"C\" AS folded) AS w \
         WHERE s.word > w.folded AND s.word < w.folded || chr(1114111) \
         ORDER BY s.products DESC, length(s.word), s.word LIMIT ?",
    )
    .bind::<Text, _>(word.to_owned())
    .bind::<BigInt, _>(most)
    .load(conn)
    .await
}

/// Empties the lists of pending entries of the indexes; only their owner may.
pub(super) async fn settle(conn: &mut Conn) -> QueryResult<()> {
    Sql::<BigInt>::new(
        "SELECT gin_clean_pending_list(index) FROM unnest('{product_terms_terms_idx, product_terms_sample_idx, \
         product_terms_small_sample_idx}'::regclass[]) AS index",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts how many products have each known word, in a part of the catalog or all of it.
pub(super) async fn count_words(conn: &mut Conn, level: u8) -> QueryResult<()> {
    // Within a literal within the statement.
    let part = format!("terms @@ $part${}$part$", terms::part_of(level, 0)).replace('\'', "''");
    let condition = if level == 0 { "true" } else { part.as_str() };
    Sql::<Text>::new(format!(
        "UPDATE search_words AS w SET products = s.ndoc::bigint << {level} \
         FROM ts_stat('SELECT terms FROM product_terms WHERE {condition}') AS s \
         WHERE s.word = w.lexeme AND w.products <> s.ndoc::bigint << {level}"
    ))
    .rare()
    .execute(conn)
    .await?;
    Ok(())
}
