//! Files that the processes share: uploads, exports. A local folder by default.
//!
//! Owns where bytes lie; the features own what they mean and when they go. Names are made here or from our own ids,
//! never from what a client sent. Nothing here holds a whole file in memory.

use std::fmt;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt, WriteMultipart};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;
use uuid::Uuid;

use crate::config::Config;

/// How much is read from a source at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// The name of a stored file: a folder and a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileKey(String);

impl FileKey {
    /// A new name that nobody can guess.
    pub fn random(folder: &'static str) -> Self {
        Self::of(folder, Uuid::new_v4())
    }

    /// The name that belongs to one of our ids: writing it again replaces the file.
    pub fn of(folder: &'static str, id: Uuid) -> Self {
        Self(format!("{folder}/{}", id.simple()))
    }

    /// A name as it was stored in the database; `None` if it is none of ours.
    pub fn stored(text: &str) -> Option<Self> {
        let (folder, id) = text.split_once('/')?;
        let folder_is_plain = !folder.is_empty() && folder.bytes().all(|b| b.is_ascii_lowercase());
        let id_is_plain = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        (folder_is_plain && id_is_plain).then(|| Self(text.to_owned()))
    }

    /// As it is stored in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn path(&self) -> Path {
        Path::from(self.0.as_str())
    }
}

impl fmt::Display for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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
}

impl Storage {
    /// The folder `storage` in the data directory, made when missing.
    pub fn from_config(config: &Config) -> anyhow::Result<Self> {
        let folder = config.data_dir.join("storage");
        std::fs::create_dir_all(&folder)?;
        // A file that a committed row points to must be as durable as the row.
        let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
        Ok(Self { store: Arc::new(store) })
    }

    /// Begins a file. It appears, whole, when [`Upload::finish`] returns, and never if that is not reached.
    pub async fn create(&self, key: &FileKey) -> object_store::Result<Upload> {
        let parts = WriteMultipart::new(self.store.put_multipart(&key.path()).await?);
        Ok(Upload { parts, size_bytes: 0 })
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
        let found = self.store.get(&key.path()).await?;
        let size_bytes = found.meta.size;
        let reader: StoredReader = match found.payload {
            GetResultPayload::File(file, _) => Box::new(tokio::fs::File::from_std(file)),
            GetResultPayload::Stream(stream) => Box::new(StreamReader::new(stream)),
        };
        Ok(StoredFile { size_bytes, reader })
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

/// A stored file, open for reading.
pub struct StoredFile {
    /// How large it is.
    pub size_bytes: u64,
    /// Its bytes from the beginning.
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
    use super::*;

    fn storage() -> (Storage, std::path::PathBuf) {
        let folder = std::env::temp_dir().join(format!("ironmonger-storage-{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = LocalFileSystem::new_with_prefix(&folder).unwrap();
        (Storage { store: Arc::new(store) }, folder)
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

    #[test]
    fn only_names_of_our_own_making_are_read_back() {
        let key = FileKey::random("exports");
        assert_eq!(FileKey::stored(key.as_str()), Some(key));
        for text in ["", "exports", "exports/", "../etc/passwd", "exports/../../x", "Exports/0", "/0"] {
            assert_eq!(FileKey::stored(text), None, "{text}");
        }
    }
}
