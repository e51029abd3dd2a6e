//! Files that the processes share: uploads, exports, images. A local folder by default, or a bucket.
//!
//! Owns where bytes lie; the features own what they mean and when they go. Names are made here or from our own ids,
//! never from what a client sent. Nothing here holds a whole file in memory, but for what a caller has there already.

mod key;
mod s3;

use std::io::SeekFrom;
use std::ops::Range;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, WriteMultipart,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt};
use tokio_util::io::StreamReader;

use crate::config::{Config, StorageConfig};

pub use key::{FileKey, shown_name};

/// How much is read from a source at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// Names of images are never used again, so whoever has the file may keep it.
pub const CACHE_FOREVER: &str = "public, max-age=31536000, immutable";

/// Why a file was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// It has more bytes than are allowed. Nothing was kept.
    #[error("the file is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What is allowed.
        limit_bytes: u64,
    },
    /// The source could not be read.
    #[error("the file could not be read: {0}")]
    Read(#[from] std::io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] object_store::Error),
}

/// An object store. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    store: Arc<dyn ObjectStore>,
    /// Whether it keeps, beside the bytes, what they are: a bucket that serves files itself has to know.
    keeps_attributes: bool,
}

impl Storage {
    /// The configured folder, made when missing, or the configured bucket, which is not asked yet.
    pub fn from_config(config: &Config) -> anyhow::Result<Self> {
        match &config.storage {
            StorageConfig::Folder(folder) => {
                std::fs::create_dir_all(folder)?;
                // A file that a committed row points to must be as durable as the row.
                let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
                Ok(Self { store: Arc::new(store), keeps_attributes: false })
            }
            StorageConfig::S3(s3) => Ok(Self { store: s3::open(s3)?, keeps_attributes: true }),
        }
    }

    /// Begins a file. It appears, whole, when [`Upload::finish`] returns, and never if that is not reached.
    pub async fn create(&self, key: &FileKey) -> object_store::Result<Upload> {
        let options =
            PutMultipartOptions { attributes: self.attributes(key), ..PutMultipartOptions::default() };
        let parts = WriteMultipart::new(self.store.put_multipart_opts(&key.path(), options).await?);
        Ok(Upload { parts, size_bytes: 0 })
    }

    /// Stores a small file at once.
    pub async fn put_bytes(&self, key: &FileKey, bytes: impl Into<PutPayload>) -> object_store::Result<()> {
        let options = PutOptions { attributes: self.attributes(key), ..PutOptions::default() };
        self.store.put_opts(&key.path(), bytes.into(), options).await?;
        Ok(())
    }

    fn attributes(&self, key: &FileKey) -> Attributes {
        let mut attributes = Attributes::new();
        if let Some(content_type) = key.content_type().filter(|_| self.keeps_attributes) {
            attributes.insert(Attribute::ContentType, content_type.into());
            attributes.insert(Attribute::CacheControl, CACHE_FOREVER.into());
        }
        attributes
    }

