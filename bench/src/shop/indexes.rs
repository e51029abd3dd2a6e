//! The indexes of the catalog, taken away while very many rows are written.

use std::sync::Arc;
use std::sync::Mutex;

use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

/// The tables that products are written to, but for those whose indexes the writing itself looks at.
const TABLES: [&str; 9] = [
    "products",
    "product_channels",
    "product_options",
    "product_images",
    "product_terms",
    "variant_prices",
    "stock_levels",
    "stock_movements",
    "events",
];

/// An index that was dropped.
pub struct Dropped {
    name: String,
    definition: String,
}

/// Drops every index that keeps no rule.
pub async fn drop_all(client: &Client) -> anyhow::Result<Vec<Dropped>> {
    let rows = client
        .query(
            "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index AS i \
             JOIN pg_class AS t ON t.oid = i.indrelid JOIN pg_am AS a ON a.oid = \
                 (SELECT relam FROM pg_class WHERE oid = i.indexrelid) \
             WHERE t.relname = ANY($1) AND NOT i.indisunique ORDER BY a.amname = 'gin', t.relname",
            &[&&TABLES[..]],
        )
        .await?;
    let mut dropped = Vec::with_capacity(rows.len());
    for row in rows {
        let index = Dropped { name: row.get(0), definition: row.get(1) };
        client.batch_execute(&format!("DROP INDEX {}", index.name)).await?;
        dropped.push(index);
    }
    Ok(dropped)
}

/// Makes them again, several at a time, those that take longest first.
pub async fn make_again(url: &str, dropped: Vec<Dropped>) -> anyhow::Result<()> {
    let left = Arc::new(Mutex::new(dropped));
    let mut tasks = JoinSet::new();
    for _ in 0..std::thread::available_parallelism()?.get() {
        let (left, url) = (left.clone(), url.to_owned());
        tasks.spawn(async move {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
            let connection = tokio::spawn(connection);
            client.batch_execute("SET maintenance_work_mem = '1GB'").await?;
            let next = || left.lock().expect("no code panics while it is locked").pop();
            while let Some(index) = next() {
                let started = std::time::Instant::now();
                client.batch_execute(&index.definition).await?;
                eprintln!("{}: {:.1} s", index.name, started.elapsed().as_secs_f64());
            }
            drop(client);
            connection.await??;
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}
