//! Languages: which one of the shop's a request gets its texts in.
//!
//! A request prefers languages (`Accept-Language`), the shop has some. [`negotiate`] picks one of the shop's, so that answers
//! differ by few locales whatever browsers send. An object without a text in the picked language falls back along
//! [`Locale::candidates`] and ends with the text as it was written.

use std::sync::Arc;

/// Longer lists are cut: nobody reads so many languages.
const MAX_RANGES: usize = 16;

/// No language tag is longer (BCP 47, 4.4.1).
const MAX_TAG_BYTES: usize = 35;

/// The language of a request's texts. Cheap to clone, and fit for the key of a cache.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Locale(Option<Arc<str>>);

impl Locale {
    /// Texts as they were written.
    pub const ORIGINAL: Locale = Locale(None);

    /// Texts in this language, a tag in lower case.
    pub fn of(tag: &str) -> Self {
        Self(Some(tag.into()))
    }

    /// The tag, in lower case; `None` for texts as they were written.
    pub fn tag(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The tags to look for, best first: the tag itself, then with its last part taken off, down to the language
    /// (RFC 4647, 3.4). Empty for texts as they were written.
    pub fn candidates(&self) -> Vec<String> {
        self.tag().map_or_else(Vec::new, |tag| lookup_chain(tag).map(str::to_owned).collect())
    }
}

/// The language that fits `accept_language` (RFC 9110, 12.5.4) best, among those that the shop has translations in (`known`) and
/// the one that its texts are written in (`original`). Never fails: what cannot be read is passed over, and who
/// accepts nothing that the shop has gets the texts as they were written.
pub fn negotiate(accept_language: &str, known: &[String], original: &str) -> Locale {
    for range in preferences(accept_language) {
        for tag in lookup_chain(&range) {
            if let Some(known) = known.iter().find(|known| *known == tag && *known != original) {
                return Locale::of(known);
            }
            if tag == original {
                return Locale::ORIGINAL;
            }
        }
        if range == "*" {
            return Locale::ORIGINAL;
        }
    }
    Locale::ORIGINAL
}

/// A tag in the form that is stored: `de-AT` and `de_AT` are `de-at`. `None` for what is no tag.
pub fn normalize(tag: &str) -> Option<String> {
    let tag = tag.trim().replace('_', "-").to_ascii_lowercase();
    let mut parts = tag.split('-');
    let language = parts.next()?;
    let well_formed = tag.len() <= MAX_TAG_BYTES
        && (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts.all(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    well_formed.then_some(tag)
}

/// `zh-hant-tw`, `zh-hant`, `zh`.
fn lookup_chain(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(tag), |tag| tag.rsplit_once('-').map(|(rest, _)| rest))
}

/// The language ranges of the header in lower case, most wanted first; of equals the earlier one.
fn preferences(header: &str) -> Vec<String> {
    let mut ranges: Vec<(u16, String)> = Vec::new();
    for item in header.split(',').take(MAX_RANGES) {
        let mut parts = item.split(';');
        let range = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let quality = match parts.next().map(str::trim) {
            None => Some(1_000),
            Some(parameter) => parameter
                .strip_prefix("q=")
                .or_else(|| parameter.strip_prefix("Q="))
                .and_then(|quality| quality.parse::<f32>().ok())
                .filter(|quality| (0.0..=1.0).contains(quality))
                .map(|quality| (quality * 1_000.0).round() as u16),
        };
        if let Some(quality @ 1..) = quality
            && !range.is_empty()
            && range.len() <= MAX_TAG_BYTES
        {
            ranges.push((quality, range));
        }
    }
    ranges.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    ranges.into_iter().map(|(_, range)| range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(header: &str) -> Option<String> {
        let known = ["de", "de-at", "fr", "pt-br", "en-gb", "zh-hant"].map(str::to_owned);
        negotiate(header, &known, "en").tag().map(str::to_owned)
    }

    #[test]
    fn the_best_language_that_the_shop_has_is_picked() {
        assert_eq!(pick("de-AT,de;q=0.9,en;q=0.8").as_deref(), Some("de-at"));
        assert_eq!(pick("de-CH").as_deref(), Some("de"));
        assert_eq!(pick("zh-Hant-TW").as_deref(), Some("zh-hant"));
        assert_eq!(pick("it, fr;q=0.5, de;q=0.7").as_deref(), Some("de"));
        assert_eq!(pick("fr;q=0.5, de;q=0.5").as_deref(), Some("fr"));
        assert_eq!(pick("en-GB, fr").as_deref(), Some("en-gb"));
    }

    #[test]
    fn without_one_texts_are_as_they_were_written() {
        for header in
            ["", "it", "pt", "en-US,fr;q=0.9", "*", "it, *;q=0.5, fr;q=0.4", "fr;q=0", "fr;q=2", ";;,,=", "-"]
        {
            assert_eq!(pick(header), None, "{header}");
        }
    }

    #[test]
    fn a_tag_falls_back_to_its_language() {
        assert_eq!(Locale::of("zh-hant-tw").candidates(), ["zh-hant-tw", "zh-hant", "zh"]);
        assert!(Locale::ORIGINAL.candidates().is_empty());
    }

    #[test]
    fn tags_are_stored_in_one_form() {
        assert_eq!(normalize(" de_AT ").as_deref(), Some("de-at"));
        assert_eq!(normalize("pt-BR").as_deref(), Some("pt-br"));
        for bad in
            ["", "d", "deutsch", "de-", "de-a", "d3", "de at", "de\0", &format!("de{}", "-latn".repeat(9))]
        {
            assert_eq!(normalize(bad), None, "{bad}");
        }
    }
}
