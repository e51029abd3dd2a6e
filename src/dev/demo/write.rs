//! Writing the demo store.

use anyhow::Context;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::{dsl::exists, select};
use diesel_async::RunQueryDsl;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::source::{self, Store};
use crate::catalog::{ImageDraft, OptionDraft, ProductDraft, VariantDraft, Written, create_products};
use crate::channels::Channel;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{CollectionId, LocationId, PromotionId, ShippingMethodId, TaxRateId};
use crate::money::Money;
use crate::schema::{
    collections, locations, products, promotions, shipping_method_channels, shipping_methods, shop_settings,
    tax_rates, users,
};

/// A million parts are the whole.
const MILLION: i64 = 1_000_000;

/// Whether nobody has put anything into the shop.
pub(super) async fn is_empty(conn: &mut Conn) -> Result<bool> {
    let products: bool = select(exists(products::table.select(products::id))).get_result(conn).await?;
    let collections: bool =
        select(exists(collections::table.select(collections::id))).get_result(conn).await?;
    Ok(!products && !collections)
}

/// Whether somebody has this email.
pub(super) async fn has_user(conn: &mut Conn, email: &str) -> Result<bool> {
    Ok(select(exists(users::table.filter(users::email.eq(email)))).get_result(conn).await?)
}

/// Writes everything in the caller's transaction; the prices are in the channel's currency.
pub(super) async fn store(
    conn: &mut Conn,
    channel: &Channel,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(shop_settings::table).set(shop_settings::name.eq(&store.shop.name)).execute(conn).await?;
    write_locations(conn, store).await?;
    write_shipping(conn, channel, store, now).await?;
    write_tax(conn, channel, store, now).await?;
    write_promotions(conn, channel, store, now).await?;
    for collection in &store.collections {
        diesel::insert_into(collections::table)
            .values((
                collections::id.eq(CollectionId::new()),
                collections::slug.eq(&collection.slug),
                collections::name.eq(&collection.name),
                collections::description.eq(&collection.description),
                collections::created_at.eq(now),
                collections::updated_at.eq(now),
            ))
            .execute(conn)
            .await?;
    }
    let drafts: Vec<ProductDraft> =
        store.products.iter().map(|product| draft(product, channel)).collect::<Result<_>>()?;
    let written = create_products(conn, channel, &drafts, now, "system").await?;
    let created = written.iter().filter(|written| matches!(written, Written::Created(_))).count();
    if created != drafts.len() {
        return Err(anyhow::anyhow!("{created} of {} products were created", drafts.len()))?;
    }
    Ok(())
}

/// The default location exists and keeps its id; it gets the name of the first one.
async fn write_locations(conn: &mut Conn, store: &Store) -> Result<()> {
    for (priority, location) in (0..).zip(&store.locations) {
        diesel::insert_into(locations::table)
            .values((
                locations::id.eq(LocationId::new()),
                locations::name.eq(&location.name),
                locations::priority.eq(priority),
            ))
            .on_conflict(locations::name)
            .do_nothing()
            .execute(conn)
            .await?;
    }
    Ok(())
}

async fn write_shipping(conn: &mut Conn, channel: &Channel, store: &Store, now: DateTime<Utc>) -> Result<()> {
    for (position, method) in (0..).zip(&store.shipping_methods) {
        let id = ShippingMethodId::new();
        let free_above = method.free_above.as_deref().map(|text| minor(text, channel)).transpose()?;
        diesel::insert_into(shipping_methods::table)
            .values((
                shipping_methods::id.eq(id),
                shipping_methods::name.eq(&method.name),
                shipping_methods::description.eq(&method.description),
                shipping_methods::position.eq(position),
                shipping_methods::created_at.eq(now),
            ))
            .execute(conn)
            .await?;
        diesel::insert_into(shipping_method_channels::table)
            .values((
                shipping_method_channels::shipping_method_id.eq(id),
                shipping_method_channels::channel_id.eq(channel.id),
                shipping_method_channels::price.eq(minor(&method.price, channel)?),
                shipping_method_channels::free_above.eq(free_above),
            ))
            .execute(conn)
            .await?;
    }
    Ok(())
}

