use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::*;
use crate::bulk::check;
use crate::bulk::patch::{Ground, Prices, ProductPatch};
use crate::catalog::{ProductRecord, ProductStatus};
use crate::channels::Channel;
use crate::ids::{ChannelId, LocationId};

/// As earlier versions wrote it: prices and stock where the import is.
const SHORT: &str = r#"{"slug":"forged-hook","name":"Forged hook","description":"<b>Strong</b>","vendor":"Smithy","productType":"Hooks","tags":["iron","wall"],"status":"ACTIVE","currencyCode":"USD","options":[{"name":"Size","values":["L","S","XL"]}],"variants":[{"sku":"FH-S","optionValues":["S"],"price":"12.50","compareAtPrice":"15.00","stock":5,"backorderable":false,"barcode":"0123","weightGrams":250,"requiresShipping":true,"taxable":true},{"sku":"","optionValues":["L"],"price":"0.00","compareAtPrice":null,"stock":null,"backorderable":true,"barcode":"","weightGrams":null,"requiresShipping":false,"taxable":false}],"images":[{"url":"/media/hook.svg","altText":"A hook"}],"collections":["hooks"]}"#;

/// Everything a product has.
const FULL: &str = r#"{"type":"product","slug":"läufer-№5","name":"Läufer \"5\"","description":"a\nb\tc \\ 'd' \u0001 🔨","vendor":"Smithy","productType":"Hooks","tags":["=x","iron"],"status":"ARCHIVED","attributes":{"broad":true,"colors":["red","blue"],"depth":12.5,"made":"2026-01-31"},"metadata":{"":"never","key":"value"},"privateMetadata":{"cost":"3"},"translations":[{"locale":"de","name":"Läufer","description":null},{"locale":"pt-br","name":null,"description":""}],"channels":[{"channel":"kuwait","publishedAt":null},{"channel":"main","publishedAt":"2026-01-02T03:04:05.678901Z"}],"options":[{"name":"Size","values":["S","L"]},{"name":"Spare","values":["-"]}],"variants":[{"sku":"FH-S","optionValues":["L","-"],"prices":[{"channel":"japan","currencyCode":"JPY","amount":"1200","compareAt":null,"sale":null},{"channel":"kuwait","currencyCode":"KWD","amount":"0.125","compareAt":"0.250","sale":{"amount":"0.100","startsAt":null,"endsAt":"2026-02-01T00:00:00Z"}}],"stock":[{"location":"Berlin","onHand":0,"backorderable":true},{"location":"Main warehouse","onHand":7,"backorderable":false}],"barcode":"0012","weightGrams":null,"requiresShipping":false,"taxable":false,"metadata":{"a":"b"},"privateMetadata":{}},{"sku":"","optionValues":["S","-"],"prices":[],"stock":[],"barcode":"","weightGrams":0,"requiresShipping":true,"taxable":true,"metadata":{},"privateMetadata":{"c":""}}],"images":[{"url":"/media/hook.svg","altText":""}],"collections":[{"slug":"hooks","position":-3},{"slug":"iron","position":null}]}"#;

fn places() -> Places {
    let channel = |slug: &str, currency: &str| Channel {
        id: ChannelId::new(),
        slug: slug.to_owned(),
        name: slug.to_owned(),
        currency: currency.parse().unwrap(),
        is_default: slug == "main",
        version: 1,
    };
    let channels: Arc<[Channel]> =
        vec![channel("main", "USD"), channel("kuwait", "KWD"), channel("japan", "JPY")].into();
    Places { channel: channels[0].clone(), channels }
}

fn ground(places: &Places) -> Ground {
    let locations: HashMap<String, LocationId> =
        ["Berlin", "Main warehouse"].map(|name| (name.to_owned(), LocationId::new())).into();
    Ground {
        channel_id: places.channel.id,
        default_location: locations["Main warehouse"],
        locations,
        now: DateTime::<Utc>::UNIX_EPOCH,
    }
}

fn names(places: &Places, ground: &Ground) -> Names {
    Names {
        channels: places.channels.iter().map(|channel| (channel.id, channel.clone())).collect(),
        locations: ground.locations.iter().map(|(name, id)| (*id, name.clone())).collect(),
    }
}

fn product(line: &str, places: &Places) -> Result<ProductPatch, Problem> {
    match read::read(line.as_bytes(), places)? {
        Item::Product(patch) => Ok(*patch),
        other => panic!("{other:?}"),
    }
}

fn made(line: &str) -> (ProductRecord, String) {
    let places = places();
    let ground = ground(&places);
    let record = product(line, &places).unwrap().apply(None, &ground).unwrap();
    check::whole(&record).unwrap();
    let mut written = Vec::new();
    names(&places, &ground).product(&record, &mut written);
    (record, String::from_utf8(written).unwrap())
}

