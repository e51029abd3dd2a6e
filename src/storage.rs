//! Files that the processes share: uploads, exports. A local folder by default.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use crate::config::Config;

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
        Ok(Self { store: Arc::new(LocalFileSystem::new_with_prefix(&folder)?) })
    }

    /// The store itself.
    pub fn objects(&self) -> &dyn ObjectStore {
        &*self.store
    }
}