async fn write_tax(conn: &mut Conn, channel: &Channel, store: &Store, now: DateTime<Utc>) -> Result<()> {
    diesel::insert_into(tax_rates::table)
        .values((
            tax_rates::id.eq(TaxRateId::new()),
            tax_rates::channel_id.eq(channel.id),
            tax_rates::name.eq(&store.tax_rate.name),
            tax_rates::country_code.eq(&store.tax_rate.country_code),
            tax_rates::rate_ppm.eq(parts(&store.tax_rate.rate, MILLION)?),
            tax_rates::created_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

async fn write_promotions(
    conn: &mut Conn,
    channel: &Channel,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<()> {
    for promotion in &store.promotions {
        let minor = |text: &Option<String>| text.as_deref().map(|text| minor(text, channel)).transpose();
        let percent = promotion.percent_off.as_deref().map(|text| parts(text, MILLION / 100)).transpose()?;
        diesel::insert_into(promotions::table)
            .values((
                promotions::id.eq(PromotionId::new()),
                promotions::channel_id.eq(channel.id),
                promotions::code.eq(&promotion.code),
                promotions::name.eq(&promotion.name),
                promotions::percent_ppm.eq(percent),
                promotions::amount.eq(minor(&promotion.amount_off)?),
                promotions::minimum_subtotal.eq(minor(&promotion.minimum_subtotal)?.unwrap_or(0)),
                promotions::created_at.eq(now),
            ))
            .execute(conn)
            .await?;
    }
    Ok(())
}

fn draft(product: &source::Product, channel: &Channel) -> Result<ProductDraft> {
    let mut tags = product.tags.clone();
    tags.sort();
    tags.dedup();
    let options = product.options.iter();
    let images = product.images.iter();
    Ok(ProductDraft {
        slug: product.slug.clone(),
        name: product.name.clone(),
        description: product.description.clone(),
        vendor: product.vendor.clone(),
        product_type: product.product_type.clone(),
        tags,
        status: product.status,
        options: options
            .map(|option| OptionDraft { name: option.name.clone(), values: option.values.clone() })
            .collect(),
        variants: product
            .variants
            .iter()
            .map(|variant| variant_draft(variant, channel))
            .collect::<Result<_>>()?,
        images: images
            .map(|image| ImageDraft { url: image.url.clone(), alt_text: image.alt_text.clone() })
            .collect(),
        collections: product.collections.clone(),
    })
}

fn variant_draft(variant: &source::Variant, channel: &Channel) -> Result<VariantDraft> {
    Ok(VariantDraft {
        sku: variant.sku.clone(),
        option_values: variant.options.clone(),
        price_minor: minor(&variant.price, channel)?,
        compare_at_minor: variant.compare_at_price.as_deref().map(|text| minor(text, channel)).transpose()?,
        stock: Some(variant.stock),
        backorderable: false,
        barcode: String::new(),
        weight_grams: Some(variant.weight_grams),
        requires_shipping: true,
        taxable: true,
    })
}

fn minor(text: &str, channel: &Channel) -> Result<i64> {
    Ok(Money::parse(text, channel.currency).map_err(Error::fault)?.minor)
}

/// A decimal text in units of which `per_unit` parts make one.
fn parts(text: &str, per_unit: i64) -> Result<i64> {
    let value = Decimal::from_str_exact(text).map_err(Error::fault)?;
    let parts = (value * Decimal::from(per_unit)).normalize();
    let whole = (parts.scale() == 0).then(|| parts.to_i64()).flatten();
    Ok(whole.with_context(|| format!("{text} is too fine a rate"))?)
}
