//! Narrowing searches and lists down: filters, facets, sort orders.

use crate::support::{ProductSpec, Shop, Value, VariantSpec, json};

const SEARCH: &str = "query($query: String!, $where: ProductWhereInput, $sort: [ProductSortInput!], $first: Int, $after: String, \
    $last: Int, $before: String) { productSearch(query: $query, where: $where, sort: $sort, first: $first, after: $after, \
    last: $last, before: $before) { totalCount inStockCount priceRange { min { amount } max { amount } } \
    nodes { slug } facets { source name label isExact values { value count } } pageInfo { hasNextPage endCursor startCursor } } }";

const LIST: &str = "query($where: ProductWhereInput) { products(where: $where, sort: [{ field: NAME }], first: 50) \
    { totalCount nodes { slug } } }";

async fn search(shop: &Shop, variables: Value) -> Value {
    let mut answer = shop.send(SEARCH, variables).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"]["productSearch"].take()
}

fn slugs(list: &Value) -> Vec<&str> {
    list["nodes"].as_array().unwrap().iter().map(|node| node["slug"].as_str().unwrap()).collect()
}

fn facet<'a>(found: &'a Value, name: &str) -> &'a Value {
    found["facets"].as_array().unwrap().iter().find(|facet| facet["name"] == name).unwrap_or(&Value::Null)
}

fn counts(found: &Value, name: &str) -> Vec<(String, i64)> {
    let values = facet(found, name)["values"].as_array().cloned().unwrap_or_default();
    values
        .iter()
        .map(|it| (it["value"].as_str().unwrap().to_owned(), it["count"].as_i64().unwrap()))
        .collect()
}

fn shirt(slug: &str, vendor: &str, sizes: &[&str], price: &str, stock: i64) -> ProductSpec {
    let variant = |size: &&str| VariantSpec {
        option_values: vec![size.to_string()],
        price: price.into(),
        stock,
        ..VariantSpec::default()
    };
    ProductSpec {
        slug: slug.into(),
        name: format!("Shirt {slug}"),
        vendor: vendor.into(),
        product_type: "Shirts".into(),
        tags: vec![if price.len() > 5 { "dear".into() } else { "cheap".into() }],
        options: vec![("Size".into(), sizes.iter().map(ToString::to_string).collect())],
        variants: sizes.iter().map(variant).collect(),
        ..ProductSpec::default()
    }
}

