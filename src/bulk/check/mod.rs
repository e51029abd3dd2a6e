//! What both formats ask of a product before it is handed to the catalog.
//!
//! The limits keep one product from taking the memory of a worker or exceeding what an index of PostgreSQL holds.

mod values;
mod whole;

use crate::catalog::ImageDraft;
use crate::money::{Currency, Money, MoneyError};

use super::entry::Problem;

pub use values::{attribute, attributes, fits, locale, metadata};
pub use whole::whole;

/// As many as Shopify allows.
pub const MAX_VARIANTS: usize = 2_000;
/// As many as Shopify allows.
pub const MAX_IMAGES: usize = 250;
/// As many as Shopify allows.
pub const MAX_TAGS: usize = 250;
/// Names, SKUs, vendors, tags and the like, in characters: they are indexed, and 255 is what the API allows.
pub const MAX_SHORT: usize = 255;
/// In bytes; what the API takes.
pub const MAX_DESCRIPTION_BYTES: usize = 512 * 1024;
/// In bytes; what the catalog takes.
pub const MAX_URL_BYTES: usize = 2_000;
/// In characters.
pub const MAX_ALT_TEXT: usize = 1_000;
/// Units on hand, and grams: far beyond any real number, far from overflow.
pub const MAX_COUNT: i64 = 1_000_000_000_000;

/// A text of at most [`MAX_SHORT`] characters.
pub fn short(column: &str, text: &str) -> Result<String, Problem> {
    limited(column, text, MAX_SHORT)
}

/// A text of 1 to [`MAX_SHORT`] characters.
pub fn required(column: &str, text: &str) -> Result<String, Problem> {
    if text.is_empty() {
        return Err(Problem::new(column, "It is missing."));
    }
    short(column, text)
}

/// An alternative text.
pub fn alt_text(column: &str, text: &str) -> Result<String, Problem> {
    limited(column, text, MAX_ALT_TEXT)
}

fn limited(column: &str, text: &str, max: usize) -> Result<String, Problem> {
    no_nul(column, text)?;
    let len = text.chars().count();
    if len > max {
        return Err(Problem::new(column, format!("It has {len} characters; at most {max} are allowed.")));
    }
    Ok(text.to_owned())
}

/// PostgreSQL's text cannot hold U+0000.
fn no_nul(column: &str, text: &str) -> Result<(), Problem> {
    if text.contains('\0') {
        return Err(Problem::new(column, "It contains the character U+0000."));
    }
    Ok(())
}

/// A description: kept as it is.
pub fn description(column: &str, text: impl AsRef<str> + Into<String>) -> Result<String, Problem> {
    let len = text.as_ref().len();
    no_nul(column, text.as_ref())?;
    if len > MAX_DESCRIPTION_BYTES {
        let reason = format!("It has {len} bytes; at most {MAX_DESCRIPTION_BYTES} are allowed.");
        return Err(Problem::new(column, reason));
    }
    Ok(text.into())
}

/// A slug: what stands in a URL.
pub fn slug(column: &str, text: &str) -> Result<String, Problem> {
    let slug = required(column, text)?;
    if slug.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '/' | '?' | '#')) {
        return Err(Problem::new(column, "It must not contain white space, /, ? or #."));
    }
    Ok(slug)
}

/// Tags, sorted and without repeats, as a draft wants them.
pub fn tags<'a>(column: &str, tags: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>, Problem> {
    let mut tags = tags
        .into_iter()
        .filter(|tag| !tag.is_empty())
        .map(|tag| short(column, tag))
        .collect::<Result<Vec<_>, _>>()?;
    tags.sort();
    tags.dedup();
    if tags.len() > MAX_TAGS {
        return Err(Problem::new(column, format!("There are more than {MAX_TAGS} tags.")));
    }
    Ok(tags)
}

/// An amount in major units, as minor units; not negative.
pub fn price(column: &str, text: &str, currency: Currency) -> Result<i64, Problem> {
    match Money::parse(text, currency) {
        Ok(money) if money.minor >= 0 => Ok(money.minor),
        Ok(_) => Err(Problem::new(column, "The amount is negative.")),
        Err(MoneyError::NotDecimal(_)) => {
            let shown: String = text.chars().take(40).collect();
            Err(Problem::new(column, format!("{shown:?} is not an amount such as 12.50.")))
        }
        Err(error) => Err(Problem::new(column, format!("The amount cannot be used: {error}."))),
    }
}

/// A number of units or grams; not negative.
pub fn count(column: &str, value: i64) -> Result<i64, Problem> {
    if value < 0 {
        return Err(Problem::new(column, "The number is negative."));
    }
    if value > MAX_COUNT {
        return Err(Problem::new(column, format!("The number is larger than {MAX_COUNT}.")));
    }
    Ok(value)
}

/// The address of an image: absolute with http or https, or a path on this server. Anything else could run code in
/// the browser that shows it.
pub fn image_url(column: &str, text: &str) -> Result<String, Problem> {
    no_nul(column, text)?;
    if text.len() > MAX_URL_BYTES {
        let reason = format!("The address has {} bytes; at most {MAX_URL_BYTES} are allowed.", text.len());
        return Err(Problem::new(column, reason));
    }
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let absolute = lower.starts_with("http://") || lower.starts_with("https://");
    let local = text.starts_with('/') && !text.starts_with("//");
    if !(absolute || local) || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Problem::new(column, "The address must begin with https://, http:// or /."));
    }
    Ok(text.to_owned())
}

/// Keeps the first image of each address, with the first alternative text that any of them has: a product shows an
/// image once.
pub fn distinct_images(images: impl IntoIterator<Item = ImageDraft>) -> Vec<ImageDraft> {
    let mut kept: Vec<ImageDraft> = Vec::new();
    for image in images {
        match kept.iter_mut().find(|other| other.url == image.url) {
            Some(other) if other.alt_text.is_empty() => other.alt_text = image.alt_text,
            Some(_) => {}
            None => kept.push(image),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_refused_with_their_reason() {
        let reason = |text| price("Price", text, Currency::USD).unwrap_err().reason;
        assert_eq!(price("Price", "12.50", Currency::USD), Ok(1250));
        assert_eq!(price("Price", "100.000", Currency::USD), Ok(10_000));
        assert_eq!(reason("12,50"), "\"12,50\" is not an amount such as 12.50.");
        assert_eq!(reason("1.005"), "The amount cannot be used: USD has 2 decimal places.");
        assert_eq!(reason("-1"), "The amount is negative.");
        assert_eq!(reason("99999999999999999999"), "The amount cannot be used: the amount is too large.");
    }

    #[test]
    fn only_addresses_that_a_browser_loads_are_images() {
        for url in ["https://x.test/a.jpg", "HTTP://x.test/a", "/files/a.png"] {
            assert!(image_url("Image Src", url).is_ok(), "{url}");
        }
        for url in
            ["", "javascript:alert(1)", "data:image/png;base64,AA", "//x.test/a", "a.jpg", "https://x y"]
        {
            assert!(image_url("Image Src", url).is_err(), "{url}");
        }
    }

    #[test]
    fn slugs_are_what_a_url_can_hold() {
        assert!(slug("Handle", "läufer-№5").is_ok());
        for text in ["", "a b", "a/b", "a?b", "a#b", "a\u{a0}b"] {
            assert!(slug("Handle", text).is_err(), "{text}");
        }
    }
}
