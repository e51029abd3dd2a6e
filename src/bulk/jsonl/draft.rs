//! A single line as a draft, for whoever has lines but no file.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::bulk::entry::Problem;
use crate::bulk::item::{Item, Places};
use crate::bulk::patch::Ground;
use crate::catalog::{ProductDraft, ProductRecord, VariantDraft};
use crate::channels::Channel;
use crate::ids::{ChannelId, LocationId};
use crate::money::Currency;

use super::read;

/// The new product of one line, in a channel of this currency and at the default location; or what is wrong with it, as a
/// sentence.
pub fn parse_line(line: &[u8], currency: Currency) -> Result<ProductDraft, String> {
    let nowhere = uuid::Uuid::nil();
    let channel = Channel {
        id: ChannelId(nowhere),
        slug: String::new(),
        name: String::new(),
        currency,
        is_default: true,
        version: 1,
    };
    let places = Places { channel: channel.clone(), channels: vec![channel].into() };
    let ground = Ground {
        channel_id: ChannelId(nowhere),
        default_location: LocationId(nowhere),
        locations: HashMap::new(),
        now: DateTime::<Utc>::UNIX_EPOCH,
    };
    let record = match read::read(line, &places).map_err(sentence)? {
        Item::Product(patch) => patch.apply(None, &ground).map_err(sentence)?,
        _ => return Err("The line is not about a product.".into()),
    };
    draft(record)
}

fn sentence(Problem { column, reason }: Problem) -> String {
    if column.is_empty() { reason } else { format!("{column}: {reason}") }
}

fn draft(record: ProductRecord) -> Result<ProductDraft, String> {
    let variants = record.variants.into_iter().map(|variant| {
        let price = variant.prices.first().ok_or("A variant has no price.")?;
        let level = variant.stock.first();
        Ok(VariantDraft {
            price_minor: price.amount,
            compare_at_minor: price.compare_at,
            stock: level.map(|level| level.on_hand),
            backorderable: level.is_some_and(|level| level.backorderable),
            sku: variant.sku,
            option_values: variant.option_values,
            barcode: variant.barcode,
            weight_grams: variant.weight_grams,
            requires_shipping: variant.requires_shipping,
            taxable: variant.taxable,
        })
    });
    Ok(ProductDraft {
        slug: record.slug,
        name: record.name,
        description: record.description,
        vendor: record.vendor,
        product_type: record.product_type,
        tags: record.tags,
        status: record.status,
        options: record.options,
        variants: variants.collect::<Result<_, &str>>()?,
        images: record.images,
        collections: record.collections.into_iter().map(|membership| membership.slug).collect(),
    })
}
