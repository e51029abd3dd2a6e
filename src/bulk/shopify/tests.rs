//! The reader against files: samples of our own with every oddity, and real exports where they are at hand.

use std::io::Cursor;
use std::path::Path;

use crate::bulk::entry::{Entry, Position, ReadError};
use crate::bulk::source::{refuse_wrong_file, text};
use crate::bulk::{CatalogFormat, shopify};
use crate::catalog::{ProductDraft, ProductRecord, ProductStatus};
use crate::channels::Channel;
use crate::ids::{ChannelId, LocationId};
use crate::money::Currency;

use super::{Layout, Reader};

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

/// A real export, from beside the project; `None` where it is not there.
fn real(name: &str) -> Option<Vec<u8>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let bytes = std::fs::read(&file).ok();
    if bytes.is_none() {
        eprintln!("skipped: {} is not there", file.display());
    }
    bytes
}

async fn reader(bytes: &[u8], position: Position) -> Result<Reader, ReadError> {
    let stored = || Box::new(Cursor::new(bytes.to_vec()));
    let layout = Layout::read(text(stored(), 0).await.unwrap()).await?;
    Ok(Reader::new(layout, Currency::USD, text(stored(), position.byte).await.unwrap(), position))
}

async fn read_from(bytes: &[u8], position: Position) -> Vec<Entry<ProductDraft>> {
    let mut reader = reader(bytes, position).await.unwrap();
    let mut entries = Vec::new();
    while let Some(entry) = reader.next().await.unwrap() {
        entries.push(entry);
    }
    entries
}

async fn read(bytes: &[u8]) -> Vec<Entry<ProductDraft>> {
    read_from(bytes, Position::START).await
}

fn channel() -> Channel {
    let slug = "default".to_owned();
    Channel {
        id: ChannelId::new(),
        name: slug.clone(),
        slug,
        currency: Currency::USD,
        is_default: true,
        version: 1,
    }
}

fn product<'a>(entries: &'a [Entry<ProductDraft>], slug: &str) -> &'a ProductDraft {
    entries.iter().filter_map(|entry| entry.content.as_ref()).find(|draft| draft.slug == slug).unwrap()
}

fn rejections(entries: &[Entry<ProductDraft>]) -> Vec<(u64, &str, &str)> {
    let all = entries.iter().flat_map(|entry| &entry.rejections);
    all.map(|rejection| (rejection.line, rejection.column.as_str(), rejection.reason.as_str())).collect()
}

/// Rows, products, variants, images, rejected rows.
fn totals(entries: &[Entry<ProductDraft>]) -> (u64, usize, usize, usize, u64) {
    let drafts: Vec<_> = entries.iter().filter_map(|entry| entry.content.as_ref()).collect();
    (
        entries.iter().map(Entry::rows).sum(),
        drafts.len(),
        drafts.iter().map(|draft| draft.variants.len()).sum(),
        drafts.iter().map(|draft| draft.images.len()).sum(),
        entries.iter().map(|entry| entry.rejected).sum(),
    )
}

#[tokio::test]
async fn a_product_is_read_with_everything_that_belongs_to_it() {
    let entries = read(&sample("oddities.csv")).await;
    let hook = product(&entries, "coat-hook");
    assert_eq!(hook.name, "Coat hook, \"forged\"");
    assert_eq!(
        hook.description,
        "<p>First line\nsecond; line, with \"quotes\"</p>\n<script>alert(1)</script>"
    );
    assert_eq!((hook.vendor.as_str(), hook.product_type.as_str()), ("Smithy & Sons", "Hooks"));
    assert_eq!(hook.tags, ["hand-made", "iron", "wall"]);
    assert_eq!(hook.status, ProductStatus::Active);
    let options: Vec<_> = hook.options.iter().map(|o| (o.name.as_str(), o.values.join("|"))).collect();
    assert_eq!(options, [("Size", "Small|Large".to_owned()), ("Finish", "Black".to_owned())]);
    let [small, large] = hook.variants.as_slice() else { panic!("{:?}", hook.variants) };
    assert_eq!((small.sku.as_str(), small.barcode.as_str()), ("CH-S-BLACK", "0012345"));
    assert_eq!((small.price_minor, small.compare_at_minor), (1250, Some(1500)));
    assert_eq!((small.stock, small.backorderable, small.weight_grams), (Some(12), false, Some(250)));
    assert!(small.requires_shipping && small.taxable);
    assert_eq!((large.price_minor, large.compare_at_minor), (1600, None));
    assert_eq!((large.stock, large.backorderable, large.taxable), (Some(0), true, false));
    let images: Vec<_> =
        hook.images.iter().map(|i| (i.url.rsplit('/').next().unwrap(), i.alt_text.as_str())).collect();
    assert_eq!(images, [("a.jpg", "Front"), ("b.jpg", "Side"), ("d.jpg", ""), ("c.jpg", "")]);
}