    /// Stores what `reader` gives, up to `limit_bytes`; returns the size in bytes.
    pub async fn put(
        &self,
        key: &FileKey,
        mut reader: impl AsyncRead + Unpin,
        limit_bytes: Option<u64>,
    ) -> Result<u64, PutError> {
        let mut upload = self.create(key).await?;
        match copy(&mut reader, &mut upload, limit_bytes).await {
            Ok(()) => Ok(upload.finish().await?),
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    /// Opens a stored file from its beginning. `object_store::Error::NotFound` when there is none.
    pub async fn open(&self, key: &FileKey) -> object_store::Result<StoredFile> {
        self.open_range(key, None).await
    }

    /// Opens a part of a stored file, which must lie within it; all of it by default.
    pub async fn open_range(
        &self,
        key: &FileKey,
        range: Option<Range<u64>>,
    ) -> object_store::Result<StoredFile> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let found = self.store.get_opts(&key.path(), options).await?;
        let Range { start, end } = found.range;
        let reader: StoredReader = match found.payload {
            GetResultPayload::File(file, path) => {
                let mut file = tokio::fs::File::from_std(file);
                file.seek(SeekFrom::Start(start)).await.map_err(|source| object_store::Error::Generic {
                    store: "folder",
                    source: format!("{}: {source}", path.display()).into(),
                })?;
                Box::new(file.take(end - start))
            }
            GetResultPayload::Stream(stream) => Box::new(StreamReader::new(stream)),
        };
        let FileInfo { size_bytes, etag } = FileInfo::from(found.meta);
        Ok(StoredFile { size_bytes, etag, reader })
    }

    /// What is known of a stored file without reading it.
    pub async fn stat(&self, key: &FileKey) -> object_store::Result<FileInfo> {
        Ok(self.store.head(&key.path()).await?.into())
    }

    /// Deletes a file; one that is gone already is fine.
    pub async fn delete(&self, key: &FileKey) -> object_store::Result<()> {
        match self.store.delete(&key.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The bytes of a stored file.
pub type StoredReader = Box<dyn AsyncRead + Send + Unpin>;

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// How large it is.
    pub size_bytes: u64,
    /// Changes when the file does; in quotes, as HTTP wants it.
    pub etag: Option<String>,
}

impl From<ObjectMeta> for FileInfo {
    fn from(meta: ObjectMeta) -> Self {
        let quoted = |tag: String| if tag.ends_with('"') { tag } else { format!("\"{tag}\"") };
        Self { size_bytes: meta.size, etag: meta.e_tag.map(quoted) }
    }
}

/// A stored file, or a part of it, open for reading.
pub struct StoredFile {
    /// How large the whole file is.
    pub size_bytes: u64,
    /// As in [`FileInfo`].
    pub etag: Option<String>,
    /// Its bytes from the beginning (of the part).
    pub reader: StoredReader,
}

/// A file being written. Dropped before it is finished, it leaves nothing behind.
pub struct Upload {
    parts: WriteMultipart,
    size_bytes: u64,
}

impl Upload {
    /// Adds bytes; waits while earlier parts are being written, so that memory stays at about two parts of 5 MiB.
    pub async fn write(&mut self, bytes: &[u8]) -> object_store::Result<()> {
        self.parts.wait_for_capacity(1).await?;
        self.parts.write(bytes);
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Makes the file appear; returns its size in bytes.
    pub async fn finish(self) -> object_store::Result<u64> {
        self.parts.finish().await?;
        Ok(self.size_bytes)
    }

    async fn abort(self) {
        if let Err(error) = self.parts.abort().await {
            tracing::warn!(%error, "a part of an upload that was given up stays behind");
        }
    }
}

async fn copy(
    reader: &mut (impl AsyncRead + Unpin),
    upload: &mut Upload,
    limit_bytes: Option<u64>,
) -> Result<(), PutError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let len = reader.read(&mut chunk).await?;
        if len == 0 {
            return Ok(());
        }
        if let Some(limit_bytes) = limit_bytes
            && upload.size_bytes + len as u64 > limit_bytes
        {
            return Err(PutError::TooLarge { limit_bytes });
        }
        upload.write(&chunk[..len]).await?;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn storage() -> (Storage, std::path::PathBuf) {
        let folder = std::env::temp_dir().join(format!("ironmonger-storage-{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = LocalFileSystem::new_with_prefix(&folder).unwrap();
        (Storage { store: Arc::new(store), keeps_attributes: false }, folder)
    }

    async fn read(storage: &Storage, key: &FileKey) -> Vec<u8> {
        let mut bytes = Vec::new();
        storage.open(key).await.unwrap().reader.read_to_end(&mut bytes).await.unwrap();
        bytes
    }

    #[tokio::test]
    async fn a_file_comes_back_as_it_went_in_and_goes_when_told() {
        let (storage, folder) = storage();
        let key = FileKey::random("imports");
        let content: Vec<u8> = (0..12 * 1024 * 1024_u32).map(|n| (n % 251) as u8).collect();
        let size = storage.put(&key, content.as_slice(), None).await.unwrap();
        assert_eq!(size, content.len() as u64);
        assert!(read(&storage, &key).await == content);
        storage.delete(&key).await.unwrap();
        storage.delete(&key).await.unwrap();
        assert!(matches!(storage.open(&key).await, Err(object_store::Error::NotFound { .. })));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn a_file_beyond_the_limit_is_refused_and_leaves_nothing() {
        let (storage, folder) = storage();
        let key = FileKey::random("imports");
        let result = storage.put(&key, &[7_u8; 101][..], Some(100)).await;
        assert!(matches!(result, Err(PutError::TooLarge { limit_bytes: 100 })));
        assert!(storage.open(&key).await.is_err());
        let left = std::fs::read_dir(folder.join("imports")).unwrap().count();
        assert_eq!(left, 0);
        assert_eq!(storage.put(&key, &[7_u8; 100][..], Some(100)).await.unwrap(), 100);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn a_part_of_a_file_can_be_read() {
        let (storage, folder) = storage();
        let key = FileKey::random("images");
        storage.put_bytes(&key, &b"0123456789"[..]).await.unwrap();
        let mut part = storage.open_range(&key, Some(3..7)).await.unwrap();
        let mut bytes = Vec::new();
        part.reader.read_to_end(&mut bytes).await.unwrap();
        assert_eq!((bytes.as_slice(), part.size_bytes), (&b"3456"[..], 10));
        assert_eq!(storage.stat(&key).await.unwrap(), FileInfo { size_bytes: 10, etag: part.etag });
        std::fs::remove_dir_all(folder).unwrap();
    }
}
