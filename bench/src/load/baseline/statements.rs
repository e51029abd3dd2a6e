//! The statements, each reading what one GraphQL document asks for.

use serde::Serialize;
use tokio_postgres::{Client, Row, Statement};
use uuid::Uuid;

/// What a connection has prepared.
pub struct Statements {
    pub list: Statement,
    pub detail: Statement,
    pub collection: Statement,
    pub search: Statement,
    pub search_alike: Statement,
}

impl Statements {
    /// Prepares all.
    pub async fn prepare(client: &Client) -> anyhow::Result<Self> {
        let search = |question: &str| SEARCH.replace("{question}", question);
        Ok(Self {
            list: client.prepare(LIST).await?,
            detail: client.prepare(DETAIL).await?,
            collection: client.prepare(COLLECTION).await?,
            search: client.prepare(&search(BY_WORDS)).await?,
            search_alike: client.prepare(&search(ALIKE)).await?,
        })
    }
}

const LIST: &str = "\
    SELECT page.*, image.url, image.alt_text FROM ( \
        SELECT p.id, p.name, p.slug, p.description, p.created_at, pc.min_price, pc.max_price \
        FROM products AS p JOIN product_channels AS pc \
            ON pc.product_id = p.id AND pc.channel_id = $1 AND pc.published_at <= now() \
        WHERE p.status = 'ACTIVE' ORDER BY p.created_at DESC, p.id DESC LIMIT 21) AS page \
    LEFT JOIN LATERAL (SELECT i.url, i.alt_text FROM product_images AS i WHERE i.product_id = page.id \
        ORDER BY i.position, i.id LIMIT 1) AS image ON true \
    ORDER BY page.created_at DESC, page.id DESC";

const DETAIL: &str = "\
    SELECT json_build_object('product', json_build_object( \
        'id', p.id, 'name', p.name, 'slug', p.slug, 'description', p.description, 'vendor', p.vendor, \
        'productType', p.product_type, 'tags', p.tags, \
        'options', (SELECT coalesce(json_agg(json_build_object('name', o.name, 'values', o.\"values\") \
            ORDER BY o.position, o.id), '[]') FROM product_options AS o WHERE o.product_id = p.id), \
        'images', (SELECT coalesce(json_agg(json_build_object('url', i.url, 'altText', i.alt_text) \
            ORDER BY i.position, i.id), '[]') FROM product_images AS i WHERE i.product_id = p.id), \
        'collections', json_build_object('nodes', (SELECT coalesce(json_agg(json_build_object( \
            'id', c.id, 'name', c.name, 'slug', c.slug) ORDER BY c.name, c.id), '[]') \
            FROM (SELECT c.id, c.name, c.slug FROM collection_products AS cp JOIN collections AS c ON c.id = cp.collection_id \
                WHERE cp.product_id = p.id ORDER BY c.name, c.id LIMIT 10) AS c)), \
        'variants', json_build_object('nodes', (SELECT coalesce(json_agg(json_build_object( \
            'id', v.id, 'sku', v.sku, 'name', v.name, \
            'price', CASE WHEN vp.amount IS NOT NULL THEN \
                json_build_object('amount', (vp.amount / 100.0)::numeric(20, 2)::text, 'currencyCode', 'USD') END, \
            'compareAtPrice', CASE WHEN vp.compare_at_amount IS NOT NULL THEN \
                json_build_object('amount', (vp.compare_at_amount / 100.0)::numeric(20, 2)::text, 'currencyCode', 'USD') END, \
            'selectedOptions', (SELECT json_agg(json_build_object('name', o.name, 'value', v.option_values[o.place]) \
                ORDER BY o.place) FROM (SELECT o.name, row_number() OVER (ORDER BY o.position, o.id) AS place \
                FROM product_options AS o WHERE o.product_id = p.id) AS o), \
            'availability', (SELECT json_build_object( \
                'inStock', coalesce(bool_or(s.backorderable) OR sum(greatest(s.on_hand - s.reserved, 0)) > 0, false), \
                'quantityAvailable', coalesce(sum(greatest(s.on_hand - s.reserved, 0)), 0)) \
                FROM stock_levels AS s WHERE s.variant_id = v.id)) \
            ORDER BY v.position, v.id), '[]') \
            FROM variants AS v LEFT JOIN variant_prices AS vp ON vp.variant_id = v.id AND vp.channel_id = $1 \
            WHERE v.product_id = p.id))))::text \
    FROM products AS p JOIN product_channels AS pc \
        ON pc.product_id = p.id AND pc.channel_id = $1 AND pc.published_at <= now() \
    WHERE p.status = 'ACTIVE' AND p.slug = $2";

