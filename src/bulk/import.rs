//! `catalogImport`: takes a file and enqueues the job that reads it.

use std::io::{Cursor, SeekFrom};

use diesel_async::AsyncConnection;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::catalog::OnConflict;
use crate::channels::Channel;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{ImportId, JobId};
use crate::jobs::{self, EnqueueOptions};
use crate::storage::{FileKey, PutError, shown_name};

use super::entry::Position;
use super::format::CatalogFormat;
use super::jobs::CatalogImport;
use super::queries::{self, Import};
use super::source::{HEAD_BYTES, refuse_wrong_file, split_head};

/// A file to import.
#[derive(Debug)]
pub struct NewImport {
    /// Open for reading; read from its beginning.
    pub file: File,
    /// What the client calls it; only shown to people.
    pub file_name: String,
    /// What it is.
    pub format: CatalogFormat,
    /// What happens to products that exist.
    pub on_conflict: OnConflict,
}

/// Stores the file and enqueues its import; the answer is the job. Needs BULK_IMPORT.
///
/// Rejects a file that is not of its format by its first bytes (`UNREADABLE_FILE`) and one that is larger than the
/// configured upload limit (`LIMIT_EXCEEDED`; the operator's own command has no limit). The row of the import and its
/// job are one transaction; a file whose transaction failed is deleted.
pub async fn import(app: &App, viewer: &Viewer, channel: &Channel, new: NewImport) -> Result<JobId> {
    viewer.require(Permission::BulkImport)?;
    let NewImport { mut file, file_name, format, on_conflict } = new;
    file.seek(SeekFrom::Start(0)).await.map_err(Error::fault)?;
    let (head, rest) = split_head(file, HEAD_BYTES).await.map_err(Error::fault)?;
    if let Err(message) = refuse_wrong_file(format, &head).await {
        return Err(Rejection::new(Reason::UnreadableFile, message).at(["file"]).into());
    }

    let limit_bytes = match viewer {
        Viewer::System => None,
        _ => Some(app.config.http.upload_limit_bytes as u64),
    };
    let key = FileKey::random("imports");
    let size_bytes =
        app.storage.put(&key, Cursor::new(head).chain(rest), limit_bytes).await.map_err(put_error)?;
    let row = Import {
        id: ImportId::new(),
        channel_id: channel.id,
        format: format.as_str().to_owned(),
        on_conflict: on_conflict_text(on_conflict).to_owned(),
        file_key: key.as_str().to_owned(),
        file_name: shown_name(&file_name),
        size_bytes: i64::try_from(size_bytes).map_err(Error::fault)?,
        next_byte: Position::START.byte as i64,
        next_line: Position::START.line as i64,
        rows_read: 0,
        rows_rejected: 0,
        created: 0,
        updated: 0,
        unchanged: 0,
        skipped: 0,
        created_by: viewer.user_id(),
        created_at: app.clock.now(),
        finished_at: None,
    };
    let enqueued = enqueue(app, &row).await;
    if enqueued.is_err()
        && let Err(error) = app.storage.delete(&key).await
    {
        tracing::warn!(%error, file = %key, "the file of a refused import stays behind");
    }
    enqueued
}

async fn enqueue(app: &App, row: &Import) -> Result<JobId> {
    let mut conn = app.db.get().await?;
    let job = CatalogImport { import_id: row.id, channel_id: row.channel_id };
    let options = EnqueueOptions { created_by: row.created_by, ..EnqueueOptions::default() };
    conn.transaction(async |conn| {
        queries::insert_import(conn, row).await?;
        jobs::enqueue(conn, &job, options).await
    })
    .await
}

fn put_error(error: PutError) -> Error {
    match error {
        PutError::TooLarge { limit_bytes } => {
            let message =
                format!("The file is larger than {limit_bytes} bytes; compress it with gzip or split it.");
            Rejection::new(Reason::LimitExceeded, message).at(["file"]).into()
        }
        error => Error::fault(error),
    }
}

/// As it is stored.
pub fn on_conflict_text(on_conflict: OnConflict) -> &'static str {
    match on_conflict {
        OnConflict::Update => "UPDATE",
        OnConflict::Skip => "SKIP",
    }
}
