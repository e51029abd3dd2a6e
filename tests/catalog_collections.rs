//! Managing collections: members by hand and by rule, publication.

use chrono::TimeDelta;
use ironmonger::catalog::{apply_batch, turn_prices};
use ironmonger::ids::{ChannelId, CollectionId, ProductId};

use crate::support::{Client, ProductSpec, Shop, Value, json};

pub fn named(slug: &str) -> ProductSpec {
    ProductSpec { slug: slug.into(), name: slug.into(), ..ProductSpec::default() }
}

pub async fn collection(owner: &Client, input: Value) -> Value {
    owner.mutate("collectionCreate", "collection { id slug version }", input).await["collection"]["id"].take()
}

pub async fn members(client: &Client, id: &Value) -> Vec<String> {
    let document = "query($id: ID!) { collection(id: $id) { products(first: 100) { nodes { slug } } } }";
    let data = client.read(document, json!({ "id": id })).await;
    let nodes = data["collection"]["products"]["nodes"].as_array().expect("the collection is seen").clone();
    nodes.iter().map(|node| node["slug"].as_str().unwrap().to_owned()).collect()
}

pub fn condition(field: &str, operator: &str, value: &str) -> Value {
    json!({ "field": field, "operator": operator, "value": value })
}

/// Works the rule over all products, as its job does; how many memberships have changed.
pub async fn apply(shop: &Shop, id: &Value) -> i64 {
    let id: CollectionId = id.as_str().unwrap().parse().unwrap();
    let sql = format!("SELECT rule_revision FROM collections WHERE id = '{}'", id.0);
    let revision = shop.sql_count(&sql).await;
    let (mut after, mut changed) = (None, 0);
    loop {
        let batch = apply_batch(shop.app(), id, revision, after).await.unwrap();
        changed += batch.changed;
        match batch.last {
            Some(last) => after = Some(last),
            None => return changed,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_added_moved_and_taken_out_by_hand() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let products = shop.products(["a", "b", "c", "d"].map(named).into()).await;
    let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    let id = collection(&owner, json!({ "name": "Best sellers" })).await;
    let add = json!({ "collectionId": id, "expectedVersion": 1, "productIds": ids });
    owner.mutate("collectionProductsAdd", "collection { version }", add).await;
    assert_eq!(members(&shop, &id).await, ["a", "b", "c", "d"]);
    owner
        .mutate(
            "collectionProductsAdd",
            "collection { id }",
            json!({ "collectionId": id, "productIds": [ids[0]] }),
        )
        .await;
    assert_eq!(members(&shop, &id).await, ["a", "b", "c", "d"], "a member stays where it is");

    let first = json!({ "collectionId": id, "productIds": [ids[3], ids[2]] });
    owner.mutate("collectionProductsReorder", "collection { id }", first).await;
    assert_eq!(members(&shop, &id).await, ["d", "c", "a", "b"]);
    let behind = json!({ "collectionId": id, "productIds": [ids[1], ids[3]], "after": ids[2] });
    owner.mutate("collectionProductsReorder", "collection { id }", behind).await;
    assert_eq!(members(&shop, &id).await, ["c", "b", "d", "a"]);

    let out = json!({ "collectionId": id, "productIds": [ids[1], ids[1]] });
    owner.mutate("collectionProductsRemove", "collection { id }", out).await;
    assert_eq!(members(&shop, &id).await, ["c", "d", "a"]);

    let nowhere = ProductId::new();
    for (name, input, expected) in [
        (
            "collectionProductsAdd",
            json!({ "collectionId": id, "productIds": [ids[0], nowhere] }),
            "NOT_FOUND input.productIds.1",
        ),
        (
            "collectionProductsAdd",
            json!({ "collectionId": id, "productIds": [] }),
            "LIMIT_EXCEEDED input.productIds",
        ),
        (
            "collectionProductsReorder",
            json!({ "collectionId": id, "productIds": [ids[1]] }),
            "NOT_FOUND input.productIds.0",
        ),
        (
            "collectionProductsReorder",
            json!({ "collectionId": id, "productIds": [ids[0]], "after": ids[0] }),
            "INVALID input.after",
        ),
        (
            "collectionProductsRemove",
            json!({ "collectionId": id, "expectedVersion": 1, "productIds": [ids[0]] }),
            "STALE_VERSION input.expectedVersion",
        ),
        (
            "collectionProductsRemove",
            json!({ "collectionId": CollectionId::new(), "productIds": [ids[0]] }),
            "NOT_FOUND input.collectionId",
        ),
    ] {
        assert_eq!(owner.refused(name, input.clone()).await, [expected], "{name} {input}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_edited_and_deleted() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let id = collection(&owner, json!({ "name": "Hand Tools", "imageUrl": "/tools.png" })).await;
    let edit = json!({ "id": id, "expectedVersion": 1, "name": "Tools", "description": "All of them." });
    let selection = "collection { slug name description imageUrl version }";
    let edited = owner.mutate("collectionUpdate", selection, edit).await;
    let expected = json!({ "slug": "hand-tools", "name": "Tools", "description": "All of them.", "imageUrl": "/tools.png", "version": 2 });
    assert_eq!(edited["collection"], expected);
    assert_eq!(
        owner.refused("collectionCreate", json!({ "name": "Hand tools" })).await,
        ["TAKEN input.slug"]
    );
    assert_eq!(
        owner.refused("collectionCreate", json!({ "name": " ", "slug": "a b" })).await,
        ["INVALID input.name", "INVALID input.slug"]
    );
    for url in ["javascript:alert(1)", "//elsewhere.example/a.png", "data:image/png;base64,"] {
        let edit = json!({ "id": id, "imageUrl": url });
        assert_eq!(owner.refused("collectionUpdate", edit).await, ["INVALID input.imageUrl"], "{url}");
    }
    let stale = json!({ "id": id, "expectedVersion": 1 });
    assert_eq!(
        owner.refused("collectionUpdate", stale.clone()).await,
        ["STALE_VERSION input.expectedVersion"]
    );
    assert_eq!(owner.refused("collectionDelete", stale).await, ["STALE_VERSION input.expectedVersion"]);
    let deleted = owner.mutate("collectionDelete", "deletedId", json!({ "id": id })).await;
    assert_eq!(deleted["deletedId"], id);
    assert_eq!(owner.refused("collectionDelete", json!({ "id": id })).await, ["NOT_FOUND input.id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_hidden_and_shown_per_channel() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let new = json!({ "slug": "eu", "name": "Europe", "currencyCode": "EUR" });
    owner.mutate("channelCreate", "channel { id }", new).await;
    let id = collection(&owner, json!({ "name": "Tools" })).await;
    shop.product(ProductSpec { collections: vec!["tools".into()], ..named("a") }).await;
    let seen = async |client: &Client| {
        let document = "{ collections(first: 5) { totalCount nodes { id } } collection(slug: \"tools\") { id } \
                        product(slug: \"a\") { collections(first: 5) { totalCount nodes { id } } } }";
        let data = client.read(document, json!({})).await;
        let all = !data["collection"].is_null();
        assert_eq!(data["collections"]["totalCount"], i64::from(all), "{data}");
        if !data["product"].is_null() {
            assert_eq!(data["product"]["collections"]["totalCount"], i64::from(all), "{data}");
            assert_eq!(data["product"]["collections"]["nodes"].as_array().unwrap().len(), usize::from(all));
        }
        all
    };
    let abroad = shop.header("Ironmonger-Channel", "eu");
    assert!(seen(&shop).await && seen(&abroad).await);
    owner.mutate("collectionUnpublish", "collection { id }", json!({ "id": id })).await;
    assert!(!seen(&shop).await && seen(&abroad).await && seen(&owner).await);
    let tomorrow = shop.app().clock.now() + TimeDelta::days(1);
    let later = json!({ "id": id, "publishedAt": tomorrow });
    let selection = "collection { publications { channel { slug } publishedAt } }";
    let published = owner.mutate("collectionPublish", selection, later).await;
    assert_eq!(published["collection"]["publications"][0]["channel"]["slug"], "default", "{published}");
    let nowhere = json!({ "id": id, "channelIds": [ChannelId::new()] });
    assert_eq!(owner.refused("collectionPublish", nowhere).await, ["NOT_FOUND input.channelIds.0"]);
    assert!(!seen(&shop).await);
    shop.app().clock.advance(TimeDelta::days(2));
    assert!(seen(&shop).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_chooses_members_and_keeps_them_up_to_date() {
    let shop = Shop::with_worker().await;
    let owner = shop.as_owner();
    let tagged = |slug: &str, tag: &str| ProductSpec { tags: vec![tag.into()], ..named(slug) };
    shop.products(vec![tagged("old", "sale"), tagged("new", "sale"), tagged("other", "full-price")]).await;
    let rule = json!({ "conditions": [condition("TAG", "EQUALS", "sale"), condition("AVAILABLE", "EQUALS", "true")] });
    let id = collection(&owner, json!({ "name": "On sale", "rule": rule })).await;
    let reach = async |expected: &[&str]| {
        shop.wait_until(|| async {
            let mut slugs = members(&shop, &id).await;
            slugs.sort();
            (slugs == expected).then_some(())
        })
        .await
    };
    reach(&["new", "old"]).await;
    let document = "query($id: ID!) { collection(id: $id) { rule { match applied conditions { field operator value } } } }";
    let read = owner.read(document, json!({ "id": id })).await;
    assert_eq!(read["collection"]["rule"]["match"], "ALL");
    assert_eq!(read["collection"]["rule"]["conditions"][0], condition("TAG", "EQUALS", "sale"));

    // An import, an edit, the last units sold.
    let later = shop.product(tagged("later", "sale")).await;
    assert!(members(&shop, &id).await.contains(&"later".to_owned()), "at once");
    let other = owner.read("{ product(slug: \"other\") { id } }", json!({})).await["product"]["id"].take();
    owner.mutate("productUpdate", "product { id }", json!({ "id": other, "tags": ["sale"] })).await;
    assert!(members(&shop, &id).await.contains(&"other".to_owned()), "at once");
    let sold = json!({ "variantId": later.variants[0], "onHand": 0, "idempotencyKey": "sold" });
    owner.mutate("stockSet", "stockLevel { onHand }", sold).await;
    reach(&["new", "old", "other"]).await;

    let by_hand = json!({ "collectionId": id, "productIds": [other] });
    assert_eq!(owner.refused("collectionProductsAdd", by_hand).await, ["INVALID_STATE input.collectionId"]);
    let rule = json!({ "match": "ANY", "conditions": [condition("NAME", "STARTS_WITH", "OLD"), condition("NAME", "CONTAINS", "ATE")] });
    owner.mutate("collectionUpdate", "collection { id }", json!({ "id": id, "rule": rule })).await;
    reach(&["later", "old"]).await;
    owner.mutate("collectionUpdate", "collection { id }", json!({ "id": id, "rule": null })).await;
    owner
        .mutate(
            "collectionProductsAdd",
            "collection { id }",
            json!({ "collectionId": id, "productIds": [other] }),
        )
        .await;
    reach(&["later", "old", "other"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_moves_products_between_price_ranges() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let product = shop.product(named("a")).await;
    let rule = json!({ "conditions": [condition("PRICE", "LESS_THAN", "8.00")] });
    let id = collection(&owner, json!({ "name": "Cheap", "rule": rule })).await;
    assert_eq!(apply(&shop, &id).await, 0);
    let usd = |amount: &str| json!({ "amount": amount, "currencyCode": "USD" });
    let clock = &shop.app().clock;
    let start = clock.now() + TimeDelta::hours(1);
    let sale = json!({ "price": usd("7.99"), "startsAt": start, "endsAt": start + TimeDelta::hours(1) });
    let prices = json!([{ "price": usd("10.00"), "sale": sale }]);
    owner
        .mutate(
            "variantPricesSet",
            "variant { id }",
            json!({ "variantId": product.variants[0], "prices": prices }),
        )
        .await;
    for expected in [vec![], vec!["a"], vec![]] {
        turn_prices(shop.app(), clock.now()).await.unwrap();
        assert_eq!(members(&shop, &id).await, expected);
        clock.advance(TimeDelta::minutes(61));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_cannot_be_are_refused() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let rule = |conditions: Value| json!({ "name": "X", "rule": { "conditions": conditions } });
    for (input, expected) in [
        (rule(json!([])), "INVALID input.rule.conditions"),
        (rule(json!([condition("TAG", "GREATER_THAN", "x")])), "INVALID input.rule.conditions.0.operator"),
        (rule(json!([condition("TAG", "EQUALS", "")])), "INVALID input.rule.conditions.0.value"),
        (rule(json!([condition("PRICE", "LESS_THAN", "cheap")])), "INVALID input.rule.conditions.0.value"),
        (rule(json!([condition("PRICE", "CONTAINS", "1.00")])), "INVALID input.rule.conditions.0.operator"),
        (rule(json!([condition("AVAILABLE", "EQUALS", "yes")])), "INVALID input.rule.conditions.0.value"),
        (
            rule(json!([condition("ATTRIBUTE", "EQUALS", "oak")])),
            "REQUIRED input.rule.conditions.0.attribute",
        ),
    ] {
        assert_eq!(owner.refused("collectionCreate", input.clone()).await, [expected], "{input}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn managing_collections_is_for_staff() {
    let shop = Shop::start().await;
    let customer = shop.as_customer();
    let id = CollectionId::new();
    let products = json!({ "collectionId": id, "productIds": [ProductId::new()] });
    for (name, input) in [
        ("collectionCreate", json!({ "name": "X" })),
        ("collectionUpdate", json!({ "id": id })),
        ("collectionDelete", json!({ "id": id })),
        ("collectionPublish", json!({ "id": id })),
        ("collectionUnpublish", json!({ "id": id })),
        ("collectionProductsAdd", products.clone()),
        ("collectionProductsRemove", products.clone()),
        ("collectionProductsReorder", products),
    ] {
        assert_eq!(customer.error_code(name, input).await, "FORBIDDEN", "{name}");
    }
}
