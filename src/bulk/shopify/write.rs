//! Writing products as Shopify's CSV. Every cell is guarded against formulas.

use chrono::{DateTime, Utc};

use crate::bulk::guard::{guarded, guarded_trimmed};
use crate::catalog::{ImageDraft, PriceRecord, ProductRecord, ProductStatus, VariantRecord};
use crate::channels::Channel;
use crate::ids::LocationId;

use super::columns::{Column, export_name};

/// What stands between the title and the options, in Shopify's order.
const OF_PRODUCT: [Column; 5] = [Column::Title, Column::Body, Column::Vendor, Column::Type, Column::Tags];

/// Where the description stands in a row.
const DESCRIPTION: usize = 2;

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

/// Writes the products of a channel.
pub struct Writer {
    pub channel: Channel,
    /// Whose stock is written.
    pub location_id: LocationId,
    /// How many option columns there are.
    pub options: usize,
}

impl Writer {
    /// The header of the file.
    pub fn header(&self) -> Vec<String> {
        let mut header = vec![export_name(Column::Handle).to_owned()];
        header.extend(OF_PRODUCT.map(|column| export_name(column).to_owned()));
        header.push(export_name(Column::Published).to_owned());
        for n in 1..=self.options {
            header.extend([format!("Option{n} Name"), format!("Option{n} Value")]);
        }
        header.extend(OF_VARIANT.map(|column| export_name(column).to_owned()));
        // Shopify refuses a variant without it.
        header.push("Variant Fulfillment Service".to_owned());
        header.extend(OF_IMAGE.map(|column| export_name(column).to_owned()));
        header.extend([Column::Status, Column::Collections].map(|column| export_name(column).to_owned()));
        header
    }

    /// The rows of a product, each as long as the header; none when a variant has no price in the channel, which the
    /// format cannot say.
    pub fn product(&self, record: &ProductRecord, now: DateTime<Utc>) -> Option<Vec<Vec<String>>> {
        let priced = record.variants.iter().all(|variant| self.price(variant).is_some());
        if !priced || record.variants.is_empty() {
            return None;
        }
        let count = record.variants.len().max(record.images.len());
        let row = |index: usize| {
            let mut row = vec![record.slug.clone()];
            row.extend(product_cells(record, self.status(record, now), index == 0));
            row.extend(self.option_cells(record, record.variants.get(index), index == 0));
            row.extend(self.variant_cells(record.variants.get(index)));
            row.extend(image_cells(record.images.get(index), index));
            row.extend(closing_cells(record, self.status(record, now), index == 0));
            row.iter().enumerate().map(guard).collect()
        };
        Some((0..count).map(row).collect())
    }

    fn price<'a>(&self, variant: &'a VariantRecord) -> Option<&'a PriceRecord> {
        variant.prices.iter().find(|price| price.channel_id == self.channel.id)
    }

    /// What is ACTIVE but not published in the channel counts as a draft there: an import elsewhere must not publish it.
    fn status(&self, record: &ProductRecord, now: DateTime<Utc>) -> ProductStatus {
        let here = record.channels.iter().find(|it| it.channel_id == self.channel.id);
        let seen = here.and_then(|here| here.published_at).is_some_and(|at| at <= now);
        if record.status == ProductStatus::Active && !seen { ProductStatus::Draft } else { record.status }
    }

    fn option_cells(
        &self,
        record: &ProductRecord,
        variant: Option<&VariantRecord>,
        is_first: bool,
    ) -> Vec<String> {
        let mut cells = vec![String::new(); 2 * self.options];
        if record.options.is_empty() && is_first {
            cells[0] = "Title".to_owned();
            cells[1] = "Default Title".to_owned();
        }
        for (index, option) in record.options.iter().enumerate().filter(|_| is_first) {
            cells[2 * index] = option.name.clone();
        }
        for (index, value) in variant.iter().flat_map(|variant| &variant.option_values).enumerate() {
            cells[2 * index + 1] = value.clone();
        }
        cells
    }

    fn variant_cells(&self, variant: Option<&VariantRecord>) -> [String; OF_VARIANT.len() + 1] {
        let Some(variant) = variant else { return Default::default() };
        let Some(price) = self.price(variant) else { return Default::default() };
        let level = variant.stock.iter().find(|level| level.location_id == self.location_id);
        let number = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
        let amount = |minor| self.channel.money(minor).amount();
        let policy = if level.is_some_and(|level| level.backorderable) { "continue" } else { "deny" };
        [
            variant.sku.clone(),
            number(variant.weight_grams),
            "shopify".to_owned(),
            number(level.map(|level| level.on_hand)),
            policy.to_owned(),
            amount(price.amount),
            price.compare_at.map_or_else(String::new, amount),
            variant.requires_shipping.to_string(),
            variant.taxable.to_string(),
            variant.barcode.clone(),
            "manual".to_owned(),
        ]
    }
}

/// The description is read as it is, other cells without the white space around them.
fn guard((index, cell): (usize, &String)) -> String {
    if index == DESCRIPTION { guarded(cell).into_owned() } else { guarded_trimmed(cell).into_owned() }
}

fn product_cells(
    record: &ProductRecord,
    status: ProductStatus,
    is_first: bool,
) -> [String; OF_PRODUCT.len() + 1] {
    if !is_first {
        return Default::default();
    }
    [
        record.name.clone(),
        record.description.clone(),
        record.vendor.clone(),
        record.product_type.clone(),
        record.tags.join(", "),
        (status == ProductStatus::Active).to_string(),
    ]
}

fn image_cells(image: Option<&ImageDraft>, index: usize) -> [String; OF_IMAGE.len()] {
    match image {
        Some(image) => [image.url.clone(), (index + 1).to_string(), image.alt_text.clone()],
        None => Default::default(),
    }
}

fn closing_cells(record: &ProductRecord, status: ProductStatus, is_first: bool) -> [String; 2] {
    if !is_first {
        return Default::default();
    }
    let status = match status {
        ProductStatus::Active => "active",
        ProductStatus::Draft => "draft",
        ProductStatus::Archived => "archived",
    };
    let slugs: Vec<&str> = record.collections.iter().map(|it| it.slug.as_str()).collect();
    [status.to_owned(), slugs.join(", ")]
}
