//! Looking at the shop's database, and waiting for something to become true.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

use super::{Servers, Shop, servers};

/// How long a condition may take to become true.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

impl Shop {
    /// Runs SQL on a connection of its own.
    pub async fn sql(&self, statements: &str) {
        servers::run(self.app().db.url(), statements).await;
    }

    /// The number that a query answers with: `select count(*) from orders`.
    pub async fn sql_count(&self, query: &str) -> i64 {
        self.sql_value(query).await
    }

    /// Puts what is pending in the indexes of searches into its place: how many pages of it there were.
    pub async fn settle_search(&self) -> i64 {
        self.sql_count(
            "SELECT sum(gin_clean_pending_list(i.indexrelid))::bigint FROM pg_index AS i \
             JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam \
             WHERE a.amname = 'gin' AND i.indrelid = 'product_terms'::regclass",
        )
        .await
    }

    /// The text that a query answers with.
    pub async fn sql_text(&self, query: &str) -> String {
        self.sql_value(query).await
    }

    async fn sql_value<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, query: &str) -> T {
        let (client, connection) = tokio_postgres::connect(self.app().db.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        let row = client.query_one(query, &[]).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        row.get(0)
    }

    /// Asks every 20 ms until there is an answer; panics after 30 s.
    pub async fn wait_until<T, F>(&self, condition: impl FnMut() -> F) -> T
    where
        F: Future<Output = Option<T>>,
    {
        wait_until(condition).await
    }

    /// A database without tables on the same server; its URL.
    pub async fn empty_database() -> String {
        let name = format!("empty_{}", uuid::Uuid::new_v4().simple());
        Servers::get().create_empty_database(&name).await
    }
}

/// Asks every 20 ms until there is an answer; panics after 30 s.
pub async fn wait_until<T, F>(condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    wait_up_to(DEADLINE, condition).await
}

/// Asks every 20 ms until there is an answer; panics after the deadline.
pub async fn wait_up_to<T, F>(deadline: Duration, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = condition().await {
            return answer;
        }
        assert!(Instant::now() < end, "the condition has not come true within {deadline:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
