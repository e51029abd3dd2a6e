//! The words of imported products are those that PostgreSQL would have cut and stemmed itself.

use std::process::Command;

use crate::bulk::import;
use crate::support::{Shop, binary, json};

const PRODUCTS: usize = 400;

/// Words that mean something else without their accents, or among others, beside plain ones.
const WORDS: [&str; 60] = [
    "oak",
    "Oak",
    "HOOKS",
    "hooked",
    "running",
    "runner",
    "the",
    "and",
    "about",
    "don",
    "t",
    "s",
    "16oz",
    "1e5",
    "3d",
    "a1b2",
    "0012",
    "12",
    "café",
    "CAFÉ",
    "naïve",
    "straße",
    "½",
    "don’t",
    "‘quoted’",
    "«",
    "»",
    "«fin»",
    "well‐known",
    "№5",
    "ﬁne",
    "Æther",
    "Ελληνικά",
    "Москва",
    "日本語",
    "e\u{301}",
    "🪓",
    "co²",
    "µm",
    "İstanbul",
    "Ⅷ",
    "x…y",
    "ª",
    "ŉ",
    "_under_score",
    "http://example.com/a?b=c",
    "me@example.com",
    "1.5",
    "-7",
    "3/4",
    "C++",
    "AT&T",
    "rock'n'roll",
    "<b>bold</b>",
    "www",
    "com",
    "1e",
    "e5",
    "0x1F",
    "\u{200b}zero",
];

/// The next of a row of numbers that looks like chance.
fn roll(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % below
}

fn text(state: &mut u64, least: usize, most: usize) -> String {
    let count = least + roll(state, most - least + 1);
    (0..count).map(|_| WORDS[roll(state, WORDS.len())]).collect::<Vec<_>>().join(" ")
}

fn line(number: usize, state: &mut u64) -> String {
    let long = if number == 7 { "long".repeat(700) + " " + &"again ".repeat(300) } else { String::new() };
    let product = json!({
        "slug": format!("p-{number}"),
        "name": text(state, 1, 6),
        "vendor": text(state, 0, 3),
        "productType": text(state, 0, 3),
        "tags": [format!("tag {}", text(state, 0, 2)), text(state, 1, 1)],
        "description": long + &text(state, 0, 80),
        "options": [{ "name": "Size", "values": ["S", "L"] }],
        "variants": [
            { "sku": text(state, 0, 2), "optionValues": ["S"], "prices": [] },
            { "sku": format!("SKU-{number:05}-L"), "optionValues": ["L"], "prices": [] },
        ],
    });
    format!("{product}\n")
}

#[tokio::test]
async fn words_are_the_same_whoever_stems_them() {
    let shop = Shop::with_worker().await;
    let mut state = 1;
    let file: String = (0..PRODUCTS).map(|number| line(number, &mut state)).collect();
    let result = import(&shop, "JSONL", "UPDATE", file.into_bytes()).await;
    assert_eq!(result["created"], PRODUCTS, "{result}");
    shop.sql("CREATE TABLE before AS SELECT id, search FROM products").await;
    assert!(shop.sql_count("SELECT count(*) FROM before WHERE length(search) > 5").await > 300);

    let rebuilt =
        Command::new(binary("ironmonger")).args(["search", "rebuild"]).envs(shop.env()).output().unwrap();
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    let differing = "SELECT coalesce(string_agg(format('%s: %s, not %s', p.name, b.search, p.search), E'\\n'), '') \
        FROM products AS p JOIN before AS b USING (id) WHERE p.search <> b.search";
    assert_eq!(shop.sql_text(differing).await, "");
}

#[tokio::test]
async fn plain_words_are_stemmed_once() {
    let shop = Shop::with_worker().await;
    shop.sql(
        "CREATE OR REPLACE FUNCTION product_search(a text, b text, c text, d text) RETURNS tsvector LANGUAGE plpgsql AS $$ \
         BEGIN RAISE 'not for %', concat_ws(', ', a, b, c, d); END $$",
    )
    .await;
    let line = |number: usize| {
        format!(
            "{}\n",
            json!({
                "slug": format!("p-{number}"), "name": "Café hooks of oak", "vendor": "Ironworks", "tags": ["new in"],
                "description": "<p>They are hanging about 16 oz.</p>", "variants": [{ "sku": format!("AB{number}-{number}"), "prices": [] }],
            })
        )
    };
    let file: String = (0..20).map(line).collect();
    let result = import(&shop, "JSONL", "UPDATE", file.into_bytes()).await;
    assert_eq!(result["created"], 20, "{result}");
    let first = "SELECT search::text FROM products WHERE slug = 'p-3'";
    assert_eq!(
        shop.sql_text(first).await,
        "'16':13 '3':7B 'ab3':6B 'cafe':1A 'hang':11 'hook':2A 'ironwork':5B 'new':8C 'oak':4A 'oz':14"
    );
}
