//! Products, variants and collections: reading, writing, editing.

use std::collections::HashMap;

use ironmonger::catalog::{
    ImageDraft, OnConflict, OptionDraft, ProductDraft, ProductRecord, ProductStatus, RecordWrite,
    VariantDraft, Writing, Written, lock_products, write_records,
};

use crate::support::{Client, ProductSpec, Shop, Value, VariantSpec, json};

async fn statements<F: Future>(shop: &Shop, act: impl Fn() -> F) -> (F::Output, u64) {
    // The first time warms up what a process keeps: connections and the channels.
    act().await;
    let before = shop.app().db.statement_count();
    let output = act().await;
    (output, shop.app().db.statement_count() - before)
}

fn slugs(list: &Value) -> Vec<&str> {
    list["nodes"].as_array().unwrap().iter().map(|node| node["slug"].as_str().unwrap()).collect()
}

const PAGE: &str = "query($first: Int, $after: String, $last: Int, $before: String, $where: ProductWhereInput, \
    $sort: [ProductSortInput!]) { products(first: $first, after: $after, last: $last, before: $before, where: $where, \
    sort: $sort) { nodes { slug } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

async fn list(client: &Client, variables: Value) -> Value {
    client.read(PAGE, variables).await["products"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_visit_every_product_once_in_either_direction() {
    let shop = Shop::start().await;
    // Names repeat, so that the id has to decide.
    let specs = (0..23).map(|i| ProductSpec::named(&format!("p-{i:02}"), &format!("Name {}", i % 3), "5.00"));
    shop.products(specs.collect()).await;
    let orders = [
        json!([]),
        json!([{ "field": "NAME" }]),
        json!([{ "field": "NAME", "direction": "DESC" }, { "field": "CREATED_AT" }]),
        json!([{ "field": "PRICE" }]),
        json!([{ "field": "PRICE", "direction": "DESC" }, { "field": "NAME", "direction": "ASC" }]),
    ];
    for sort in orders {
        let whole = list(&shop, json!({ "first": 100, "sort": sort })).await;
        let whole: Vec<String> = slugs(&whole).into_iter().map(str::to_owned).collect();
        assert_eq!(whole.len(), 23);
        let (mut forward, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = list(&shop, json!({ "first": 5, "after": after, "sort": sort })).await;
            forward.extend(slugs(&page).into_iter().map(str::to_owned));
            after = page["pageInfo"]["endCursor"].clone();
            assert_eq!(page["totalCount"], 23);
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(forward, whole, "forward by {sort}");
        let (mut backward, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = list(&shop, json!({ "last": 5, "before": before, "sort": sort })).await;
            let mut part: Vec<String> = slugs(&page).into_iter().map(str::to_owned).collect();
            part.append(&mut backward);
            backward = part;
            before = page["pageInfo"]["startCursor"].clone();
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        assert_eq!(backward, whole, "backward by {sort}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_order_is_refused() {
    let shop = Shop::start().await;
    shop.products(vec![ProductSpec::named("a", "A", "1.00"), ProductSpec::named("b", "B", "2.00")]).await;
    let page = list(&shop, json!({ "first": 1, "sort": [{ "field": "NAME" }] })).await;
    let cursor = page["pageInfo"]["endCursor"].clone();
    for cursor in [cursor, json!("rubbish"), json!("")] {
        let answer =
            shop.send(PAGE, json!({ "first": 1, "after": cursor, "sort": [{ "field": "PRICE" }] })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_a_list_down() {
    let shop = Shop::start().await;
    shop.sql(
        "INSERT INTO collections (id, slug, name, created_at, updated_at) VALUES \
         ('00000000-0000-7000-8000-0000000000aa', 'tools', 'Tools', now(), now())",
    )
    .await;
    let ten = |stock| VariantSpec { price: "10.00".into(), stock, ..VariantSpec::default() };
    let products = shop
        .products(vec![
            ProductSpec {
                vendor: "Acme".into(),
                tags: vec!["red".into(), "small".into()],
                collections: vec!["tools".into()],
                ..ProductSpec::named("one", "One", "1.00")
            },
            ProductSpec {
                vendor: "Beta".into(),
                tags: vec!["red".into()],
                variants: vec![ten(0)],
                ..ProductSpec::named("two", "Two", "")
            },
            ProductSpec { product_type: "Saws".into(), ..ProductSpec::named("three", "Three", "100.00") },
        ])
        .await;
    let tools =
        shop.read("{ collection(slug: \"tools\") { id } }", json!({})).await["collection"]["id"].clone();
    let cases = [
        (json!({ "vendor": { "eq": "Acme" } }), vec!["one"]),
        (json!({ "vendor": { "in": ["Acme", "Beta"] } }), vec!["one", "two"]),
        (json!({ "vendor": { "in": [] } }), vec![]),
        (json!({ "vendor": { "eq": "Acme", "in": ["Beta"] } }), vec![]),
        (json!({ "productType": { "eq": "Saws" } }), vec!["three"]),
        (json!({ "tag": { "eq": "red" } }), vec!["one", "two"]),
        (json!({ "tag": { "in": ["small", "large"] } }), vec!["one"]),
        (json!({ "collection": { "eq": tools } }), vec!["one"]),
        (json!({ "price": { "gte": "10.00" } }), vec!["three", "two"]),
        (json!({ "price": { "gte": "1.01", "lte": "99.99" } }), vec!["two"]),
        (json!({ "available": true }), vec!["one", "three"]),
        (json!({ "available": false }), vec!["two"]),
        (json!({ "slug": { "in": ["two", "a\u{0}b"] } }), vec!["two"]),
        (json!({ "ids": [products[2].id] }), vec!["three"]),
        (json!({ "tag": { "eq": "red" }, "price": { "lte": "5" } }), vec!["one"]),
    ];
    for (filter, expected) in cases {
        let page = list(&shop, json!({ "first": 10, "where": filter, "sort": [{ "field": "NAME" }] })).await;
        assert_eq!(slugs(&page), expected, "{filter}");
        assert_eq!(page["totalCount"], expected.len(), "{filter}");
    }
    for filter in [
        json!({ "collection": { "eq": products[0].id } }),
        json!({ "price": { "lte": "1.001" } }),
        json!({ "vendor": { "in": vec!["x"; 101] } }),
    ] {
        let answer = shop.send(PAGE, json!({ "first": 1, "where": filter })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shoppers_see_what_is_published_and_staff_see_everything() {
    let shop = Shop::start().await;
    let products = shop
        .products(vec![
            ProductSpec::named("shown", "Shown", "1.00"),
            ProductSpec { status: ProductStatus::Draft, ..ProductSpec::named("draft", "Draft", "1.00") },
            ProductSpec {
                status: ProductStatus::Archived,
                ..ProductSpec::named("archived", "Archived", "1.00")
            },
            ProductSpec::named("later", "Later", "1.00"),
        ])
        .await;
    shop.sql(&format!(
        "UPDATE product_channels SET published_at = now() + interval '1 day' WHERE product_id = '{}'",
        products[3].id.0
    ))
    .await;
    let by_name = json!({ "first": 10, "sort": [{ "field": "NAME" }] });
    assert_eq!(slugs(&list(&shop, by_name.clone()).await), ["shown"]);
    assert_eq!(slugs(&list(&shop.as_customer(), by_name.clone()).await), ["shown"]);
    let owner = shop.as_owner();
    assert_eq!(slugs(&list(&owner, by_name).await), ["archived", "draft", "later", "shown"]);
    let drafts = json!({ "first": 10, "where": { "status": { "in": ["DRAFT", "ARCHIVED"] } }, "sort": [{ "field": "NAME" }] });
    assert_eq!(slugs(&list(&owner, drafts.clone()).await), ["archived", "draft"]);
    let refused = shop.send(PAGE, drafts).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused}");

    let one = "query($slug: String!, $id: ID!, $variant: ID!) { product(slug: $slug) { id } node(id: $id) { id } \
               variant: node(id: $variant) { id } }";
    let draft = &products[1];
    let variables = json!({ "slug": draft.slug, "id": draft.id, "variant": draft.variants[0] });
    let seen = shop.read(one, variables.clone()).await;
    assert_eq!(seen, json!({ "product": null, "node": null, "variant": null }));
    let seen = owner.read(one, variables).await;
    assert_eq!(seen["product"]["id"], json!(draft.id));
    assert_eq!(seen["variant"]["id"], json!(draft.variants[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_shown_with_everything_that_belongs_to_it() {
    let shop = Shop::start().await;
    shop.sql(
        "INSERT INTO collections (id, slug, name, created_at, updated_at) VALUES \
         (gen_random_uuid(), 'b', 'B tools', now(), now()), (gen_random_uuid(), 'a', 'A tools', now(), now())",
    )
    .await;
    let variant = |size: &str, price: &str, stock, compare_at: Option<&str>| VariantSpec {
        sku: format!("H-{size}"),
        option_values: vec![size.into(), "Ash".into()],
        price: price.into(),
        compare_at: compare_at.map(Into::into),
        stock,
        ..VariantSpec::default()
    };
    shop.product(ProductSpec {
        tags: vec!["forged".into()],
        options: vec![("Size".into(), vec!["S".into(), "L".into()]), ("Handle".into(), vec!["Ash".into()])],
        variants: vec![variant("S", "19.99", 3, Some("25.00")), variant("L", "5.00", 0, None)],
        images: vec!["/one.svg".into(), "/two.svg".into()],
        collections: vec!["b".into(), "a".into(), "no-such".into()],
        ..ProductSpec::named("hammer", "Hammer", "")
    })
    .await;
    let document = shop.contract("storefront", "ProductDetail").unwrap_or_else(|| {
        "query ProductDetail($slug: String!) { product(slug: $slug) { id name slug description vendor productType tags \
         options { name values } images { url altText } collections(first: 10) { nodes { id name slug } } \
         variants(first: 100) { nodes { id sku name price { amount currencyCode } compareAtPrice { amount currencyCode } \
         selectedOptions { name value } availability { inStock quantityAvailable } } } } }"
            .into()
    });
    let (data, count) = statements(&shop, || shop.read(&document, json!({ "slug": "hammer" }))).await;
    assert!(count <= 6, "{count} statements");
    let product = &data["product"];
    assert_eq!(product["tags"], json!(["forged"]));
    assert_eq!(product["images"][1], json!({ "url": "/two.svg", "altText": "" }));
    assert_eq!(product["options"][0], json!({ "name": "Size", "values": ["S", "L"] }));
    let collections: Vec<_> =
        product["collections"]["nodes"].as_array().unwrap().iter().map(|c| &c["slug"]).collect();
    assert_eq!(collections, ["a", "b"]);
    let [small, large] = product["variants"]["nodes"].as_array().unwrap().as_slice() else {
        panic!("{product}")
    };
    assert_eq!(small["name"], "S / Ash");
    assert_eq!(small["price"], json!({ "amount": "19.99", "currencyCode": "USD" }));
    assert_eq!(small["compareAtPrice"]["amount"], "25.00");
    assert_eq!(
        small["selectedOptions"],
        json!([{ "name": "Size", "value": "S" }, { "name": "Handle", "value": "Ash" }])
    );
    assert_eq!(small["availability"], json!({ "inStock": true, "quantityAvailable": 3 }));
    assert_eq!(large["availability"], json!({ "inStock": false, "quantityAvailable": 0 }));
    assert_eq!(large["compareAtPrice"], Value::Null);

    let listed = shop.contract("storefront", "ProductList").unwrap_or_else(|| {
        "query ProductList($first: Int!) { products(first: $first) { nodes { id name slug description priceRange { \
         min { amount currencyCode } max { amount currencyCode } } featuredImage { url altText } } } }"
            .into()
    });
    let (data, count) = statements(&shop, || shop.read(&listed, json!({ "first": 20 }))).await;
    assert_eq!(count, 1);
    let product = &data["products"]["nodes"][0];
    assert_eq!(product["priceRange"]["min"]["amount"], "5.00");
    assert_eq!(product["priceRange"]["max"]["amount"], "19.99");
    assert_eq!(product["featuredImage"]["url"], "/one.svg");
    assert_eq!(product["description"], "A hammer.");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_under_lists_take_one_statement_each() {
    let shop = Shop::start().await;
    shop.sql(
        "INSERT INTO collections (id, slug, name, created_at, updated_at) \
         SELECT gen_random_uuid(), 'c' || n, 'C' || n, now(), now() FROM generate_series(1, 5) AS n",
    )
    .await;
    let variants = |n: usize| {
        let variant =
            |i: usize| VariantSpec { option_values: vec![format!("{i}")], ..VariantSpec::default() };
        (0..n).map(variant).collect::<Vec<_>>()
    };
    let specs = (0..10).map(|i| ProductSpec {
        options: vec![("Size".into(), (0..4).map(|v| v.to_string()).collect())],
        variants: variants(1 + i % 4),
        collections: vec![format!("c{}", 1 + i % 5), "c1".into()],
        ..ProductSpec::named(&format!("p{i}"), &format!("P{i}"), "")
    });
    shop.products(specs.collect()).await;
    let document = "{ collections(first: 10) { nodes { slug products(first: 3) { totalCount nodes { slug \
        description variants(first: 2) { totalCount nodes { name product { name } availability { inStock } } pageInfo { hasNextPage } } \
        collections(last: 1) { nodes { slug } } } pageInfo { hasNextPage } } } } }";
    let (data, count) = statements(&shop, || shop.read(document, json!({}))).await;
    // Collections, their products and counts; variants and counts, collections; products of variants, availability.
    assert!(count <= 8, "{count} statements");
    let collections = data["collections"]["nodes"].as_array().unwrap();
    assert_eq!(collections.len(), 5);
    assert_eq!(collections[0]["products"]["totalCount"], 10);
    assert_eq!(slugs(&collections[0]["products"]), ["p0", "p1", "p2"]);
    assert_eq!(collections[0]["products"]["pageInfo"]["hasNextPage"], true);
    assert_eq!(slugs(&collections[1]["products"]), ["p1", "p6"]);
    let third = &collections[0]["products"]["nodes"][2];
    assert_eq!(third["variants"]["totalCount"], 3);
    assert_eq!(third["variants"]["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(third["variants"]["pageInfo"]["hasNextPage"], true);
    assert_eq!(third["variants"]["nodes"][1]["product"]["name"], "P2");
    assert_eq!(slugs(&third["collections"]), ["c3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_lists_its_products_in_its_own_order() {
    let shop = Shop::start().await;
    shop.sql(
        "INSERT INTO collections (id, slug, name, created_at, updated_at) VALUES (gen_random_uuid(), 'c', 'C', now(), now())",
    )
    .await;
    let in_c =
        |slug: &str| ProductSpec { collections: vec!["c".into()], ..ProductSpec::named(slug, slug, "1.00") };
    shop.products(vec![in_c("z"), in_c("m"), in_c("a")]).await;
    shop.products(vec![in_c("k")]).await;
    let document = shop.contract("storefront", "CollectionPage").unwrap_or_else(|| {
        "query CollectionPage($slug: String!, $first: Int!, $after: String) { collection(slug: $slug) { id name \
         products(first: $first, after: $after) { nodes { id name slug } pageInfo { hasNextPage endCursor } } } }"
            .into()
    });
    let (data, count) = statements(&shop, || shop.read(&document, json!({ "slug": "c", "first": 3 }))).await;
    assert!(count <= 3, "{count} statements");
    let page = &data["collection"]["products"];
    assert_eq!(slugs(page), ["z", "m", "a"]);
    let after = &page["pageInfo"]["endCursor"];
    let rest = shop.read(&document, json!({ "slug": "c", "first": 3, "after": after })).await;
    assert_eq!(slugs(&rest["collection"]["products"]), ["k"]);
    assert_eq!(rest["collection"]["products"]["pageInfo"]["hasNextPage"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_can_be_read_again_by_its_id() {
    let shop = Shop::start().await;
    let product = shop.product(ProductSpec::named("hammer", "Hammer", "1.00")).await;
    let document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on ProductVariant { sku } } }";
    let missing = "product_00000000000000000000000000";
    let ids = json!([product.variants[0], missing, product.id]);
    let data = shop.read(document, json!({ "ids": ids })).await;
    assert_eq!(
        data["nodes"][0],
        json!({ "__typename": "ProductVariant", "id": product.variants[0], "sku": "SKU" })
    );
    assert_eq!(data["nodes"][1], Value::Null);
    assert_eq!(data["nodes"][2]["__typename"], "Product");
    let answer = shop.send("{ node(id: \"rubbish\") { id } }", json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    let answer =
        shop.send("query($id: ID!) { product(id: $id) { id } }", json!({ "id": product.variants[0] })).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("not of a product"), "{answer}");
}

const CREATE: &str = "mutation($input: ProductCreateInput!) { productCreate(input: $input) { product { id slug status \
    version priceRange { min { amount } } tags variants(first: 10) { nodes { id name availability { quantityAvailable } } } } \
    userErrors { __typename code message field } } }";

fn hammer() -> Value {
    let variant = |size: &str, stock: i64| {
        json!({ "sku": format!("H-{size}"), "price": { "amount": "12.50", "currencyCode": "USD" },
            "selectedOptions": [{ "name": "Size", "value": size }], "stock": stock })
    };
    json!({ "name": "Claw Hammer", "slug": "claw-hammer", "description": "Good.", "status": "ACTIVE",
        "tags": ["z", "a", "z"], "options": [{ "name": "Size", "values": ["S", "L"] }],
        "variants": [variant("S", 4), variant("L", 0)] })
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_create_products() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let data = owner.read(CREATE, json!({ "input": hammer() })).await;
    let payload = &data["productCreate"];
    assert_eq!(payload["userErrors"], json!([]));
    let product = &payload["product"];
    assert_eq!(product["priceRange"]["min"]["amount"], "12.50");
    assert_eq!(product["tags"], json!(["a", "z"]));
    assert_eq!(product["variants"]["nodes"][0]["availability"]["quantityAvailable"], 4);
    assert_eq!(slugs(&list(&shop, json!({ "first": 10 })).await), ["claw-hammer"]);
    let events = "SELECT count(*) FROM events WHERE type = 'product.created' AND actor LIKE 'user\\_%'";
    assert_eq!(shop.sql_count(events).await, 1);

    let again = owner.read(CREATE, json!({ "input": hammer() })).await;
    let error = &again["productCreate"]["userErrors"][0];
    assert_eq!((&error["code"], &error["field"]), (&json!("TAKEN"), &json!(["input", "slug"])));
    assert_eq!(again["productCreate"]["product"], Value::Null);

    let unnamed = owner.read(CREATE, json!({ "input": { "name": "Ball-Peen Hammer" } })).await;
    assert_eq!(unnamed["productCreate"]["product"]["slug"], "ball-peen-hammer");
    assert_eq!(unnamed["productCreate"]["product"]["status"], "DRAFT");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_new_product_is_said() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let with = |path: &str, value: Value| {
        let mut input = hammer();
        *input.pointer_mut(path).unwrap() = value;
        input
    };
    let cases = [
        (with("/name", json!(" ")), "INVALID", json!(["input", "name"])),
        (with("/slug", json!("a b")), "INVALID", json!(["input", "slug"])),
        (with("/name", json!("nul \u{0}")), "INVALID", json!(["input", "name"])),
        (
            with("/variants/1/selectedOptions/0/value", json!("XXL")),
            "INVALID",
            json!(["input", "variants", "1", "selectedOptions"]),
        ),
        (
            with("/variants/1/selectedOptions/0/name", json!("Color")),
            "INVALID",
            json!(["input", "variants", "1", "selectedOptions"]),
        ),
        (
            with("/variants/1/selectedOptions/0/value", json!("S")),
            "TAKEN",
            json!(["input", "variants", "1", "selectedOptions"]),
        ),
        (
            with("/variants/0/price/amount", json!("1.005")),
            "INVALID",
            json!(["input", "variants", "0", "price"]),
        ),
        (
            with("/variants/0/price/amount", json!("-1")),
            "INVALID",
            json!(["input", "variants", "0", "price"]),
        ),
        (
            with("/variants/0/price/currencyCode", json!("EUR")),
            "INVALID",
            json!(["input", "variants", "0", "price"]),
        ),
        (with("/options/0/values", json!(["S", "S", "L"])), "INVALID", json!(["input", "options", "0"])),
    ];
    for (input, code, field) in cases {
        let data = owner.read(CREATE, json!({ "input": input })).await;
        let errors = &data["productCreate"]["userErrors"];
        assert_eq!(errors[0]["code"], code, "{errors}");
        assert_eq!(errors[0]["field"], field, "{errors}");
    }
    assert_eq!(shop.sql_count("SELECT count(*) FROM products").await, 0);
    for (client, code) in [(&*shop, "UNAUTHENTICATED"), (&shop.as_customer(), "FORBIDDEN")] {
        let answer = client.send(CREATE, json!({ "input": hammer() })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
    }
}

const UPDATE: &str = "mutation($input: ProductUpdateInput!) { productUpdate(input: $input) { product { id name slug version \
    description status } userErrors { __typename code field ... on StaleVersionError { currentVersion } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn staff_edit_products() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let product = shop.product(ProductSpec::named("hammer", "Hammer", "1.00")).await;
    shop.product(ProductSpec::named("saw", "Saw", "1.00")).await;
    let edit = |input: Value| {
        let (owner, mut input) = (owner.clone(), input);
        input["id"] = json!(product.id);
        async move { owner.read(UPDATE, json!({ "input": input })).await["productUpdate"].take() }
    };

    let edited = edit(json!({ "name": "Zimmermann mallet", "expectedVersion": 1 })).await;
    assert_eq!(edited["userErrors"], json!([]));
    assert_eq!(edited["product"]["name"], "Zimmermann mallet");
    assert_eq!(edited["product"]["version"], 2);
    assert_eq!(edited["product"]["description"], "A hammer.", "what is left out stays");

    let stale = edit(json!({ "name": "Other", "expectedVersion": 1 })).await;
    assert_eq!(stale["product"], Value::Null);
    assert_eq!(
        stale["userErrors"],
        json!([{ "__typename": "StaleVersionError", "code": "STALE_VERSION", "field": ["input", "expectedVersion"], "currentVersion": 2 }])
    );

    let taken = edit(json!({ "slug": "saw" })).await;
    assert_eq!(taken["userErrors"][0]["code"], "TAKEN");
    let malformed = edit(json!({ "slug": "a/b", "name": "" })).await;
    assert_eq!(malformed["userErrors"].as_array().unwrap().len(), 2);

    edit(json!({ "status": "ARCHIVED" })).await;
    assert_eq!(slugs(&list(&shop, json!({ "first": 10 })).await), ["saw"]);
    edit(json!({ "status": "ACTIVE", "slug": "mallet" })).await;
    let found = shop.read("{ product(slug: \"mallet\") { version } productSearch(query: \"zimmer\", first: 1) { nodes { slug } } }", json!({})).await;
    assert_eq!(found["product"]["version"], 4);
    assert_eq!(slugs(&found["productSearch"]), ["mallet"]);
    let events = "SELECT count(*) FROM events WHERE type = 'product.updated'";
    assert_eq!(shop.sql_count(events).await, 3);

    let missing = json!({ "input": { "id": "product_00000000000000000000000000", "name": "X" } });
    let missing = owner.read(UPDATE, missing).await;
    assert_eq!(missing["productUpdate"]["userErrors"][0]["code"], "NOT_FOUND");
    let refused =
        shop.as_customer().send(UPDATE, json!({ "input": { "id": product.id, "name": "X" } })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_edits_of_one_version_one_wins() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    owner.token().await;
    let product = shop.product(ProductSpec::named("hammer", "Hammer", "1.00")).await;
    let edits =
        (0..8).map(|i| {
            let input = json!({ "id": product.id, "name": format!("Name {i}"), "expectedVersion": 1 });
            let owner = owner.clone();
            async move {
                owner.read(UPDATE, json!({ "input": input })).await["productUpdate"]["product"].is_object()
            }
        });
    let won = futures_util::future::join_all(edits).await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 1);
}

// What an import relies on.

fn draft(slug: &str) -> ProductDraft {
    let variant = |size: &str| VariantDraft {
        sku: format!("{slug}-{size}"),
        option_values: vec![size.into()],
        price_minor: 1_000,
        compare_at_minor: None,
        stock: Some(5),
        backorderable: false,
        barcode: String::new(),
        weight_grams: None,
        requires_shipping: true,
        taxable: true,
    };
    ProductDraft {
        slug: slug.into(),
        name: format!("Name of {slug}"),
        description: "Text".into(),
        vendor: "Acme".into(),
        product_type: "Tools".into(),
        tags: vec!["a, \"quoted\" {tag}".into(), "b\\c".into()],
        status: ProductStatus::Active,
        options: vec![OptionDraft { name: "Size".into(), values: vec!["S".into(), "L".into()] }],
        variants: vec![variant("S"), variant("L")],
        images: vec![ImageDraft { url: "/a.svg".into(), alt_text: "A".into() }],
        collections: Vec::new(),
    }
}

async fn write(shop: &Shop, drafts: &[ProductDraft], on_conflict: OnConflict) -> Vec<Written> {
    loop {
        // Overtaken by another writer: what it made is looked at again.
        if let Some(written) = try_write(shop, drafts, on_conflict).await {
            return written;
        }
    }
}

async fn try_write(shop: &Shop, drafts: &[ProductDraft], on_conflict: OnConflict) -> Option<Vec<Written>> {
    use diesel_async::AsyncConnection;
    let app = shop.app();
    let channel = app.channels.get(&app.db, None).await.unwrap();
    let now = app.clock.now();
    let mut conn = app.db.get().await.unwrap();
    let written = conn.transaction(async |conn| {
        let location_id = ironmonger::inventory::default_location(conn).await?;
        let slugs: Vec<&str> = drafts.iter().map(|draft| draft.slug.as_str()).collect();
        let known = lock_products(conn, &slugs).await?;
        let (mut written, mut sources) = (HashMap::new(), Vec::new());
        for draft in drafts {
            let fingerprint = serde_json::to_vec(draft).unwrap();
            match known.get(&draft.slug) {
                Some(it) if on_conflict == OnConflict::Skip => {
                    written.insert(&draft.slug, Written::Skipped(it.id));
                }
                Some(it) if it.fingerprint.as_ref() == Some(&fingerprint) => {
                    written.insert(&draft.slug, Written::Unchanged(it.id));
                }
                it => {
                    let record = ProductRecord::of(draft, channel.id, location_id, now);
                    sources.push((it.map(|it| it.id), record, fingerprint));
                }
            }
        }
        let writes: Vec<RecordWrite> = sources
            .iter()
            .map(|(id, record, source)| RecordWrite { id: *id, record, fingerprint: Some(source) })
            .collect();
        let ids =
            write_records(conn, &writes, &Writing { now, actor: "system", import_id: None, lesson: None })
                .await?;
        for (write, id) in writes.iter().zip(ids) {
            let id = id.ok_or(diesel::result::Error::RollbackTransaction)?;
            let outcome = if write.id.is_some() { Written::Updated(id) } else { Written::Created(id) };
            written.insert(&write.record.slug, outcome);
        }
        Ok::<_, ironmonger::Error>(drafts.iter().map(|draft| written[&draft.slug]).collect())
    });
    match written.await {
        Ok(written) => Some(written),
        Err(ironmonger::Error::Fault(fault))
            if matches!(fault.downcast_ref(), Some(diesel::result::Error::RollbackTransaction)) =>
        {
            None
        }
        Err(error) => panic!("{error}"),
    }
}

const WHOLE: &str = "query($slug: String!) { product(slug: $slug) { id name tags version priceRange { min { amount } max { \
    amount } } options { name values } images { url altText } variants(first: 10) { nodes { id sku name price { amount } \
    availability { quantityAvailable } } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn an_update_makes_a_product_equal_to_its_source() {
    let shop = Shop::start().await;
    write(&shop, &[draft("one")], OnConflict::Update).await;
    let before = shop.read(WHOLE, json!({ "slug": "one" })).await["product"].take();
    assert_eq!(before["tags"], json!(["a, \"quoted\" {tag}", "b\\c"]));

    let mut changed = draft("one");
    changed.name = "Other".into();
    changed.variants.swap_remove(0);
    changed.options[0].values = vec!["L".into(), "XL".into()];
    changed.variants.push(VariantDraft {
        option_values: vec!["XL".into()],
        price_minor: 2_000,
        stock: None,
        ..changed.variants[0].clone()
    });
    changed.variants[0].stock = Some(7);
    changed.images[0] = ImageDraft { url: "/b.svg".into(), alt_text: "B".into() };
    assert!(matches!(write(&shop, &[changed], OnConflict::Update).await[..], [Written::Updated(_)]));

    let after = shop.read(WHOLE, json!({ "slug": "one" })).await["product"].take();
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["version"], 2);
    assert_eq!(after["name"], "Other");
    assert_eq!(after["options"], json!([{ "name": "Size", "values": ["L", "XL"] }]));
    assert_eq!(after["images"], json!([{ "url": "/b.svg", "altText": "B" }]));
    assert_eq!(after["priceRange"], json!({ "min": { "amount": "10.00" }, "max": { "amount": "20.00" } }));
    let variants = after["variants"]["nodes"].as_array().unwrap();
    assert_eq!(variants.len(), 2);
    assert_eq!(variants[0]["id"], before["variants"]["nodes"][1]["id"], "a variant keeps its id");
    assert_eq!(variants[0]["availability"]["quantityAvailable"], 7);
    assert_eq!(variants[1]["availability"]["quantityAvailable"], 0, "no stock was named");
    let book =
        "SELECT string_agg(kind || ' ' || on_hand_delta, ', ' ORDER BY created_at, id) FROM stock_movements";
    assert_eq!(shop.sql_text(book).await, "RECEIVED 5, RECEIVED 5, ADJUSTED 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_did_not_change_writes_nothing() {
    let shop = Shop::start().await;
    let drafts = [draft("one"), draft("two")];
    write(&shop, &drafts, OnConflict::Update).await;
    let rows = "SELECT (SELECT sum(version) FROM products)::bigint * 1000 + (SELECT count(*) FROM events) * 10 \
                + (SELECT count(*) FROM stock_movements)";
    let before = shop.sql_count(rows).await;
    let again = write(&shop, &drafts, OnConflict::Update).await;
    assert!(matches!(again[..], [Written::Unchanged(_), Written::Unchanged(_)]));
    let skipped = write(&shop, &[draft("two"), draft("three")], OnConflict::Skip).await;
    assert!(matches!(skipped[..], [Written::Skipped(_), Written::Created(_)]));
    // "three" has a version, an event and two movements of its own.
    assert_eq!(shop.sql_count(rows).await, before + 1_012);

    // An edit in between makes the source different again.
    let Written::Unchanged(id) = again[0] else { unreachable!() };
    shop.as_owner().read(UPDATE, json!({ "input": { "id": id, "name": "Edited" } })).await;
    let third = write(&shop, &drafts, OnConflict::Update).await;
    assert!(matches!(third[..], [Written::Updated(_), Written::Unchanged(_)]));
    assert_eq!(shop.read(WHOLE, json!({ "slug": "one" })).await["product"]["name"], "Name of one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_leaves_what_is_reserved_on_hand() {
    let shop = Shop::start().await;
    write(&shop, &[draft("one")], OnConflict::Update).await;
    shop.sql("UPDATE stock_levels SET reserved = 4").await;
    let mut fewer = draft("one");
    fewer.variants[0].stock = Some(1);
    fewer.variants[1].stock = Some(0);
    fewer.variants[1].backorderable = true;
    write(&shop, &[fewer], OnConflict::Update).await;
    let levels = "SELECT string_agg(s.on_hand || '/' || s.reserved, ' ' ORDER BY v.position) \
                  FROM stock_levels AS s JOIN variants AS v ON v.id = s.variant_id";
    assert_eq!(shop.sql_text(levels).await, "4/4 0/4");
    let book = "SELECT sum(on_hand_delta)::bigint FROM stock_movements";
    assert_eq!(shop.sql_count(book).await, 4, "the book agrees with the shelves");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_statements_does_not_grow_with_the_batch() {
    let shop = Shop::start().await;
    let count = async |drafts: Vec<ProductDraft>| {
        let before = shop.app().db.statement_count();
        write(&shop, &drafts, OnConflict::Update).await;
        shop.app().db.statement_count() - before
    };
    write(&shop, &[draft("warm")], OnConflict::Update).await;
    let one = count(vec![draft("a")]).await;
    let many = count((0..200).map(|i| draft(&format!("b-{i}"))).collect()).await;
    // Asking whether references have to be checked one by one, and having them left out and checked again.
    assert_eq!(one + 3, many);
    assert_eq!(count((0..60).map(|i| draft(&format!("c-{i}"))).collect()).await, many);
    assert!(many <= 16, "{many} statements");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_imports_of_the_same_products_do_not_disturb_each_other() {
    let shop = Shop::start().await;
    let drafts: Vec<ProductDraft> = (0..60).map(|i| draft(&format!("p-{i}"))).collect();
    let mut reversed = drafts.clone();
    reversed.reverse();
    for draft in &mut reversed {
        draft.name += " (2)";
    }
    let imports =
        (0..6).map(|i| write(&shop, if i % 2 == 0 { &drafts } else { &reversed }, OnConflict::Update));
    let written = futures_util::future::join_all(imports).await;
    let created = written.iter().flatten().filter(|written| matches!(written, Written::Created(_))).count();
    assert_eq!(created, 60);
    assert_eq!(shop.sql_count("SELECT count(*) FROM products").await, 60);
    assert_eq!(shop.sql_count("SELECT count(*) FROM variants").await, 120);
    let gaps = "SELECT count(*) FROM (SELECT max(sequence) <> count(*) AS gap FROM events GROUP BY aggregate_id) AS e WHERE gap";
    assert_eq!(shop.sql_count(gaps).await, 0);
}
