//! Texts in other languages.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::access::Permission;
use crate::catalog::queries::translations::{TranslationOf, TranslationsOf};
use crate::catalog::translations::{self, Texts, Translated};
use crate::graphql::{ContextExt, UserError, outcome};
use crate::ids::{CollectionId, ProductId};

use super::collection::Collection;
use super::mutations::written;
use super::product::Product;

/// Texts in another language.
#[derive(SimpleObject)]
pub struct Translation {
    /// The language, such as `de` or `pt-br`.
    locale: String,
    /// The name; null when it is shown as it was written.
    name: Option<String>,
    /// The description; null when it is shown as it was written.
    description: Option<String>,
}

/// The texts in the language of the request; empty, and nothing is read, when texts are as they were written.
pub async fn texts_of(ctx: &Context<'_>, of: Translated) -> Result<Texts> {
    if ctx.locale().tag().is_none() {
        return Ok(Texts::default());
    }
    Ok(ctx.loaders().load_one(TranslationOf(of)).await?.unwrap_or_default())
}

/// All translations, by language. Needs CATALOG_READ.
pub async fn translations_of(ctx: &Context<'_>, of: Translated) -> Result<Option<Vec<Translation>>> {
    ctx.viewer().require(Permission::CatalogRead)?;
    let rows = ctx.loaders().load_one(TranslationsOf(of)).await?.unwrap_or_default();
    let translation = |(locale, texts): (String, Texts)| {
        let Texts { name, description } = texts;
        Translation { locale, name, description }
    };
    Ok(Some(rows.into_iter().map(translation).collect()))
}

/// Texts of a product in another language.
#[derive(InputObject)]
pub struct ProductTranslationSetInput {
    /// The product.
    product_id: ProductId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// The language: a tag such as `de` or `pt-BR`.
    locale: String,
    /// 1 to 255 characters; shown as it was written when left out.
    name: Option<String>,
    /// Text or HTML; shown as it was written when left out.
    description: Option<String>,
}

/// A language that a product has no texts in any more.
#[derive(InputObject)]
pub struct ProductTranslationRemoveInput {
    /// The product.
    product_id: ProductId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// The language.
    locale: String,
}

/// Texts of a collection in another language.
#[derive(InputObject)]
pub struct CollectionTranslationSetInput {
    /// The collection.
    collection_id: CollectionId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// The language: a tag such as `de` or `pt-BR`.
    locale: String,
    /// 1 to 255 characters; shown as it was written when left out.
    name: Option<String>,
    /// Text or HTML; shown as it was written when left out.
    description: Option<String>,
}

/// A language that a collection has no texts in any more.
#[derive(InputObject)]
pub struct CollectionTranslationRemoveInput {
    /// The collection.
    collection_id: CollectionId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// The language.
    locale: String,
}

/// What `productTranslationSet` answers.
#[derive(SimpleObject)]
pub struct ProductTranslationSetPayload {
    /// The product after the edit; null when there are user errors.
    product: Option<Product>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// What `productTranslationRemove` answers.
#[derive(SimpleObject)]
pub struct ProductTranslationRemovePayload {
    /// The product after the edit; null when there are user errors.
    product: Option<Product>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// What `collectionTranslationSet` answers.
#[derive(SimpleObject)]
pub struct CollectionTranslationSetPayload {
    /// The collection after the edit; null when there are user errors.
    collection: Option<Collection>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// What `collectionTranslationRemove` answers.
#[derive(SimpleObject)]
pub struct CollectionTranslationRemovePayload {
    /// The collection after the edit; null when there are user errors.
    collection: Option<Collection>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Root mutations about translations.
#[derive(Default)]
pub struct TranslationMutation;

#[Object]
impl TranslationMutation {
    /// Sets the texts of a product in another language. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_translation_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The texts.")] input: ProductTranslationSetInput,
    ) -> Result<ProductTranslationSetPayload> {
        let ProductTranslationSetInput { product_id, expected_version, locale, name, description } = input;
        let of = Translated::Product(product_id);
        let texts = Texts { name, description };
        let set = translations::set(ctx.app(), ctx.viewer(), of, expected_version, &locale, texts).await;
        let (set, user_errors) = outcome(set)?;
        Ok(ProductTranslationSetPayload {
            product: written(ctx, set.map(|_| product_id)).await?,
            user_errors,
        })
    }

    /// Takes the texts of a product in another language away. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_translation_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The language.")] input: ProductTranslationRemoveInput,
    ) -> Result<ProductTranslationRemovePayload> {
        let ProductTranslationRemoveInput { product_id, expected_version, locale } = input;
        let of = Translated::Product(product_id);
        let removed = translations::remove(ctx.app(), ctx.viewer(), of, expected_version, &locale).await;
        let (removed, user_errors) = outcome(removed)?;
        Ok(ProductTranslationRemovePayload {
            product: written(ctx, removed.map(|_| product_id)).await?,
            user_errors,
        })
    }

    /// Sets the texts of a collection in another language. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn collection_translation_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The texts.")] input: CollectionTranslationSetInput,
    ) -> Result<CollectionTranslationSetPayload> {
        let CollectionTranslationSetInput { collection_id, expected_version, locale, name, description } =
            input;
        let of = Translated::Collection(collection_id);
        let texts = Texts { name, description };
        let set = translations::set(ctx.app(), ctx.viewer(), of, expected_version, &locale, texts).await;
        let (set, user_errors) = outcome(set)?;
        let collection = match set {
            Some(_) => Collection::load_any(ctx, collection_id).await?,
            None => None,
        };
        Ok(CollectionTranslationSetPayload { collection, user_errors })
    }

    /// Takes the texts of a collection in another language away. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn collection_translation_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The language.")] input: CollectionTranslationRemoveInput,
    ) -> Result<CollectionTranslationRemovePayload> {
        let CollectionTranslationRemoveInput { collection_id, expected_version, locale } = input;
        let of = Translated::Collection(collection_id);
        let removed = translations::remove(ctx.app(), ctx.viewer(), of, expected_version, &locale).await;
        let (removed, user_errors) = outcome(removed)?;
        let collection = match removed {
            Some(_) => Collection::load_any(ctx, collection_id).await?,
            None => None,
        };
        Ok(CollectionTranslationRemovePayload { collection, user_errors })
    }
}
