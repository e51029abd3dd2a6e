//! Our own format: one JSON object per line and product, everything that belongs to it, prices as decimal texts.
//!
//! What is written is read back to the same product exactly. The fields are described in docs/IMPORT.md; a field that
//! is not known is an error, so that a misspelt one is not lost silently.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};

use crate::catalog::{ImageDraft, OptionDraft, ProductDraft, ProductStatus, VariantDraft};
use crate::money::{Currency, Money};
use crate::storage::StoredReader;

use super::check;
use super::entry::{Entry, Position, Problem, ReadError};

/// The longest line: a product with 2,000 variants takes about a megabyte.
const MAX_LINE_BYTES: usize = 8 * 1024 * 1024;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProductLine {
    slug: String,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    vendor: String,
    #[serde(default)]
    product_type: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default = "draft")]
    status: ProductStatus,
    #[serde(default)]
    currency_code: Option<String>,
    #[serde(default)]
    options: Vec<OptionLine>,
    variants: Vec<VariantLine>,
    #[serde(default)]
    images: Vec<ImageLine>,
    #[serde(default)]
    collections: Vec<String>,
}

fn draft() -> ProductStatus {
    ProductStatus::Draft
}

fn yes() -> bool {
    true
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OptionLine {
    name: String,
    values: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VariantLine {
    #[serde(default)]
    sku: String,
    #[serde(default)]
    option_values: Vec<String>,
    price: String,
    #[serde(default)]
    compare_at_price: Option<String>,
    #[serde(default)]
    stock: Option<i64>,
    #[serde(default)]
    backorderable: bool,
    #[serde(default)]
    barcode: String,
    #[serde(default)]
    weight_grams: Option<i64>,
    #[serde(default = "yes")]
    requires_shipping: bool,
    #[serde(default = "yes")]
    taxable: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ImageLine {
    url: String,
    #[serde(default)]
    alt_text: String,
}

/// Adds the product's line to `out`.
pub fn write(draft: &ProductDraft, currency: Currency, out: &mut Vec<u8>) {
    let amount = |minor| Money::new(minor, currency).amount();
    let line = ProductLine {
        slug: draft.slug.clone(),
        name: draft.name.clone(),
        description: draft.description.clone(),
        vendor: draft.vendor.clone(),
        product_type: draft.product_type.clone(),
        tags: draft.tags.clone(),
        status: draft.status,
        currency_code: Some(currency.code().to_owned()),
        options: draft
            .options
            .iter()
            .map(|option| OptionLine { name: option.name.clone(), values: option.values.clone() })
            .collect(),
        variants: draft
            .variants
            .iter()
            .map(|variant| VariantLine {
                sku: variant.sku.clone(),
                option_values: variant.option_values.clone(),
                price: amount(variant.price_minor),
                compare_at_price: variant.compare_at_minor.map(amount),
                stock: variant.stock,
                backorderable: variant.backorderable,
                barcode: variant.barcode.clone(),
                weight_grams: variant.weight_grams,
                requires_shipping: variant.requires_shipping,
                taxable: variant.taxable,
            })
            .collect(),
        images: draft
            .images
            .iter()
            .map(|image| ImageLine { url: image.url.clone(), alt_text: image.alt_text.clone() })
            .collect(),
        collections: draft.collections.clone(),
    };
    serde_json::to_writer(&mut *out, &line)
        .expect("a Vec takes all bytes, and the line has no map with odd keys");
    out.push(b'\n');
}

/// Reads a line into a draft that the catalog takes, or says what is wrong with it.
fn read(line: &[u8], currency: Currency) -> Result<ProductDraft, Problem> {
    let text =
        std::str::from_utf8(line).map_err(|_| Problem::new("", "The line is not encoded in UTF-8."))?;
    let line: ProductLine = serde_json::from_str(text)
        .map_err(|error| Problem::new("", format!("The line is not a product: {}.", without_line(&error))))?;
    if let Some(code) = &line.currency_code
        && code != currency.code()
    {
        let reason = format!("The prices of this channel are in {currency}.");
        return Err(Problem::new("currencyCode", reason));
    }
    let options = read_options(line.options)?;
    let variants = read_variants(line.variants, &options, currency)?;
    let images = line.images.into_iter().enumerate().map(|(index, image)| {
        let url = check::image_url(&format!("images[{index}].url"), &image.url)?;
        Ok(ImageDraft {
            url,
            alt_text: check::alt_text(&format!("images[{index}].altText"), &image.alt_text)?,
        })
    });
    let images = check::distinct_images(images.collect::<Result<Vec<_>, Problem>>()?);
    if images.len() > check::MAX_IMAGES {
        return Err(Problem::new("images", format!("There are more than {} images.", check::MAX_IMAGES)));
    }
    let collections = line.collections.iter().enumerate();
    Ok(ProductDraft {
        slug: check::slug("slug", &line.slug)?,
        name: check::required("name", &line.name)?,
        description: check::description("description", &line.description)?,
        vendor: check::short("vendor", &line.vendor)?,
        product_type: check::short("productType", &line.product_type)?,
        tags: check::tags("tags", line.tags.iter().map(String::as_str))?,
        status: line.status,
        options,
        variants,
        images,
        collections: collections
            .map(|(index, slug)| check::slug(&format!("collections[{index}]"), slug))
            .collect::<Result<_, _>>()?,
    })
}

/// The product of one line, for whoever has lines but no file; or what is wrong with it, as a sentence.
pub fn parse_line(line: &[u8], currency: Currency) -> Result<ProductDraft, String> {
    read(line, currency).map_err(|Problem { column, reason }| match column.as_str() {
        "" => reason,
        column => format!("{column}: {reason}"),
    })
}

/// serde_json counts lines within the text it was given, which is always one.
fn without_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at character ")
}

fn read_options(options: Vec<OptionLine>) -> Result<Vec<OptionDraft>, Problem> {
    let mut names = HashSet::new();
    let mut read = Vec::with_capacity(options.len());
    for (index, option) in options.into_iter().enumerate() {
        let at = |field: &str| format!("options[{index}].{field}");
        let name = check::required(&at("name"), &option.name)?;
        if !names.insert(name.clone()) {
            return Err(Problem::new(at("name"), "Two options have this name."));
        }
        let mut seen = HashSet::new();
        for value in &option.values {
            check::required(&at("values"), value)?;
            if !seen.insert(value.as_str()) {
                return Err(Problem::new(at("values"), format!("The value {value:?} is there twice.")));
            }
        }
        read.push(OptionDraft { name, values: option.values });
    }
    Ok(read)
}

fn read_variants(
    variants: Vec<VariantLine>,
    options: &[OptionDraft],
    currency: Currency,
) -> Result<Vec<VariantDraft>, Problem> {
    if variants.is_empty() {
        return Err(Problem::new("variants", "A product has at least one variant."));
    }
    if variants.len() > check::MAX_VARIANTS {
        let reason = format!("There are more than {} variants.", check::MAX_VARIANTS);
        return Err(Problem::new("variants", reason));
    }
    let mut combinations = HashSet::new();
    let mut read = Vec::with_capacity(variants.len());
    for (index, variant) in variants.into_iter().enumerate() {
        let at = |field: &str| format!("variants[{index}].{field}");
        let fits = variant.option_values.len() == options.len()
            && options
                .iter()
                .zip(&variant.option_values)
                .all(|(option, value)| option.values.contains(value));
        if !fits {
            let reason =
                "There must be one of the option's values for every option, in the order of options.";
            return Err(Problem::new(at("optionValues"), reason));
        }
        if !combinations.insert(variant.option_values.clone()) {
            return Err(Problem::new(at("optionValues"), "Another variant has the same options."));
        }
        let counted = |field: &str, value: Option<i64>| match value {
            Some(value) => check::count(&at(field), value).map(Some),
            None => Ok(None),
        };
        read.push(VariantDraft {
            sku: check::short(&at("sku"), &variant.sku)?,
            price_minor: check::price(&at("price"), &variant.price, currency)?,
            compare_at_minor: match &variant.compare_at_price {
                Some(text) => Some(check::price(&at("compareAtPrice"), text, currency)?),
                None => None,
            },
            stock: counted("stock", variant.stock)?,
            backorderable: variant.backorderable,
            barcode: check::short(&at("barcode"), &variant.barcode)?,
            weight_grams: counted("weightGrams", variant.weight_grams)?,
            requires_shipping: variant.requires_shipping,
            taxable: variant.taxable,
            option_values: variant.option_values,
        });
    }
    Ok(read)
}

/// Looks at the beginning of a file: its first line must be a JSON object.
pub fn refuse_wrong_start(start: &[u8]) -> Result<(), String> {
    let first = start.split(|&b| b == b'\n').map(|line| line.trim_ascii()).find(|line| !line.is_empty());
    match first {
        None => Err("The file is empty.".into()),
        Some(line) if line.starts_with(b"[") => {
            Err("The file is a JSON array. JSONL has one object per line, without brackets and commas around them.".into())
        }
        Some(line) if !line.starts_with(b"{") => Err("The first line is not a JSON object.".into()),
        Some(line) => match serde_json::from_slice::<serde::de::IgnoredAny>(line) {
            Err(error) if !error.is_eof() => Err("The first line is not a JSON object.".into()),
            // An object that goes on in the next line is pretty-printed JSON; one that reaches the end may be cut off here.
            Err(_) if start.contains(&b'\n') => {
                Err("The first line is not a whole JSON object: each product needs to be on one line.".into())
            }
            _ => Ok(()),
        },
    }
}

/// Reads a file line by line; blank lines do not count.
pub struct Reader {
    text: BufReader<StoredReader>,
    currency: Currency,
    position: Position,
    line: Vec<u8>,
}

impl Reader {
    /// Of a text that begins at `position` of its file.
    pub fn new(currency: Currency, text: StoredReader, position: Position) -> Self {
        Self { text: BufReader::with_capacity(64 * 1024, text), currency, position, line: Vec::new() }
    }

    /// The product of the next line; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            let line = self.position.line;
            let read = read_line(&mut self.text, &mut self.line)
                .await
                .map_err(|error| ReadError::from_io(error, line))?;
            if read == 0 {
                return Ok(None);
            }
            self.position = Position { byte: self.position.byte + read, line: line + 1 };
            let text = self.line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let mut entry = Entry::new();
            entry.next = self.position;
            let product = if read > MAX_LINE_BYTES as u64 {
                Err(Problem::new(
                    "",
                    format!("The line has {read} bytes; at most {MAX_LINE_BYTES} are allowed."),
                ))
            } else {
                self::read(text, self.currency)
            };
            match product {
                Ok(draft) => {
                    entry.lines.push(line);
                    entry.draft = Some(draft);
                }
                Err(problem) => entry.reject(line, problem),
            }
            return Ok(Some(entry));
        }
    }
}

