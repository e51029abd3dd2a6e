//! Storing uploads.

use tokio::io::AsyncSeekExt;
use tokio::sync::Semaphore;

use crate::access::Viewer;
use crate::app::App;
use crate::db::Conn;
use crate::error::{Code, Error, Rejection, Result};
use crate::ids::{MediaId, UserId};
use crate::jobs::{self, EnqueueOptions};
use crate::storage::shown_name;

use super::derive::DeriveRenditions;
use super::inspect::{ImageLimits, Inspected, inspect};
use super::model::{ImageFormat, ImageRow, MediaState, NewImage, original_key};
use super::url::{StoredUrl, read_url};
use super::{queries, sweep};

/// So many files are looked at side by side: it is work for a processor.
static INSPECTIONS: Semaphore = Semaphore::const_new(4);

/// A file that is in the storage, but that nothing shows yet.
#[derive(Debug, Clone)]
pub struct Staged {
    id: MediaId,
    format: ImageFormat,
    sha256: [u8; 32],
    /// False: the same file was stored before.
    uploaded: bool,
    created_by: Option<UserId>,
}

/// Looks at the files and stores those that are new. The rejections of files that are not taken (`UNREADABLE_FILE`,
/// `LIMIT_EXCEEDED`) name `field` of them; then nothing is stored. Opens transactions of its own. Whoever calls it calls
/// [`settle`] in the end.
pub async fn stage(
    app: &App,
    viewer: &Viewer,
    files: Vec<NewImage>,
    field: impl Fn(usize) -> Vec<String>,
) -> Result<Vec<Staged>> {
    let mut looked_at = Vec::with_capacity(files.len());
    let mut rejections = Vec::new();
    for (index, new) in files.into_iter().enumerate() {
        match look_at(app, new).await? {
            Ok(found) => looked_at.push(found),
            Err(rejection) => rejections.push(rejection.at(field(index))),
        }
    }
    if !rejections.is_empty() {
        return Err(Error::Rejected(rejections));
    }
    let mut staged = Vec::with_capacity(looked_at.len());
    for (new, found) in looked_at {
        match put(app, viewer, new, found).await {
            Ok(image) => staged.push(image),
            Err(error) => {
                settle(app, &staged, &[]).await;
                return Err(error);
            }
        }
    }
    Ok(staged)
}

/// In the caller's transaction: makes the image one that can be shown, and enqueues the making of its renditions if it is
/// new. Call it for several in the order of [`Staged::order`], so that transactions do not wait for each other in a
/// circle. The answer says how rows name it.
pub async fn adopt(conn: &mut Conn, staged: &Staged) -> Result<StoredUrl> {
    queries::lock_content(conn, &staged.sha256).await?;
    if let Some((id, format)) = queries::hold_by_sha256(conn, &staged.sha256).await? {
        return Ok(StoredUrl::new(id, format));
    }
    if !staged.uploaded || !queries::mark_stored(conn, staged.id).await? {
        let message = "The image was deleted in this moment. Send it again.";
        return Err(Error::request(Code::Unavailable, message));
    }
    let options = EnqueueOptions { created_by: staged.created_by, ..EnqueueOptions::default() };
    jobs::enqueue(conn, &DeriveRenditions { image_id: staged.id }, options).await?;
    Ok(StoredUrl::new(staged.id, staged.format))
}

/// In the caller's transaction: the stored image that an address names, from whatever host, kept from the sweep until the
/// transaction ends; none if there is no such image here.
pub async fn hold(conn: &mut Conn, url: &str) -> Result<Option<StoredUrl>> {
    let Some(named) = read_url(url) else { return Ok(None) };
    let format = queries::hold(conn, named.id).await?;
    Ok(format.map(|format| StoredUrl::new(named.id, format)).filter(|stored| *stored == named))
}

/// After the transaction that adopted them: deletes what it did not take, all of it when it failed. What cannot be
/// deleted now is left to the sweep.
pub async fn settle(app: &App, staged: &[Staged], adopted: &[StoredUrl]) {
    let surplus: Vec<MediaId> = staged
        .iter()
        .filter(|image| image.uploaded && adopted.iter().all(|url| url.id != image.id))
        .map(|image| image.id)
        .collect();
    if surplus.is_empty() {
        return;
    }
    let given_up = async {
        let rows = queries::give_up(&mut *app.db.get().await?, &surplus).await?;
        sweep::delete(app, rows).await
    };
    if let Err(error) = given_up.await {
        tracing::warn!(%error, "images that were given up stay behind for the sweep");
    }
}

impl Staged {
    /// What [`adopt`] locks by.
    pub fn order(&self) -> [u8; 32] {
        self.sha256
    }
}

async fn look_at(app: &App, mut new: NewImage) -> Result<Result<(NewImage, Inspected), Rejection>> {
    let limits = ImageLimits { bytes: app.config.media.limit_bytes, pixels: app.config.media.limit_pixels };
    let permit = INSPECTIONS.acquire().await.map_err(Error::fault)?;
    let looked_at = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let found = inspect(&mut new.file, limits);
        (new, found)
    });
    match looked_at.await.map_err(Error::fault)? {
        (new, Ok(found)) => Ok(Ok((new, found))),
        (_, Err(fault)) => match fault.rejection() {
            Some(rejection) => Ok(Err(rejection)),
            None => Err(Error::fault(fault)),
        },
    }
}

async fn put(app: &App, viewer: &Viewer, new: NewImage, found: Inspected) -> Result<Staged> {
    let created_by = viewer.user_id();
    let sha256 = found.sha256;
    let known = queries::find_by_sha256(&mut *app.db.get().await?, &sha256).await?;
    if let Some((id, format)) = known {
        return Ok(Staged { id, format, sha256, uploaded: false, created_by });
    }
    let row = ImageRow {
        id: MediaId::new(),
        state: MediaState::Pending,
        sha256: sha256.to_vec(),
        format: found.format,
        width: i32::try_from(found.width).map_err(Error::fault)?,
        height: i32::try_from(found.height).map_err(Error::fault)?,
        frames: i32::try_from(found.frames).map_err(Error::fault)?,
        size_bytes: i64::try_from(found.size_bytes).map_err(Error::fault)?,
        file_name: shown_name(&new.file_name),
        created_by,
        created_at: app.clock.now(),
    };
    // The row comes first: whatever happens to this process, the sweep finds the file by it.
    queries::insert(&mut *app.db.get().await?, &row).await?;
    let staged = Staged { id: row.id, format: row.format, sha256, uploaded: true, created_by };
    let mut file = tokio::fs::File::from_std(new.file);
    // A form may name one file in two places: they share the position in it.
    file.rewind().await.map_err(Error::fault)?;
    let stored = app.storage.put(&original_key(row.id, row.format), file, Some(found.size_bytes)).await;
    match stored {
        Ok(size_bytes) if size_bytes == found.size_bytes => Ok(staged),
        other => {
            settle(app, &[staged], &[]).await;
            let what = other.map_or_else(|error| error.to_string(), |_| "it changed meanwhile".to_owned());
            Err(Error::fault(anyhow::anyhow!("an image cannot be stored: {what}")))
        }
    }
}
