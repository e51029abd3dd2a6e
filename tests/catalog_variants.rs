//! Managing products, options, variants and metadata.

use ironmonger::ids::{ChannelId, ProductId, VariantId};

use crate::support::{Client, Product, ProductSpec, Shop, Value, VariantSpec, cart_of, json};

fn sized(values: &[&str]) -> ProductSpec {
    let variant = |value: &&str| VariantSpec {
        sku: format!("SKU-{value}"),
        option_values: vec![value.to_string()],
        ..VariantSpec::default()
    };
    ProductSpec {
        options: vec![("Size".into(), values.iter().map(|value| value.to_string()).collect())],
        variants: values.iter().map(variant).collect(),
        ..ProductSpec::default()
    }
}

const SHAPE: &str = "query($id: ID!) { product(id: $id) { version options { id name values } \
    variants(first: 10) { nodes { id sku name version selectedOptions { name value } } } } }";

async fn shape(client: &Client, product: &Product) -> Value {
    client.read(SHAPE, json!({ "id": product.id })).await["product"].take()
}

fn names(product: &Value) -> Vec<&str> {
    product["variants"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| variant["name"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_renamed_reordered_and_added_and_variants_follow() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let product = shop.product(sized(&["S", "M"])).await;
    let option = shape(&shop, &product).await["options"][0]["id"].clone();
    let input = json!({ "productId": product.id, "expectedVersion": 1, "options": [
        { "name": "Wood", "values": [{ "value": "oak" }, { "value": "ash" }] },
        { "id": option, "name": "Length", "values": [
            { "value": "M", "renames": "S" }, { "value": "S", "renames": "M" }, { "value": "L" }] },
    ] });
    owner.mutate("productOptionsUpdate", "product { id }", input).await;
    let after = shape(&shop, &product).await;
    assert_eq!(names(&after), ["oak / M", "oak / S"]);
    assert_eq!(after["version"], 2);
    assert_eq!(after["options"][1]["id"], option, "a renamed option is the same one");
    assert_eq!(after["options"][1]["values"], json!(["M", "S", "L"]));
    let selected = json!([{ "name": "Wood", "value": "oak" }, { "name": "Length", "value": "M" }]);
    assert_eq!(after["variants"]["nodes"][0]["selectedOptions"], selected);
    assert_eq!(after["variants"]["nodes"][0]["id"], json!(product.variants[0]), "variants keep their ids");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_do_not_fit_the_variants_are_refused() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let product = shop.product(sized(&["S", "M"])).await;
    let option = shape(&shop, &product).await["options"][0]["id"].clone();
    let options = |options: Value| json!({ "productId": product.id, "options": options });
    let cases = [
        (
            options(json!([{ "id": option, "name": "Size", "values": [{ "value": "S" }] }])),
            "INVALID_STATE input.options.0.values",
        ),
        (options(json!([])), "INVALID_STATE input.options"),
        (
            options(json!([{ "id": option, "name": " ", "values": [{ "value": "S" }, { "value": "M" }] }])),
            "INVALID input.options.0.name",
        ),
        (options(json!([{ "id": option, "name": "Size", "values": [] }])), "INVALID input.options.0.values"),
        (
            options(json!([{ "id": option, "name": "Size", "values": [{ "value": "A", "renames": "X" }] }])),
            "NOT_FOUND input.options.0.values.0.renames",
        ),
        (
            options(
                json!([{ "id": ironmonger::ids::OptionId::new(), "name": "Size", "values": [{ "value": "A" }] }]),
            ),
            "NOT_FOUND input.options.0.id",
        ),
        (
            json!({ "productId": product.id, "expectedVersion": 9, "options": [] }),
            "STALE_VERSION input.expectedVersion",
        ),
        (json!({ "productId": ProductId::new(), "options": [] }), "NOT_FOUND input.productId"),
    ];
    for (input, expected) in cases {
        assert_eq!(owner.refused("productOptionsUpdate", input.clone()).await, [expected], "{input}");
    }
    assert_eq!(names(&shape(&shop, &product).await), ["S", "M"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_is_added_edited_placed_and_deleted() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let mut spec = sized(&["S", "M"]);
    spec.options[0].1.push("L".into());
    let product = shop.product(spec).await;
    let input = json!({ "productId": product.id, "selectedOptions": [{ "name": "Size", "value": "L" }],
        "sku": "LONG-9", "price": { "amount": "25.00", "currencyCode": "USD" }, "stock": 3 });
    let selection = "variant { id sku price { amount } availability { quantityAvailable } version }";
    let made = owner.mutate("variantCreate", selection, input).await["variant"].take();
    assert_eq!(made["price"]["amount"], "25.00");
    assert_eq!(made["availability"]["quantityAvailable"], 3);
    let range = shop
        .read(
            "query($id: ID!) { product(id: $id) { priceRange { max { amount } } } }",
            json!({ "id": product.id }),
        )
        .await;
    assert_eq!(range["product"]["priceRange"]["max"]["amount"], "25.00", "the range follows");
    let found = shop.read("{ productSearch(query: \"LONG-9\", first: 5) { nodes { id } } }", json!({})).await;
    assert_eq!(found["productSearch"]["nodes"], json!([{ "id": product.id }]), "the SKU is found");

    let id = &made["id"];
    let edit = json!({ "id": id, "expectedVersion": 1, "sku": "LONG-10", "barcode": "4006381333931", "weightGrams": null });
    let edited = owner.mutate("variantUpdate", "variant { sku barcode weightGrams version }", edit).await;
    let expected = json!({ "sku": "LONG-10", "barcode": "4006381333931", "weightGrams": null, "version": 2 });
    assert_eq!(edited["variant"], expected);

    let order =
        json!({ "productId": product.id, "variantIds": [id, product.variants[1], product.variants[0]] });
    owner.mutate("variantsReorder", "product { id }", order).await;
    assert_eq!(names(&shape(&shop, &product).await), ["L", "M", "S"]);

    let deleted = owner.mutate("variantDelete", "deletedId product { id }", json!({ "id": id })).await;
    assert_eq!(deleted["deletedId"], *id);
    assert_eq!(names(&shape(&shop, &product).await), ["M", "S"]);
    let range = shop
        .read(
            "query($id: ID!) { product(id: $id) { priceRange { max { amount } } } }",
            json!({ "id": product.id }),
        )
        .await;
    assert_eq!(range["product"]["priceRange"]["max"]["amount"], "10.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn variants_that_cannot_be_are_refused() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let product = shop.product(sized(&["S", "M"])).await;
    let select = |name: &str, value: &str| json!([{ "name": name, "value": value }]);
    let new = |selected: Value| json!({ "productId": product.id, "selectedOptions": selected });
    for (input, expected) in [
        (new(select("Size", "S")), "TAKEN input.selectedOptions"),
        (new(select("Size", "XL")), "INVALID input.selectedOptions"),
        (new(select("Color", "red")), "INVALID input.selectedOptions"),
        (new(json!([])), "INVALID input.selectedOptions"),
        (json!({ "productId": ProductId::new() }), "NOT_FOUND input.productId"),
        (
            json!({ "productId": product.id, "price": { "amount": "1.001", "currencyCode": "USD" } }),
            "INVALID input.price",
        ),
        (
            json!({ "productId": product.id, "expectedVersion": 4, "selectedOptions": select("Size", "S") }),
            "STALE_VERSION input.expectedVersion",
        ),
        (
            json!({ "productId": product.id, "sku": "x".repeat(256), "selectedOptions": select("Size", "S") }),
            "INVALID input.sku",
        ),
    ] {
        assert_eq!(owner.refused("variantCreate", input.clone()).await, [expected], "{input}");
    }
    let id = product.variants[0];
    for (input, expected) in [
        (json!({ "id": id, "selectedOptions": select("Size", "M") }), "TAKEN input.selectedOptions"),
        (json!({ "id": id, "expectedVersion": 3 }), "STALE_VERSION input.expectedVersion"),
        (json!({ "id": VariantId::new() }), "NOT_FOUND input.id"),
    ] {
        assert_eq!(owner.refused("variantUpdate", input.clone()).await, [expected], "{input}");
    }
    for ids in [vec![id], vec![id, id], vec![id, product.variants[1], VariantId::new()]] {
        let refused =
            owner.refused("variantsReorder", json!({ "productId": product.id, "variantIds": ids })).await;
        assert_eq!(refused, ["INVALID input.variantIds"]);
    }
    let refused = owner.refused("variantDelete", json!({ "id": VariantId::new() })).await;
    assert_eq!(refused, ["NOT_FOUND input.id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_leaves_orders_alone_and_takes_lines_out_of_carts() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    shop.stock_up().await;
    let product = shop.product(sized(&["S", "M"])).await;
    let cart = cart_of(&shop, &[(product.variants[0], 1), (product.variants[1], 2)]).await;
    owner.mutate("variantDelete", "deletedId", json!({ "id": product.variants[0] })).await;
    let lines = "query($id: ID!) { cart(id: $id) { lines { quantity } } }";
    let left = shop.read(lines, json!({ "id": cart })).await;
    assert_eq!(left["cart"]["lines"], json!([{ "quantity": 2 }]));

    shop.sql("UPDATE stock_levels SET reserved = 1").await;
    let refused = owner.refused("productDelete", json!({ "id": product.id })).await;
    assert_eq!(refused, ["INVALID_STATE input.id"], "units are promised to an order");
    let refused = owner.refused("variantDelete", json!({ "id": product.variants[1] })).await;
    assert_eq!(refused, ["INVALID_STATE input.id"]);

    shop.sql("UPDATE stock_levels SET reserved = 0").await;
    let refused = owner.refused("productDelete", json!({ "id": product.id, "expectedVersion": 1 })).await;
    assert_eq!(refused, ["STALE_VERSION input.expectedVersion"], "deleting a variant was a change");
    let deleted = owner.mutate("productDelete", "deletedId", json!({ "id": product.id })).await;
    assert_eq!(deleted["deletedId"], json!(product.id));
    let gone = owner.read("query($id: ID!) { product(id: $id) { id } }", json!({ "id": product.id })).await;
    assert_eq!(gone["product"], Value::Null);
    let left = shop.read(lines, json!({ "id": cart })).await;
    assert_eq!(left["cart"]["lines"], json!([]));
    let history = format!(
        "SELECT count(*) FROM events WHERE aggregate_id = '{}' AND type = 'product.deleted'",
        product.id.0
    );
    assert_eq!(shop.sql_count(&history).await, 1);
    let refused = owner.refused("productDelete", json!({ "id": product.id })).await;
    assert_eq!(refused, ["NOT_FOUND input.id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_published_per_channel_and_perhaps_later() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let new = json!({ "slug": "eu", "name": "Europe", "currencyCode": "EUR" });
    let eu = owner.mutate("channelCreate", "channel { id }", new).await["channel"]["id"].take();
    let product = shop.product(ProductSpec::default()).await;
    let abroad = shop.header("Ironmonger-Channel", "eu");
    let seen = async |client: &Client| {
        let data =
            client.read("query($id: ID!) { product(id: $id) { id } }", json!({ "id": product.id })).await;
        !data["product"].is_null()
    };
    assert!(seen(&shop).await && !seen(&abroad).await);

    let there = json!({ "id": product.id, "channelIds": [eu] });
    owner.mutate("productPublish", "product { id }", there.clone()).await;
    assert!(seen(&shop).await && seen(&abroad).await);
    owner.mutate("productUnpublish", "product { id }", there).await;
    assert!(seen(&shop).await && !seen(&abroad).await);
    for name in ["productPublish", "productUnpublish"] {
        let nowhere = json!({ "id": product.id, "channelIds": [ChannelId::new()] });
        assert_eq!(owner.refused(name, nowhere).await, ["NOT_FOUND input.channelIds.0"]);
        assert_eq!(owner.refused(name, json!({ "id": ProductId::new() })).await, ["NOT_FOUND input.id"]);
        let stale = json!({ "id": product.id, "expectedVersion": 1 });
        assert_eq!(owner.refused(name, stale).await, ["STALE_VERSION input.expectedVersion"]);
    }

    let tomorrow = shop.app().clock.now() + chrono::TimeDelta::days(1);
    let later = json!({ "id": product.id, "channelIds": [eu], "publishedAt": tomorrow });
    let selection = "product { publications { channel { slug } publishedAt } }";
    let published = owner.mutate("productPublish", selection, later).await;
    assert_eq!(published["product"]["publications"][1]["channel"]["slug"], "eu", "{published}");
    assert!(!seen(&abroad).await, "not yet");
    shop.app().clock.advance(chrono::TimeDelta::days(2));
    assert!(seen(&abroad).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_public_or_for_staff() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let product = shop.product(ProductSpec::default()).await;
    for id in [json!(product.id), json!(product.variants[0])] {
        let set = json!({ "id": id, "public": [{ "key": "care", "value": "oil" }, { "key": "b", "value": "2" }],
            "private": [{ "key": "erp:item", "value": "4711" }] });
        owner.mutate("metadataSet", "node { id }", set).await;
        let change =
            json!({ "id": id, "public": [{ "key": "b", "value": null }, { "key": "a", "value": "1" }] });
        owner.mutate("metadataSet", "node { id }", change).await;
        let document = "query($id: ID!) { node(id: $id) { ... on Product { metadata { key value } } \
                        ... on ProductVariant { metadata { key value } } } }";
        let data = shop.read(document, json!({ "id": id })).await;
        let expected = json!([{ "key": "a", "value": "1" }, { "key": "care", "value": "oil" }]);
        assert_eq!(data["node"]["metadata"], expected);
        let document = document.replace("metadata {", "privateMetadata {");
        let data = owner.read(&document, json!({ "id": id })).await;
        assert_eq!(data["node"]["privateMetadata"], json!([{ "key": "erp:item", "value": "4711" }]));
        let refused = shop.send(&document, json!({ "id": id })).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused}");
    }
    let public =
        |key: &str, value: &str| json!({ "id": product.id, "public": [{ "key": key, "value": value }] });
    assert_eq!(owner.refused("metadataSet", public("a b", "x")).await, ["INVALID input.public"]);
    let long = "x".repeat(10_001);
    assert_eq!(owner.refused("metadataSet", public("a", &long)).await, ["INVALID input.public"]);
    let many: Vec<Value> = (0..101).map(|i| json!({ "key": format!("k{i}"), "value": "x" })).collect();
    let refused = owner.refused("metadataSet", json!({ "id": product.id, "private": many })).await;
    assert_eq!(refused, ["LIMIT_EXCEEDED input"]);
    let refused = owner.refused("metadataSet", json!({ "id": ProductId::new() })).await;
    assert_eq!(refused, ["NOT_FOUND input.id"]);
    let code = owner.error_code("metadataSet", json!({ "id": ChannelId::new() })).await;
    assert_eq!(code, "BAD_USER_INPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn managing_products_is_for_staff() {
    let shop = Shop::start().await;
    let customer = shop.as_customer();
    let product = ProductId::new();
    let variant = VariantId::new();
    for (name, input) in [
        ("productDelete", json!({ "id": product })),
        ("productPublish", json!({ "id": product })),
        ("productUnpublish", json!({ "id": product })),
        ("productOptionsUpdate", json!({ "productId": product, "options": [] })),
        ("variantCreate", json!({ "productId": product })),
        ("variantUpdate", json!({ "id": variant })),
        ("variantDelete", json!({ "id": variant })),
        ("variantsReorder", json!({ "productId": product, "variantIds": [] })),
        ("variantPricesSet", json!({ "variantId": variant, "prices": [] })),
        ("metadataSet", json!({ "id": product })),
    ] {
        assert_eq!(customer.error_code(name, input).await, "FORBIDDEN", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_edits_of_the_same_version_one_wins() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let product = shop.product(ProductSpec::default()).await;
    let edit =
        |sku: &str| json!({ "input": { "id": product.variants[0], "expectedVersion": 1, "sku": sku } });
    let document =
        "mutation($input: VariantUpdateInput!) { variantUpdate(input: $input) { userErrors { code } } }";
    owner.token().await;
    let answers =
        futures_util::future::join_all(["a", "b", "c", "d"].map(|sku| owner.send(document, edit(sku)))).await;
    let won =
        answers.iter().filter(|answer| answer["data"]["variantUpdate"]["userErrors"] == json!([])).count();
    assert_eq!(won, 1, "{answers:?}");
}
