//! The file formats.

/// How a file describes products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, async_graphql::Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CatalogFormat {
    /// Shopify's product CSV: one row per variant or image, rows of one product next to each other.
    ShopifyCsv,
    /// One JSON object per line and product, with everything that belongs to it; see docs/IMPORT.md.
    Jsonl,
}

impl CatalogFormat {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            CatalogFormat::ShopifyCsv => "SHOPIFY_CSV",
            CatalogFormat::Jsonl => "JSONL",
        }
    }

    /// From its stored form.
    pub fn from_stored(text: &str) -> Option<Self> {
        [CatalogFormat::ShopifyCsv, CatalogFormat::Jsonl].into_iter().find(|format| format.as_str() == text)
    }

    /// What a file name says: `.csv` or `.jsonl`/`.ndjson`, also followed by `.gz`.
    pub fn guess(file_name: &str) -> Option<Self> {
        let name = file_name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" => Some(CatalogFormat::ShopifyCsv),
            "jsonl" | "ndjson" => Some(CatalogFormat::Jsonl),
            _ => None,
        }
    }

    /// What file names of this format end with.
    pub fn extension(self) -> &'static str {
        match self {
            CatalogFormat::ShopifyCsv => "csv",
            CatalogFormat::Jsonl => "jsonl",
        }
    }

    /// For the header `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            CatalogFormat::ShopifyCsv => "text/csv; charset=utf-8",
            CatalogFormat::Jsonl => "application/x-ndjson",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_tells_the_format() {
        assert_eq!(CatalogFormat::guess("Products.CSV"), Some(CatalogFormat::ShopifyCsv));
        assert_eq!(CatalogFormat::guess("a/b.ndjson.gz"), Some(CatalogFormat::Jsonl));
        assert_eq!(CatalogFormat::guess("a.xlsx"), None);
        assert_eq!(CatalogFormat::guess("csv"), None);
    }
}
