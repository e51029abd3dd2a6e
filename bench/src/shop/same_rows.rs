//! Seeding leaves the rows that an import of the same products leaves.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use ironmonger::access::Viewer;
use ironmonger::bulk::{self, CatalogFormat, NewImport};
use ironmonger::catalog::OnConflict;
use ironmonger::jobs::{self, JobState, QueueShare, WorkerOptions};
use tokio_postgres::NoTls;
use tokio_util::sync::CancellationToken;

use super::product::Shop;
use super::{basics, seed};
use crate::servers::Servers;

/// Every table that products are written to: what its rows belong to, by a name that both databases share.
const TABLES: [(&str, &str); 9] = [
    ("products", "t.slug"),
    ("product_channels", PRODUCT),
    ("product_options", PRODUCT),
    ("product_images", PRODUCT),
    ("variants", PRODUCT),
    ("variant_prices", VARIANT),
    ("stock_levels", VARIANT),
    ("stock_movements", VARIANT),
    ("events", "(SELECT slug FROM products WHERE id = t.aggregate_id)"),
];
const PRODUCT: &str = "(SELECT slug FROM products WHERE id = t.product_id)";
const VARIANT: &str = "(SELECT p.slug || v.position FROM variants AS v JOIN products AS p ON p.id = v.product_id \
    WHERE v.id = t.variant_id)";

/// Columns that differ between any two imports, and what an import notes of its source.
const DIFFERING: &str =
    "{id,product_id,variant_id,aggregate_id,created_at,updated_at,published_at,import_fingerprint,import_id}";

async fn rows(servers: &Servers) -> BTreeMap<&'static str, Vec<String>> {
    let (client, connection) = tokio_postgres::connect(&servers.database_url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let mut all = BTreeMap::new();
    for (table, name) in TABLES {
        let rows = client
            .query(
                &format!(
                    "SELECT {name} || ' ' || coalesce((to_jsonb(t) -> 'published_at' = 'null')::text, '') || ' ' \
                     || (to_jsonb(t) - '{DIFFERING}'::text[]) FROM {table} AS t ORDER BY 1"
                ),
                &[],
            )
            .await
            .unwrap();
        all.insert(table, rows.iter().map(|row| row.get(0)).collect());
    }
    let members = "SELECT p.slug || ' ' || c.slug FROM collection_products AS t \
                   JOIN products AS p ON p.id = t.product_id JOIN collections AS c ON c.id = t.collection_id ORDER BY 1";
    let members = client.query(members, &[]).await.unwrap();
    all.insert("collection_products", members.iter().map(|row| row.get(0)).collect());
    // Facets have no order. Terms but for the parts that a product falls into by its id, and for the collections by theirs.
    let terms = "SELECT p.slug || ' ' || ARRAY(SELECT unnest(t.facets) ORDER BY 1)::text || ' ' || (SELECT string_agg(one::text, ' ' ORDER BY lexeme) \
                     FROM unnest(t.terms) AS one WHERE lexeme !~ '^(#|=k)') FROM product_terms AS t \
                 JOIN products AS p ON p.id = t.product_id ORDER BY 1";
    let terms = client.query(terms, &[]).await.unwrap();
    all.insert("product_terms", terms.iter().map(|row| row.get(0)).collect());
    let words = "SELECT word || ' ' || lexeme FROM search_words UNION ALL SELECT kind::text || value FROM search_values ORDER BY 1";
    let words = client.query(words, &[]).await.unwrap();
    all.insert("search_words and search_values", words.iter().map(|row| row.get(0)).collect());
    all
}

async fn import(servers: &Servers, shop: &Shop) {
    let (client, connection) = tokio_postgres::connect(&servers.database_url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    basics::write(&client).await.unwrap();
    let mut file = tempfile::tempfile().unwrap();
    for number in 0..shop.products() {
        file.write_all(&shop.line(number)).unwrap();
    }
    let app = servers.app().unwrap();
    let channel = app.channels.get(&app.db, None).await.unwrap();
    let new = NewImport {
        file: tokio::fs::File::from_std(file),
        file_name: "shop.jsonl".into(),
        format: CatalogFormat::Jsonl,
        on_conflict: OnConflict::Update,
    };
    let job = bulk::import(&app, &Viewer::System, &channel, new).await.unwrap();
    let stop = CancellationToken::new();
    let options =
        WorkerOptions { queues: vec![QueueShare::new("bulk")], concurrency: 1, ..Default::default() };
    let relay = tokio::spawn(jobs::run_relay(app.clone(), stop.clone()));
    let worker = tokio::spawn(jobs::run_worker(app.clone(), options, stop.clone()));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let row = jobs::find(&mut app.db.get().await.unwrap(), job).await.unwrap().unwrap();
        if row.state.is_finished() {
            assert_eq!(row.state, JobState::Succeeded, "{:?}", row.last_error);
            break;
        }
        assert!(Instant::now() < deadline, "the import is {:?}", row.state);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    relay.await.unwrap();
    worker.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn seeding_leaves_what_an_import_leaves() {
    // More than a batch of the writer, so that batches run side by side.
    let shop = Shop::new(1_100, 3);
    let (seeded, imported) = tokio::join!(Servers::start(), Servers::start());
    let (seeded, imported) = (seeded.unwrap(), imported.unwrap());
    seed::fill(&seeded, &shop).await.unwrap();
    import(&imported, &shop).await;
    let (seeded, imported) = (rows(&seeded).await, rows(&imported).await);
    for (table, rows) in &imported {
        assert!(!rows.is_empty(), "{table} is empty");
        assert_eq!(rows.len(), seeded[table].len(), "{table}");
        for (seeded, imported) in seeded[table].iter().zip(rows) {
            assert_eq!(seeded, imported, "{table}");
        }
    }
}
