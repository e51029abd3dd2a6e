//! What follows from new products, written by whoever adds many of them.
//!
//! Triggers gather it from the rows of every table: what products are found by, what listings copy of them, and what caches have to
//! forget. For products that nobody has seen yet all of it is known here, and costs a fraction. So while many are added the
//! triggers stand back (`ironmonger.adds_products`, which ends with the transaction at the latest), and this makes what they
//! would have made: `tests/bulk_terms.rs` compares the two. What is not certain is left to them after all.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{self, Array, Integer, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::catalog::record::ProductRecord;
use crate::catalog::terms::SEPARATOR;
use crate::catalog::vocabulary::Lesson;
use crate::catalog::word_vector::{TermList, Terms, TsVector};
use crate::db::Conn;
use crate::ids::{CollectionId, ProductId};
use crate::sql::{Sql, array_literal};

use super::publication::{Published, PublishedByProduct};
use super::queries::CutTexts;
use super::{Target, Writing};

/// For fewer products it costs less to let the triggers do it.
const WORTH_IT: usize = 50;

/// A longer value is no facet, in bytes.
const MAX_FACET: usize = 600;
/// A product has no more facets; which ones is for the database to choose.
const MAX_FACETS: usize = 500;

/// A wider range of prices is found by one term.
const MAX_STEPS: i32 = 12;

/// The samples of search: a product lies in one of 2^level parts of each.
const LEVELS: [u32; 5] = [2, 4, 6, 8, 10];

/// What has changed, in the bits that the triggers write (`cache::change::kind`): prices, stock, availability, lists and searches.
const ADDED: i32 = 2 | 4 | 8 | 16 | 32;
/// A product is seen from then on.
const APPEARS: i32 = 1 | 2 | 16 | 32;
/// A price begins or ends.
const PRICED: i32 = 2;

/// Whether so many products are added, and nothing else is written, that it pays.
pub(super) fn is_worth_it(targets: &[Target<'_>]) -> bool {
    targets.len() >= WORTH_IT && targets.iter().all(|target| target.is_new)
}

/// From here to [`finish`] triggers leave new products to it.
pub(super) async fn begin(conn: &mut Conn) -> QueryResult<()> {
    // What is pending of the index of searches grows as for any other batch (`search_pending_apply`).
    Sql::<Text>::new(
        "SELECT set_config('ironmonger.adds_products', 'on', true), set_config('gin_pending_list_limit', '4MB', true)",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is known of products whose rows are written.
pub(super) struct Added<'a> {
    pub targets: &'a [Target<'a>],
    pub hashes: &'a HashMap<ProductId, i64>,
    pub cut: &'a CutTexts,
    pub published: &'a PublishedByProduct,
    pub memberships: &'a [(ProductId, CollectionId)],
}

/// Makes what the triggers would have made, and lets them go on.
pub(super) async fn finish(
    conn: &mut Conn,
    batch: &Writing<'_>,
    lesson: &Lesson<'_>,
    added: &Added<'_>,
) -> QueryResult<()> {
    let mut collections: HashMap<ProductId, Vec<CollectionId>> = HashMap::new();
    for &(product_id, collection_id) in added.memberships {
        collections.entry(product_id).or_default().push(collection_id);
    }
    let mut rows = Rows::default();
    let (mut left, mut new) = (Vec::new(), Vec::new());
    for target in added.targets {
        let collections = collections.get(&target.id).map(Vec::as_slice).unwrap_or_default();
        let is_new =
            lesson.is_new(&target.record.vendor, &target.record.product_type, &added.cut[&target.id].0);
        match added.found_by(target, collections) {
            Some((terms, facets)) => {
                rows.push(target.id, terms, facets);
                if is_new {
                    new.push(target.id);
                }
            }
            // Its words are learned with the rest.
            None => left.push(target.id),
        }
    }
    rows.insert(conn).await?;
    Sql::<Text>::new(
        "SELECT set_config('ironmonger.adds_products', 'off', true), search_touch(?)::text, catalog_changed(?, '{}')::text",
    )
    .bind::<Array<sql_types::Uuid>, _>(left)
    .bind::<Integer, _>(ADDED)
    .execute(conn)
    .await?;
    if !new.is_empty() {
        // As the transaction commits: a batch that waits for this one must not have what this one needs.
        Sql::<sql_types::Uuid>::new("INSERT INTO search_pending (product_ids, is_written) SELECT ?, true")
            .bind::<Array<sql_types::Uuid>, _>(new)
            .execute(conn)
            .await?;
    }
    announce(conn, batch, added.targets).await
}

impl Added<'_> {
    /// The terms and facets that `search_refresh` would find; none if that is not certain.
    fn found_by(&self, target: &Target<'_>, collections: &[CollectionId]) -> Option<(Terms, String)> {
        let (_, words) = &self.cut[&target.id];
        let words = words.as_ref()?;
        let hash = *self.hashes.get(&target.id)?;
        let mut terms = TermList::default();
        push_facets(&mut terms, target.record)?;
        let facets = array_literal(terms.iter().map(|term| &term[1..]));
        words.in_name().for_each(|word| terms.push(&["^", word]));
        terms.push(&["=s", target.record.status.as_str()]);
        for level in LEVELS {
            terms.push(&["#", &level.to_string(), ".", &(hash & ((1 << level) - 1)).to_string()]);
        }
        for published in self.published.get(&target.id).into_iter().flatten() {
            push_published(&mut terms, published, hash);
        }
        for id in collections {
            terms.push(&["=k", id.0.hyphenated().encode_lower(&mut Uuid::encode_buffer())]);
        }
        if can_be_ordered(target.record) {
            terms.push(&["=i"]);
        }
        Some((words.with_terms(&terms), facets))
    }
}

