//! Images in the storage: looking at uploads, storing them once, making smaller ones, serving, deleting.
//!
//! The way of an upload: [`stage`] looks at the file (`inspect`), notes it as PENDING and stores it; the use case that wants to
//! show it calls [`adopt`] in its transaction, and [`settle`] after it; a job (`derive`) makes the renditions; a sweep
//! deletes what nothing shows any more. Which product or collection shows an image belongs to the catalog.

mod derive;
pub mod graphql;
mod inspect;
mod model;
mod queries;
mod render;
mod serve;
mod stage;
mod sweep;
mod url;

pub use derive::DeriveRenditions;
pub use model::{ImageFormat, NewImage, Rendition, StoredImage};
pub use serve::media_router;
pub use stage::{Staged, adopt, hold, settle, stage};
pub use sweep::MediaSweep;
pub use url::{StoredUrl, public_url, read_url};
