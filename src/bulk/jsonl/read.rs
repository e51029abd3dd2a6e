//! A line, made into what it says about the shop, or what is wrong with it.

use std::collections::HashSet;

use chrono::{DateTime, SubsecRound, Utc};
use sha2::{Digest, Sha256};

use crate::bulk::check;
use crate::bulk::entry::Problem;
use crate::bulk::item::{CollectionPatch, Item, LocationItem, Places, TypePatch, with_channels};
use crate::bulk::patch::{Collections, Prices, ProductPatch, StockPatch, VariantPatch};
use crate::catalog::{self, ImageDraft, Membership, OptionDraft, PriceRecord, Publication, Translation};
use crate::channels::Channel;

use super::line::{
    CollectionLine, ImageLine, Kind, LevelLine, LocationLine, MembershipLine, OptionLine, PriceLine,
    ProductLine, PublicationLine, Stock, TranslationLine, TypeLine, VariantLine,
};

/// The path of a field in a list.
fn at(list: &str, index: usize, field: &str) -> String {
    format!("{list}[{index}].{field}")
}

/// Reads a line.
pub fn read(line: &[u8], places: &Places) -> Result<Item, Problem> {
    let text =
        std::str::from_utf8(line).map_err(|_| Problem::new("", "The line is not encoded in UTF-8."))?;
    let kind = match text.starts_with("{\"slug\"") || text.starts_with("{\"type\":\"product\",") {
        true => None,
        false => parse::<Kind>(text)?.kind,
    };
    match kind.as_deref() {
        None | Some("product") => {
            product(parse(text)?, line, places).map(|patch| Item::Product(Box::new(patch)))
        }
        Some("collection") => collection(parse(text)?, places).map(|patch| Item::Collection(Box::new(patch))),
        Some("productType") => product_type(parse(text)?).map(Item::ProductType),
        Some("location") => location(parse(text)?).map(Item::Location),
        Some(_) => {
            let reason = "The type is none of product, collection, productType, location.";
            Err(Problem::new("type", reason))
        }
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| {
        // serde_json counts lines within the text it was given, which is always one.
        let error = error.to_string().replace(" at line 1 column ", " at character ");
        Problem::new("", format!("The line cannot be used: {error}."))
    })
}

fn product(line: ProductLine, text: &[u8], places: &Places) -> Result<ProductPatch, Problem> {
    if let Some(code) = &line.currency_code {
        same_currency("currencyCode", code, &places.channel)?;
    }
    let options = line.options.0.map(options).transpose()?;
    let variants =
        line.variants.map(|variants| variants_of(variants, options.as_deref(), places)).transpose()?;
    let text_of = |column: &str, text: Option<String>| match text {
        Some(text) => check::short(column, &text).map(Some),
        None => Ok(None),
    };
    Ok(ProductPatch {
        slug: check::slug("slug", &line.slug)?,
        fingerprint: Sha256::new().chain_update(places.channel.id.0).chain_update(text).finalize().to_vec(),
        name: line.name.map(|name| check::required("name", &name)).transpose()?,
        description: line.description.0.map(|text| check::description("description", text)).transpose()?,
        vendor: text_of("vendor", line.vendor.0)?,
        product_type: text_of("productType", line.product_type.0)?,
        tags: line.tags.0.map(|tags| check::tags("tags", tags.iter().map(String::as_str))).transpose()?,
        status: line.status,
        attributes: line.attributes.0.map(|it| check::attributes("attributes", it)).transpose()?,
        metadata: line.metadata.0.map(|it| check::metadata("metadata", it)).transpose()?,
        private_metadata: line
            .private_metadata
            .0
            .map(|it| check::metadata("privateMetadata", it))
            .transpose()?,
        translations: line.translations.0.map(translations).transpose()?,
        options,
        variants,
        images: line.images.0.map(images).transpose()?,
        channels: line.channels.0.map(|it| publications(it, places)).transpose()?,
        collections: line.collections.0.map(memberships).transpose()?.map(Collections::Exactly),
    })
}

