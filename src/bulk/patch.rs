//! What a file says about a product, and what becomes of the product by it.
//!
//! A file may say everything or a part. What it does not name stays as it is, or has its default in a new product. So a
//! patch is laid over the product as it is stored (or over an empty one), and what comes out is written as a whole.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::catalog::{
    ImageDraft, Membership, OptionDraft, PriceRecord, ProductRecord, ProductStatus, Publication, StockRecord,
    Texts, Translation, VariantRecord,
};
use crate::ids::{ChannelId, LocationId};
use crate::media;

use super::entry::Problem;

/// Values by the codes of attributes.
pub type Attributes = serde_json::Map<String, serde_json::Value>;

/// A product as a file describes it. `None` is what the file does not name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProductPatch {
    /// Which product.
    pub slug: String,
    /// SHA-256 of the description, so that it is recognized when it comes again.
    pub fingerprint: Vec<u8>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub vendor: Option<String>,
    pub product_type: Option<String>,
    pub tags: Option<Vec<String>>,
    pub status: Option<ProductStatus>,
    pub attributes: Option<Attributes>,
    pub metadata: Option<Texts>,
    pub private_metadata: Option<Texts>,
    pub translations: Option<Vec<Translation>>,
    pub options: Option<Vec<OptionDraft>>,
    /// All variants: others of the product go.
    pub variants: Option<Vec<VariantPatch>>,
    pub images: Option<Vec<ImageDraft>>,
    /// Where it is seen; by default the status decides about the channel of the import.
    pub channels: Option<Vec<Publication>>,
    pub collections: Option<Collections>,
}

/// The collections that a file names.
#[derive(Debug, Clone, PartialEq)]
pub enum Collections {
    /// These, and no others of those that are chosen by hand.
    Exactly(Vec<Membership>),
    /// These besides those that the product is in.
    Also(Vec<String>),
}

/// A variant as a file describes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VariantPatch {
    /// Which variant.
    pub option_values: Vec<String>,
    pub sku: Option<String>,
    pub prices: Prices,
    pub stock: Vec<StockPatch>,
    pub barcode: Option<String>,
    pub weight_grams: Option<Option<i64>>,
    pub requires_shipping: Option<bool>,
    pub taxable: Option<bool>,
    pub metadata: Option<Texts>,
    pub private_metadata: Option<Texts>,
}

/// The prices that a file names.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Prices {
    #[default]
    Unnamed,
    /// The price in the channel of the import, in minor units, and the former price if the file names it.
    InChannel { amount: i64, compare_at: Option<Option<i64>> },
    /// These, and no others.
    Exactly(Vec<PriceRecord>),
}

/// Stock that a file names.
#[derive(Debug, Clone, PartialEq)]
pub struct StockPatch {
    /// The name of the location; none is the default location.
    pub location: Option<String>,
    pub on_hand: i64,
    pub backorderable: bool,
}

/// What patches are read against: where the import is, and what else there is.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The channel of the import.
    pub channel_id: ChannelId,
    pub default_location: LocationId,
    pub locations: HashMap<String, LocationId>,
    pub now: DateTime<Utc>,
}

impl ProductPatch {
    /// Lays the patch over the product, or over a new one. What a new product cannot do without, and locations that do not
    /// exist, are problems; whether the parts fit each other is another question (`check::whole`).
    pub fn apply(self, stored: Option<&ProductRecord>, ground: &Ground) -> Result<ProductRecord, Problem> {
        let mut record = stored.cloned().unwrap_or_else(|| empty(&self.slug));
        set(&mut record.name, self.name);
        set(&mut record.description, self.description);
        set(&mut record.vendor, self.vendor);
        set(&mut record.product_type, self.product_type);
        set(&mut record.tags, self.tags);
        set(&mut record.attributes, self.attributes);
        set(&mut record.metadata, self.metadata);
        set(&mut record.private_metadata, self.private_metadata);
        set(&mut record.translations, self.translations);
        set(&mut record.options, self.options);
        set(&mut record.images, self.images.map(|images| as_stored(images, stored)));
        if record.name.is_empty() {
            return Err(Problem::new("name", "A new product needs a name."));
        }
        record.variants = variants(self.variants, record.variants, ground)?;
        if let Some(collections) = self.collections {
            record.collections = memberships(collections, record.collections);
        }
        set(&mut record.status, self.status);
        match self.channels {
            Some(channels) => record.channels = channels,
            None => follow_status(&mut record, self.status.is_some() || stored.is_none(), ground),
        }
        Ok(record)
    }
}

