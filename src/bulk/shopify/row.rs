//! One row: its cells, its variant and its image.

use csv_async::StringRecord;
use rust_decimal::prelude::ToPrimitive;

use crate::bulk::check;
use crate::bulk::entry::{Position, Problem};
use crate::catalog::{ImageDraft, VariantDraft};
use crate::money::Currency;

use super::columns::{Column, Columns};

/// A row of the file.
#[derive(Debug)]
pub struct Row {
    /// Where it begins.
    pub start: Position,
    /// The product it belongs to; empty when it has none.
    pub handle: String,
    /// Its cells, or why they cannot be read.
    pub cells: Result<StringRecord, Problem>,
}

impl Row {
    /// How much memory it takes, roughly.
    pub fn size_bytes(&self) -> usize {
        self.handle.len() + self.cells.as_ref().map_or(0, |cells| cells.as_slice().len())
    }
}

/// An image and where it wants to stand.
#[derive(Debug)]
pub struct PlacedImage {
    pub image: ImageDraft,
    /// Counts from 1; images without one come last.
    pub position: u32,
}

/// A row's cells, read through the header.
#[derive(Clone, Copy)]
pub struct Cells<'a> {
    pub columns: &'a Columns,
    pub cells: &'a StringRecord,
    pub currency: Currency,
}