fn same_currency(column: &str, code: &str, channel: &Channel) -> Result<(), Problem> {
    if code == channel.currency.code() {
        return Ok(());
    }
    Err(Problem::new(column, format!("The prices of this channel are in {}.", channel.currency)))
}

fn options(options: Vec<OptionLine>) -> Result<Vec<OptionDraft>, Problem> {
    let mut names = HashSet::new();
    let mut read = Vec::with_capacity(options.len());
    for (index, option) in options.into_iter().enumerate() {
        let column = at("options", index, "name");
        check::required(&column, &option.name)?;
        if !names.insert(option.name.clone()) {
            return Err(Problem::new(column, "Two options have this name."));
        }
        let column = at("options", index, "values");
        let mut seen = HashSet::new();
        for value in &option.values {
            check::required(&column, value)?;
            if !seen.insert(value.as_str()) {
                return Err(Problem::new(column, format!("The value {value:?} is there twice.")));
            }
        }
        read.push(OptionDraft { name: option.name, values: option.values });
    }
    Ok(read)
}

fn variants_of(
    variants: Vec<VariantLine>,
    options: Option<&[OptionDraft]>,
    places: &Places,
) -> Result<Vec<VariantPatch>, Problem> {
    if variants.is_empty() {
        return Err(Problem::new("variants", "A product has at least one variant."));
    }
    if variants.len() > check::MAX_VARIANTS {
        let reason = format!("There are more than {} variants.", check::MAX_VARIANTS);
        return Err(Problem::new("variants", reason));
    }
    let mut combinations = HashSet::new();
    let mut read = Vec::with_capacity(variants.len());
    for (index, line) in variants.into_iter().enumerate() {
        if let Some(options) = options {
            check::fits(&at("variants", index, "optionValues"), options, &line.option_values)?;
        }
        if !combinations.insert(line.option_values.clone()) {
            let reason = "Another variant has the same options.";
            return Err(Problem::new(at("variants", index, "optionValues"), reason));
        }
        let variant = variant(line, places);
        read.push(
            variant
                .map_err(|problem| Problem { column: at("variants", index, &problem.column), ..problem })?,
        );
    }
    Ok(read)
}

fn variant(line: VariantLine, places: &Places) -> Result<VariantPatch, Problem> {
    let prices = prices_of(&line, places)?;
    let text = |column: &str, text: &Option<String>| {
        text.as_deref().map(|text| check::short(column, text)).transpose()
    };
    Ok(VariantPatch {
        sku: text("sku", &line.sku.0)?,
        prices,
        stock: stock(line.stock, line.backorderable.unwrap_or(false))?,
        barcode: text("barcode", &line.barcode.0)?,
        weight_grams: match line.weight_grams.0 {
            Some(Some(grams)) => Some(Some(check::count("weightGrams", grams)?)),
            other => other,
        },
        requires_shipping: line.requires_shipping,
        taxable: line.taxable,
        metadata: line.metadata.0.map(|it| check::metadata("metadata", it)).transpose()?,
        private_metadata: line
            .private_metadata
            .0
            .map(|it| check::metadata("privateMetadata", it))
            .transpose()?,
        option_values: line.option_values,
    })
}

