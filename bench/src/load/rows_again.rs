//! The rows of an import inserted again by bare SQL: what PostgreSQL itself takes for them, with every index, foreign key and
//! trigger, but with nothing to read, check, fold or cut into stems.

use std::time::Instant;

use anyhow::ensure;
use tokio_postgres::{Client, NoTls};

/// Every table that an import writes, parents first; and the product that a row belongs to.
const TABLES: [(&str, &str); 10] = [
    ("products", "t.id"),
    ("product_options", "t.product_id"),
    ("product_images", "t.product_id"),
    ("variants", "t.product_id"),
    ("product_channels", "t.product_id"),
    ("variant_prices", VARIANT),
    ("stock_levels", VARIANT),
    ("stock_movements", VARIANT),
    ("collection_products", "t.product_id"),
    ("events", "t.aggregate_id"),
];
const VARIANT: &str = "(SELECT v.product_id FROM variants AS v WHERE v.id = t.variant_id)";

/// As many products in a transaction, on as many connections, as an import has.
const BATCH: u64 = 500;
const CONNECTIONS: u64 = 2;

async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("SET jit = off; SET synchronous_commit = off").await?;
    Ok(client)
}

/// Lays the rows of all products aside, empties the tables and inserts the rows again; returns products per second.
pub async fn run(url: &str) -> anyhow::Result<f64> {
    let client = connect(url).await?;
    let before = products(&client).await?;
    client
        .batch_execute(&format!(
            "CREATE SCHEMA kept; CREATE UNLOGGED TABLE kept.batches AS \
             SELECT id, (row_number() OVER (ORDER BY created_at, id) - 1) / {BATCH} AS batch FROM products"
        ))
        .await?;
    for (table, product) in TABLES {
        client
            .batch_execute(&format!(
                "CREATE UNLOGGED TABLE kept.{table} AS \
                 SELECT b.batch, t.* FROM {table} AS t JOIN kept.batches AS b ON b.id = {product}; \
                 CREATE INDEX ON kept.{table} (batch); ANALYZE kept.{table}"
            ))
            .await?;
    }
    client.batch_execute("TRUNCATE products, stock_movements, events CASCADE").await?;
    client.batch_execute("CHECKPOINT").await?;
    let batches = before.div_ceil(BATCH);
    let started = Instant::now();
    let lanes = (0..CONNECTIONS).map(|lane| {
        let url = url.to_owned();
        tokio::spawn(async move { insert(&url, (lane..batches).step_by(CONNECTIONS as usize)).await })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let after = products(&client).await?;
    ensure!(before == after, "of {before} products {after} came back");
    Ok(before as f64 / seconds)
}

async fn products(client: &Client) -> anyhow::Result<u64> {
    let counted = "SELECT count(*) FROM products AS p JOIN product_terms AS t ON t.product_id = p.id";
    Ok(u64::try_from(client.query_one(counted, &[]).await?.get::<_, i64>(0))?)
}

async fn insert(url: &str, batches: impl Iterator<Item = u64>) -> anyhow::Result<()> {
    let mut client = connect(url).await?;
    let mut statements = Vec::new();
    for (table, _) in TABLES {
        let columns = "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute \
                       WHERE attrelid = to_regclass($1::text) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''";
        let columns: String = client.query_one(columns, &[&table]).await?.get(0);
        let insert = format!(
            "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM kept.{table} WHERE batch = $1"
        );
        statements.push(client.prepare(&insert).await?);
    }
    for batch in batches {
        let transaction = client.transaction().await?;
        for statement in &statements {
            transaction.execute(statement, &[&(batch as i64)]).await?;
        }
        transaction.commit().await?;
    }
    Ok(())
}