fn empty(slug: &str) -> ProductRecord {
    ProductRecord {
        slug: slug.to_owned(),
        name: String::new(),
        description: String::new(),
        vendor: String::new(),
        product_type: String::new(),
        tags: Vec::new(),
        status: ProductStatus::Draft,
        attributes: Attributes::new(),
        metadata: Texts::new(),
        private_metadata: Texts::new(),
        translations: Vec::new(),
        options: Vec::new(),
        variants: Vec::new(),
        images: Vec::new(),
        channels: Vec::new(),
        collections: Vec::new(),
    }
}

/// Images of our own storage that the product has already, under the address that is stored.
fn as_stored(mut images: Vec<ImageDraft>, stored: Option<&ProductRecord>) -> Vec<ImageDraft> {
    for image in &mut images {
        if let Some(ours) = media::read_url(&image.url)
            && stored.is_some_and(|stored| stored.images.iter().any(|known| known.url == ours.path))
        {
            image.url = ours.path;
        }
    }
    images
}

fn set<T>(value: &mut T, named: Option<T>) {
    if let Some(named) = named {
        *value = named;
    }
}

/// The product has a row in every channel that it has a price in. In the channel of the import it is published when it is
/// ACTIVE, if the file says the status.
fn follow_status(record: &mut ProductRecord, named: bool, ground: &Ground) {
    let mut channels: BTreeMap<ChannelId, Option<DateTime<Utc>>> =
        record.channels.iter().map(|it| (it.channel_id, it.published_at)).collect();
    for price in record.variants.iter().flat_map(|variant| &variant.prices) {
        channels.entry(price.channel_id).or_default();
    }
    let here = channels.entry(ground.channel_id).or_default();
    if named {
        let active = record.status == ProductStatus::Active;
        *here = if active { here.or(Some(ground.now)) } else { None };
    }
    let publication = |(channel_id, published_at)| Publication { channel_id, published_at };
    record.channels = channels.into_iter().map(publication).collect();
}

fn memberships(named: Collections, stored: Vec<Membership>) -> Vec<Membership> {
    let known: BTreeMap<String, Option<i64>> = stored.into_iter().map(|it| (it.slug, it.position)).collect();
    let wanted: BTreeMap<String, Option<i64>> = match named {
        Collections::Exactly(memberships) => memberships
            .into_iter()
            .map(|it| {
                let position = it.position.or_else(|| known.get(&it.slug).copied().flatten());
                (it.slug, position)
            })
            .collect(),
        Collections::Also(slugs) => {
            let mut all = known;
            slugs.into_iter().for_each(|slug| {
                all.entry(slug).or_default();
            });
            all
        }
    };
    wanted.into_iter().map(|(slug, position)| Membership { slug, position }).collect()
}

fn variants(
    named: Option<Vec<VariantPatch>>,
    stored: Vec<VariantRecord>,
    ground: &Ground,
) -> Result<Vec<VariantRecord>, Problem> {
    let Some(named) = named else {
        if stored.is_empty() {
            return Err(Problem::new("variants", "A new product needs at least one variant."));
        }
        // Their stock is not named, so it is not set.
        return Ok(stored
            .into_iter()
            .map(|variant| VariantRecord { stock: Vec::new(), ..variant })
            .collect());
    };
    let mut stored: HashMap<Vec<String>, VariantRecord> =
        stored.into_iter().map(|variant| (variant.option_values.clone(), variant)).collect();
    named
        .into_iter()
        .enumerate()
        .map(|(index, patch)| {
            let known = stored.remove(&patch.option_values);
            patch.apply(known, ground).map_err(|problem| {
                Problem::new(format!("variants[{index}].{}", problem.column), problem.reason)
            })
        })
        .collect()
}

