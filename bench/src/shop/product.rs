//! One product as a line of JSONL.

use std::fmt::Write;

use serde::Serialize;

use super::basics::{COLLECTIONS, share_of};
use super::dice::{Dice, Zipf};
use super::words::{FINISHES, KINDS, Kind, MATERIALS, PROSE, QUALITIES, SECOND_OPTIONS, TAGS, tail, vendors};

/// A shop of a size and a seed. The same two make the same products.
pub struct Shop {
    products: u64,
    seed: u64,
    tail: Vec<String>,
    vendors: Vec<String>,
    by_kind: Zipf,
    by_quality: Zipf,
    by_material: Zipf,
    by_vendor: Zipf,
    by_tag: Zipf,
    by_tail: Zipf,
    by_prose: Zipf,
}

/// A line. The fields are those of docs/IMPORT.md.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    slug: String,
    name: String,
    description: String,
    vendor: &'a str,
    product_type: &'a str,
    tags: Vec<&'a str>,
    status: &'a str,
    currency_code: &'a str,
    options: [OptionLine<'a>; 2],
    variants: Vec<VariantLine<'a>>,
    images: Vec<ImageLine>,
    collections: Vec<String>,
}

#[derive(Serialize)]
struct OptionLine<'a> {
    name: &'a str,
    values: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VariantLine<'a> {
    sku: String,
    option_values: [&'a str; 2],
    price: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    compare_at_price: Option<String>,
    stock: usize,
    backorderable: bool,
    barcode: String,
    weight_grams: usize,
    requires_shipping: bool,
    taxable: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageLine {
    url: String,
    alt_text: String,
}

/// Variants of every product.
pub const VARIANTS: usize = 3;

impl Shop {
    /// A shop of so many products.
    pub fn new(products: u64, seed: u64) -> Self {
        let (tail, vendors) = (tail(), vendors());
        Self {
            products,
            seed,
            by_kind: Zipf::new(KINDS.len()),
            by_quality: Zipf::new(QUALITIES.len()),
            by_material: Zipf::new(MATERIALS.len()),
            by_vendor: Zipf::new(vendors.len()),
            by_tag: Zipf::new(TAGS.len()),
            by_tail: Zipf::new(tail.len()),
            by_prose: Zipf::new(PROSE.len() + tail.len()),
            tail,
            vendors,
        }
    }

    /// How many products it has.
    pub fn products(&self) -> u64 {
        self.products
    }

    /// What it was made of.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The product with this number, as a line with its line break.
    pub fn line(&self, number: u64) -> Vec<u8> {
        let mut dice = Dice::new(self.seed, number);
        let kind = &KINDS[self.by_kind.draw(&mut dice)];
        let name = self.name(kind, &mut dice);
        let slug = format!("{}-{number}", name.to_lowercase().replace([' ', '.'], "-"));
        let status = match dice.below(100) {
            0..94 => "ACTIVE",
            94..98 => "DRAFT",
            _ => "ARCHIVED",
        };
        let values = take_three(kind.values, &mut dice);
        let finishes: Vec<&str> = if dice.chance(0.5) {
            take_three(FINISHES, &mut dice)
        } else {
            vec![FINISHES[dice.below(FINISHES.len())]]
        };
        let variants = (0..VARIANTS)
            .map(|place| {
                variant(kind, number, place, [values[place], finishes[place % finishes.len()]], &mut dice)
            })
            .collect();
        let line = Line {
            description: self.description(&mut dice),
            vendor: &self.vendors[self.by_vendor.draw(&mut dice)],
            product_type: kind.name,
            tags: self.tags(&mut dice),
            status,
            currency_code: "USD",
            options: [
                OptionLine { name: kind.option, values },
                OptionLine { name: dice.pick(SECOND_OPTIONS), values: finishes },
            ],
            variants,
            images: images(&slug, &name, &mut dice),
            collections: self.collections(number, &mut dice),
            slug,
            name,
        };
        let mut json = serde_json::to_vec(&line).expect("texts and numbers are always JSON");
        json.push(b'\n');
        json
    }

    /// Such as "Forged iron gate hinge Kelenwold".
    fn name(&self, kind: &Kind, dice: &mut Dice) -> String {
        let mut name = String::from(QUALITIES[self.by_quality.draw(dice)]);
        name[..1].make_ascii_uppercase();
        let material = MATERIALS[self.by_material.draw(dice)];
        let noun = dice.pick(kind.nouns);
        let _ = write!(name, " {material} {noun}");
        if dice.chance(0.7) {
            let model = &self.tail[self.by_tail.draw(dice)];
            let _ = write!(name, " {}{}", model[..1].to_ascii_uppercase(), &model[1..]);
        }
        name
    }

    /// Sentences of some words; half of them as HTML.
    fn description(&self, dice: &mut Dice) -> String {
        let html = dice.chance(0.5);
        let mut text = String::with_capacity(600);
        for _ in 0..dice.between(2, 9) {
            text.push_str(if html { "<p>" } else { "" });
            let first = text.len();
            for place in 0..dice.between(6, 14) {
                if place > 0 {
                    text.push(' ');
                }
                let word = self.by_prose.draw(dice);
                text.push_str(PROSE.get(word).copied().unwrap_or_else(|| &self.tail[word - PROSE.len()]));
            }
            text[first..=first].make_ascii_uppercase();
            text.push('.');
            text.push_str(if html { "</p>" } else { " " });
        }
        text.trim_end().to_owned()
    }

    fn tags(&self, dice: &mut Dice) -> Vec<&'static str> {
        let mut tags: Vec<&str> = (0..dice.between(1, 6)).map(|_| TAGS[self.by_tag.draw(dice)]).collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    fn collections(&self, number: u64, dice: &mut Dice) -> Vec<String> {
        let drawn = (0..COLLECTIONS).filter(|&place| {
            // Drawn for each collection, so that the next draws do not depend on the outcome.
            dice.chance(share_of(place, self.products)) || number == place as u64
        });
        drawn.map(super::basics::slug_of).collect()
    }
}

/// Three different ones, in their order.
fn take_three<'a>(all: &[&'a str], dice: &mut Dice) -> Vec<&'a str> {
    let mut places: Vec<usize> = (0..all.len()).collect();
    while places.len() > VARIANTS {
        places.remove(dice.below(places.len()));
    }
    places.into_iter().map(|place| all[place]).collect()
}

