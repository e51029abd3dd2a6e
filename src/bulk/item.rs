//! What a record of a file may be about, besides products.

use std::sync::Arc;

use crate::catalog::{
    AttributeRecord, CollectionRecord, ImageDraft, Publication, Texts, Translation, TypeRecord,
};
use crate::channels::Channel;

use super::entry::Problem;
use super::patch::ProductPatch;

/// What a record of a file says.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    Product(Box<ProductPatch>),
    Collection(Box<CollectionPatch>),
    ProductType(TypePatch),
    Location(LocationItem),
}

impl Item {
    /// The product's patch, if it is about one.
    pub fn product(&self) -> Option<&ProductPatch> {
        match self {
            Item::Product(patch) => Some(patch),
            _ => None,
        }
    }
}

/// The channels that a file may name.
#[derive(Debug, Clone)]
pub struct Places {
    /// The one of the import.
    pub channel: Channel,
    /// All of them.
    pub channels: Arc<[Channel]>,
}

impl Places {
    /// The channel with this slug.
    pub fn find(&self, column: &str, slug: &str) -> Result<&Channel, Problem> {
        self.channels.iter().find(|channel| channel.slug == slug).ok_or_else(|| {
            let shown: String = slug.chars().take(40).collect();
            Problem::new(column, format!("There is no channel {shown:?}."))
        })
    }
}

/// The rule with its channels called otherwise: a condition on a price names the channel by its id where it is stored, and by
/// its slug in a file.
pub fn with_channels<E>(
    mut rule: serde_json::Value,
    rename: impl Fn(&str) -> Result<String, E>,
) -> Result<serde_json::Value, E> {
    let conditions = rule.get_mut("conditions").and_then(serde_json::Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        if condition.get("field").is_some_and(|field| field == "PRICE")
            && let Some(key) = condition.get_mut("key")
            && let Some(name) = key.as_str()
        {
            *key = rename(name)?.into();
        }
    }
    Ok(rule)
}

/// A collection as a file describes it. `None` is what the file does not name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CollectionPatch {
    /// Which collection.
    pub slug: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub rule: Option<Option<serde_json::Value>>,
    pub image: Option<Option<ImageDraft>>,
    pub metadata: Option<Texts>,
    pub private_metadata: Option<Texts>,
    pub translations: Option<Vec<Translation>>,
    pub channels: Option<Vec<Publication>>,
}

impl CollectionPatch {
    /// Lays the patch over the collection, or over a new one, which needs a name.
    pub fn apply(self, stored: Option<&CollectionRecord>) -> Result<CollectionRecord, Problem> {
        let new = || CollectionRecord { slug: self.slug.clone(), ..CollectionRecord::default() };
        let mut record = stored.cloned().unwrap_or_else(new);
        record.name = self.name.unwrap_or(record.name);
        record.description = self.description.unwrap_or(record.description);
        record.rule = self.rule.unwrap_or(record.rule);
        if let Some(image) = self.image {
            let image = image.unwrap_or_else(|| ImageDraft { url: String::new(), alt_text: String::new() });
            (record.image_url, record.image_alt_text) = (image.url, image.alt_text);
        }
        record.metadata = self.metadata.unwrap_or(record.metadata);
        record.private_metadata = self.private_metadata.unwrap_or(record.private_metadata);
        record.translations = self.translations.unwrap_or(record.translations);
        record.channels = self.channels.unwrap_or(record.channels);
        if record.name.is_empty() {
            return Err(Problem::new("name", "A new collection needs a name."));
        }
        Ok(record)
    }
}

/// A product type as a file describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct TypePatch {
    /// Which product type.
    pub name: String,
    /// All of its attributes, if the file names them.
    pub attributes: Option<Vec<AttributeRecord>>,
}

impl TypePatch {
    /// Lays the patch over the product type, or over a new one.
    pub fn apply(self, stored: Option<&TypeRecord>) -> TypeRecord {
        let known = || stored.map(|stored| stored.attributes.clone()).unwrap_or_default();
        TypeRecord { name: self.name, attributes: self.attributes.unwrap_or_else(known) }
    }
}

/// A location as a file describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct LocationItem {
    pub name: String,
    /// Lower numbers are drawn from first.
    pub priority: i32,
}