fn prices_of(line: &VariantLine, places: &Places) -> Result<Prices, Problem> {
    let currency = places.channel.currency;
    match (&line.price, &line.prices.0) {
        (Some(_), Some(_)) => Err(Problem::new("price", "There is price, or prices, but not both.")),
        (None, None) if line.compare_at_price.0.is_some() => {
            Err(Problem::new("compareAtPrice", "It needs the price beside it."))
        }
        (None, None) => Ok(Prices::Unnamed),
        (Some(price), None) => {
            let amount = check::price("price", price, currency)?;
            let compare_at = match &line.compare_at_price.0 {
                Some(Some(text)) => Some(Some(check::price("compareAtPrice", text, currency)?)),
                Some(None) => Some(None),
                None => None,
            };
            Ok(Prices::InChannel { amount, compare_at })
        }
        (None, Some(prices)) => {
            let mut read: Vec<PriceRecord> = Vec::with_capacity(prices.len());
            for (index, line) in prices.iter().enumerate() {
                let price = price(line, places);
                let price = price
                    .map_err(|problem| Problem { column: at("prices", index, &problem.column), ..problem })?;
                if read.iter().any(|other| other.channel_id == price.channel_id) {
                    return Err(Problem::new(at("prices", index, "channel"), "The channel is there twice."));
                }
                read.push(price);
            }
            read.sort_by_key(|price| price.channel_id);
            Ok(Prices::Exactly(read))
        }
    }
}

fn price(line: &PriceLine, places: &Places) -> Result<PriceRecord, Problem> {
    let channel = places.find("channel", &line.channel)?;
    if let Some(code) = &line.currency_code {
        same_currency("currencyCode", code, channel)?;
    }
    let amount = |column: &str, text: &str| check::price(column, text, channel.currency);
    let regular = amount("amount", &line.amount)?;
    let compare_at = line.compare_at.as_deref().map(|text| amount("compareAt", text)).transpose()?;
    let mut price = PriceRecord::plain(channel.id, regular, compare_at);
    if let Some(sale) = &line.sale {
        let reduced = amount("sale.amount", &sale.amount)?;
        if reduced > regular {
            return Err(Problem::new("sale.amount", "A sale does not cost more than the regular price."));
        }
        price.sale_amount = Some(reduced);
        price.sale_starts_at = sale.starts_at.map(stored_time);
        price.sale_ends_at = sale.ends_at.map(stored_time);
        if let (Some(starts_at), Some(ends_at)) = (price.sale_starts_at, price.sale_ends_at)
            && starts_at >= ends_at
        {
            return Err(Problem::new("sale.endsAt", "The sale ends before it begins."));
        }
    }
    Ok(price)
}

/// PostgreSQL keeps microseconds.
fn stored_time(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}

fn stock(stock: Option<Stock>, backorderable: bool) -> Result<Vec<StockPatch>, Problem> {
    let level = |location: Option<String>, on_hand: i64, backorderable| {
        let on_hand = check::count("stock", on_hand)?;
        Ok(StockPatch { location, on_hand, backorderable })
    };
    match stock {
        None => Ok(Vec::new()),
        Some(Stock::OnHand(on_hand)) => Ok(vec![level(None, on_hand, backorderable)?]),
        Some(Stock::Levels(levels)) => levels
            .into_iter()
            .map(|LevelLine { location, on_hand, backorderable }| {
                level(Some(location), on_hand, backorderable)
            })
            .collect(),
    }
}

fn images(images: Vec<ImageLine>) -> Result<Vec<ImageDraft>, Problem> {
    let image = |(index, image): (usize, ImageLine)| {
        Ok(ImageDraft {
            url: check::image_url(&at("images", index, "url"), &image.url)?,
            alt_text: check::alt_text(
                &at("images", index, "altText"),
                image.alt_text.0.as_deref().unwrap_or_default(),
            )?,
        })
    };
    let images = images.into_iter().enumerate().map(image).collect::<Result<Vec<_>, Problem>>()?;
    let images = check::distinct_images(images);
    if images.len() > check::MAX_IMAGES {
        return Err(Problem::new("images", format!("There are more than {} images.", check::MAX_IMAGES)));
    }
    Ok(images)
}