fn variant<'a>(
    kind: &Kind,
    number: u64,
    place: usize,
    option_values: [&'a str; 2],
    dice: &mut Dice,
) -> VariantLine<'a> {
    // Most cost about the usual price, few many times as much.
    let spread = (dice.share() + dice.share() + dice.share() - 1.5) * 1.6;
    let minor = (kind.price * spread.exp() * (1.0 + place as f64 * 0.25)).max(10.0) as u64;
    let price = |minor: u64| format!("{}.{:02}", minor / 100, minor % 100);
    VariantLine {
        sku: format!("{}-{number:07}-{}", kind.name[..2].to_uppercase(), place + 1),
        option_values,
        price: price(minor),
        compare_at_price: dice.chance(0.15).then(|| price(minor + minor / 4)),
        stock: if dice.chance(0.08) { 0 } else { dice.between(1, 500) },
        backorderable: dice.chance(0.03),
        barcode: format!("{:013}", 4_000_000_000_000 + number * 10 + place as u64),
        weight_grams: dice.between(20, 5_000),
        requires_shipping: true,
        taxable: true,
    }
}

fn images(slug: &str, name: &str, dice: &mut Dice) -> Vec<ImageLine> {
    let image = |place| ImageLine {
        url: format!("https://images.example/{slug}/{place}.jpg"),
        alt_text: if place == 1 { name.to_owned() } else { format!("{name}, view {place}") },
    };
    (1..=dice.between(1, 4)).map(image).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use ironmonger::bulk::parse_jsonl_line;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_shop() {
        let line = |seed, number| Shop::new(1000, seed).line(number);
        assert_eq!(line(1, 7), line(1, 7));
        assert_ne!(line(1, 7), line(2, 7));
        assert_ne!(line(1, 7), line(1, 8));
    }

    #[test]
    fn an_import_takes_every_line() {
        let shop = Shop::new(500, 1);
        let usd = "USD".parse().unwrap();
        let mut slugs = HashSet::new();
        for number in 0..500 {
            let draft = parse_jsonl_line(&shop.line(number), usd).unwrap();
            assert_eq!(draft.variants.len(), VARIANTS);
            assert_eq!(draft.options.len(), 2);
            assert!(slugs.insert(draft.slug));
        }
    }

    #[test]
    fn collections_are_of_very_different_sizes() {
        let shop = Shop::new(20_000, 1);
        let usd = "USD".parse().unwrap();
        let mut sizes = vec![0; COLLECTIONS];
        for number in 0..20_000 {
            for slug in parse_jsonl_line(&shop.line(number), usd).unwrap().collections {
                let place =
                    (0..COLLECTIONS).find(|&place| super::super::basics::slug_of(place) == slug).unwrap();
                sizes[place] += 1;
            }
        }
        assert!((9_000..11_000).contains(&sizes[0]), "{sizes:?}");
        assert!(sizes.iter().all(|&size| size > 0) && sizes[COLLECTIONS - 1] < 60, "{sizes:?}");
    }
}