#[tokio::test]
async fn what_is_not_said_has_its_documented_meaning() {
    let entries = read(&sample("oddities.csv")).await;
    let candle = product(&entries, "candle");
    assert_eq!((candle.status, candle.options.len()), (ProductStatus::Draft, 0));
    let variant = &candle.variants[0];
    assert_eq!((variant.stock, variant.backorderable), (Some(0), true), "not tracked");
    assert!(variant.requires_shipping && variant.taxable);
    assert_eq!(product(&entries, "formula").status, ProductStatus::Archived);
    assert_eq!(product(&entries, "formula").name, "=HYPERLINK(\"http://evil.test\")");
    assert_eq!(product(&entries, "läufer-№-5").variants[0].stock, Some(5));
}

#[tokio::test]
async fn every_row_that_cannot_be_used_is_told_with_its_line_and_column() {
    let entries = read(&sample("oddities.csv")).await;
    let mut told = rejections(&entries);
    told.sort();
    let places: Vec<_> = told.iter().map(|(line, column, _)| (*line, *column)).collect();
    assert_eq!(
        places,
        [
            (8, "Variant Price"),
            (9, "Option1 Value"),
            (10, "Option2 Value"),
            (11, "Variant Price"),
            (12, "Variant Inventory Qty"),
            (13, "Image Src"),
            (14, ""),
            (15, "Title"),
            (16, ""),
            (18, "Variant Price"),
            (21, "Handle"),
            (24, "Handle"),
            (25, "Status"),
        ]
    );
    assert_eq!(told[1].2, "Line 2 has a variant with the same options.");
    assert_eq!(totals(&entries), (20, 5, 6, 4, 13));
}

#[tokio::test]
async fn separators_compression_and_header_names_may_differ() {
    let expected = read(&sample("oddities.csv")).await;
    let by_semicolons = read(&sample("semicolons.csv")).await;
    assert_eq!(totals(&by_semicolons), totals(&expected));
    assert_eq!(product(&by_semicolons, "coat-hook"), product(&expected, "coat-hook"));
    assert_eq!(read(&sample("oddities.csv.gz")).await, expected);

    let scraper = read(&sample("template.csv")).await;
    let scraper = product(&scraper, "boot-scraper");
    assert_eq!((scraper.name.as_str(), scraper.status), ("Boot scraper", ProductStatus::Active));
    assert_eq!(scraper.product_type, "Hardware > Accessories");
    let variants: Vec<_> =
        scraper.variants.iter().map(|v| (v.price_minor, v.backorderable, v.taxable)).collect();
    assert_eq!(variants, [(2400, true, false), (2600, false, true)]);
}

#[tokio::test]
async fn reading_goes_on_at_every_product_where_it_stopped() {
    for name in ["oddities.csv", "oddities.csv.gz", "semicolons.csv"] {
        let bytes = sample(name);
        let all = read(&bytes).await;
        for stop in 0..all.len() {
            assert_eq!(read_from(&bytes, all[stop].next).await, all[stop + 1..], "{name} after {stop}");
        }
    }
}

#[tokio::test]
async fn an_open_quote_is_told_where_it_begins() {
    let entries = read(&sample("open-quote.csv")).await;
    let [(line, column, reason)] = rejections(&entries)[..] else { panic!("{entries:?}") };
    assert_eq!((line, column, reason), (3, "Body (HTML)", "A quote is opened here and not closed."));
    assert_eq!(totals(&entries).1, 1);
}

#[tokio::test]
async fn a_row_without_end_stops_the_import_and_not_the_worker() {
    let mut bytes = b"Handle,Title,Variant Price\nfine,Fine,1\nopen,\"".to_vec();
    bytes.resize(12 * 1024 * 1024, b'x');
    let mut reader = reader(&bytes, Position::START).await.unwrap();
    let error = loop {
        match reader.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the file was read to its end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, ReadError::Broken { line: 3, .. }), "{error}");
    assert!(error.to_string().contains("a quote that is not closed"), "{error}");
}

#[tokio::test]
async fn a_cell_in_another_encoding_costs_its_row_only() {
    let mut bytes = b"Handle,Title,Option1 Name,Option1 Value,Variant Price\na,A,Size,S,1\na,,,".to_vec();
    bytes.extend(b"gro\xdf,1\na,,,L,2\n");
    let entries = read(&bytes).await;
    assert_eq!(rejections(&entries), [(3, "Option1 Value", "The cell is not encoded in UTF-8.")]);
    assert_eq!(product(&entries, "a").variants.len(), 2);
}

