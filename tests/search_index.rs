//! The index keeps up with the catalog, whoever writes, and can be rebuilt; suggestions.

use std::process::Command;

use crate::support::{ProductSpec, Shop, Value, VariantSpec, binary, json};

async fn find(shop: &Shop, query: &str, where_: Value) -> Vec<String> {
    let document = "query($query: String!, $where: ProductWhereInput) { productSearch(query: $query, where: $where, first: 50) { nodes { slug } } }";
    let answer = shop.send(document, json!({ "query": query, "where": where_ })).await;
    let nodes = answer["data"]["productSearch"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    nodes.iter().map(|node| node["slug"].as_str().unwrap().to_owned()).collect()
}

async fn suggest(shop: &Shop, query: &str) -> Vec<(String, String)> {
    let document =
        "query($query: String!) { searchSuggestions(query: $query, first: 20) { kind text slug } }";
    let answer = shop.send(document, json!({ "query": query })).await;
    let suggestions = answer["data"]["searchSuggestions"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    suggestions.iter().map(|it| (text(&it["kind"]), text(&it["text"]))).collect()
}

fn saw(slug: &str, stock: i64) -> ProductSpec {
    ProductSpec {
        slug: slug.into(),
        name: format!("Tenon saw {slug}"),
        vendor: "Sheffield Works".into(),
        product_type: "Saws".into(),
        variants: vec![VariantSpec { stock, ..VariantSpec::default() }],
        ..ProductSpec::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_written_is_found_at_once() {
    let shop = Shop::start().await;
    let products = shop.products(vec![saw("one", 1), saw("two", 0)]).await;
    let available = json!({ "available": true });
    assert_eq!(find(&shop, "saw", available.clone()).await, ["one"]);
    let of = |slug: &str| {
        format!(
            "(SELECT v.id FROM variants AS v JOIN products AS p ON p.id = v.product_id WHERE p.slug = '{slug}')"
        )
    };

    shop.sql(&format!("UPDATE stock_levels SET reserved = 1 WHERE variant_id = {}", of("one"))).await;
    assert!(find(&shop, "saw", available.clone()).await.is_empty(), "the last one is promised");
    shop.sql(&format!("UPDATE stock_levels SET backorderable = true WHERE variant_id = {}", of("two"))).await;
    assert_eq!(find(&shop, "saw", available.clone()).await, ["two"]);
    shop.sql(&format!("DELETE FROM variants WHERE id = {}", of("two"))).await;
    assert!(find(&shop, "saw", available).await.is_empty());

    shop.sql("UPDATE product_channels SET published_at = NULL WHERE product_id = (SELECT id FROM products WHERE slug = 'two')").await;
    assert_eq!(find(&shop, "saw", json!({})).await, ["one"]);
    shop.sql("UPDATE product_channels SET published_at = now() + interval '1 day' WHERE product_id = (SELECT id FROM products WHERE slug = 'two')").await;
    assert_eq!(find(&shop, "saw", json!({})).await, ["one"], "its time is still to come");
    let count =
        "query { productSearch(query: \"saw\", first: 5) { totalCount } products(first: 5) { totalCount } }";
    let counted = shop.send(count, json!({})).await;
    assert_eq!(
        (&counted["data"]["productSearch"]["totalCount"], &counted["data"]["products"]["totalCount"]),
        (&json!(1), &json!(1))
    );
    shop.sql("UPDATE product_channels SET published_at = now() - interval '1 day'").await;
    assert_eq!(find(&shop, "saw", json!({})).await.len(), 2);

    shop.sql("UPDATE products SET vendor = 'Lyon', tags = '{hand tools}' WHERE slug = 'two'").await;
    assert_eq!(
        find(&shop, "saw", json!({ "vendor": { "eq": "Lyon" }, "tag": { "eq": "hand tools" } })).await,
        ["two"]
    );
    shop.sql("UPDATE products SET status = 'ARCHIVED' WHERE slug = 'two'").await;
    assert_eq!(find(&shop, "saw", json!({})).await, ["one"]);
    shop.sql(&format!("DELETE FROM products WHERE id = '{}'", products[0].id.0)).await;
    assert!(find(&shop, "saw", json!({})).await.is_empty());
    assert_eq!(shop.sql_count("SELECT count(*) FROM product_terms").await, 1);
    assert_eq!(shop.sql_count("SELECT count(*) FROM search_pending").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn variants_that_run_out_at_once_agree_on_what_is_left() {
    let shop = Shop::start().await;
    let variant =
        |size: &str| VariantSpec { option_values: vec![size.into()], stock: 1, ..VariantSpec::default() };
    let spec = ProductSpec {
        options: vec![("Size".into(), vec!["S".into(), "M".into()])],
        variants: vec![variant("S"), variant("M")],
        ..saw("both", 1)
    };
    let product = shop.product(spec).await;
    for round in 0..10 {
        let take = |id: uuid::Uuid| {
            let shop = &shop;
            async move {
                shop.sql(&format!(
                    "UPDATE stock_levels SET reserved = 1 - reserved WHERE variant_id = '{id}'"
                ))
                .await
            }
        };
        tokio::join!(take(product.variants[0].0), take(product.variants[1].0));
        let found = find(&shop, "saw", json!({ "available": true })).await;
        assert_eq!(found.is_empty(), round % 2 == 0, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn suggestions_complete_and_correct_and_give_nothing_away() {
    let shop = Shop::start().await;
    shop.products(vec![
        saw("one", 1),
        saw("two", 1),
        ProductSpec {
            name: "Tension wrench".into(),
            vendor: "Shelby & Sons".into(),
            slug: "wrench".into(),
            product_type: "Wrenches".into(),
            ..ProductSpec::default()
        },
        ProductSpec {
            name: "Tentacle prototype".into(),
            vendor: "Shellac".into(),
            status: ironmonger::catalog::ProductStatus::Draft,
            ..ProductSpec::default()
        },
    ])
    .await;
    shop.sql("INSERT INTO collections (id, slug, name, created_at, updated_at) VALUES (gen_random_uuid(), 'shelf', 'Café shelf', now(), now())").await;
    let pair = |kind: &str, text: &str| (kind.to_owned(), text.to_owned());

    let found = suggest(&shop, "ten").await;
    assert!(
        found.contains(&pair("COMPLETION", "tenon")) && found.contains(&pair("COMPLETION", "tension")),
        "{found:?}"
    );
    assert!(found.contains(&pair("PRODUCT", "Tenon saw one")), "{found:?}");
    assert!(!found.iter().any(|(_, text)| text.to_lowercase().contains("tentacle")), "{found:?}");
    let found = suggest(&shop, "saw ten").await;
    assert!(
        found.contains(&pair("COMPLETION", "saw tenon"))
            && !found.contains(&pair("COMPLETION", "saw tension")),
        "{found:?}"
    );
    let found = suggest(&shop, "shel").await;
    assert!(
        found.contains(&pair("VENDOR", "Shelby & Sons")) && found.contains(&pair("COLLECTION", "Café shelf")),
        "{found:?}"
    );
    assert!(!found.contains(&pair("VENDOR", "Shellac")), "{found:?}");
    assert!(suggest(&shop, "CAFE S").await.contains(&pair("COLLECTION", "Café shelf")));
    assert!(suggest(&shop, "wren").await.contains(&pair("PRODUCT_TYPE", "Wrenches")));
    assert_eq!(suggest(&shop, "tennon saw").await[0], pair("CORRECTION", "tenon saw"));
    for query in ["", "%", "_", "\\", "'", "\0", "😀", "x", "zzzz"] {
        assert!(suggest(&shop, query).await.is_empty(), "{query}");
    }
    let answer = shop.send("{ searchSuggestions(query: \"a\", first: 21) { text } }", json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    let few = shop.send("{ searchSuggestions(query: \"ten\", first: 2) { kind } }", json!({})).await;
    assert_eq!(few["data"]["searchSuggestions"], json!([{ "kind": "COMPLETION" }, { "kind": "PRODUCT" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_makes_the_index_anew() {
    let shop = Shop::start().await;
    let products = shop.products(vec![saw("one", 1), saw("two", 1)]).await;
    // As rows that were loaded with triggers off.
    shop.sql(
        "ALTER TABLE products DISABLE TRIGGER USER; DELETE FROM product_terms; UPDATE products SET search = ''; \
         ALTER TABLE products ENABLE TRIGGER USER",
    )
    .await;
    assert!(find(&shop, "tenon", json!({})).await.is_empty());
    let rebuild = |args: &[&str]| {
        let mut command = Command::new(binary("ironmonger"));
        command.args(["search", "rebuild"]).args(args).envs(shop.env()).output().unwrap()
    };
    let mut ids: Vec<_> = products.iter().map(|product| product.id).collect();
    ids.sort();
    let output = rebuild(&["--after", &ids[0].to_string()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(find(&shop, "tenon", json!({})).await.len(), 1, "those after the first");
    let output = rebuild(&[]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"done\n".as_slice()));
    assert_eq!(find(&shop, "tenon", json!({})).await.len(), 2);
    assert_eq!(shop.settle_search().await, 0);
    let output = rebuild(&["--after", "the last"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