const COLLECTION: &str = "\
    SELECT json_build_object('collection', json_build_object('id', c.id, 'name', c.name, \
        'products', json_build_object( \
            'nodes', coalesce(json_agg(json_build_object('id', page.id, 'name', page.name, 'slug', page.slug) \
                ORDER BY page.position, page.id) FILTER (WHERE page.place <= 20), '[]'), \
            'pageInfo', json_build_object('hasNextPage', count(page.id) > 20, \
                'endCursor', max(page.position || ':' || page.id) FILTER (WHERE page.place = least(20, page.rows))))))::text \
    FROM collections AS c LEFT JOIN LATERAL ( \
        SELECT page.*, row_number() OVER (ORDER BY page.position, page.id) AS place, count(*) OVER () AS rows FROM ( \
            SELECT cp.position, p.id, p.name, p.slug FROM collection_products AS cp JOIN products AS p ON p.id = cp.product_id \
            JOIN product_channels AS pc ON pc.product_id = p.id AND pc.channel_id = $1 AND pc.published_at <= now() \
            WHERE cp.collection_id = c.id AND p.status = 'ACTIVE' \
            ORDER BY cp.position, cp.product_id LIMIT 21) AS page) AS page ON true \
    WHERE c.slug = $2 GROUP BY c.id, c.name";

/// All of the words.
const BY_WORDS: &str =
    "plainto_tsquery('pg_catalog.english', lower(fold_accents(array_to_string($2::text[], ' '))))";

/// For each word the known one that is most alike.
const ALIKE: &str = "(SELECT string_agg(quote_literal(best.lexeme), ' & ')::tsquery FROM unnest($2::text[]) AS typed \
    CROSS JOIN LATERAL (SELECT s.lexeme FROM search_words AS s WHERE s.word % lower(fold_accents(typed)) \
        ORDER BY similarity(s.word, lower(fold_accents(typed))) DESC, s.word LIMIT 1) AS best)";

