//! The rows of one product, made into a draft.
//!
//! The first row tells the product. Each row may add a variant, an image, or both. A row whose variant or image cannot be
//! used is rejected and the others go in; without a usable variant or a usable first row the whole product is rejected.

use std::collections::HashMap;

use crate::bulk::check;
use crate::bulk::entry::{Entry, Problem};
use crate::catalog::{OptionDraft, ProductDraft, ProductStatus, VariantDraft};
use crate::money::Currency;

use super::columns::{Column, Columns};
use super::row::{Cells, PlacedImage, Row};

/// Makes a draft of the rows, which are at least one and have the same handle. The caller sets [`Entry::next`].
pub fn product(columns: &Columns, currency: Currency, rows: &[Row]) -> Entry<ProductDraft> {
    let mut entry = Entry::new();
    let Some(first) = rows.first() else { return entry };
    match Product::begin(columns, currency, first) {
        Err(problem) if first.handle.is_empty() => {
            for row in rows {
                entry.reject(row.start.line, row.cells.as_ref().err().unwrap_or(&problem).clone());
            }
        }
        Err(problem) => {
            entry.lines = rows.iter().map(|row| row.start.line).collect();
            entry.reject_product(problem);
        }
        Ok(mut product) => {
            for (index, row) in rows.iter().enumerate() {
                let line = row.start.line;
                match product.add(columns, row, index == 0) {
                    Ok(()) => entry.lines.push(line),
                    Err(problem) => entry.reject(line, problem),
                }
            }
            match product.finish() {
                Ok(draft) => entry.content = Some(draft),
                Err(problem) => entry.reject_product(problem),
            }
        }
    }
    entry
}

/// A product while its rows are read.
struct Product {
    draft: ProductDraft,
    currency: Currency,
    option_names: Vec<String>,
    /// The line of the variant that has these values.
    combinations: HashMap<Vec<String>, u64>,
    images: Vec<PlacedImage>,
}

impl Product {
    fn begin(columns: &Columns, currency: Currency, row: &Row) -> Result<Self, Problem> {
        let record = row.cells.as_ref().map_err(Clone::clone)?;
        let slug = check::slug(columns.name(Column::Handle), &row.handle)?;
        let cells = Cells { columns, cells: record, currency };
        let title = check::required(cells.name(Column::Title), cells.get(Column::Title))?;
        let product_type = match cells.get(Column::Type) {
            "" => check::short(cells.name(Column::Category), cells.get(Column::Category))?,
            text => check::short(cells.name(Column::Type), text)?,
        };
        let draft = ProductDraft {
            slug,
            name: title,
            description: check::description(cells.name(Column::Body), columns.raw(record, Column::Body))?,
            vendor: check::short(cells.name(Column::Vendor), cells.get(Column::Vendor))?,
            product_type,
            tags: check::tags(cells.name(Column::Tags), cells.get(Column::Tags).split(',').map(str::trim))?,
            status: status(cells)?,
            options: Vec::new(),
            variants: Vec::new(),
            images: Vec::new(),
            collections: collections(cells)?,
        };
        let option_names = option_names(columns, cells)?;
        let (combinations, images) = (HashMap::new(), Vec::new());
        Ok(Self { draft, currency, option_names, combinations, images })
    }

    /// Adds what a row holds. The image of a row whose variant cannot be used stays with the product.
    fn add(&mut self, columns: &Columns, row: &Row, is_first: bool) -> Result<(), Problem> {
        if row.handle.is_empty() && row.cells.is_ok() {
            return Err(Problem::new(columns.name(Column::Handle), "The handle is missing."));
        }
        let cells = row.cells.as_ref().map_err(Clone::clone)?;
        let cells = Cells { columns, cells, currency: self.currency };
        let image = self.add_image(cells);
        if is_first || cells.has_variant() {
            self.add_variant(cells, row.start.line)?;
        } else if matches!(image, Ok(false)) {
            return Err(Problem::new("", "The row has neither a variant nor an image."));
        }
        image.map(|_| ())
    }

