//! What a draft must keep so that the database takes it.

use std::collections::HashSet;

use crate::error::{Reason, Rejection};

use super::ProductDraft;

/// In characters, for names, slugs, SKUs and the like.
pub const MAX_TEXT_CHARS: usize = 255;

/// In bytes; a page of prose has 3,000.
pub const MAX_DESCRIPTION_BYTES: usize = 512 * 1024;

/// More variants than this are a mistake of the source.
pub const MAX_VARIANTS: usize = 2_000;

/// The combination of option values is the key of an index, whose entries have a limit.
const MAX_COMBINATION_BYTES: usize = 2_000;

impl ProductDraft {
    /// Everything that keeps the draft from being written, with paths that begin at the draft. Empty when it is fine.
    pub fn check(&self) -> Vec<Rejection> {
        let mut found = Vec::new();
        let mut reject = |reason, message: &str, path: &[&str]| {
            found.push(Rejection::new(reason, message).at(path.iter().copied()));
        };
        if let Some(message) = name_fault(&self.name) {
            reject(Reason::Invalid, message, &["name"]);
        }
        if let Some(message) = slug_fault(&self.slug) {
            reject(Reason::Invalid, message, &["slug"]);
        }
        if let Some(message) = description_fault(&self.description) {
            reject(Reason::Invalid, message, &["description"]);
        }
        if [&self.vendor, &self.product_type].into_iter().any(|text| is_bad_text(text)) {
            reject(Reason::Invalid, "Vendor and product type have at most 255 characters.", &["vendor"]);
        }
        if self.tags.iter().any(|tag| tag.is_empty() || is_bad_text(tag)) || self.tags.len() > 250 {
            reject(Reason::Invalid, "There are at most 250 tags, each of 1 to 255 characters.", &["tags"]);
        }
        let mut names = HashSet::new();
        for (index, option) in self.options.iter().enumerate() {
            let values: HashSet<&String> = option.values.iter().collect();
            let bad_values = values.len() != option.values.len()
                || option.values.iter().any(|value| value.is_empty() || is_bad_text(value));
            let bad_name = option.name.is_empty() || is_bad_text(&option.name) || !names.insert(&option.name);
            if bad_name || bad_values {
                let message = "An option has a name and values of 1 to 255 characters, none of them twice.";
                reject(Reason::Invalid, message, &["options", &index.to_string()]);
            }
        }
        if self.variants.len() > MAX_VARIANTS {
            reject(Reason::LimitExceeded, "A product has at most 2,000 variants.", &["variants"]);
        }
        let mut combinations = HashSet::new();
        for (index, variant) in self.variants.iter().enumerate() {
            let index = index.to_string();
            if !combinations.insert(&variant.option_values) {
                let message = "Another variant has the same option values.";
                reject(Reason::Taken, message, &["variants", &index, "selectedOptions"]);
            }
            let known = variant.option_values.len() == self.options.len()
                && self.options.iter().zip(&variant.option_values).all(|(o, value)| o.values.contains(value));
            if !known {
                let message = "A variant selects one of the values of every option.";
                reject(Reason::Invalid, message, &["variants", &index, "selectedOptions"]);
            }
            if variant.option_values.iter().map(String::len).sum::<usize>() > MAX_COMBINATION_BYTES {
                let message = "The option values of a variant have at most 2,000 bytes together.";
                reject(Reason::LimitExceeded, message, &["variants", &index, "selectedOptions"]);
            }
            if is_bad_text(&variant.sku) || is_bad_text(&variant.barcode) {
                let message = "SKU and barcode have at most 255 characters.";
                reject(Reason::Invalid, message, &["variants", &index, "sku"]);
            }
            if variant.price_minor < 0 || variant.compare_at_minor.is_some_and(|price| price < 0) {
                let message = "A price is not negative.";
                reject(Reason::Invalid, message, &["variants", &index, "price"]);
            }
        }
        for (index, image) in self.images.iter().enumerate() {
            if image.url.is_empty()
                || image.url.len() > 2_000
                || has_nul(&image.url)
                || has_nul(&image.alt_text)
            {
                let message = "The URL of an image has 1 to 2,000 characters.";
                reject(Reason::Invalid, message, &["images", &index.to_string(), "url"]);
            }
        }
        found
    }
}

/// Why a text cannot be the name of a product or collection.
pub fn name_fault(name: &str) -> Option<&'static str> {
    (name.trim().is_empty() || is_bad_text(name)).then_some("The name has 1 to 255 characters.")
}

/// Why a text cannot be a slug.
pub fn slug_fault(slug: &str) -> Option<&'static str> {
    let bad = |character: char| character.is_whitespace() || matches!(character, '/' | '?' | '#' | '\0');
    (slug.is_empty() || slug.chars().count() > MAX_TEXT_CHARS || slug.contains(bad))
        .then_some("The slug has 1 to 255 characters, none of them a space, \"/\", \"?\" or \"#\".")
}

/// Why a text cannot be a description.
pub fn description_fault(description: &str) -> Option<&'static str> {
    (description.len() > MAX_DESCRIPTION_BYTES || has_nul(description))
        .then_some("The description has at most 512 KiB of text.")
}

/// Too long, or holding the one character that PostgreSQL cannot store.
pub fn is_bad_text(text: &str) -> bool {
    text.len() > 4 * MAX_TEXT_CHARS || text.chars().count() > MAX_TEXT_CHARS || has_nul(text)
}

fn has_nul(text: &str) -> bool {
    text.contains('\0')
}