fn translations(lines: Vec<TranslationLine>) -> Result<Vec<Translation>, Problem> {
    let mut read: Vec<Translation> = Vec::with_capacity(lines.len());
    for (index, line) in lines.into_iter().enumerate() {
        let locale = check::locale(&at("translations", index, "locale"), &line.locale)?;
        if read.iter().any(|other| other.locale == locale) {
            let reason = "The locale is there twice.";
            return Err(Problem::new(at("translations", index, "locale"), reason));
        }
        let name = line.name.map(|name| check::required(&at("translations", index, "name"), &name));
        let description =
            line.description.map(|text| check::description(&at("translations", index, "description"), text));
        let (name, description) = (name.transpose()?, description.transpose()?);
        read.push(Translation { locale, name, description });
    }
    read.sort_by(|a, b| a.locale.cmp(&b.locale));
    Ok(read)
}

fn publications(lines: Vec<PublicationLine>, places: &Places) -> Result<Vec<Publication>, Problem> {
    let mut read: Vec<Publication> = Vec::with_capacity(lines.len());
    for (index, line) in lines.into_iter().enumerate() {
        let column = at("channels", index, "channel");
        let channel_id = places.find(&column, &line.channel)?.id;
        if read.iter().any(|other| other.channel_id == channel_id) {
            return Err(Problem::new(column, "The channel is there twice."));
        }
        read.push(Publication { channel_id, published_at: line.published_at.map(stored_time) });
    }
    read.sort_by_key(|publication| publication.channel_id);
    Ok(read)
}

fn memberships(lines: Vec<MembershipLine>) -> Result<Vec<Membership>, Problem> {
    let membership = |(index, line)| {
        let (slug, position) = match line {
            MembershipLine::Slug(slug) => (slug, None),
            MembershipLine::Placed(placed) => (placed.slug, placed.position),
        };
        let slug = check::slug(&format!("collections[{index}]"), &slug)?;
        Ok(Membership { slug, position })
    };
    lines.into_iter().enumerate().map(membership).collect()
}

fn collection(line: CollectionLine, places: &Places) -> Result<CollectionPatch, Problem> {
    let rule = match line.rule.0 {
        Some(Some(rule)) if !rule.is_object() => {
            return Err(Problem::new("rule", "A rule is an object, or null."));
        }
        Some(Some(rule)) => {
            let id = |slug: &str| Ok(places.find("rule", slug)?.id.0.to_string());
            let rule = with_channels(rule, id)?;
            serde_json::from_value::<catalog::Rule>(rule.clone())
                .map_err(|error| Problem::new("rule", format!("It is no rule: {error}.")))?;
            Some(Some(rule))
        }
        other => other,
    };
    let image = match line.image.0 {
        Some(Some(image)) => Some(images(vec![image])?.pop()),
        Some(None) => Some(None),
        None => None,
    };
    Ok(CollectionPatch {
        slug: check::slug("slug", &line.slug)?,
        name: line.name.map(|name| check::required("name", &name)).transpose()?,
        description: line.description.0.map(|text| check::description("description", text)).transpose()?,
        rule,
        image,
        metadata: line.metadata.0.map(|it| check::metadata("metadata", it)).transpose()?,
        private_metadata: line
            .private_metadata
            .0
            .map(|it| check::metadata("privateMetadata", it))
            .transpose()?,
        translations: line.translations.0.map(translations).transpose()?,
        channels: line.channels.0.map(|it| publications(it, places)).transpose()?,
    })
}

fn product_type(line: TypeLine) -> Result<TypePatch, Problem> {
    let attributes = line.attributes.0.map(|attributes| {
        let mut codes = HashSet::new();
        for (index, attribute) in attributes.iter().enumerate() {
            check::attribute(&at("attributes", index, ""), attribute)?;
            if !codes.insert(attribute.code.clone()) {
                let reason = "Two attributes have this code.";
                return Err(Problem::new(at("attributes", index, "code"), reason));
            }
        }
        Ok(attributes)
    });
    Ok(TypePatch { name: check::required("name", &line.name)?, attributes: attributes.transpose()? })
}

fn location(line: LocationLine) -> Result<LocationItem, Problem> {
    Ok(LocationItem { name: check::required("name", &line.name)?, priority: line.priority.unwrap_or(0) })
}
