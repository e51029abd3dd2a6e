//! The statements over the books of imports and exports.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Uuid};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::ids::{ChannelId, ImportId, JobId, UserId};
use crate::schema::{exports, import_rejections, import_slugs, imports};
use crate::sql::Sql;

use super::entry::{Position, RowRejection};

/// A file that is being imported, or was.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = imports)]
pub struct Import {
    pub id: ImportId,
    pub channel_id: ChannelId,
    pub format: String,
    pub on_conflict: String,
    pub file_key: String,
    pub file_name: String,
    pub size_bytes: i64,
    pub next_byte: i64,
    pub next_line: i64,
    pub rows_read: i64,
    pub rows_rejected: i64,
    pub created: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub skipped: i64,
    pub others: i64,
    pub created_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// What a batch adds to the books of its import.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub rows_read: i64,
    pub rows_rejected: i64,
    pub created: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub skipped: i64,
    /// Records about something else than products.
    pub others: i64,
}

pub async fn insert_import(conn: &mut Conn, import: &Import) -> QueryResult<()> {
    diesel::insert_into(imports::table).values(import).execute(conn).await?;
    Ok(())
}

pub async fn find_import(conn: &mut Conn, id: ImportId) -> QueryResult<Option<Import>> {
    imports::table.find(id).select(Import::as_select()).first(conn).await.optional()
}

/// Moves the import from one position to the next; false when it is no longer at `from`.
pub async fn advance(
    conn: &mut Conn,
    id: ImportId,
    from: Position,
    to: Position,
    tally: &Tally,
) -> QueryResult<bool> {
    let rows = diesel::update(imports::table.find(id).filter(imports::next_byte.eq(from.byte as i64)))
        .set((
            imports::next_byte.eq(to.byte as i64),
            imports::next_line.eq(to.line as i64),
            imports::rows_read.eq(imports::rows_read + tally.rows_read),
            imports::rows_rejected.eq(imports::rows_rejected + tally.rows_rejected),
            imports::created.eq(imports::created + tally.created),
            imports::updated.eq(imports::updated + tally.updated),
            imports::unchanged.eq(imports::unchanged + tally.unchanged),
            imports::skipped.eq(imports::skipped + tally.skipped),
            imports::others.eq(imports::others + tally.others),
        ))
        .execute(conn)
        .await?;
    Ok(rows == 1)
}

/// Lets the transaction commit without waiting for the disk. If the server crashes, the last batches are lost together with the
/// position that names them; what ends the import waits for them all.
pub async fn commit_lazily(conn: &mut Conn) -> QueryResult<()> {
    Sql::<Text>::new("SET LOCAL synchronous_commit = off").execute(conn).await?;
    Ok(())
}

/// Marks the import as finished and forgets what only a running one needs.
pub async fn finish_import(conn: &mut Conn, id: ImportId, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(imports::table.find(id)).set(imports::finished_at.eq(now)).execute(conn).await?;
    diesel::delete(import_slugs::table.filter(import_slugs::import_id.eq(id))).execute(conn).await?;
    Ok(())
}

/// Notes the slugs; returns those that this import had not noted before, each once.
pub async fn note_slugs(conn: &mut Conn, id: ImportId, slugs: &[&str]) -> QueryResult<Vec<String>> {
    Sql::<Text>::new(
        "INSERT INTO import_slugs (import_id, slug) SELECT ?, slug FROM unnest(?) AS t(slug) \
         ON CONFLICT (import_id, slug) DO NOTHING RETURNING slug",
    )
    .bind::<Uuid, _>(id)
    .bind::<Array<Text>, _>(slugs)
    .load(conn)
    .await
}

pub async fn insert_rejections(conn: &mut Conn, id: ImportId, rows: &[&RowRejection]) -> QueryResult<()> {
    Sql::<Uuid>::new(
        "INSERT INTO import_rejections (import_id, line, column_name, reason, row_text) \
         SELECT ?, t.line, t.column_name, t.reason, t.row_text \
         FROM unnest(?, ?, ?, ?) AS t(line, column_name, reason, row_text) \
         ON CONFLICT (import_id, line) DO NOTHING",
    )
    .bind::<Uuid, _>(id)
    .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.line as i64).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.column.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.reason.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.text.replace('\0', " ")).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// The rejected rows after a line, by line.
pub async fn rejections(
    conn: &mut Conn,
    id: ImportId,
    after_line: u64,
    limit: i64,
) -> QueryResult<Vec<RowRejection>> {
    let rows: Vec<(i64, String, String, String)> = import_rejections::table
        .filter(import_rejections::import_id.eq(id).and(import_rejections::line.gt(after_line as i64)))
        .order(import_rejections::line)
        .limit(limit)
        .select((
            import_rejections::line,
            import_rejections::column_name,
            import_rejections::reason,
            import_rejections::row_text,
        ))
        .load(conn)
        .await?;
    let row = |(line, column, reason, text)| RowRejection {
        line: u64::try_from(line).unwrap_or(0),
        column,
        reason,
        text,
    };
    Ok(rows.into_iter().map(row).collect())
}

/// A file to download.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = exports)]
pub struct Export {
    pub job_id: JobId,
    pub token_hash: Vec<u8>,
    pub file_key: String,
    pub file_name: String,
    pub format: String,
    pub size_bytes: i64,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Publishes a file; a job that runs again replaces what its first run published.
pub async fn upsert_export(conn: &mut Conn, export: &Export) -> QueryResult<()> {
    diesel::insert_into(exports::table)
        .values(export)
        .on_conflict(exports::job_id)
        .do_update()
        .set(export)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn find_export(conn: &mut Conn, token_hash: &[u8]) -> QueryResult<Option<Export>> {
    exports::table
        .filter(exports::token_hash.eq(token_hash))
        .select(Export::as_select())
        .first(conn)
        .await
        .optional()
}

/// Exports that have expired, with their files.
pub async fn expired_exports(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<(JobId, String)>> {
    exports::table
        .filter(exports::expires_at.lt(now))
        .order(exports::expires_at)
        .limit(limit)
        .select((exports::job_id, exports::file_key))
        .load(conn)
        .await
}

pub async fn delete_exports(conn: &mut Conn, ids: &[JobId]) -> QueryResult<()> {
    diesel::delete(exports::table.filter(exports::job_id.eq_any(ids))).execute(conn).await?;
    Ok(())
}

/// Imports that began before a time, finished or given up, with their files.
pub async fn old_imports(
    conn: &mut Conn,
    before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<(ImportId, String)>> {
    imports::table
        .filter(imports::created_at.lt(before))
        .order(imports::created_at)
        .limit(limit)
        .select((imports::id, imports::file_key))
        .load(conn)
        .await
}

pub async fn delete_imports(conn: &mut Conn, ids: &[ImportId]) -> QueryResult<()> {
    diesel::delete(import_slugs::table.filter(import_slugs::import_id.eq_any(ids))).execute(conn).await?;
    diesel::delete(imports::table.filter(imports::id.eq_any(ids))).execute(conn).await?;
    Ok(())
}