impl VariantPatch {
    fn apply(self, stored: Option<VariantRecord>, ground: &Ground) -> Result<VariantRecord, Problem> {
        let is_new = stored.is_none();
        let mut record = stored.unwrap_or_else(|| VariantRecord {
            sku: String::new(),
            option_values: self.option_values,
            prices: Vec::new(),
            stock: Vec::new(),
            barcode: String::new(),
            weight_grams: None,
            requires_shipping: true,
            taxable: true,
            metadata: Texts::new(),
            private_metadata: Texts::new(),
        });
        set(&mut record.sku, self.sku);
        set(&mut record.barcode, self.barcode);
        set(&mut record.weight_grams, self.weight_grams);
        set(&mut record.requires_shipping, self.requires_shipping);
        set(&mut record.taxable, self.taxable);
        set(&mut record.metadata, self.metadata);
        set(&mut record.private_metadata, self.private_metadata);
        match self.prices {
            Prices::Unnamed if is_new => {
                return Err(Problem::new("price", "A new variant needs a price, or the list of its prices."));
            }
            Prices::Unnamed => {}
            Prices::InChannel { amount, compare_at } => {
                set_price(&mut record.prices, ground.channel_id, amount, compare_at);
            }
            Prices::Exactly(prices) => record.prices = prices,
        }
        record.stock = levels(self.stock, ground)?;
        Ok(record)
    }
}

fn set_price(
    prices: &mut Vec<PriceRecord>,
    channel_id: ChannelId,
    amount: i64,
    compare_at: Option<Option<i64>>,
) {
    match prices.iter_mut().find(|price| price.channel_id == channel_id) {
        Some(price) => {
            price.amount = amount;
            price.compare_at = compare_at.unwrap_or(price.compare_at);
            if price.sale_amount.is_some_and(|sale| sale > amount) {
                // It would cost more than without it.
                *price = PriceRecord::plain(channel_id, amount, price.compare_at);
            }
        }
        None => {
            prices.push(PriceRecord::plain(channel_id, amount, compare_at.flatten()));
            prices.sort_by_key(|price| price.channel_id);
        }
    }
}

fn levels(named: Vec<StockPatch>, ground: &Ground) -> Result<Vec<StockRecord>, Problem> {
    let mut levels: Vec<StockRecord> = Vec::with_capacity(named.len());
    for StockPatch { location, on_hand, backorderable } in named {
        let location_id = match &location {
            None => ground.default_location,
            Some(name) => *ground.locations.get(name).ok_or_else(|| {
                Problem::new(
                    "stock",
                    format!("There is no location {name:?}. A line of the type location makes it."),
                )
            })?,
        };
        if levels.iter().any(|level| level.location_id == location_id) {
            return Err(Problem::new("stock", "A location is named twice."));
        }
        levels.push(StockRecord { location_id, on_hand, backorderable });
    }
    Ok(levels)
}

/// Whether writing the record would change nothing. Stock counts only where the record names it.
pub fn is_met(record: &ProductRecord, stored: &ProductRecord) -> bool {
    if record.variants.len() != stored.variants.len() {
        return false;
    }
    let stock_is_met = record
        .variants
        .iter()
        .zip(&stored.variants)
        .all(|(variant, stored)| variant.stock.iter().all(|level| stored.stock.contains(level)));
    if !stock_is_met {
        return false;
    }
    let mut stored = stored.clone();
    for (stored, variant) in stored.variants.iter_mut().zip(&record.variants) {
        stored.stock.clone_from(&variant.stock);
    }
    *record == stored
}
