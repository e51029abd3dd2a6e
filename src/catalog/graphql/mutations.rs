//! Changing the catalog.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::catalog::{
    self, ImageDraft, NewProduct, OptionDraft, ProductChange, ProductDraft, ProductStatus, VariantDraft,
};
use crate::channels::Channel;
use crate::error::{Error, Rejection};
use crate::graphql::{ContextExt, MoneyInput, UserError, outcome};
use crate::ids::ProductId;

use super::attributes::{ProductAttributeInput, read_values};
use super::product::Product;

/// A new product.
#[derive(InputObject)]
pub struct ProductCreateInput {
    /// 1 to 255 characters.
    name: String,
    /// Identifies it in URLs: unique, 1 to 255 characters, none of them a space, "/", "?" or "#". Made from the name
    /// when left out.
    slug: Option<String>,
    /// Text or HTML.
    #[graphql(default)]
    description: String,
    /// The maker.
    #[graphql(default)]
    vendor: String,
    /// The kind of product.
    #[graphql(default)]
    product_type: String,
    /// Words that it is found and grouped by.
    #[graphql(default)]
    tags: Vec<String>,
    /// ACTIVE publishes it in the channel.
    #[graphql(default_with = "ProductStatus::Draft")]
    status: ProductStatus,
    /// The options that it comes in, in display order.
    #[graphql(default)]
    options: Vec<ProductOptionInput>,
    /// Its variants, in display order; one for each combination of option values that is sold.
    #[graphql(default)]
    variants: Vec<ProductVariantInput>,
    /// Its images, in display order.
    #[graphql(default)]
    images: Vec<ImageInput>,
    /// Slugs of collections that it is added to; not those by rule, which know their members.
    #[graphql(default)]
    collections: Vec<String>,
    /// Its attributes; those that its type has.
    #[graphql(default)]
    attributes: Vec<ProductAttributeInput>,
}

/// An option and its values.
#[derive(InputObject)]
pub struct ProductOptionInput {
    /// Such as "Size".
    name: String,
    /// Such as "S" and "M", in display order.
    values: Vec<String>,
}

/// A variant of a new product.
#[derive(InputObject)]
pub struct ProductVariantInput {
    /// Identifies the variant for people.
    #[graphql(default)]
    sku: String,
    /// What it costs in the channel, in its currency.
    price: MoneyInput,
    /// What it cost before a reduction.
    compare_at_price: Option<MoneyInput>,
    /// A value for each option.
    #[graphql(default)]
    selected_options: Vec<SelectedOptionInput>,
    /// Units on hand at the default location; needs INVENTORY_WRITE unless zero.
    #[graphql(default = 0, validator(minimum = 0, maximum = 1_000_000_000))]
    stock: i64,
    /// May be sold beyond what is on hand.
    #[graphql(default)]
    backorderable: bool,
    /// Such as an EAN.
    #[graphql(default)]
    barcode: String,
    /// In grams.
    #[graphql(validator(minimum = 0, maximum = 1_000_000_000))]
    weight_grams: Option<i64>,
    /// False for what is not sent, such as a gift card.
    #[graphql(default = true)]
    requires_shipping: bool,
    /// Whether tax is charged.
    #[graphql(default = true)]
    taxable: bool,
}

/// The value of an option.
#[derive(InputObject)]
pub struct SelectedOptionInput {
    /// The option, such as "Size".
    pub(super) name: String,
    /// The value, such as "M".
    pub(super) value: String,
}

/// An image.
#[derive(InputObject)]
pub struct ImageInput {
    /// Absolute, or a path on this server.
    url: String,
    /// What it shows, for those who cannot see it.
    #[graphql(default)]
    alt_text: String,
}

/// An edit of a product; what is left out stays.
#[derive(InputObject)]
pub struct ProductUpdateInput {
    /// The product.
    id: ProductId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// 1 to 255 characters.
    name: Option<String>,
    /// Unique, 1 to 255 characters, none of them a space, "/", "?" or "#".
    slug: Option<String>,
    /// Text or HTML.
    description: Option<String>,
    /// The maker.
    vendor: Option<String>,
    /// The kind of product.
    product_type: Option<String>,
    /// Replaces all tags.
    tags: Option<Vec<String>>,
    /// ACTIVE publishes it in the channel, anything else takes it back.
    status: Option<ProductStatus>,
    /// Attributes that change; those that are not named stay.
    #[graphql(default)]
    attributes: Vec<ProductAttributeInput>,
}