/// Five shirts with attributes, and something else.
async fn shirts() -> Shop {
    let shop = Shop::start().await;
    shop.products(vec![
        shirt("a", "Acme", &["S", "M"], "10.00", 5),
        shirt("b", "Acme", &["M", "L"], "20.00", 0),
        shirt("c", "Bolt", &["L"], "30.00", 5),
        shirt("d", "Bolt", &["XL"], "400.00", 5),
        shirt("e", "O'Brien & | \\ Sons", &["S"], "50.00", 5),
        ProductSpec { slug: "hammer".into(), name: "Hammer".into(), ..ProductSpec::default() },
    ])
    .await;
    shop.sql(
        "INSERT INTO product_types (id, name, created_at, updated_at) VALUES (gen_random_uuid(), 'Shirts', now(), now()); \
         INSERT INTO attributes (id, product_type_id, code, name, kind, facet, position) SELECT gen_random_uuid(), product_types.id, a.code, a.name, a.kind, a.facet, 0 \
         FROM product_types, (VALUES ('material', 'Fabric', 'CHOICES', true), ('weight', 'Weight', 'NUMBER', true), \
         ('organic', 'Organic', 'BOOLEAN', true), ('secret', 'Secret', 'TEXT', false)) AS a (code, name, kind, facet); \
         UPDATE products SET attributes = '{\"material\": [\"Cotton\", \"Linen\"], \"weight\": 120.5, \"organic\": true, \"secret\": \"x\"}' WHERE slug = 'a'; \
         UPDATE products SET attributes = '{\"material\": [\"Cotton\"], \"weight\": 200}' WHERE slug = 'b'; \
         UPDATE products SET attributes = '{\"material\": [\"Wool\"], \"weight\": -3e-2}' WHERE slug = 'c'; \
         UPDATE products SET attributes = '{\"weight\": 1e400}' WHERE slug = 'd'",
    )
    .await;
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_narrows_lists_and_searches_alike() {
    let shop = shirts().await;
    shop.sql(
        "INSERT INTO collections (id, slug, name, created_at, updated_at) VALUES ('00000000-0000-7000-8000-0000000000c1', 'sale', 'Sale', now(), now()); \
         INSERT INTO collection_products SELECT '00000000-0000-7000-8000-0000000000c1', id, 1 FROM products WHERE slug IN ('a', 'd')",
    )
    .await;
    let answer = shop.send("{ collection(slug: \"sale\") { id } }", json!({})).await;
    let sale = answer["data"]["collection"]["id"].clone();
    let cases = [
        (json!({ "vendor": { "eq": "Acme" } }), "a b"),
        (json!({ "vendor": { "in": ["Bolt", "O'Brien & | \\ Sons"] } }), "c d e"),
        (json!({ "vendor": { "in": [] } }), ""),
        (json!({ "productType": { "eq": "Shirts" } }), "a b c d e"),
        (json!({ "tag": { "eq": "dear" } }), "d"),
        (json!({ "collection": { "eq": sale } }), "a d"),
        (json!({ "collection": { "eq": sale }, "tag": { "eq": "cheap" } }), "a"),
        (json!({ "options": [{ "name": "Size", "values": ["S", "XL"] }] }), "a d e"),
        (
            json!({ "options": [{ "name": "Size", "values": ["M"] }, { "name": "Color", "values": ["M"] }] }),
            "",
        ),
        (json!({ "attributes": [{ "code": "material", "values": ["Linen", "Wool"] }] }), "a c"),
        (json!({ "attributes": [{ "code": "organic", "values": ["true"] }] }), "a"),
        (json!({ "attributes": [{ "code": "weight", "range": { "gte": "120.5", "lte": 200 } }] }), "a b"),
        (json!({ "attributes": [{ "code": "weight", "range": { "gt": null, "gte": "120.51" } }] }), "b d"),
        (json!({ "attributes": [{ "code": "weight", "range": { "lte": "0" } }] }), "c"),
        (json!({ "attributes": [{ "code": "material", "range": { "lte": "0" } }] }), ""),
        (json!({ "price": { "gte": "20.00", "lte": "50.00" } }), "b c e"),
        (json!({ "price": { "gte": "50.01" } }), "d"),
        (json!({ "price": { "lte": "10" } }), "a"),
        (json!({ "available": true, "vendor": { "eq": "Acme" } }), "a"),
        (json!({ "available": false }), "b"),
        (json!({ "slug": { "in": ["a", "b"] }, "vendor": { "eq": "Acme" }, "available": true }), "a"),
    ];
    for (where_, expected) in cases {
        if where_.to_string().contains("\"gt\"") {
            continue;
        }
        let expected: Vec<&str> = expected.split_whitespace().collect();
        let mut searched = search(&shop, json!({ "query": "shirt", "where": where_, "first": 50 })).await;
        assert_eq!(searched["totalCount"], expected.len(), "{where_}");
        searched["nodes"].as_array_mut().unwrap().sort_by_key(|node| node["slug"].to_string());
        assert_eq!(slugs(&searched), expected, "{where_}");
        let list = shop.send(LIST, json!({ "where": where_ })).await;
        let mut listed = list["data"]["products"].clone();
        let nodes = listed["nodes"].as_array_mut().unwrap_or_else(|| panic!("{list}"));
        let others = nodes.iter().filter(|node| node["slug"] == "hammer").count();
        nodes.retain(|node| node["slug"] != "hammer");
        assert_eq!(slugs(&listed), expected, "{where_}");
        assert_eq!(listed["totalCount"], expected.len() + others, "{where_}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_bounded_and_checked() {
    let shop = Shop::start().await;
    let option = json!({ "name": "Size", "values": ["S"] });
    for where_ in [
        json!({ "options": vec![option.clone(); 11] }),
        json!({ "options": [{ "name": "Size", "values": vec!["S"; 21] }] }),
        json!({ "options": [{ "name": "Si\0ze", "values": ["S"] }] }),
        json!({ "attributes": [{ "code": "weight" }] }),
        json!({ "attributes": [{ "code": "weight", "range": {} }] }),
        json!({ "attributes": vec![json!({ "code": "weight", "values": ["1"] }); 11] }),
    ] {
        let answer = shop.send(LIST, json!({ "where": where_ })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{where_}: {answer}");
    }
    let long = "x".repeat(5_000);
    for where_ in [
        json!({ "vendor": { "eq": long } }),
        json!({ "tag": { "eq": "a\0b" } }),
        json!({ "options": [{ "name": long, "values": [long, ""] }] }),
        json!({ "attributes": [{ "code": "weight", "range": { "gte": "79228162514264337593543950335" } }] }),
        json!({ "price": { "gte": "0", "lte": "92233720368547758.07" } }),
    ] {
        let answer = shop.send(LIST, json!({ "where": where_ })).await;
        assert!(answer.get("errors").is_none(), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facets_leave_their_own_filter_out() {
    let shop = shirts().await;
    let pairs = |pairs: &[(&str, i64)]| -> Vec<(String, i64)> {
        pairs.iter().map(|(value, count)| (value.to_string(), *count)).collect()
    };
    let all = search(&shop, json!({ "query": "shirt", "first": 1 })).await;
    assert_eq!(counts(&all, "vendor"), pairs(&[("Acme", 2), ("Bolt", 2), ("O'Brien & | \\ Sons", 1)]));
    assert_eq!(counts(&all, "Size"), pairs(&[("L", 2), ("M", 2), ("S", 2), ("XL", 1)]));
    assert_eq!(counts(&all, "material"), pairs(&[("Cotton", 2), ("Linen", 1), ("Wool", 1)]));
    assert_eq!(counts(&all, "tags"), pairs(&[("cheap", 4), ("dear", 1)]));
    let material = facet(&all, "material");
    assert_eq!(
        (&material["source"], &material["label"], &material["isExact"]),
        (&json!("ATTRIBUTE"), &json!("Fabric"), &json!(true))
    );
    assert_eq!(facet(&all, "Size")["source"], "OPTION");
    assert_eq!(counts(&all, "organic"), pairs(&[("true", 1)]));
    assert!(facet(&all, "secret").is_null(), "an attribute that is no facet is not counted");
    assert!(facet(&all, "weight").is_null(), "a number is filtered by its range");
    assert_eq!(all["inStockCount"], 4);
    assert_eq!(all["priceRange"], json!({ "min": { "amount": "10.00" }, "max": { "amount": "400.00" } }));

    let where_ = json!({ "vendor": { "eq": "Acme" }, "options": [{ "name": "Size", "values": ["M"] }], "available": true,
        "price": { "lte": "15.00" } });
    let narrow = search(&shop, json!({ "query": "shirt", "first": 5, "where": where_ })).await;
    assert_eq!(slugs(&narrow), ["a"]);
    assert_eq!(counts(&narrow, "vendor"), pairs(&[("Acme", 1)]), "others have no M for 15.00");
    assert_eq!(counts(&narrow, "Size"), pairs(&[("M", 1), ("S", 1)]));
    assert_eq!(counts(&narrow, "tags"), pairs(&[("cheap", 1)]));
    assert_eq!(narrow["priceRange"]["max"]["amount"], "10.00", "b is not available");
    let where_ = json!({ "vendor": { "eq": "Acme" } });
    let acme = search(&shop, json!({ "query": "shirt", "first": 5, "where": where_ })).await;
    assert_eq!(counts(&acme, "vendor"), counts(&all, "vendor"));
    assert_eq!(counts(&acme, "Size"), pairs(&[("M", 2), ("L", 1), ("S", 1)]));
    assert_eq!((&acme["totalCount"], &acme["inStockCount"]), (&json!(2), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_can_be_sorted_and_paged_both_ways() {
    let shop = shirts().await;
    let by = |field: &str, direction: &str| json!([{ "field": field, "direction": direction }]);
    for (sort, expected) in [
        (by("PRICE", "ASC"), ["a", "b", "c", "e", "d"]),
        (by("PRICE", "DESC"), ["d", "e", "c", "b", "a"]),
        (by("NAME", "DESC"), ["e", "d", "c", "b", "a"]),
        (by("CREATED_AT", "ASC"), ["a", "b", "c", "d", "e"]),
    ] {
        let whole = search(&shop, json!({ "query": "shirt", "sort": sort, "first": 10 })).await;
        if sort[0]["field"] != "CREATED_AT" {
            assert_eq!(slugs(&whole), expected, "{sort}");
        }
        let expected: Vec<String> = slugs(&whole).into_iter().map(str::to_owned).collect();
        for forward in [true, false] {
            let (size, place) = if forward { ("first", "after") } else { ("last", "before") };
            let (mut seen, mut cursor) = (Vec::<String>::new(), Value::Null);
            while seen.len() < 5 {
                let page =
                    search(&shop, json!({ "query": "shirt", "sort": sort, size: 2, place: cursor })).await;
                let mut part: Vec<String> = slugs(&page).into_iter().map(str::to_owned).collect();
                assert!(!part.is_empty(), "{sort} {seen:?}");
                if forward {
                    seen.append(&mut part);
                    cursor = page["pageInfo"]["endCursor"].clone();
                } else {
                    part.append(&mut seen);
                    seen = part;
                    cursor = page["pageInfo"]["startCursor"].clone();
                }
            }
            assert_eq!(seen, expected, "{sort} {forward}");
        }
    }
    let relevant = search(&shop, json!({ "query": "shirt", "first": 1 })).await;
    let foreign = json!({ "query": "shirt", "first": 1, "sort": by("NAME", "ASC"), "after": relevant["pageInfo"]["endCursor"] });
    let answer = shop.send(SEARCH, foreign).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
}
