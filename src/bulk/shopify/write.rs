//! Writing products as Shopify's CSV. Every cell is guarded against formulas.

use crate::bulk::guard::guarded;
use crate::catalog::{ImageDraft, ProductDraft, ProductStatus, VariantDraft};
use crate::money::{Currency, Money};

use super::columns::{Column, export_name};

/// What stands between the title and the options, in Shopify's order.
const OF_PRODUCT: [Column; 5] = [Column::Title, Column::Body, Column::Vendor, Column::Type, Column::Tags];

/// What stands between the options and the images.
const OF_VARIANT: [Column; 10] = [
    Column::Sku,
    Column::Grams,
    Column::Tracker,
    Column::Quantity,
    Column::Policy,
    Column::Price,
    Column::CompareAt,
    Column::RequiresShipping,
    Column::Taxable,
    Column::Barcode,
];

const OF_IMAGE: [Column; 3] = [Column::ImageSrc, Column::ImagePosition, Column::ImageAlt];

/// The header of a file whose products have up to `options` options.
pub fn header(options: usize) -> Vec<String> {
    let mut header = vec![export_name(Column::Handle).to_owned()];
    header.extend(OF_PRODUCT.map(|column| export_name(column).to_owned()));
    header.push(export_name(Column::Published).to_owned());
    for n in 1..=options {
        header.extend([format!("Option{n} Name"), format!("Option{n} Value")]);
    }
    header.extend(OF_VARIANT.map(|column| export_name(column).to_owned()));
    // Shopify refuses a variant without it.
    header.push("Variant Fulfillment Service".to_owned());
    header.extend(OF_IMAGE.map(|column| export_name(column).to_owned()));
    header.extend([Column::Status, Column::Collections].map(|column| export_name(column).to_owned()));
    header
}

/// The rows of a product, each as long as [`header`] of the same number of options.
pub fn rows(draft: &ProductDraft, currency: Currency, options: usize) -> Vec<Vec<String>> {
    let count = draft.variants.len().max(draft.images.len());
    (0..count)
        .map(|index| {
            let mut row = vec![draft.slug.clone()];
            row.extend(product_cells(draft, index == 0));
            row.extend(option_cells(draft, draft.variants.get(index), options, index == 0));
            row.extend(variant_cells(draft.variants.get(index), currency));
            row.extend(image_cells(draft.images.get(index), index));
            row.extend(closing_cells(draft, index == 0));
            row.iter().map(|cell| guarded(cell).into_owned()).collect()
        })
        .collect()
}

fn product_cells(draft: &ProductDraft, is_first: bool) -> [String; OF_PRODUCT.len() + 1] {
    if !is_first {
        return Default::default();
    }
    [
        draft.name.clone(),
        draft.description.clone(),
        draft.vendor.clone(),
        draft.product_type.clone(),
        draft.tags.join(", "),
        (draft.status == ProductStatus::Active).to_string(),
    ]
}

fn option_cells(
    draft: &ProductDraft,
    variant: Option<&VariantDraft>,
    options: usize,
    is_first: bool,
) -> Vec<String> {
    let mut cells = vec![String::new(); 2 * options];
    if draft.options.is_empty() && is_first {
        cells[0] = "Title".to_owned();
        cells[1] = "Default Title".to_owned();
    }
    for (index, option) in draft.options.iter().enumerate().filter(|_| is_first) {
        cells[2 * index] = option.name.clone();
    }
    for (index, value) in variant.iter().flat_map(|variant| &variant.option_values).enumerate() {
        cells[2 * index + 1] = value.clone();
    }
    cells
}

fn variant_cells(variant: Option<&VariantDraft>, currency: Currency) -> [String; OF_VARIANT.len() + 1] {
    let Some(variant) = variant else { return Default::default() };
    let number = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
    let amount = |minor| Money::new(minor, currency).amount();
    [
        variant.sku.clone(),
        number(variant.weight_grams),
        "shopify".to_owned(),
        number(variant.stock),
        (if variant.backorderable { "continue" } else { "deny" }).to_owned(),
        amount(variant.price_minor),
        variant.compare_at_minor.map_or_else(String::new, amount),
        variant.requires_shipping.to_string(),
        variant.taxable.to_string(),
        variant.barcode.clone(),
        "manual".to_owned(),
    ]
}

fn image_cells(image: Option<&ImageDraft>, index: usize) -> [String; OF_IMAGE.len()] {
    match image {
        Some(image) => [image.url.clone(), (index + 1).to_string(), image.alt_text.clone()],
        None => Default::default(),
    }
}

fn closing_cells(draft: &ProductDraft, is_first: bool) -> [String; 2] {
    if !is_first {
        return Default::default();
    }
    let status = match draft.status {
        ProductStatus::Active => "active",
        ProductStatus::Draft => "draft",
        ProductStatus::Archived => "archived",
    };
    [status.to_owned(), draft.collections.join(", ")]
}
