//! What a file says about a product: the draft that its rows make, as far as the file has columns for it. A column that is not
//! there says nothing, so that a file with prices alone changes prices alone.

use sha2::{Digest, Sha256};

use crate::bulk::patch::{Collections, Prices, ProductPatch, StockPatch, VariantPatch};
use crate::catalog::{ProductDraft, VariantDraft};
use crate::ids::ChannelId;

use super::columns::{Column, Columns};

/// Lays out a draft as a patch for the channel of the import.
pub fn patch(draft: ProductDraft, columns: &Columns, channel_id: ChannelId) -> ProductPatch {
    let source = serde_json::to_vec(&draft).expect("a draft has no maps");
    let told = columns.fingerprint();
    let fingerprint = Sha256::new().chain_update(channel_id.0).chain_update(told).chain_update(source);
    let has = |column| columns.has(column);
    let has_images = has(Column::ImageSrc) || has(Column::VariantImage);
    ProductPatch {
        fingerprint: fingerprint.finalize().to_vec(),
        slug: draft.slug,
        name: Some(draft.name),
        description: Some(draft.description).filter(|_| has(Column::Body)),
        vendor: Some(draft.vendor).filter(|_| has(Column::Vendor)),
        product_type: Some(draft.product_type).filter(|_| has(Column::Type) || has(Column::Category)),
        tags: Some(draft.tags).filter(|_| has(Column::Tags)),
        status: Some(draft.status).filter(|_| has(Column::Status) || has(Column::Published)),
        options: Some(draft.options),
        variants: Some(draft.variants.into_iter().map(|variant| variant_patch(variant, columns)).collect()),
        images: Some(draft.images).filter(|_| has_images),
        collections: Some(Collections::Also(draft.collections)).filter(|_| has(Column::Collections)),
        ..ProductPatch::default()
    }
}

fn variant_patch(draft: VariantDraft, columns: &Columns) -> VariantPatch {
    let has = |column| columns.has(column);
    let backorderable = draft.backorderable;
    let level = |on_hand| StockPatch { location: None, on_hand, backorderable };
    VariantPatch {
        option_values: draft.option_values,
        sku: Some(draft.sku).filter(|_| has(Column::Sku)),
        prices: Prices::InChannel {
            amount: draft.price_minor,
            compare_at: Some(draft.compare_at_minor).filter(|_| has(Column::CompareAt)),
        },
        stock: draft.stock.map(level).into_iter().collect(),
        barcode: Some(draft.barcode).filter(|_| has(Column::Barcode)),
        weight_grams: Some(draft.weight_grams).filter(|_| has(Column::Grams)),
        requires_shipping: Some(draft.requires_shipping).filter(|_| has(Column::RequiresShipping)),
        taxable: Some(draft.taxable).filter(|_| has(Column::Taxable)),
        ..VariantPatch::default()
    }
}
