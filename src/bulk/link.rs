//! Links to files that jobs wrote.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{SecondsFormat, TimeDelta};
use diesel_async::AsyncConnection;
use rand::Rng;
use sha2::{Digest, Sha256};

use crate::jobs::{JobContext, JobError};
use crate::storage::FileKey;

use super::jobs::Link;
use super::queries::{self, Export};

/// A file that is stored, to be linked to.
pub struct NewLink<'a> {
    pub key: &'a FileKey,
    /// What it is called when it is downloaded: plain characters only.
    pub file_name: String,
    /// What the table of exports calls its format.
    pub format: &'a str,
    pub size_bytes: i64,
    /// How long it can be downloaded.
    pub lasts: TimeDelta,
}

/// Makes the link to a file of this job; an earlier one stops working. The token in it is the only right that is needed, so only
/// its hash is kept.
pub async fn publish(ctx: &JobContext, link: NewLink<'_>) -> Result<Link, JobError> {
    let token = URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>());
    let now = ctx.app.clock.now();
    let url = format!("{}/downloads/{token}/{}", ctx.app.config.http.public_url, link.file_name);
    let export = Export {
        job_id: ctx.job_id,
        token_hash: Sha256::digest(token.as_bytes()).to_vec(),
        file_key: link.key.as_str().to_owned(),
        file_name: link.file_name,
        format: link.format.to_owned(),
        size_bytes: link.size_bytes,
        created_at: now,
        expires_at: now + link.lasts,
    };
    let mut conn = ctx.app.db.get().await?;
    conn.transaction(async |conn| {
        ctx.fence(conn).await?;
        queries::upsert_export(conn, &export).await?;
        Ok::<_, JobError>(())
    })
    .await?;
    Ok(Link { url, expires_at: export.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true) })
}

/// What stands for itself in a URL, a file system and a header.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
}