#[test]
fn a_line_that_was_written_is_read_back_to_the_same_bytes() {
    let full = FULL.replace("\"\":\"never\",", "");
    assert_eq!(made(&full).1, format!("{full}\n"));
    let (record, written) = made(SHORT);
    let (again, twice) = made(&written);
    assert_eq!(written, twice);
    assert_eq!((record.slug, record.variants.len()), (again.slug, again.variants.len()));
}

#[test]
fn what_is_left_out_has_its_default_in_a_new_product() {
    let (record, _) = made(r#"{"slug":"a","name":"A","variants":[{"price":"1"}]}"#);
    assert_eq!(record.status, ProductStatus::Draft);
    let variant = &record.variants[0];
    assert_eq!((variant.prices[0].amount, variant.stock.len()), (100, 0));
    assert!(variant.requires_shipping && variant.taxable);
    assert_eq!(record.channels.len(), 1);
    assert_eq!(record.channels[0].published_at, None);
}

#[test]
fn a_partial_line_changes_what_it_names_and_null_clears() {
    let full = FULL.replace("\"\":\"never\",", "");
    let places = places();
    let ground = ground(&places);
    let stored = product(&full, &places).unwrap().apply(None, &ground).unwrap();
    let slug = &stored.slug;
    let after = |fields: &str| {
        let line = format!("{{\"slug\":\"{slug}\"{fields}}}");
        product(&line, &places).unwrap().apply(Some(&stored), &ground).unwrap()
    };
    let mut kept = stored.clone();
    kept.variants.iter_mut().for_each(|variant| variant.stock.clear());
    // A product has a row in every channel that it has a price in.
    kept.channels = after("").channels;
    assert_eq!(after(""), kept, "nothing is named, nothing changes, and no stock is set");
    assert_eq!(after(r#","vendor":"Other""#), ProductRecord { vendor: "Other".into(), ..kept.clone() });
    assert_eq!(
        after(r#","vendor":null,"tags":null,"images":[],"attributes":null,"collections":null"#),
        ProductRecord {
            vendor: String::new(),
            tags: Vec::new(),
            images: Vec::new(),
            attributes: serde_json::Map::new(),
            collections: Vec::new(),
            ..kept.clone()
        }
    );
    let changed =
        after(r#","variants":[{"optionValues":["S","-"],"price":"5","weightGrams":null,"stock":3}]"#);
    assert_eq!(changed.variants.len(), 1, "variants that are not named go");
    let (now, was) = (&changed.variants[0], &stored.variants[1]);
    assert_eq!((now.prices.len(), now.prices[0].amount, now.weight_grams), (1, 500, None));
    assert_eq!((&now.sku, &now.private_metadata), (&was.sku, &was.private_metadata));
    assert_eq!((now.stock[0].location_id, now.stock[0].on_hand), (ground.default_location, 3));
    let published = after(r#","status":"ACTIVE""#);
    assert!(
        published.channels.iter().any(|it| it.channel_id == places.channel.id && it.published_at.is_some())
    );
}

#[test]
fn the_path_of_what_is_wrong_is_named() {
    let places = places();
    let problem = |line: &str| {
        let Problem { column, reason } = product(line, &places).unwrap_err();
        format!("{column}|{reason}")
    };
    let full = FULL.replace("\"\":\"never\",", "");
    let with = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        problem(&text.replacen(from, to, 1))
    };
    for (from, to, path) in [
        ("\"12.50\"", "\"12.505\"", "variants[0].price|"),
        ("\"stock\":5", "\"stock\":-5", "variants[0].stock|"),
        ("\"optionValues\":[\"L\"]", "\"optionValues\":[\"S\"]", "variants[1].optionValues|"),
        ("\"optionValues\":[\"L\"]", "\"optionValues\":[\"M\"]", "variants[1].optionValues|"),
        ("\"L\",\"S\",\"XL\"", "\"L\",\"S\",\"L\"", "options[0].values|"),
        ("/media/hook.svg", "javascript:1", "images[0].url|"),
        ("\"USD\"", "\"EUR\"", "currencyCode|"),
        ("forged-hook", "forged hook", "slug|"),
        ("Forged hook", "", "name|"),
        ("Smithy", "\\u0000", "vendor|"),
    ] {
        let said = with(SHORT, from, to);
        assert!(said.starts_with(path), "{said}");
    }
    assert!(with(SHORT, "\"price\":\"12.50\"", "\"prize\":\"12.50\"").contains("unknown field `prize`"));
    for (from, to, path) in [
        ("\"channel\":\"japan\"", "\"channel\":\"moon\"", "variants[0].prices[0].channel|"),
        (
            "\"channel\":\"japan\",\"currencyCode\":\"JPY\"",
            "\"channel\":\"kuwait\"",
            "variants[0].prices[1].channel|",
        ),
        ("\"amount\":\"0.100\"", "\"amount\":\"0.126\"", "variants[0].prices[1].sale.amount|"),
        ("\"locale\":\"de\"", "\"locale\":\"German\"", "translations[0].locale|"),
        ("\"locale\":\"de\"", "\"locale\":\"pt_BR\"", "translations[1].locale|"),
        ("\"locale\":\"de\"", "\"locale\":\"pt-br\"", "translations[1].locale|"),
        ("\"depth\":12.5", "\"depth\":null", "attributes.depth|"),
        ("\"depth\":12.5", "\"depth\":1.234567890123456", "attributes.depth|"),
        ("\"depth\":12.5", "\"Depth\":1", "attributes.Depth|"),
        ("\"type\":\"product\"", "\"type\":\"produkt\"", "type|"),
        ("\"prices\":[]", "\"prices\":[],\"price\":\"1\"", "variants[1].price|"),
    ] {
        let said = with(&full, from, to);
        assert!(said.starts_with(path), "{from}: {said}");
    }
    assert!(problem(FULL).starts_with("metadata|"), "a key is not empty");
    assert!(problem(r#"{"slug":"a","name":"A","variants":[]}"#).starts_with("variants|"));
    assert!(
        problem(r#"{"slug":"a","variants":[{"stock":"many","price":"1"}]}"#)
            .contains("whole number of units")
    );
    assert!(problem("{\"slug\":").contains("EOF while parsing"));
}

#[test]
fn a_new_product_needs_a_name_variants_and_prices() {
    let places = places();
    let ground = ground(&places);
    let problem = |line: &str| product(line, &places).unwrap().apply(None, &ground).unwrap_err().column;
    assert_eq!(problem(r#"{"slug":"a","variants":[{"price":"1"}]}"#), "name");
    assert_eq!(problem(r#"{"slug":"a","name":"A"}"#), "variants");
    assert_eq!(problem(r#"{"slug":"a","name":"A","variants":[{}]}"#), "variants[0].price");
    let nowhere =
        r#"{"slug":"a","name":"A","variants":[{"price":"1","stock":[{"location":"Moon","onHand":1}]}]}"#;
    assert_eq!(problem(nowhere), "variants[0].stock");
    let Prices::InChannel { amount, .. } =
        product(r#"{"slug":"a","variants":[{"price":"1.5"}]}"#, &places).unwrap().variants.unwrap()[0].prices
    else {
        panic!("the price is in the channel of the import")
    };
    assert_eq!(amount, 150);
}

#[test]
fn other_lines_are_told_by_their_type() {
    let places = places();
    let item = |line: &str| read::read(line.as_bytes(), &places);
    let collection =
        item(r#"{"type":"collection","slug":"c","name":"C","rule":{"match":"ALL","conditions":[]}}"#)
            .unwrap();
    let Item::Collection(patch) = collection else { panic!("{collection:?}") };
    assert!(patch.rule.is_some() && patch.image.is_none());
    let kind = r#"{"type":"productType","name":"T","attributes":[{"code":"depth","name":"Depth","kind":"NUMBER","unit":"cm"}]}"#;
    assert!(
        matches!(item(kind).unwrap(), Item::ProductType(patch) if patch.attributes.as_ref().unwrap()[0].facet)
    );
    assert!(matches!(item(r#"{"name":"Berlin","type":"location"}"#).unwrap(), Item::Location(_)));
    assert_eq!(item(&kind.replace("NUMBER", "FLOAT")).unwrap_err().column, "attributes[0].kind");
    assert_eq!(item(r#"{"type":"collection","slug":"c","rule":[]}"#).unwrap_err().column, "rule");
}

fn reader(text: &str) -> Reader {
    Reader::new(places(), Box::new(std::io::Cursor::new(text.as_bytes().to_vec())), Position::START)
}

#[tokio::test]
async fn every_line_is_accounted_for_and_reading_goes_on_where_it_stopped() {
    let text = format!("{SHORT}\r\n\n  \n{{}}\n{}", SHORT.replace("forged-hook", "other"));
    let mut reader = reader(&text);
    let first = reader.next().await.unwrap().unwrap();
    assert_eq!((first.content.is_some(), first.lines, first.rejected), (true, vec![1], 0));
    let second = reader.next().await.unwrap().unwrap();
    assert_eq!((second.rejected, second.rejections[0].line), (1, 4));
    assert_eq!(second.rejections[0].text, "{}");
    let third = reader.next().await.unwrap().unwrap();
    assert_eq!(third.lines, [5]);
    assert!(reader.next().await.unwrap().is_none());

    let rest = text.as_bytes()[first.next.byte as usize..].to_vec();
    let mut resumed = Reader::new(reader.places.clone(), Box::new(std::io::Cursor::new(rest)), first.next);
    assert_eq!(resumed.next().await.unwrap().unwrap(), second);
    assert_eq!(resumed.next().await.unwrap().unwrap(), third);
}

#[tokio::test]
async fn a_line_beyond_all_measure_is_rejected_alone() {
    let text = format!("{{\"slug\":\"{}\"}}\n{SHORT}\n", "x".repeat(MAX_LINE_BYTES + 1));
    let mut reader = reader(&text);
    let first = reader.next().await.unwrap().unwrap();
    assert!(first.content.is_none() && first.rejections[0].reason.contains("at most"));
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
