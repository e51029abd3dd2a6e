//! Shopify's product CSV: one row per variant or image; the rows of one product stand next to each other and share its
//! handle. Columns are found by name; those that are not known are ignored.
//!
//! Follows Shopify's "Using CSV files to import and export products", both the column names of its exports and those
//! of its newer template. What is read how is described in docs/IMPORT.md.

mod columns;
mod patch;
mod product;
mod reader;
mod row;
#[cfg(test)]
mod tests;
mod tracked;
mod write;

pub use reader::{Layout, Reader};
pub use write::Writer;
