//! Images.

use std::borrow::Cow;

use async_graphql::{Context, Object, Result};

use crate::access::Permission;
use crate::catalog::model;
use crate::graphql::ContextExt;
use crate::ids::ImageId;
use crate::media::graphql::{self as stored, ImageRendition};
use crate::media::public_url;

/// An image of a product or a collection.
pub struct Image(pub model::Image);

/// An image of a product or a collection: in the shop's own storage, or elsewhere by its address.
#[Object]
impl Image {
    /// Globally unique and opaque.
    async fn id(&self) -> ImageId {
        self.0.id
    }

    /// Absolute, or a path on this server.
    async fn url(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "In pixels. The narrowest copy that is at least so wide answers, or the original where there is none (yet).",
            validator(minimum = 1)
        )]
        width: Option<i32>,
    ) -> Result<Cow<'_, str>> {
        if let Some(width) = width
            && let Some(image) = stored::load(ctx, &self.0.url).await?
        {
            return Ok(stored::url_of_width(ctx, &image, width).into());
        }
        Ok(public_url(&ctx.app().config.media, &self.0.url))
    }

    /// What it shows, for those who cannot see it; may be empty.
    async fn alt_text(&self) -> &str {
        &self.0.alt_text
    }

    /// Of the original, in pixels; null for an image that lies elsewhere.
    async fn width(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(stored::load(ctx, &self.0.url).await?.map(|image| image.width))
    }

    /// Of the original, in pixels; null for an image that lies elsewhere.
    async fn height(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(stored::load(ctx, &self.0.url).await?.map(|image| image.height))
    }

    /// Of the original, such as `image/png`; null for an image that lies elsewhere.
    async fn content_type(&self, ctx: &Context<'_>) -> Result<Option<&'static str>> {
        Ok(stored::load(ctx, &self.0.url).await?.map(|image| image.format.content_type()))
    }

    /// Smaller copies, from the narrowest to the widest, for `srcset`; empty until a worker has made them, and for an image
    /// that lies elsewhere.
    #[graphql(complexity = "4 * child_complexity + 1")]
    async fn renditions(&self, ctx: &Context<'_>) -> Result<Vec<ImageRendition>> {
        Ok(stored::load(ctx, &self.0.url).await?.map(stored::renditions).unwrap_or_default())
    }

    /// What the file was called when it was uploaded. Needs CATALOG_READ.
    #[graphql(visible = "crate::graphql::visible::catalog_read")]
    async fn file_name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        ctx.viewer().require(Permission::CatalogRead)?;
        Ok(stored::load(ctx, &self.0.url).await?.map(|image| image.file_name))
    }
}