impl<'a> Cells<'a> {
    pub fn get(self, column: Column) -> &'a str {
        self.columns.get(self.cells, column)
    }

    pub fn name(self, column: Column) -> &'a str {
        self.columns.name(column)
    }

    pub fn problem(self, column: Column, reason: impl Into<String>) -> Problem {
        Problem::new(self.name(column), reason)
    }

    /// Whether the row describes a variant rather than only an image.
    pub fn has_variant(self) -> bool {
        let told = [Column::Price, Column::Sku, Column::Quantity, Column::Barcode, Column::CompareAt];
        told.into_iter().any(|column| !self.get(column).is_empty())
            || self.columns.option_values(self.cells).iter().any(|value| !value.is_empty())
    }

    /// The row's variant, with its values for the named options.
    pub fn variant(self, option_names: &[String]) -> Result<VariantDraft, Problem> {
        let price = self.get(Column::Price);
        if price.is_empty() {
            return Err(self.problem(Column::Price, "The price is missing."));
        }
        let price_minor = check::price(self.name(Column::Price), price, self.currency)?;
        let compare_at_minor = match self.get(Column::CompareAt) {
            "" => None,
            text => Some(check::price(self.name(Column::CompareAt), text, self.currency)?),
        };
        let tracked = !self.columns.has(Column::Tracker) || !self.get(Column::Tracker).is_empty();
        Ok(VariantDraft {
            sku: check::short(self.name(Column::Sku), &one_line(self.get(Column::Sku)))?,
            option_values: self.option_values(option_names)?,
            price_minor,
            // Shopify writes 0 where there is none; a former price that is not higher is no reduction.
            compare_at_minor: compare_at_minor.filter(|&amount| amount > price_minor),
            // Without a level a variant cannot be sold; what is not tracked has an empty one that may be backordered.
            stock: self.stock()?.or((!tracked).then_some(0)),
            // Shopify sells what it does not count, whatever the policy says.
            backorderable: self.sells_beyond_stock()? || !tracked,
            barcode: check::short(self.name(Column::Barcode), &one_line(self.get(Column::Barcode)))?,
            weight_grams: self.weight_grams()?,
            requires_shipping: self.yes_or_no(Column::RequiresShipping, true)?,
            taxable: self.yes_or_no(Column::Taxable, true)?,
        })
    }

    fn option_values(self, names: &[String]) -> Result<Vec<String>, Problem> {
        let given = self.columns.option_values(self.cells);
        let mut values = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let column = format!("Option{} Value", index + 1);
            match given.get(index) {
                Some(&value) if !value.is_empty() => values.push(check::short(&column, value)?),
                _ => {
                    return Err(Problem::new(
                        column,
                        format!("The value of the option {name:?} is missing."),
                    ));
                }
            }
        }
        let beyond = given.iter().skip(names.len()).position(|value| !value.is_empty());
        match beyond {
            // A product without options has "Default Title" here, and nothing else.
            Some(0) if names.is_empty() && given[0] == "Default Title" => Ok(values),
            Some(offset) => {
                let number = names.len() + offset + 1;
                let reason = format!("The product's first row has no Option{number} Name.");
                Err(Problem::new(format!("Option{number} Value"), reason))
            }
            None => Ok(values),
        }
    }

    fn stock(self) -> Result<Option<i64>, Problem> {
        match self.get(Column::Quantity) {
            "" => Ok(None),
            text => {
                let number = whole_number(text).ok_or_else(|| {
                    self.problem(Column::Quantity, format!("{:?} is not a whole number.", shown(text)))
                })?;
                check::count(self.name(Column::Quantity), number).map(Some)
            }
        }
    }

    fn weight_grams(self) -> Result<Option<i64>, Problem> {
        match self.get(Column::Grams) {
            "" => Ok(None),
            text => {
                let grams =
                    rust_decimal::Decimal::from_str_exact(text).ok().and_then(|grams| grams.round().to_i64());
                let grams = grams.ok_or_else(|| {
                    self.problem(Column::Grams, format!("{:?} is not a number.", shown(text)))
                })?;
                check::count(self.name(Column::Grams), grams).map(Some)
            }
        }
    }

    fn sells_beyond_stock(self) -> Result<bool, Problem> {
        match self.get(Column::Policy).to_ascii_lowercase().as_str() {
            "continue" => Ok(true),
            "deny" => Ok(false),
            _ => self.yes_or_no(Column::Policy, false),
        }
    }

    /// A cell with TRUE or FALSE.
    pub fn yes_or_no(self, column: Column, default: bool) -> Result<bool, Problem> {
        match self.get(column).to_ascii_lowercase().as_str() {
            "" => Ok(default),
            "true" | "yes" | "1" => Ok(true),
            "false" | "no" | "0" => Ok(false),
            text => Err(self.problem(column, format!("{:?} is neither TRUE nor FALSE.", shown(text)))),
        }
    }

    /// The row's image, if it has one.
    pub fn image(self) -> Result<Option<PlacedImage>, Problem> {
        let url = self.get(Column::ImageSrc);
        if url.is_empty() {
            return Ok(None);
        }
        let position = match self.get(Column::ImagePosition) {
            "" => u32::MAX,
            text => whole_number(text).and_then(|number| u32::try_from(number).ok()).ok_or_else(|| {
                self.problem(Column::ImagePosition, format!("{:?} is not a whole number.", shown(text)))
            })?,
        };
        let image = ImageDraft {
            url: check::image_url(self.name(Column::ImageSrc), url)?,
            alt_text: check::alt_text(self.name(Column::ImageAlt), self.get(Column::ImageAlt))?,
        };
        Ok(Some(PlacedImage { image, position }))
    }

    /// The image that shows the row's variant, if it has one. It joins the images of the product.
    pub fn variant_image(self) -> Result<Option<PlacedImage>, Problem> {
        match self.get(Column::VariantImage) {
            "" => Ok(None),
            url => {
                let url = check::image_url(self.name(Column::VariantImage), url)?;
                Ok(Some(PlacedImage {
                    image: ImageDraft { url, alt_text: String::new() },
                    position: u32::MAX,
                }))
            }
        }
    }
}

/// `5`, and what spreadsheets make of it: `5.0`.
fn whole_number(text: &str) -> Option<i64> {
    let number = rust_decimal::Decimal::from_str_exact(text).ok()?;
    number.fract().is_zero().then(|| number.to_i64()).flatten()
}

/// Real exports have SKUs that are broken in two lines: a line break goes, with the white space around it; other
/// white space becomes one space.
fn one_line(text: &str) -> String {
    let lines = text.split(['\r', '\n']);
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// As much of a cell as a message shows.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_one_line() {
        assert_eq!(one_line("AD-04\r\n-blue-OS"), "AD-04-blue-OS");
        assert_eq!(one_line("A \n  B\tC   D"), "AB C D");
        assert_eq!(one_line("plain"), "plain");
    }

    #[test]
    fn whole_numbers_may_have_empty_decimals() {
        assert_eq!(whole_number("5"), Some(5));
        assert_eq!(whole_number("5.0"), Some(5));
        assert_eq!(whole_number("-3"), Some(-3));
        for text in ["5.5", "five", "", "1e3", "99999999999999999999999"] {
            assert_eq!(whole_number(text), None, "{text}");
        }
    }
}
