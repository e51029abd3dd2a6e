//! The migrations, both ways.

use crate::support::Shop;

const LEFT: &str = "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                    where n.nspname = 'public' and c.relname not like '\\_\\_diesel%' and c.relkind in ('r', 'S', 'v') \
                    and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')";

async fn count(url: &str, query: &str) -> i64 {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.query_one(query, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn every_migration_can_be_undone_and_done_again() {
    let url = Shop::empty_database().await;
    let applied = ironmonger::db::migrate(&url).await.unwrap();
    assert!(!applied.is_empty());
    assert!(count(&url, LEFT).await > 0);

    let reverted = ironmonger::db::revert_all(&url).await.unwrap();
    assert_eq!(reverted.len(), applied.len());
    assert_eq!(count(&url, LEFT).await, 0);
    let functions = "select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
                     where n.nspname = 'public' \
                     and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')";
    // diesel_manage_updated_at and its trigger function come with diesel's own set-up, if at all.
    assert_eq!(count(&url, functions).await, 0);

    assert_eq!(ironmonger::db::migrate(&url).await.unwrap(), applied);
    assert!(ironmonger::db::migrate(&url).await.unwrap().is_empty());
}

#[tokio::test]
async fn processes_that_start_together_migrate_once() {
    let url = Shop::empty_database().await;
    let (one, two) = tokio::join!(ironmonger::db::migrate(&url), ironmonger::db::migrate(&url));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.is_empty() != two.is_empty(), "{one:?} {two:?}");
}
