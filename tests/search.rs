//! Finding products by words.

use crate::support::{ProductSpec, Shop, Value, VariantSpec, json};

const SEARCH: &str = "query($query: String!, $first: Int, $after: String, $last: Int, $before: String, \
    $where: ProductWhereInput) { productSearch(query: $query, first: $first, after: $after, last: $last, before: $before, \
    where: $where) { totalCount correctedQuery nodes { slug } edges { cursor node { slug } } \
    facets { name values { value count } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

async fn search(shop: &Shop, variables: Value) -> Value {
    let mut answer = shop.send(SEARCH, variables).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"]["productSearch"].take()
}

async fn find(shop: &Shop, query: &str) -> Vec<String> {
    slugs(&search(shop, json!({ "query": query, "first": 20 })).await)
}

fn slugs(list: &Value) -> Vec<String> {
    list["nodes"].as_array().unwrap().iter().map(|node| node["slug"].as_str().unwrap().to_owned()).collect()
}

fn shoe(slug: &str, name: &str, vendor: &str, sku: &str) -> ProductSpec {
    ProductSpec {
        slug: slug.into(),
        name: name.into(),
        vendor: vendor.into(),
        product_type: "SHOES".into(),
        description: String::new(),
        options: vec![("Size".into(), vec!["4".into(), "5".into()])],
        variants: vec![
            VariantSpec {
                sku: format!("{sku}-4"),
                option_values: vec!["4".into()],
                ..VariantSpec::default()
            },
            VariantSpec {
                sku: format!("{sku}-5"),
                option_values: vec!["5".into()],
                ..VariantSpec::default()
            },
        ],
        ..ProductSpec::default()
    }
}

