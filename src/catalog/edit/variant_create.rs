//! `variantCreate`: one more combination of a product's options.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::channels::Channel;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{ProductId, VariantId};
use crate::inventory::{self, StockTarget};
use crate::schema::{variant_prices, variants};

use super::super::check::{MAX_VARIANTS, is_bad_text};
use super::super::rules::{self, Touched};
use super::{Author, combination, lock_product, queries, variant_name};

/// A variant that somebody enters.
#[derive(Debug, Clone)]
pub struct NewVariant {
    /// Of which product.
    pub product_id: ProductId,
    /// The version of the product that it is added to.
    pub expected_version: Option<i64>,
    /// Option and value, for every option.
    pub selected_options: Vec<(String, String)>,
    /// May be empty.
    pub sku: String,
    /// May be empty.
    pub barcode: String,
    /// In grams.
    pub weight_grams: Option<i64>,
    /// False for what is not sent.
    pub requires_shipping: bool,
    /// Whether tax is charged.
    pub taxable: bool,
    /// In minor units of the channel; not sold there without one.
    pub price_minor: Option<i64>,
    /// The price before a reduction, in minor units.
    pub compare_at_minor: Option<i64>,
    /// Units on hand at the default location.
    pub stock: i64,
    /// May be sold beyond what is on hand.
    pub backorderable: bool,
}

/// Adds a variant behind the others; needs CATALOG_WRITE, and INVENTORY_WRITE where it has stock. Locks the product.
///
/// Rejects an unknown product, a stale version, malformed texts, option values that the product does not have, a
/// combination that another variant has, and more than 2,000 variants.
pub async fn variant_create(
    app: &App,
    viewer: &Viewer,
    channel: &Channel,
    new: NewVariant,
) -> Result<VariantId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    if new.stock != 0 {
        viewer.require(Permission::InventoryWrite)?;
    }
    check_texts(&new.sku, &new.barcode)?;
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let product_id = new.product_id;
        lock_product(conn, product_id, new.expected_version, "productId").await?;
        let options = queries::options(conn, product_id).await?;
        let option_values = combination(&options, new.selected_options.clone())?;
        let others = queries::combinations(conn, product_id).await?;
        if others.len() >= MAX_VARIANTS {
            let message = "A product has at most 2,000 variants.";
            return Err(Rejection::new(Reason::LimitExceeded, message).at(["input", "productId"]).into());
        }
        if others.iter().any(|other| other.1 == option_values) {
            return Err(combination_taken().into());
        }
        let id = VariantId::new();
        let position: Option<i32> = variants::table
            .filter(variants::product_id.eq(product_id))
            .select(diesel::dsl::max(variants::position))
            .first(conn)
            .await?;
        diesel::insert_into(variants::table)
            .values((
                (variants::id.eq(id), variants::product_id.eq(product_id)),
                variants::sku.eq(&new.sku),
                variants::name.eq(variant_name(&option_values)),
                variants::position.eq(position.map_or(0, |last| last.saturating_add(1))),
                variants::option_values.eq(&option_values),
                variants::barcode.eq(&new.barcode),
                variants::weight_grams.eq(new.weight_grams),
                variants::requires_shipping.eq(new.requires_shipping),
                variants::taxable.eq(new.taxable),
                (variants::created_at.eq(author.now), variants::updated_at.eq(author.now)),
            ))
            .execute(conn)
            .await?;
        if let Some(price) = new.price_minor {
            diesel::insert_into(variant_prices::table)
                .values((
                    variant_prices::variant_id.eq(id),
                    variant_prices::channel_id.eq(channel.id),
                    variant_prices::amount.eq(price),
                    variant_prices::compare_at_amount.eq(new.compare_at_minor),
                ))
                .execute(conn)
                .await?;
            queries::refresh_ranges(conn, &[product_id], author.now).await?;
        }
        let (on_hand, backorderable) = (new.stock, new.backorderable);
        let location_id = inventory::default_location(conn).await?;
        let target = StockTarget { variant_id: id, location_id, is_new: true, on_hand, backorderable };
        inventory::set_on_hand(conn, &[target], "first stock", &author.actor, author.now).await?;
        queries::refresh_search(conn, product_id).await?;
        queries::touch(conn, product_id, author.now).await?;
        rules::review(conn, &[product_id], Touched::Variants).await?;
        author
            .record(conn, product_id, "product.variant_created", serde_json::json!({ "variant": id }))
            .await?;
        Ok::<_, Error>(id)
    })
    .await
}

pub(super) fn check_texts(sku: &str, barcode: &str) -> Result<()> {
    let fault = |field: &str, text: &str| {
        let message = "SKU and barcode have at most 255 characters.";
        is_bad_text(text).then(|| Rejection::new(Reason::Invalid, message).at(["input", field]))
    };
    let rejections: Vec<Rejection> =
        [fault("sku", sku), fault("barcode", barcode)].into_iter().flatten().collect();
    if rejections.is_empty() { Ok(()) } else { Err(Error::Rejected(rejections)) }
}

pub(super) fn combination_taken() -> Rejection {
    let message = "Another variant has the same option values.";
    Rejection::new(Reason::Taken, message).at(["input", "selectedOptions"])
}
