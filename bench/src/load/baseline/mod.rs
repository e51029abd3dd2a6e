//! The bench server: what this machine can do at most.
//!
//! Bare axum routes over tokio-postgres: no GraphQL, no ORM, no log, no metrics, no request id. `/static` is the limit for
//! cached reads, `/sql/…` for reads of PostgreSQL: one prepared statement for each, which reads the same rows and answers
//! with the same fields as the GraphQL document of the same name. Ids are plain UUIDs and cursors plain texts.

mod pool;
mod statements;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clap::Args;
use tokio_postgres::Row;

use pool::Pool;
use statements::List;

/// As many connections as an API process has.
const CONNECTIONS: usize = 20;

/// Where the bench server listens, and what it reads.
#[derive(Debug, Args)]
pub struct BaselineArgs {
    addr: SocketAddr,
    database_url: String,
    /// Holds what `/static` answers.
    static_body: PathBuf,
}

struct Baseline {
    pool: Pool,
    static_body: Bytes,
}

type Shared = State<Arc<Baseline>>;

/// Serves until the process is killed.
pub async fn run(args: BaselineArgs) -> anyhow::Result<()> {
    let static_body = std::fs::read(&args.static_body)?.into();
    let router = router(Pool::connect(&args.database_url, CONNECTIONS).await?, static_body);
    let listener = tokio::net::TcpListener::bind(args.addr).await?;
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}

fn router(pool: Pool, static_body: Bytes) -> Router {
    Router::new()
        .route("/ready", get(async || "ready"))
        .route("/static", get(async |State(baseline): Shared| json(baseline.static_body.clone())))
        .route("/sql/list", get(list))
        .route("/sql/detail", get(detail))
        .route("/sql/collection", get(collection))
        .route("/sql/search", get(search))
        .with_state(Arc::new(Baseline { pool, static_body }))
}

fn json(body: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

/// A fault of the bench itself: its text is for whoever runs it.
struct Fault(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{:#}", self.0)).into_response()
    }
}

/// As one writes it by hand: rows into structs, structs into JSON.
async fn list(State(baseline): Shared) -> Result<Response, Fault> {
    let conn = baseline.pool.get().await;
    let rows = conn.client.query(&conn.statements.list, &[&conn.channel_id]).await?;
    drop(conn);
    Ok(json(serde_json::to_vec(&List::read(&rows)?)?))
}

/// PostgreSQL writes the JSON of what is nested.
async fn detail(
    State(baseline): Shared,
    Query(asked): Query<HashMap<String, String>>,
) -> Result<Response, Fault> {
    let conn = baseline.pool.get().await;
    let slug = asked.get("slug").map_or("", String::as_str);
    let row = conn.client.query_one(&conn.statements.detail, &[&conn.channel_id, &slug]).await?;
    Ok(nested(&row))
}

async fn collection(
    State(baseline): Shared,
    Query(asked): Query<HashMap<String, String>>,
) -> Result<Response, Fault> {
    let conn = baseline.pool.get().await;
    let slug = asked.get("slug").map_or("", String::as_str);
    let row = conn.client.query_one(&conn.statements.collection, &[&conn.channel_id, &slug]).await?;
    Ok(nested(&row))
}

async fn search(
    State(baseline): Shared,
    Query(asked): Query<HashMap<String, String>>,
) -> Result<Response, Fault> {
    let conn = baseline.pool.get().await;
    let words: Vec<&str> = asked.get("query").map_or("", String::as_str).split_whitespace().collect();
    let statement =
        if asked.contains_key("alike") { &conn.statements.search_alike } else { &conn.statements.search };
    let row = conn.client.query_one(statement, &[&conn.channel_id, &words]).await?;
    Ok(nested(&row))
}

/// The text is the whole answer.
fn nested(row: &Row) -> Response {
    json(format!("{{\"data\":{}}}", row.get::<_, &str>(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::http::{Connection, Request};
    use crate::servers::Servers;
    use crate::shop::{self, Shop};

    #[tokio::test(flavor = "multi_thread")]
    async fn every_route_finds_something() {
        let servers = Servers::start().await.unwrap();
        shop::fill(&servers, &Shop::new(300, 1)).await.unwrap();
        let pool = Pool::connect(&servers.database_url(), 1).await.unwrap();
        let slug: String = {
            let conn = pool.get().await;
            let listed = "SELECT slug FROM products WHERE id = (SELECT product_id FROM product_channels WHERE listed LIMIT 1)";
            conn.client.query_one(listed, &[]).await.unwrap().get(0)
        };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = router(pool, Bytes::from_static(b"{}"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut connection = Connection::open(addr).await.unwrap();
        let mut ask = async |path: &str| connection.json(&Request::get(path)).await.unwrap()["data"].take();
        let list = ask("/sql/list").await;
        assert_eq!(list["products"]["nodes"].as_array().map(Vec::len), Some(20));
        assert_eq!(ask(&format!("/sql/detail?slug={slug}")).await["product"]["slug"], slug.as_str());
        let page = ask("/sql/collection?slug=collection-01").await;
        assert_eq!(page["collection"]["products"]["nodes"].as_array().map(Vec::len), Some(20));
        for path in ["/sql/search?query=screw", "/sql/search?query=scrwe&alike"] {
            let found = &ask(path).await["productSearch"];
            assert!(found["totalCount"].as_u64() > Some(0), "{path}: {found}");
            let facets: Vec<_> =
                found["facets"].as_array().into_iter().flatten().map(|it| &it["name"]).collect();
            assert!(facets.len() > 2 && facets[0] == "vendor", "{path}: {facets:?}");
        }
    }
}
