//! `/livez`: the process answers. `/readyz`: it can serve.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::{Nullable, Text};
use serde::Serialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::db::MIGRATIONS;

/// PostgreSQL has to answer within this.
const POSTGRES_TIMEOUT: Duration = Duration::from_secs(1);
/// Redis is only reported: it is not worth a long wait.
const REDIS_TIMEOUT: Duration = Duration::from_millis(300);

/// What the handlers ask.
#[derive(Clone)]
pub struct Health {
    /// The process.
    pub app: App,
    /// Set when it drains.
    pub stop: CancellationToken,
}

#[derive(Serialize)]
struct Live {
    status: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Ready {
    /// `ready`, `draining` or `unavailable`.
    status: &'static str,
    /// `ok` or what is wrong.
    postgres: &'static str,
    /// `ok`, or `behind` when this version knows migrations that the database has not.
    migrations: &'static str,
    /// Not required: without it jobs wait, and nothing is lost.
    redis: &'static str,
}

/// Always 200: a process that cannot answer is dead.
pub async fn livez() -> impl IntoResponse {
    Json(Live { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// 200, or 503 with the reason.
pub async fn readyz(State(health): State<Health>) -> Response {
    let (database, redis) = tokio::join!(
        timeout(POSTGRES_TIMEOUT, applied_migration(&health.app)),
        timeout(REDIS_TIMEOUT, ping(&health.app)),
    );
    let (postgres, migrations) = match database {
        Ok(Ok(applied)) if applied.as_deref() >= Some(latest_migration()) => ("ok", "ok"),
        Ok(Ok(_)) => ("ok", "behind"),
        Ok(Err(_)) => ("unavailable", "unknown"),
        Err(_) => ("slow", "unknown"),
    };
    let redis = if matches!(redis, Ok(Ok(()))) { "ok" } else { "unavailable" };
    let status = match (health.stop.is_cancelled(), migrations) {
        (true, _) => "draining",
        (false, "ok") => "ready",
        (false, _) => "unavailable",
    };
    let code = if status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Ready { status, postgres, migrations, redis })).into_response()
}

#[derive(diesel::QueryableByName)]
struct Applied {
    #[diesel(sql_type = Nullable<Text>)]
    version: Option<String>,
}

/// The newest migration of the database; none when it has none.
async fn applied_migration(app: &App) -> crate::error::Result<Option<String>> {
    let mut conn = app.db.get().await?;
    let query = diesel::sql_query(
        "SELECT max(version) AS version FROM __diesel_schema_migrations \
         WHERE to_regclass('__diesel_schema_migrations') IS NOT NULL",
    );
    let applied: Applied = diesel_async::RunQueryDsl::get_result(query, &mut conn).await?;
    Ok(applied.version)
}

/// The newest migration that this version knows. The database may know newer ones, during a rollout.
fn latest_migration() -> &'static str {
    static LATEST: OnceLock<String> = OnceLock::new();
    LATEST.get_or_init(|| {
        let migrations =
            MigrationSource::<Pg>::migrations(&MIGRATIONS).expect("embedded migrations are well-formed");
        let versions = migrations.iter().map(|migration| migration.name().version().to_string());
        versions.max().expect("there are migrations")
    })
}

async fn ping(app: &App) -> redis::RedisResult<()> {
    let mut conn = app.redis.get_multiplexed_async_connection().await?;
    redis::cmd("PING").query_async(&mut conn).await
}