#[tokio::test]
async fn a_wrong_file_is_refused_by_its_first_bytes() {
    let csv = CatalogFormat::ShopifyCsv;
    assert_eq!(refuse_wrong_file(csv, &sample("oddities.csv")).await, Ok(()));
    assert_eq!(refuse_wrong_file(csv, &sample("oddities.csv.gz")).await, Ok(()));
    assert_eq!(refuse_wrong_file(CatalogFormat::Jsonl, &sample("products.jsonl")).await, Ok(()));
    let refusal = async |format, bytes: &[u8]| refuse_wrong_file(format, bytes).await.unwrap_err();
    assert_eq!(
        refusal(csv, b"id,name\n1,A\n").await,
        "The first line is not the header of a Shopify product CSV: it lacks Handle, Title, Variant Price."
    );
    assert!(refusal(csv, &sample("latin-1.csv")).await.contains("not encoded in UTF-8 (see line 2)"));
    assert!(refusal(csv, b"PK\x03\x04....").await.contains("Excel"));
    assert!(refusal(csv, b"\xff\xfeH\0a\0").await.contains("UTF-16"));
    assert_eq!(refusal(csv, b"").await, "The file is empty.");
    assert_eq!(refusal(csv, b"\xef\xbb\xbf").await, "The file is empty.");
    assert_eq!(refusal(csv, b"\x1f\x8b\x08garbage").await, "The compressed file is damaged.");
    assert!(refusal(CatalogFormat::Jsonl, &sample("oddities.csv")).await.contains("not a JSON object"));
    assert!(refusal(csv, &sample("products.jsonl")).await.contains("lacks"));
}

#[tokio::test]
async fn a_compressed_file_that_is_cut_off_is_told() {
    let bytes = sample("oddities.csv.gz");
    let stored = Box::new(Cursor::new(bytes.clone()));
    let layout = Layout::read(text(stored, 0).await.unwrap()).await.unwrap();
    let cut = Box::new(Cursor::new(bytes[..bytes.len() - 20].to_vec()));
    let mut reader = Reader::new(layout, Currency::USD, text(cut, 0).await.unwrap(), Position::START);
    let mut last = reader.next().await;
    while matches!(last, Ok(Some(_))) {
        last = reader.next().await;
    }
    assert!(matches!(last, Err(ReadError::Broken { .. })));
}

#[tokio::test]
async fn what_is_written_is_read_back_to_the_same_products() {
    for file in
        [Some(sample("oddities.csv")), real("shopify-sneakers.csv"), real("shopify-home-and-garden.csv")]
    {
        let Some(file) = file else { continue };
        let drafts: Vec<_> = read(&file).await.into_iter().filter_map(|entry| entry.content).collect();
        let (channel, location_id) = (channel(), LocationId::new());
        let now = chrono::DateTime::UNIX_EPOCH;
        let shopify = shopify::Writer { channel, location_id, options: 3 };
        let mut writer = csv_async::AsyncWriter::from_writer(Vec::new());
        writer.write_record(shopify.header()).await.unwrap();
        for draft in &drafts {
            let record = ProductRecord::of(draft, shopify.channel.id, location_id, now);
            for row in shopify.product(&record, now).unwrap() {
                writer.write_record(row).await.unwrap();
            }
        }
        let bytes = writer.into_inner().await.unwrap();
        let written = String::from_utf8(bytes.clone()).unwrap();
        for formula in [",=", ",+", ",@", "\n=", "\"="] {
            assert!(!written.contains(formula), "{formula:?}");
        }
        let again: Vec<_> = read(&bytes).await.into_iter().map(|entry| entry.content.unwrap()).collect();
        assert_eq!(again, drafts);
    }
}

#[tokio::test]
async fn the_real_exports_are_accounted_for_row_by_row() {
    // Rows, products, variants, images, rejected rows: counted in the files by other means.
    for (name, expected) in [
        ("shopify-apparel.csv", (22, 20, 22, 20, 0)),
        ("shopify-home-and-garden.csv", (21, 20, 21, 21, 0)),
        ("shopify-sneakers.csv", (173, 30, 147, 137, 0)),
    ] {
        let Some(bytes) = real(name) else { continue };
        let entries = read(&bytes).await;
        assert_eq!(rejections(&entries), [], "{name}");
        assert_eq!(totals(&entries), expected, "{name}");
        for stop in 0..entries.len() {
            assert_eq!(
                read_from(&bytes, entries[stop].next).await,
                entries[stop + 1..],
                "{name} after {stop}"
            );
        }
    }
}