    fn add_image(&mut self, cells: Cells<'_>) -> Result<bool, Problem> {
        let Some(image) = cells.image()? else { return Ok(false) };
        if self.images.len() >= check::MAX_IMAGES {
            let reason = format!("The product has more than {} images.", check::MAX_IMAGES);
            return Err(cells.problem(Column::ImageSrc, reason));
        }
        self.images.push(image);
        Ok(true)
    }

    fn add_variant(&mut self, cells: Cells<'_>, line: u64) -> Result<(), Problem> {
        let variant = cells.variant(&self.option_names)?;
        let image = cells.variant_image()?;
        if let Some(other) = self.combinations.get(&variant.option_values) {
            let reason = format!("Line {other} has a variant with the same options.");
            return Err(Problem::new("Option1 Value", reason));
        }
        if self.draft.variants.len() >= check::MAX_VARIANTS {
            let reason = format!("The product has more than {} variants.", check::MAX_VARIANTS);
            return Err(Problem::new("", reason));
        }
        self.combinations.insert(variant.option_values.clone(), line);
        self.images.extend(image.filter(|_| self.images.len() < check::MAX_IMAGES));
        self.draft.variants.push(variant);
        Ok(())
    }

    fn finish(mut self) -> Result<ProductDraft, Problem> {
        if self.draft.variants.is_empty() {
            return Err(Problem::new("", "The product has no variant that can be used."));
        }
        self.draft.options = options(self.option_names, &self.draft.variants);
        // A stable sort: images without a position keep the order of the file.
        self.images.sort_by_key(|placed| placed.position);
        self.draft.images = check::distinct_images(self.images.into_iter().map(|placed| placed.image));
        Ok(self.draft)
    }
}

/// The column Status says it where it is filled; an active product that is not published is a draft here, because an
/// ACTIVE product is on sale.
fn status(cells: Cells<'_>) -> Result<ProductStatus, Problem> {
    let status = cells.get(Column::Status).to_ascii_lowercase();
    let published = cells.yes_or_no(Column::Published, status == "active")?;
    let of_published = if published { ProductStatus::Active } else { ProductStatus::Draft };
    match status.as_str() {
        "" | "active" => Ok(of_published),
        "draft" | "unlisted" => Ok(ProductStatus::Draft),
        "archived" => Ok(ProductStatus::Archived),
        other => {
            let shown: String = other.chars().take(40).collect();
            Err(cells.problem(Column::Status, format!("{shown:?} is none of active, draft, archived.")))
        }
    }
}

fn collections(cells: Cells<'_>) -> Result<Vec<String>, Problem> {
    let slugs = cells.get(Column::Collections).split(',').map(str::trim).filter(|slug| !slug.is_empty());
    slugs.map(|slug| check::slug(cells.name(Column::Collections), slug)).collect()
}

/// The names of the options; none for Shopify's way to say so: the option "Title" with the value "Default Title".
fn option_names(columns: &Columns, cells: Cells<'_>) -> Result<Vec<String>, Problem> {
    let mut names = columns.option_names(cells.cells);
    let values = columns.option_values(cells.cells);
    while names.last().is_some_and(|name| name.is_empty()) {
        names.pop();
    }
    if names == ["Title"] && matches!(values[0], "Default Title" | "") {
        return Ok(Vec::new());
    }
    for (index, name) in names.iter().enumerate() {
        let column = format!("Option{} Name", index + 1);
        check::required(&column, name)?;
        if names[..index].contains(name) {
            return Err(Problem::new(column, "Two options have this name."));
        }
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// The options with the values that the variants have, in the order in which they appear.
fn options(names: Vec<String>, variants: &[VariantDraft]) -> Vec<OptionDraft> {
    let with_values = |(index, name): (usize, String)| {
        let mut seen = std::collections::HashSet::new();
        let values = variants.iter().map(|variant| &variant.option_values[index]);
        OptionDraft { name, values: values.filter(|value| seen.insert(*value)).cloned().collect() }
    };
    names.into_iter().enumerate().map(with_values).collect()
}
