//! Changing which images products and collections show.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject, Upload};

use crate::access::Permission;
use crate::catalog::images::{self, CollectionImage, ImageAddition, ImageSource, NewProductImage};
use crate::error::{Error, Reason, Rejection};
use crate::graphql::{ContextExt, UserError, outcome};
use crate::ids::{CollectionId, ImageId, ProductId};
use crate::media::NewImage;

use super::collection::Collection;
use super::mutations::written;
use super::product::Product;

/// Images to add to a product.
#[derive(InputObject)]
pub struct ProductImagesAddInput {
    /// The product.
    product_id: ProductId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// Where the first of them goes: 0 is before all others. After the last one when left out.
    position: Option<i32>,
    /// In display order, 1 to 10.
    images: Vec<ProductImageInput>,
}

/// An image: either a file or an address.
#[derive(InputObject)]
pub struct ProductImageInput {
    /// A JPEG, PNG, WebP or GIF, sent as the GraphQL multipart request specification describes. It is stored.
    file: Option<Upload>,
    /// Absolute, or a path on this server. It stays where it is.
    url: Option<String>,
    /// What it shows, for those who cannot see it; at most 1,000 characters.
    #[graphql(default)]
    alt_text: String,
}

/// An edit of an image; what is left out stays.
#[derive(InputObject)]
pub struct ProductImageUpdateInput {
    /// The image.
    id: ImageId,
    /// The version of the product that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// What it shows, for those who cannot see it; at most 1,000 characters.
    alt_text: String,
}

/// Another order of a product's images.
#[derive(InputObject)]
pub struct ProductImagesReorderInput {
    /// The product.
    product_id: ProductId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// Every image of the product, in the new order.
    image_ids: Vec<ImageId>,
}

/// An image to remove.
#[derive(InputObject)]
pub struct ProductImageRemoveInput {
    /// The image.
    id: ImageId,
    /// The version of the product that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
}

/// The image of a collection: a file, or an address, or neither for none.
#[derive(InputObject)]
pub struct CollectionImageSetInput {
    /// The collection.
    collection_id: CollectionId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// A JPEG, PNG, WebP or GIF, sent as the GraphQL multipart request specification describes. It is stored.
    file: Option<Upload>,
    /// Absolute, or a path on this server. It stays where it is.
    url: Option<String>,
    /// What it shows, for those who cannot see it; at most 1,000 characters.
    #[graphql(default)]
    alt_text: String,
}

/// What the mutations of a product's images answer.
#[derive(SimpleObject)]
pub struct ProductImagesPayload {
    /// The product after the edit; null when there are user errors.
    product: Option<Product>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// What `collectionImageSet` answers.
#[derive(SimpleObject)]
pub struct CollectionImageSetPayload {
    /// The collection after the edit; null when there are user errors.
    collection: Option<Collection>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Where an image comes from; none if neither is given.
fn source(
    ctx: &Context<'_>,
    file: Option<Upload>,
    url: Option<String>,
    path: &[&str],
) -> Result<Option<ImageSource>, Error> {
    match (file, url) {
        (Some(_), Some(_)) => {
            let rejection =
                Rejection::new(Reason::Invalid, "An image is either a file or an address, not both.");
            Err(rejection.at(path.iter().copied()).into())
        }
        (Some(file), None) => {
            let upload = file.value(ctx).map_err(Error::fault)?;
            Ok(Some(ImageSource::File(NewImage { file: upload.content, file_name: upload.filename })))
        }
        (None, url) => Ok(url.map(ImageSource::Url)),
    }
}

fn addition(ctx: &Context<'_>, input: ProductImagesAddInput) -> Result<ImageAddition, Error> {
    // Read nothing of a stranger's file.
    ctx.viewer().require(Permission::CatalogWrite)?;
    let ProductImagesAddInput { product_id, expected_version, position, images: wanted } = input;
    let mut images = Vec::with_capacity(wanted.len());
    for (index, ProductImageInput { file, url, alt_text }) in wanted.into_iter().enumerate() {
        let path = ["input", "images", &index.to_string()];
        let Some(source) = source(ctx, file, url, &path)? else {
            return Err(Rejection::new(Reason::Required, "A file or an address is required.")
                .at(path)
                .into());
        };
        images.push(NewProductImage { source, alt_text });
    }
    Ok(ImageAddition { product_id, expected_version, position, images })
}

fn collection_image(ctx: &Context<'_>, input: CollectionImageSetInput) -> Result<CollectionImage, Error> {
    ctx.viewer().require(Permission::CatalogWrite)?;
    let CollectionImageSetInput { collection_id, expected_version, file, url, alt_text } = input;
    let source = source(ctx, file, url, &["input"])?;
    Ok(CollectionImage { collection_id, expected_version, source, alt_text })
}

async fn answer(ctx: &Context<'_>, edited: Result<ProductId, Error>) -> Result<ProductImagesPayload> {
    let (id, user_errors) = outcome(edited)?;
    Ok(ProductImagesPayload { product: written(ctx, id).await?, user_errors })
}

/// Root mutations about images.
#[derive(Default)]
pub struct ImageMutation;

#[Object]
impl ImageMutation {
    /// Adds images to a product, as files or by their addresses. A file is stored once however often it is sent, and smaller
    /// copies are made of it by a job. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_images_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The images.")] input: ProductImagesAddInput,
    ) -> Result<ProductImagesPayload> {
        let added = async { images::add(ctx.app(), ctx.viewer(), addition(ctx, input)?).await };
        answer(ctx, added.await).await
    }

    /// Changes what is said of an image of a product. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_image_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edit.")] input: ProductImageUpdateInput,
    ) -> Result<ProductImagesPayload> {
        let ProductImageUpdateInput { id, expected_version, alt_text } = input;
        let edited = images::change_alt_text(ctx.app(), ctx.viewer(), id, expected_version, &alt_text);
        answer(ctx, edited.await).await
    }

    /// Puts the images of a product in another order; the first one is its `featuredImage`. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_images_reorder(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] input: ProductImagesReorderInput,
    ) -> Result<ProductImagesPayload> {
        let ProductImagesReorderInput { product_id, expected_version, image_ids } = input;
        let edited = images::reorder(ctx.app(), ctx.viewer(), product_id, expected_version, &image_ids);
        answer(ctx, edited.await).await
    }

    /// Removes an image from a product. A stored file that nothing shows any more is deleted a day later. Needs
    /// CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_image_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: ProductImageRemoveInput,
    ) -> Result<ProductImagesPayload> {
        let edited = images::remove(ctx.app(), ctx.viewer(), input.id, input.expected_version);
        answer(ctx, edited.await).await
    }

    /// Sets the image of a collection, as a file or by its address; without either it has none from then on. Needs
    /// CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn collection_image_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The image.")] input: CollectionImageSetInput,
    ) -> Result<CollectionImageSetPayload> {
        let set = async {
            images::set_collection_image(ctx.app(), ctx.viewer(), collection_image(ctx, input)?).await
        };
        let (id, user_errors) = outcome(set.await)?;
        let collection = match id {
            Some(id) => Collection::load(ctx, id).await?,
            None => None,
        };
        Ok(CollectionImageSetPayload { collection, user_errors })
    }
}