/// What `productCreate` answers.
#[derive(SimpleObject)]
pub struct ProductCreatePayload {
    /// The new product; null when there are user errors.
    product: Option<Product>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// What `productUpdate` answers.
#[derive(SimpleObject)]
pub struct ProductUpdatePayload {
    /// The product after the edit; null when there are user errors.
    product: Option<Product>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

impl ProductCreateInput {
    fn into_new_product(self, channel: &Channel) -> Result<NewProduct, Error> {
        let mut variants = Vec::with_capacity(self.variants.len());
        let mut selected_options = Vec::with_capacity(self.variants.len());
        let mut rejections = Vec::new();
        for (index, variant) in self.variants.into_iter().enumerate() {
            let mut minor = |input: &MoneyInput, field: &str| match input.read(channel.currency) {
                Ok(money) => money.minor,
                Err(rejection) => {
                    let rejection: Rejection = rejection;
                    rejections.push(rejection.at(["input", "variants", &index.to_string(), field]));
                    0
                }
            };
            variants.push(VariantDraft {
                price_minor: minor(&variant.price, "price"),
                compare_at_minor: variant
                    .compare_at_price
                    .as_ref()
                    .map(|price| minor(price, "compareAtPrice")),
                sku: variant.sku,
                option_values: Vec::new(),
                stock: Some(variant.stock),
                backorderable: variant.backorderable,
                barcode: variant.barcode,
                weight_grams: variant.weight_grams,
                requires_shipping: variant.requires_shipping,
                taxable: variant.taxable,
            });
            let selected = variant.selected_options.into_iter();
            selected_options.push(selected.map(|option| (option.name, option.value)).collect());
        }
        if !rejections.is_empty() {
            return Err(Error::Rejected(rejections));
        }
        let options =
            self.options.into_iter().map(|option| OptionDraft { name: option.name, values: option.values });
        let images =
            self.images.into_iter().map(|image| ImageDraft { url: image.url, alt_text: image.alt_text });
        let draft = ProductDraft {
            slug: self.slug.unwrap_or_default(),
            name: self.name,
            description: self.description,
            vendor: self.vendor,
            product_type: self.product_type,
            tags: self.tags,
            status: self.status,
            options: options.collect(),
            variants,
            images: images.collect(),
            collections: self.collections,
        };
        let attributes = read_values(self.attributes)?;
        Ok(NewProduct { draft, selected_options, attributes })
    }
}

/// Root mutations about the catalog.
#[derive(Default)]
pub struct CatalogMutation;

#[Object]
impl CatalogMutation {
    /// Creates a product with its options, variants, prices, stock and images. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product.")] input: ProductCreateInput,
    ) -> Result<ProductCreatePayload> {
        let (app, viewer, channel) = (ctx.app(), ctx.viewer(), ctx.channel());
        let created = async {
            viewer.require(crate::access::Permission::CatalogWrite)?;
            catalog::create(app, viewer, channel, input.into_new_product(channel)?).await
        };
        let (id, user_errors) = outcome(created.await)?;
        let product = written(ctx, id).await?;
        Ok(ProductCreatePayload { product, user_errors })
    }

    /// Edits a product. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edit.")] input: ProductUpdateInput,
    ) -> Result<ProductUpdatePayload> {
        let ProductUpdateInput {
            id,
            expected_version,
            name,
            slug,
            description,
            vendor,
            product_type,
            tags,
            status,
            attributes,
        } = input;
        let (app, viewer, channel) = (ctx.app(), ctx.viewer(), ctx.channel());
        let updated = async {
            viewer.require(crate::access::Permission::CatalogWrite)?;
            let attributes = read_values(attributes)?;
            let change =
                ProductChange { name, slug, description, vendor, product_type, tags, status, attributes };
            catalog::update(app, viewer, channel, id, expected_version, change).await
        };
        let (id, user_errors) = outcome(updated.await)?;
        let product = written(ctx, id).await?;
        Ok(ProductUpdatePayload { product, user_errors })
    }
}

/// The product that was just written, whatever the viewer may read: who may change a product sees the result.
pub(super) async fn written(ctx: &Context<'_>, id: Option<ProductId>) -> Result<Option<Product>> {
    let Some(id) = id else { return Ok(None) };
    let app = ctx.app();
    let scope = catalog::Scope { channel_id: ctx.channel().id, now: app.clock.now(), staff: true };
    let mut conn = app.db.get().await?;
    let columns = catalog::ProductColumns::ALL;
    Ok(catalog::products_in_order(&mut conn, &scope, &[id], columns).await?.pop().map(Product))
}
