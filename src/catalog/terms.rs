//! What the index over words and filters is asked: tsqueries, built and quoted here.
//!
//! Which terms a product has is decided by the function `search_refresh` of the database, and for many new products equally by
//! `write/adding.rs`.

use crate::ids::{ChannelId, CollectionId};

use super::ProductStatus;

/// Separates the parts of a term; no text that people type has it.
pub const SEPARATOR: &str = "\u{1f}";

/// A range over more steps than this is not worth looking up: much lies in it. Twelve are a factor of eight.
const MAX_STEPS: i32 = 12;

/// The same of a range with one end: few are so dear, or so cheap.
const MAX_STEPS_OF_HALF: i32 = 44;

/// Prices beyond this are not looked up by their step.
const MAX_STEP: i32 = 120;

/// The index holds no longer terms, in bytes.
const MAX_TERM: usize = 601;

/// Matches a text of the index, whatever is in it.
pub fn term(text: &str) -> String {
    let text = if text.len() > MAX_TERM { "=nothing" } else { text };
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for character in text.chars() {
        if matches!(character, '\'' | '\\') {
            quoted.push(character);
        }
        quoted.push(character);
    }
    quoted.push('\'');
    quoted
}

/// Matches what begins with this text.
pub fn beginning(text: &str) -> String {
    term(text) + ":*"
}

/// Matches what all the parts match; nothing is asked by no parts.
pub fn all_of(parts: impl IntoIterator<Item = String>) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().collect();
    (!parts.is_empty()).then(|| parts.join(" & "))
}

/// Matches what one of the parts matches; nothing does when there are none.
pub fn any_of(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().collect();
    if parts.is_empty() { term("=nothing") } else { format!("({})", parts.join(" | ")) }
}

/// A part of the catalog by chance: of `2^level` equal parts this one.
pub fn part_of(level: u8, part: u32) -> String {
    term(&format!("#{level}.{part}"))
}

/// Matches every product, by its parts.
pub(super) fn everything() -> String {
    any_of((0..4).map(|part| part_of(2, part)))
}

/// Matches what is listed in the channel.
pub(super) fn listed_in(channel: ChannelId) -> String {
    term(&format!("=c{}", channel.0))
}

pub(super) fn member_of(collection: CollectionId) -> String {
    term(&format!("=k{}", collection.0))
}

pub(super) fn has_status(status: ProductStatus) -> String {
    term(&format!("=s{}", status.as_str()))
}

pub(super) fn available() -> String {
    term("=i")
}

/// A property that products are narrowed down by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FacetKey {
    /// The maker.
    Vendor,
    /// The kind.
    ProductType,
    /// A tag.
    Tag,
    /// An option, by its name.
    Option(String),
    /// An attribute, by its code.
    Attribute(String),
}

impl FacetKey {
    /// What its values begin with in `product_terms.facets`.
    pub fn prefix(&self) -> String {
        match self {
            FacetKey::Vendor => format!("v{SEPARATOR}"),
            FacetKey::ProductType => format!("t{SEPARATOR}"),
            FacetKey::Tag => format!("g{SEPARATOR}"),
            FacetKey::Option(name) => format!("o{SEPARATOR}{name}{SEPARATOR}"),
            FacetKey::Attribute(code) => format!("a{SEPARATOR}{code}{SEPARATOR}"),
        }
    }

    /// Matches what has one of these values.
    pub fn is_one_of<S: AsRef<str>>(&self, values: &[S]) -> String {
        let prefix = self.prefix();
        any_of(values.iter().map(|value| term(&format!("={prefix}{}", value.as_ref()))))
    }
}

/// The step of a number; the database's `number_step`, give or take the last bit.
fn step(number: f64) -> i32 {
    (number.signum() * (4.0 * (number.abs() + 1.0).ln() / std::f64::consts::LN_2).floor()) as i32
}

/// Matches, and a little more, what has a price in this range of minor units; `None` when the range is too wide to look
/// it up.
pub(super) fn price_between(channel: ChannelId, least: Option<i64>, most: Option<i64>) -> Option<String> {
    if least.is_none() && most.is_none() {
        return None;
    }
    let first = least.map_or(0, |price| (step(price as f64) - 1).max(0));
    let last = most.map_or(MAX_STEP, |price| step(price as f64) + 1);
    // A dearer one than the last step of all is among those with a wide range, or is not looked up.
    let most_steps = if least.is_some() && most.is_some() { MAX_STEPS } else { MAX_STEPS_OF_HALF };
    if most.is_none() && first > MAX_STEP || last - first >= most_steps {
        return None;
    }
    let prefix = format!("=p{}{SEPARATOR}", channel.0);
    let steps = (first..=last).map(|step| step.to_string()).chain(["*".to_owned()]);
    Some(any_of(steps.map(|step| term(&format!("{prefix}{step}")))))
}

/// Matches, and a little more, what has this number among its attributes.
pub(super) fn number_between(code: &str, least: Option<f64>, most: Option<f64>) -> Option<String> {
    let (first, last) = (step(least?) - 1, step(most?) + 1);
    if last - first >= MAX_STEPS {
        return None;
    }
    Some(any_of((first..=last).map(|step| term(&format!("=n{SEPARATOR}{code}{SEPARATOR}{step}")))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_quoted() {
        assert_eq!(term("O'Brien \\ & | !"), "'O''Brien \\\\ & | !'");
        assert_eq!(beginning("ham"), "'ham':*");
        assert_eq!(any_of([]), "'=nothing'");
        assert_eq!(FacetKey::Option("Size".into()).is_one_of(&["S"]), "('=o\u{1f}Size\u{1f}S')");
    }

    #[test]
    fn steps_grow_with_the_number() {
        assert_eq!([0.0, 1.0, 3.0, 1_000.0, -1_000.0].map(step), [0, 4, 8, 39, -39]);
        let channel = ChannelId::new();
        assert!(price_between(channel, Some(1_000), Some(2_000)).is_some());
        assert_eq!(price_between(channel, Some(1), Some(1_000_000_000)), None, "that is nearly everything");
        assert_eq!(price_between(channel, None, None), None);
        assert_eq!(number_between("weight", Some(1.0), None), None);
    }
}