/// Reads up to and including the next line feed; keeps at most [`MAX_LINE_BYTES`] of it. Returns how many bytes there
/// were; 0 at the end.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> std::io::Result<u64> {
    line.clear();
    let mut read = 0;
    loop {
        let chunk = reader.fill_buf().await?;
        let end = chunk.iter().position(|&b| b == b'\n').map(|index| index + 1);
        let len = end.unwrap_or(chunk.len());
        if line.len() < MAX_LINE_BYTES {
            line.extend_from_slice(&chunk[..len]);
        }
        reader.consume(len);
        read += len as u64;
        if end.is_some() || len == 0 {
            return Ok(read);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{"slug":"forged-hook","name":"Forged hook","description":"<b>Strong</b>","vendor":"Smithy","productType":"Hooks","tags":["iron","wall"],"status":"ACTIVE","currencyCode":"USD","options":[{"name":"Size","values":["L","S","XL"]}],"variants":[{"sku":"FH-S","optionValues":["S"],"price":"12.50","compareAtPrice":"15.00","stock":5,"backorderable":false,"barcode":"0123","weightGrams":250,"requiresShipping":true,"taxable":true},{"sku":"","optionValues":["L"],"price":"0.00","compareAtPrice":null,"stock":null,"backorderable":true,"barcode":"","weightGrams":null,"requiresShipping":false,"taxable":false}],"images":[{"url":"/media/hook.svg","altText":"A hook"}],"collections":["hooks"]}"#;

    fn reader(text: &str) -> Reader {
        let text = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
        Reader::new(Currency::USD, text, Position::START)
    }

    #[test]
    fn a_line_that_was_written_is_read_back_to_the_same_product() {
        let draft = read(FULL.as_bytes(), Currency::USD).unwrap();
        let mut written = Vec::new();
        write(&draft, Currency::USD, &mut written);
        assert_eq!(String::from_utf8(written.clone()).unwrap(), format!("{FULL}\n"));
        assert_eq!(read(&written, Currency::USD).unwrap(), draft);
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let draft = read(br#"{"slug":"a","name":"A","variants":[{"price":"1"}]}"#, Currency::USD).unwrap();
        assert_eq!(draft.status, ProductStatus::Draft);
        let variant = &draft.variants[0];
        assert_eq!((variant.price_minor, variant.stock, variant.backorderable), (100, None, false));
        assert!(variant.requires_shipping && variant.taxable);
    }

    #[test]
    fn the_path_of_what_is_wrong_is_named() {
        let problem = |line: &str| {
            let Problem { column, reason } = read(line.as_bytes(), Currency::USD).unwrap_err();
            format!("{column}|{reason}")
        };
        let with = |from: &str, to: &str| {
            assert!(FULL.contains(from));
            problem(&FULL.replacen(from, to, 1))
        };
        assert!(with("\"12.50\"", "\"12.505\"").starts_with("variants[0].price|"));
        assert!(with("\"stock\":5", "\"stock\":-5").starts_with("variants[0].stock|"));
        assert!(with("\"price\":\"12.50\"", "\"prize\":\"12.50\"").contains("unknown field `prize`"));
        assert!(
            with("\"optionValues\":[\"L\"]", "\"optionValues\":[\"S\"]")
                .starts_with("variants[1].optionValues|")
        );
        assert!(
            with("\"optionValues\":[\"L\"]", "\"optionValues\":[\"M\"]")
                .starts_with("variants[1].optionValues|")
        );
        assert!(with("\"L\",\"S\",\"XL\"", "\"L\",\"S\",\"L\"").starts_with("options[0].values|"));
        assert!(with("/media/hook.svg", "javascript:1").starts_with("images[0].url|"));
        assert!(with("\"USD\"", "\"EUR\"").starts_with("currencyCode|"));
        assert!(with("forged-hook", "forged hook").starts_with("slug|"));
        assert!(with("Forged hook", "").starts_with("name|"));
        assert!(with("Smithy", "\\u0000").starts_with("vendor|"));
        assert!(problem(r#"{"slug":"a","name":"A","variants":[]}"#).starts_with("variants|"));
        assert!(problem("{\"slug\":").contains("EOF while parsing"));
    }

    #[tokio::test]
    async fn every_line_is_accounted_for_and_reading_goes_on_where_it_stopped() {
        let text = format!("{FULL}\r\n\n  \n{{}}\n{}", FULL.replace("forged-hook", "other"));
        let mut reader = reader(&text);
        let first = reader.next().await.unwrap().unwrap();
        assert_eq!((first.draft.is_some(), first.lines, first.rejected), (true, vec![1], 0));
        let second = reader.next().await.unwrap().unwrap();
        assert_eq!((second.rejected, second.rejections[0].line), (1, 4));
        let third = reader.next().await.unwrap().unwrap();
        assert_eq!(third.lines, [5]);
        assert!(reader.next().await.unwrap().is_none());

        let rest = text.as_bytes()[first.next.byte as usize..].to_vec();
        let mut resumed = Reader::new(Currency::USD, Box::new(std::io::Cursor::new(rest)), first.next);
        assert_eq!(resumed.next().await.unwrap().unwrap(), second);
        assert_eq!(resumed.next().await.unwrap().unwrap(), third);
    }

    #[tokio::test]
    async fn a_line_beyond_all_measure_is_rejected_alone() {
        let text = format!("{{\"slug\":\"{}\"}}\n{FULL}\n", "x".repeat(MAX_LINE_BYTES + 1));
        let mut reader = reader(&text);
        let first = reader.next().await.unwrap().unwrap();
        assert!(first.draft.is_none() && first.rejections[0].reason.contains("at most"));
        assert!(reader.line.capacity() < 2 * MAX_LINE_BYTES + 1024);
        assert_eq!(reader.next().await.unwrap().unwrap().lines, [2]);
    }

    #[test]
    fn a_file_of_another_kind_is_told_by_its_start() {
        assert!(refuse_wrong_start(b"\n{\"slug\":\"a\"}\n").is_ok());
        assert!(refuse_wrong_start(b"{\"slug\":\"cut o").is_ok());
        for text in ["[\n{}]", "Handle,Title\n", "{\n  \"slug\": 1\n}", "{\"a\" 1}\n", " \n "] {
            assert!(refuse_wrong_start(text.as_bytes()).is_err(), "{text}");
        }
    }
}
