//! Import and export of the catalog as files.
//!
//! Owns the file formats (Shopify's product CSV and our own JSONL), the bookkeeping of imports and exports, and the jobs
//! that do them. What a product is and how it is written belongs to the catalog: an import ends in
//! [`crate::catalog::write_records`]. The formats are described in docs/IMPORT.md.

mod check;
mod download;
mod entry;
mod export;
mod format;
pub mod graphql;
mod guard;
mod import;
mod item;
pub mod jobs;
mod jsonl;
mod link;
mod patch;
mod queries;
mod run_export;
mod run_import;
mod shopify;
mod source;
mod stored;
mod sweep;

pub use download::download_router;
pub use export::{export, exported_file};
pub use format::CatalogFormat;
pub use import::{NewImport, import};
pub use jsonl::parse_line as parse_jsonl_line;