async fn shoe_shop() -> Shop {
    let shop = Shop::start().await;
    shop.products(vec![
        shoe("superstar", "ADIDAS | SUPERSTAR 80S", "ADIDAS", "AD-03-white"),
        shoe("backpack", "ADIDAS | CLASSIC BACKPACK", "ADIDAS", "AD-04-black"),
        shoe("old-skool", "VANS |AUTHENTIC | LO PRO | OLD SKOOL", "VANS", "VN-01-burgandy"),
        ProductSpec {
            description: "<p>Goes well with <b>adidas</b> shoes.</p>".into(),
            ..shoe("socks", "Crème socks", "Café Mode", "SO-1")
        },
        ProductSpec {
            status: ironmonger::catalog::ProductStatus::Draft,
            ..shoe("hidden", "ADIDAS HIDDEN", "ADIDAS", "AD-99")
        },
    ])
    .await;
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn words_find_products_and_the_name_counts_most() {
    let shop = shoe_shop().await;
    let found = find(&shop, "adidas").await;
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[2], "socks", "a word in the description counts least");
    assert_eq!(find(&shop, "vans old skool").await, ["old-skool"]);
    assert_eq!(find(&shop, "skool VANS").await, ["old-skool"]);
    assert_eq!(find(&shop, "AD-04-black-5").await, ["backpack"]);
    assert_eq!(find(&shop, "ad 04").await, ["backpack"]);
    assert_eq!(find(&shop, "backp").await, ["backpack"], "the last word may be a beginning");
    assert_eq!(find(&shop, "backpacks").await, ["backpack"], "words are stemmed");
    assert_eq!(find(&shop, "CREME cafe").await, ["socks"], "accents do not matter");
    assert_eq!(find(&shop, "Crème").await, ["socks"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelled_word_finds_what_reads_alike() {
    let shop = shoe_shop().await;
    let found = search(&shop, json!({ "query": "Addidas", "first": 10 })).await;
    assert_eq!(found["correctedQuery"], "adidas");
    assert_eq!(slugs(&found), find(&shop, "adidas").await);
    assert_eq!(search(&shop, json!({ "query": "adidas", "first": 1 })).await["correctedQuery"], Value::Null);
    assert_eq!(find(&shop, "old skol").await, ["old-skool"]);
    assert_eq!(find(&shop, "clasic bakcpack").await, ["backpack"], "letters that changed places");
    assert_eq!(find(&shop, "vans adidas superstar").await, Vec::<String>::new(), "known words are not bent");
    assert_eq!(find(&shop, "xylophone").await, Vec::<String>::new());
    assert_eq!(find(&shop, "vase").await, Vec::<String>::new(), "a short word has to be close");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_text_can_be_asked() {
    let shop = shoe_shop().await;
    for query in [
        "'",
        "\"adidas",
        "a & | ! ( ) : * <-> b",
        "\\",
        "'; DROP TABLE products; --",
        "the",
        "\u{0}",
        "%",
        "_",
        "?",
        "$1",
        "\u{201c}quoted\u{201d} \u{2018}x\u{2019}",
        "e\u{301}",
        "\u{301}",
        "日本語",
        "😀",
        "<script>",
        ":*",
        "adidas:*",
    ] {
        find(&shop, query).await;
    }
    find(&shop, &"superstar ".repeat(500)).await;
    find(&shop, &"x".repeat(5_000)).await;
    assert_eq!(shop.sql_count("SELECT count(*) FROM products").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_question_lists_everything_by_name() {
    let shop = shoe_shop().await;
    let expected = ["backpack", "superstar", "socks", "old-skool"];
    for query in ["", "   ", "|||"] {
        let found = search(&shop, json!({ "query": query, "first": 10 })).await;
        assert_eq!(slugs(&found), expected);
        assert_eq!(found["totalCount"], 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facets_count_over_everything_that_matches() {
    let shop = shoe_shop().await;
    let found = search(&shop, json!({ "query": "adidas", "first": 1 })).await;
    assert_eq!(found["totalCount"], 3);
    let facet = |name: &str| {
        found["facets"].as_array().unwrap().iter().find(|facet| facet["name"] == name).unwrap()["values"]
            .clone()
    };
    assert_eq!(
        facet("vendor"),
        json!([{ "value": "ADIDAS", "count": 2 }, { "value": "Café Mode", "count": 1 }])
    );
    assert_eq!(facet("productType"), json!([{ "value": "SHOES", "count": 3 }]));
    assert_eq!(facet("Size"), json!([{ "value": "4", "count": 3 }, { "value": "5", "count": 3 }]));
    let narrowed =
        search(&shop, json!({ "query": "adidas", "first": 5, "where": { "vendor": { "eq": "Café Mode" } } }))
            .await;
    assert_eq!(slugs(&narrowed), ["socks"]);
    assert_eq!(narrowed["totalCount"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_visit_every_match_once() {
    let shop = Shop::start().await;
    let hammer = |i: usize| ProductSpec {
        slug: format!("h-{i}"),
        // Ranks differ between some and are equal between others.
        name: format!("Hammer {}", "hammer ".repeat(i % 3)),
        description: if i.is_multiple_of(2) { "A hammer.".into() } else { String::new() },
        ..ProductSpec::default()
    };
    shop.products((0..17).map(hammer).collect()).await;
    for query in ["hammer", "hamner", ""] {
        let whole = slugs(&search(&shop, json!({ "query": query, "first": 50 })).await);
        assert_eq!(whole.len(), 17, "{query}");
        let (mut forward, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = search(&shop, json!({ "query": query, "first": 4, "after": after })).await;
            forward.extend(slugs(&page));
            assert_eq!(page["totalCount"], 17);
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(forward, whole, "{query}");
        let (mut backward, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = search(&shop, json!({ "query": query, "last": 4, "before": before })).await;
            let mut part = slugs(&page);
            part.append(&mut backward);
            backward = part;
            before = page["pageInfo"]["startCursor"].clone();
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        assert_eq!(backward, whole, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_takes_few_statements() {
    let shop = shoe_shop().await;
    search(&shop, json!({ "query": "adidas", "first": 10 })).await;
    let before = shop.app().db.statement_count();
    search(&shop, json!({ "query": "adidas", "first": 10 })).await;
    // What the words mean, how much there is of them, the matches, the products; how many, the facets.
    assert_eq!(shop.app().db.statement_count() - before, 6);
}
