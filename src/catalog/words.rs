//! What of a product full-text search looks at, as plain words.
//!
//! Texts are cut into words here, not by PostgreSQL's parser, so that "AD-03-black-OS" is found by its parts and a
//! question is cut in the same way. Folding accents and stemming is left to PostgreSQL (`product_search`, and [`super::stems`]
//! for many products).

use foldhash::HashSet;

/// A longer description counts with its beginning only; what a tsvector can hold is limited.
const MAX_DESCRIPTION_BYTES: usize = 10_000;

/// The words of a product, by weight.
#[derive(Debug, Default, PartialEq)]
pub(super) struct SearchDocument {
    /// The name.
    pub a: String,
    /// Vendor and SKUs.
    pub b: String,
    /// Type and tags.
    pub c: String,
    /// The description, each word once: how often it says one does not count.
    pub d: String,
}

impl SearchDocument {
    pub fn new<'a>(
        name: &str,
        vendor: &str,
        skus: impl IntoIterator<Item = &'a str>,
        product_type: &str,
        tags: &[String],
        description: &str,
    ) -> Self {
        let mut document = Self::default();
        append_words(&mut document.a, name);
        append_words(&mut document.b, vendor);
        for sku in skus {
            append_words(&mut document.b, sku);
        }
        append_words(&mut document.c, product_type);
        for tag in tags {
            append_words(&mut document.c, tag);
        }
        let mut prose = String::new();
        append_prose(&mut prose, description);
        document.d = distinct(&prose);
        document
    }
}

/// The words of `text`: its letters and digits, everything else of ASCII made a single space.
pub fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    append_words(&mut words, text);
    words
}

fn append_words(words: &mut String, text: &str) {
    space(words);
    append(words, text);
}

/// As [`append_words`], without markup and character references.
fn append_prose(words: &mut String, text: &str) {
    let end = (0..=MAX_DESCRIPTION_BYTES.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    let mut rest = &text[..end.unwrap_or(0)];
    space(words);
    loop {
        let plain = rest.find(['<', '&']).unwrap_or(rest.len());
        append(words, &rest[..plain]);
        rest = &rest[plain..];
        let skipped = match rest.bytes().next() {
            None => return,
            Some(b'<') => rest[1..]
                .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'))
                .then(|| rest.find('>').unwrap_or(rest.len() - 1)),
            Some(_) => rest.find(';').filter(|&end| {
                (2..=9).contains(&end) && rest[1..end].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')
            }),
        };
        space(words);
        rest = &rest[skipped.unwrap_or(0) + 1..];
    }
}

/// One word after another.
pub(super) fn split(words: &str) -> impl Iterator<Item = &str> {
    words.split(' ').filter(|word| !word.is_empty())
}

/// Each of the words once.
fn distinct(words: &str) -> String {
    let mut seen = HashSet::default();
    let mut distinct = String::with_capacity(words.len());
    for word in split(words).filter(|word| seen.insert(*word)) {
        space(&mut distinct);
        distinct.push_str(word);
    }
    distinct
}

/// Goes on with the last word, if there is no space behind it.
fn append(words: &mut String, text: &str) {
    let separates = |character: char| character.is_ascii() && !character.is_ascii_alphanumeric();
    for (index, word) in text.split(separates).enumerate() {
        if index > 0 {
            space(words);
        }
        words.push_str(word);
    }
}

fn space(words: &mut String) {
    if !words.is_empty() && !words.ends_with(' ') {
        words.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits() {
        assert_eq!(words("AD-03-black-OS"), "AD 03 black OS");
        assert_eq!(words("  Crème  brûlée, 16oz! "), "Crème brûlée 16oz ");
        assert_eq!(words("(:*&|!'\"\\)"), "");
    }

    #[test]
    fn a_description_says_each_word_once() {
        let document = SearchDocument::new("oak oak", "", [], "", &[], "<b>Oak</b> and oak, and Oak.");
        assert_eq!((document.a.as_str(), document.d.as_str()), ("oak oak", "Oak and oak"));
    }

    #[test]
    fn markup_is_no_prose() {
        let prose = |text: &str| {
            let mut words = String::new();
            append_prose(&mut words, text);
            words
        };
        assert_eq!(prose("<p class=\"x\">Fine&nbsp;oak</p><br/>3 < 4 & 5"), "Fine oak 3 4 5");
        assert_eq!(prose("open <b"), "open ");
        assert_eq!(prose("a<ü"), "a ü");
        assert_eq!(prose(&"é".repeat(9_000)).len(), 10_000);
        assert_eq!(prose(&format!("a{}", "é".repeat(9_000))).len(), 9_999);
    }
}
