//! What GraphQL shows of stored images; the types that show them are the catalog's.

use async_graphql::{Context, Object, Result};

use crate::graphql::ContextExt;

use super::model::{self, StoredImage, original_key};
use super::url::{key_url, read_url};

/// A smaller copy of an image, without its metadata, upright.
pub struct ImageRendition(model::Rendition);

/// The stored image that an address in a row names; none if it lies elsewhere.
pub async fn load(ctx: &Context<'_>, url: &str) -> Result<Option<StoredImage>> {
    match read_url(url) {
        Some(stored) if stored.path == url => ctx.loaders().load_one(stored.id).await,
        _ => Ok(None),
    }
}

/// The narrowest file that is at least so wide; the original where nothing fits yet.
pub fn url_of_width(ctx: &Context<'_>, image: &StoredImage, width: i32) -> String {
    let fitting = image.renditions.iter().find(|rendition| rendition.width >= width);
    let key = fitting.map_or_else(|| original_key(image.id, image.format), model::Rendition::key);
    key_url(&ctx.app().config.media, &key)
}

/// The smaller copies of an image, as GraphQL shows them.
pub fn renditions(image: StoredImage) -> Vec<ImageRendition> {
    image.renditions.into_iter().map(ImageRendition).collect()
}

/// A smaller copy of an image, without its metadata, upright.
#[Object]
impl ImageRendition {
    /// Where it is; the file of an address never changes.
    async fn url(&self, ctx: &Context<'_>) -> String {
        key_url(&ctx.app().config.media, &self.0.key())
    }

    /// In pixels.
    async fn width(&self) -> i32 {
        self.0.width
    }

    /// In pixels.
    async fn height(&self) -> i32 {
        self.0.height
    }

    /// Such as `image/jpeg`.
    async fn content_type(&self) -> &str {
        self.0.format.content_type()
    }
}
