//! Locations, and stock at several of them.

use ironmonger::ids::{LocationId, VariantId};

use crate::support::{Client, ProductSpec, Shop, Value, json};

async fn location(owner: &Client, name: &str, priority: i32) -> Value {
    let input = json!({ "name": name, "priority": priority });
    owner.mutate("locationCreate", "location { id name priority version }", input).await["location"]["id"]
        .take()
}

const LEVELS: &str = "query($id: ID!) { node(id: $id) { ... on ProductVariant { \
    stockLevels { location { name } onHand reserved available backorderable } } } }";

async fn levels(owner: &Client, variant: VariantId) -> Vec<(String, i64, i64)> {
    let data = owner.read(LEVELS, json!({ "id": variant })).await;
    let levels = data["node"]["stockLevels"].as_array().unwrap().clone();
    levels
        .iter()
        .map(|level| {
            let name = level["location"]["name"].as_str().unwrap().to_owned();
            (name, level["onHand"].as_i64().unwrap(), level["reserved"].as_i64().unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_lies_at_several_locations_and_moves_between_them() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let owner = shop.as_owner();
    let variant = shop.variant_with_stock(10, "10.00").await;
    let store = location(&owner, "Store", 5).await;
    let main = owner.read("{ locations { id name priority } }", json!({})).await["locations"][0]["id"].take();
    let set = json!({ "variantId": variant, "locationId": store, "onHand": 4, "reason": "counted", "idempotencyKey": "1" });
    let level = owner.mutate("stockSet", "stockLevel { onHand available }", set.clone()).await;
    assert_eq!(level["stockLevel"], json!({ "onHand": 4, "available": 4 }));
    owner.mutate("stockSet", "stockLevel { onHand }", set).await;
    let named = |name: &str| name.to_owned();
    assert_eq!(levels(&owner, variant).await, [(named("Main warehouse"), 10, 0), (named("Store"), 4, 0)]);

    let order = shop.order(&[(variant, 12)]).await;
    assert_eq!(order["status"], "PLACED");
    assert_eq!(levels(&owner, variant).await, [(named("Main warehouse"), 10, 10), (named("Store"), 4, 2)]);

    let transfer = |quantity: i64, key: &str| {
        json!({ "variantId": variant, "fromLocationId": store, "toLocationId": main,
        "quantity": quantity, "idempotencyKey": key })
    };
    assert_eq!(owner.refused("stockTransfer", transfer(3, "2")).await, ["INSUFFICIENT_STOCK input.quantity"]);
    let moved = owner.mutate("stockTransfer", "from { onHand } to { onHand }", transfer(2, "3")).await;
    assert_eq!(moved, json!({ "from": { "onHand": 2 }, "to": { "onHand": 12 }, "userErrors": [] }));
    owner.mutate("stockTransfer", "from { onHand }", transfer(2, "3")).await;
    assert_eq!(levels(&owner, variant).await, [(named("Main warehouse"), 12, 10), (named("Store"), 2, 2)]);
    let book =
        format!("SELECT sum(on_hand_delta)::bigint FROM stock_movements WHERE variant_id = '{}'", variant.0);
    assert_eq!(shop.sql_count(&book).await, 14, "the book agrees with the shelves");
}

#[tokio::test(flavor = "multi_thread")]
async fn backorders_are_allowed_and_stopped() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let owner = shop.as_owner();
    let variant = shop.variant_with_stock(1, "10.00").await;
    let set = |backorderable: bool, key: &str| json!({ "variantId": variant, "backorderable": backorderable, "idempotencyKey": key });
    let level = owner.mutate("stockSet", "stockLevel { backorderable onHand }", set(true, "1")).await;
    assert_eq!(level["stockLevel"], json!({ "backorderable": true, "onHand": 1 }));
    shop.order(&[(variant, 3)]).await;
    assert_eq!(shop.stock_of(variant).await, (1, 3));
    assert_eq!(owner.refused("stockSet", set(false, "2")).await, ["INVALID_STATE input.onHand"]);
    let arrived = json!({ "variantId": variant, "onHand": 3, "backorderable": false, "idempotencyKey": "3" });
    owner.mutate("stockSet", "stockLevel { onHand }", arrived).await;
    assert_eq!(shop.stock_of(variant).await, (3, 3));
    let few = json!({ "variantId": variant, "onHand": 2, "idempotencyKey": "4" });
    assert_eq!(owner.refused("stockSet", few).await, ["INVALID_STATE input.onHand"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn locations_are_edited_and_keep_their_names_apart() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let id = location(&owner, "Store", 5).await;
    let edit = json!({ "id": id, "expectedVersion": 1, "name": "Shop floor", "priority": -1 });
    let edited = owner.mutate("locationUpdate", "location { name priority version }", edit).await;
    assert_eq!(edited["location"], json!({ "name": "Shop floor", "priority": -1, "version": 2 }));
    let listed = owner.read("{ locations { name } }", json!({})).await;
    assert_eq!(listed["locations"], json!([{ "name": "Shop floor" }, { "name": "Main warehouse" }]));
    assert_eq!(owner.refused("locationCreate", json!({ "name": "Shop floor" })).await, ["TAKEN input.name"]);
    assert_eq!(owner.refused("locationCreate", json!({ "name": " " })).await, ["INVALID input.name"]);
    let taken = json!({ "id": id, "name": "Main warehouse" });
    assert_eq!(owner.refused("locationUpdate", taken).await, ["TAKEN input.name"]);
    let stale = json!({ "id": id, "expectedVersion": 1 });
    assert_eq!(owner.refused("locationUpdate", stale).await, ["STALE_VERSION input.expectedVersion"]);
    let nowhere = json!({ "id": LocationId::new() });
    assert_eq!(owner.refused("locationUpdate", nowhere).await, ["NOT_FOUND input.id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_cannot_be_is_refused() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let variant = shop.product(ProductSpec::default()).await.variants[0];
    let store = location(&owner, "Store", 5).await;
    for (input, expected) in [
        (json!({ "variantId": variant, "onHand": -1, "idempotencyKey": "a" }), "INVALID input.onHand"),
        (json!({ "variantId": VariantId::new(), "onHand": 1, "idempotencyKey": "b" }), "NOT_FOUND -"),
        (
            json!({ "variantId": variant, "reason": "x".repeat(256), "idempotencyKey": "c" }),
            "INVALID input.reason",
        ),
    ] {
        assert_eq!(owner.refused("stockSet", input.clone()).await, [expected], "{input}");
    }
    let transfer = |to: Value, quantity: i64, key: &str| {
        json!({ "variantId": variant, "fromLocationId": store,
        "toLocationId": to, "quantity": quantity, "idempotencyKey": key })
    };
    let other = json!(LocationId::new());
    for (input, expected) in [
        (transfer(store.clone(), 1, "d"), "INVALID input.toLocationId"),
        (transfer(other.clone(), 0, "e"), "INVALID input.quantity"),
        (transfer(other, 1, "f"), "NOT_FOUND input.toLocationId"),
    ] {
        assert_eq!(owner.refused("stockTransfer", input.clone()).await, [expected], "{input}");
    }
    let customer = shop.as_customer();
    for (name, input) in [
        ("locationCreate", json!({ "name": "X" })),
        ("locationUpdate", json!({ "id": LocationId::new() })),
        ("stockSet", json!({ "variantId": variant, "idempotencyKey": "g" })),
        ("stockTransfer", transfer(json!(LocationId::new()), 1, "h")),
    ] {
        assert_eq!(customer.error_code(name, input).await, "FORBIDDEN", "{name}");
    }
    for document in ["{ locations { id } }", LEVELS] {
        let answer = customer.send(document, json!({ "id": variant })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_side_by_side_move_no_more_than_there_is() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let variant = shop.variant_with_stock(5, "10.00").await;
    let store = location(&owner, "Store", 5).await;
    let main = owner.read("{ locations { id } }", json!({})).await["locations"][0]["id"].take();
    let document =
        "mutation($input: StockTransferInput!) { stockTransfer(input: $input) { userErrors { code } } }";
    let moves = (0..6).map(|index| {
        let input = json!({ "variantId": variant, "fromLocationId": main, "toLocationId": store, "quantity": 2,
            "idempotencyKey": format!("move-{index}") });
        let owner = &owner;
        async move { owner.send(document, json!({ "input": input })).await }
    });
    let answers = futures_util::future::join_all(moves).await;
    let moved =
        answers.iter().filter(|answer| answer["data"]["stockTransfer"]["userErrors"] == json!([])).count();
    assert_eq!(moved, 2, "{answers:?}");
    let units: Vec<i64> = levels(&owner, variant).await.into_iter().map(|level| level.1).collect();
    assert_eq!(units, [1, 4]);
}