fn push_published(terms: &mut TermList, published: &Published, hash: i64) {
    let mut buffer = Uuid::encode_buffer();
    let channel: &str = published.channel_id.0.hyphenated().encode_lower(&mut buffer);
    if published.listed {
        terms.push(&["=c", channel]);
        if hash & 255 == 0 {
            terms.push(&["#c", channel]);
        }
    }
    match published.price_steps {
        Some((least, most)) if most - least < MAX_STEPS => {
            (least..=most).for_each(|step| terms.push(&["=p", channel, SEPARATOR, &step.to_string()]));
        }
        Some(_) => terms.push(&["=p", channel, SEPARATOR, "*"]),
        None => {}
    }
}

fn can_be_ordered(record: &ProductRecord) -> bool {
    let mut levels = record.variants.iter().flat_map(|variant| &variant.stock);
    levels.any(|level| level.backorderable || level.on_hand > 0)
}

/// What searches count and filter by, as terms; none if there is something that the database writes in its own way.
fn push_facets(terms: &mut TermList, record: &ProductRecord) -> Option<()> {
    let mut push = |parts: &[&str]| {
        if parts.iter().map(|part| part.len()).sum::<usize>() <= "=".len() + MAX_FACET {
            terms.push(parts);
        }
    };
    if !record.vendor.is_empty() {
        push(&["=v", SEPARATOR, &record.vendor]);
    }
    if !record.product_type.is_empty() {
        push(&["=t", SEPARATOR, &record.product_type]);
    }
    for tag in &record.tags {
        push(&["=g", SEPARATOR, tag]);
    }
    for option in &record.options {
        for value in &option.values {
            push(&["=o", SEPARATOR, &option.name, SEPARATOR, value]);
        }
    }
    for (code, value) in &record.attributes {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for value in values {
            match value {
                Value::String(text) if text.is_empty() => {}
                Value::String(text) => push(&["=a", SEPARATOR, code, SEPARATOR, text]),
                Value::Bool(value) => {
                    push(&["=a", SEPARATOR, code, SEPARATOR, if *value { "true" } else { "false" }])
                }
                Value::Null => {}
                Value::Number(_) | Value::Array(_) | Value::Object(_) => return None,
            }
        }
    }
    (terms.iter().len() <= MAX_FACETS).then_some(())
}

/// Rows of `product_terms`.
#[derive(Default)]
struct Rows {
    ids: Vec<ProductId>,
    terms: Vec<Terms>,
    facets: Vec<String>,
}

impl Rows {
    fn push(&mut self, id: ProductId, terms: Terms, facets: String) {
        self.ids.push(id);
        self.terms.push(terms);
        self.facets.push(facets);
    }

    async fn insert(self, conn: &mut Conn) -> QueryResult<()> {
        Sql::<sql_types::Uuid>::new(
            "INSERT INTO product_terms (product_id, terms, facets) \
             SELECT t.id, t.terms, t.facets::text[] \
             FROM (SELECT unnest(?) AS id, unnest(?) AS terms, unnest(?) AS facets) AS t",
        )
        .bind::<Array<sql_types::Uuid>, _>(self.ids)
        .bind::<Array<TsVector>, _>(self.terms)
        .bind::<Array<Text>, _>(self.facets)
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Notes what changes by itself later: a product appears, a price of a sale begins or ends.
async fn announce(conn: &mut Conn, batch: &Writing<'_>, targets: &[Target<'_>]) -> QueryResult<()> {
    let mut changes: Vec<(i32, ProductId, DateTime<Utc>)> = Vec::new();
    for target in targets {
        let appears = target.record.channels.iter().filter_map(|publication| publication.published_at);
        let prices = target.record.variants.iter().flat_map(|variant| &variant.prices);
        let turns = prices.flat_map(|price| [price.sale_starts_at, price.sale_ends_at]).flatten();
        let all = appears.map(|at| (APPEARS, at)).chain(turns.map(|at| (PRICED, at)));
        changes.extend(all.filter(|(_, at)| *at > batch.now).map(|(kinds, at)| (kinds, target.id, at)));
    }
    if changes.is_empty() {
        return Ok(());
    }
    Sql::<Text>::new(
        "SELECT catalog_changed(t.kinds, array_agg(DISTINCT t.id), t.at)::text FROM unnest(?, ?, ?) AS t(kinds, id, at) \
         GROUP BY t.kinds, t.at",
    )
    .bind::<Array<Integer>, _>(changes.iter().map(|change| change.0).collect::<Vec<_>>())
    .bind::<Array<sql_types::Uuid>, _>(changes.iter().map(|change| change.1).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(changes.iter().map(|change| change.2).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
