//! The columns: found by their names in the header.

use csv_async::StringRecord;

use crate::bulk::guard::{unguarded, unguarded_trimmed};

/// A column that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Handle,
    Title,
    Body,
    Vendor,
    Type,
    Category,
    Tags,
    Published,
    Status,
    Sku,
    Grams,
    Tracker,
    Quantity,
    Policy,
    Price,
    CompareAt,
    RequiresShipping,
    Taxable,
    Barcode,
    ImageSrc,
    ImagePosition,
    ImageAlt,
    VariantImage,
    Collections,
}

/// Every column with its names: the one of Shopify's exports first, then that of its newer template.
const NAMES: &[(Column, &[&str])] = &[
    (Column::Handle, &["Handle", "URL handle"]),
    (Column::Title, &["Title"]),
    (Column::Body, &["Body (HTML)", "Body HTML", "Description"]),
    (Column::Vendor, &["Vendor"]),
    (Column::Type, &["Type", "Custom Product Type"]),
    (Column::Category, &["Product Category", "Standard Product Type"]),
    (Column::Tags, &["Tags"]),
    (Column::Published, &["Published", "Published on online store"]),
    (Column::Status, &["Status"]),
    (Column::Sku, &["Variant SKU", "SKU"]),
    (Column::Grams, &["Variant Grams", "Weight value (grams)"]),
    (Column::Tracker, &["Variant Inventory Tracker", "Inventory tracker"]),
    (Column::Quantity, &["Variant Inventory Qty", "Inventory quantity"]),
    (Column::Policy, &["Variant Inventory Policy", "Continue selling when out of stock"]),
    (Column::Price, &["Variant Price", "Price"]),
    (Column::CompareAt, &["Variant Compare At Price", "Compare-at price"]),
    (Column::RequiresShipping, &["Variant Requires Shipping", "Requires shipping"]),
    (Column::Taxable, &["Variant Taxable", "Charge tax"]),
    (Column::Barcode, &["Variant Barcode", "Barcode"]),
    (Column::ImageSrc, &["Image Src", "Product image URL"]),
    (Column::ImagePosition, &["Image Position"]),
    (Column::ImageAlt, &["Image Alt Text"]),
    (Column::VariantImage, &["Variant Image", "Variant image URL"]),
    (Column::Collections, &["Collections"]),
];

/// Without these a file says nothing that could be imported.
const REQUIRED: [Column; 3] = [Column::Handle, Column::Title, Column::Price];

/// More options than any export has; the catalog itself sets no limit.
pub const MAX_OPTIONS: usize = 10;

/// The name of a column in Shopify's exports.
pub fn export_name(column: Column) -> &'static str {
    NAMES[column as usize].1[0]
}

/// Which cell of a row is what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    header: Vec<String>,
    at: Vec<Option<usize>>,
    /// The cells of the name and the value of option 1, 2, …
    options: Vec<(Option<usize>, Option<usize>)>,
}

impl Columns {
    /// From the cells of the header. When required columns are missing, answers with their names.
    pub fn read<'a>(header: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<&'static str>> {
        let header: Vec<String> = header.into_iter().map(|name| name.trim().to_owned()).collect();
        let find = |name: &str| header.iter().position(|cell| cell.eq_ignore_ascii_case(name));
        let at: Vec<_> = NAMES.iter().map(|(_, names)| names.iter().find_map(|name| find(name))).collect();
        let missing: Vec<_> =
            REQUIRED.into_iter().filter(|&column| at[column as usize].is_none()).map(export_name).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let options = (1..=MAX_OPTIONS)
            .map(|n| (find(&format!("Option{n} Name")), find(&format!("Option{n} Value"))))
            .take_while(|(name, value)| name.is_some() || value.is_some())
            .collect();
        Ok(Self { header, at, options })
    }

    /// Which of the known columns the file has: a file with other columns says something else.
    pub fn fingerprint(&self) -> Vec<u8> {
        let known = self.at.iter().map(|index| u8::from(index.is_some()));
        known.chain(self.options.iter().map(|_| 2)).collect()
    }

    /// How many columns the header has.
    pub fn len(&self) -> usize {
        self.header.len()
    }

    /// Where a column is.
    pub fn index(&self, column: Column) -> Option<usize> {
        self.at[column as usize]
    }

    /// What the header calls a column.
    pub fn name(&self, column: Column) -> &str {
        self.index(column).map_or(export_name(column), |index| &self.header[index])
    }

    /// What the header calls the column at `index`.
    pub fn name_at(&self, index: usize) -> &str {
        self.header.get(index).map_or("", String::as_str)
    }

    /// Whether the file has a column.
    pub fn has(&self, column: Column) -> bool {
        self.index(column).is_some()
    }

    /// A cell without the guard against formulas, otherwise as it is; empty when the column or the cell is missing.
    pub fn raw<'r>(&self, cells: &'r StringRecord, column: Column) -> &'r str {
        self.index(column).map_or("", |index| unguarded(cells.get(index).unwrap_or_default()))
    }

    /// A cell without white space around it, unless our own export has guarded it.
    pub fn get<'r>(&self, cells: &'r StringRecord, column: Column) -> &'r str {
        self.index(column).map_or("", |index| cell(cells, index))
    }

    /// The name of every option column, as far as the file has them.
    pub fn option_names<'r>(&self, cells: &'r StringRecord) -> Vec<&'r str> {
        self.options.iter().map(|(name, _)| name.map_or("", |index| cell(cells, index))).collect()
    }

    /// The value of every option column, as far as the file has them.
    pub fn option_values<'r>(&self, cells: &'r StringRecord) -> Vec<&'r str> {
        self.options.iter().map(|(_, value)| value.map_or("", |index| cell(cells, index))).collect()
    }
}

fn cell(cells: &StringRecord, index: usize) -> &str {
    unguarded_trimmed(cells.get(index).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_stands_at_its_own_place_in_the_table() {
        for (index, (column, _)) in NAMES.iter().enumerate() {
            assert_eq!(*column as usize, index);
        }
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_case() {
        let columns =
            Columns::read(["variant price", "Unknown", " TITLE ", "URL handle", "Option1 Value"]).unwrap();
        assert_eq!(columns.index(Column::Handle), Some(3));
        assert_eq!(columns.index(Column::Price), Some(0));
        assert_eq!(columns.index(Column::Vendor), None);
        assert_eq!(columns.options, [(None, Some(4))]);
        assert_eq!(columns.name(Column::Title), "TITLE");
    }

    #[test]
    fn missing_columns_are_named() {
        assert_eq!(Columns::read(["Handle", "Tags"]), Err(vec!["Title", "Variant Price"]));
    }
}
