//! Prepared statements that are kept.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ironmonger::db::{Conn, Db};
use ironmonger::schema::shop_settings;
use ironmonger::sql::{Keep, Sql};

use crate::support::Shop;

async fn kept_updates(conn: &mut Conn) -> i64 {
    let sql = Sql::<diesel::sql_types::BigInt>::new(
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'UPDATE%shop_settings%'",
    );
    sql.get_result(conn).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_prepares_a_kept_query_once() {
    let shop = Shop::start().await;
    let db = Db::new(shop.app().db.url(), 1).unwrap();
    let mut conn = db.get().await.unwrap();
    let update = || diesel::update(shop_settings::table).set(shop_settings::name.eq("Forge"));
    update().execute(&mut conn).await.unwrap();
    assert_eq!(
        kept_updates(&mut conn).await,
        0,
        "diesel keeps updates by itself: `kept` is not needed any more"
    );
    for _ in 0..2 {
        assert_eq!(update().kept().execute(&mut conn).await.unwrap(), 1);
        assert_eq!(kept_updates(&mut conn).await, 1);
    }
}