/// What was found, how many, and what they have in common.
const SEARCH: &str = "\
    WITH asked AS MATERIALIZED (SELECT {question} AS question), \
    matching AS MATERIALIZED ( \
        SELECT p.id, p.name, p.slug, pc.min_price, t.facets, ts_rank(t.terms, asked.question) AS rank \
        FROM asked CROSS JOIN product_terms AS t JOIN products AS p ON p.id = t.product_id JOIN product_channels AS pc \
            ON pc.product_id = p.id AND pc.channel_id = $1 AND pc.published_at <= now() \
        WHERE t.terms @@ asked.question AND p.status = 'ACTIVE'), \
    page AS (SELECT * FROM matching ORDER BY rank DESC, id DESC LIMIT 21), \
    facet AS (SELECT string_to_array(facet, E'\\x1f') AS part, count(*) AS count \
        FROM matching, unnest(facets) AS facet GROUP BY facet), \
    counted AS (SELECT array_position('{v,t,g,o,a}', part[1]) AS place, \
        CASE part[1] WHEN 'v' THEN 'vendor' WHEN 't' THEN 'productType' WHEN 'g' THEN 'tags' ELSE part[2] END AS name, \
        part[cardinality(part)] AS value, count FROM facet), \
    placed AS (SELECT place, name, value, count, \
        row_number() OVER (PARTITION BY place, name ORDER BY count DESC, value) AS number, \
        sum(count) OVER (PARTITION BY place, name) AS weight FROM counted), \
    facets AS (SELECT place, weight, name, json_agg(json_build_object('value', value, 'count', count) ORDER BY number) AS values \
        FROM placed WHERE number <= 50 GROUP BY place, weight, name) \
    SELECT json_build_object('productSearch', json_build_object( \
        'totalCount', (SELECT count(*) FROM matching), \
        'nodes', (SELECT coalesce(json_agg(json_build_object('id', id, 'name', name, 'slug', slug, 'priceRange', \
            CASE WHEN min_price IS NOT NULL THEN json_build_object('min', json_build_object( \
                'amount', (min_price / 100.0)::numeric(20, 2)::text, 'currencyCode', 'USD')) END)), '[]') \
            FROM (SELECT * FROM page ORDER BY rank DESC, id DESC LIMIT 20) AS shown), \
        'facets', (SELECT coalesce(json_agg(json_build_object('name', name, 'values', values) ORDER BY place, weight DESC, name), \
            '[]') FROM facets), \
        'pageInfo', json_build_object('hasNextPage', (SELECT count(*) > 20 FROM page), \
            'endCursor', (SELECT rank || ':' || id FROM (SELECT * FROM page ORDER BY rank DESC, id DESC LIMIT 20) AS shown \
                ORDER BY rank, id LIMIT 1))))::text";

/// The answer of `/sql/list`.
#[derive(Serialize)]
pub struct List<'a> {
    data: ListData<'a>,
}

#[derive(Serialize)]
struct ListData<'a> {
    products: Products<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Products<'a> {
    nodes: Vec<Node<'a>>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node<'a> {
    id: Uuid,
    name: &'a str,
    slug: &'a str,
    description: &'a str,
    price_range: Option<PriceRange>,
    featured_image: Option<Image<'a>>,
}

#[derive(Serialize)]
struct PriceRange {
    min: Money,
    max: Money,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Money {
    amount: String,
    currency_code: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Image<'a> {
    url: &'a str,
    alt_text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    has_previous_page: bool,
    start_cursor: Option<String>,
    end_cursor: Option<String>,
}

/// As many as the page shows.
const PAGE: usize = 20;

impl<'a> List<'a> {
    /// Of the rows of the page, of which there may be one more than it shows.
    pub fn read(rows: &'a [Row]) -> anyhow::Result<Self> {
        let shown = &rows[..rows.len().min(PAGE)];
        let nodes = shown.iter().map(node).collect::<Result<_, tokio_postgres::Error>>()?;
        let page_info = PageInfo {
            has_next_page: rows.len() > PAGE,
            has_previous_page: false,
            start_cursor: shown.first().map(cursor),
            end_cursor: shown.last().map(cursor),
        };
        Ok(Self { data: ListData { products: Products { nodes, page_info } } })
    }
}

fn node(row: &Row) -> Result<Node<'_>, tokio_postgres::Error> {
    let money =
        |minor: i64| Money { amount: format!("{}.{:02}", minor / 100, minor % 100), currency_code: "USD" };
    let prices = Option::zip(row.try_get::<_, Option<i64>>(5)?, row.try_get::<_, Option<i64>>(6)?);
    let image = Option::zip(row.try_get::<_, Option<&str>>(7)?, row.try_get::<_, Option<&str>>(8)?);
    Ok(Node {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        slug: row.try_get(2)?,
        description: row.try_get(3)?,
        price_range: prices.map(|(min, max)| PriceRange { min: money(min), max: money(max) }),
        featured_image: image.map(|(url, alt_text)| Image { url, alt_text }),
    })
}

fn cursor(row: &Row) -> String {
    let time: std::time::SystemTime = row.get(4);
    let micros = time.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_micros());
    format!("{micros}:{}", row.get::<_, Uuid>(0))
}
