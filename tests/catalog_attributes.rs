//! Product types and typed attributes.

use ironmonger::ids::{ProductId, ProductTypeId};

use crate::support::{ProductSpec, Shop, Value, json};

async fn saws(shop: &Shop) -> Value {
    let attributes = json!([
        { "code": "length", "name": "Blade length", "kind": "NUMBER", "unit": "cm", "required": true },
        { "code": "note", "name": "Note", "kind": "TEXT", "facet": false },
        { "code": "folds", "name": "Folds", "kind": "BOOLEAN" },
        { "code": "since", "name": "Made since", "kind": "DATE" },
        { "code": "teeth", "name": "Teeth", "kind": "CHOICE", "choices": ["fine", "coarse"] },
        { "code": "woods", "name": "Woods", "kind": "CHOICES", "choices": ["oak", "ash", "pine"] },
    ]);
    let selection = "productType { id version name attributes { code kind unit choices required facet } }";
    let input = json!({ "name": "Saws", "attributes": attributes });
    shop.as_owner().mutate("productTypeCreate", selection, input).await["productType"].take()
}

fn saw() -> ProductSpec {
    ProductSpec { product_type: "Saws".into(), ..ProductSpec::default() }
}

const VALUES: &str = "attributes { code name kind unit text number boolean date choices }";

#[tokio::test(flavor = "multi_thread")]
async fn attributes_have_values_of_their_kind() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let product = shop.product(saw()).await;
    let made = saws(&shop).await;
    assert_eq!(made["attributes"][0]["unit"], "cm");
    assert_eq!(made["attributes"][1]["facet"], false);
    let input = json!({ "productId": product.id, "expectedVersion": 1, "attributes": [
        { "code": "woods", "choices": ["pine", "oak"] }, { "code": "length", "number": "30.50" },
        { "code": "note", "text": "Sharp!" }, { "code": "folds", "boolean": false },
        { "code": "since", "date": "1934-02-28" }, { "code": "teeth", "text": "fine" },
    ] });
    owner.mutate("productAttributesSet", "product { id }", input).await;
    let document = format!("query($id: ID!) {{ product(id: $id) {{ {VALUES} }} }}");
    let data = shop.read(&document, json!({ "id": product.id })).await;
    let values = data["product"]["attributes"].as_array().unwrap();
    let codes: Vec<&Value> = values.iter().map(|value| &value["code"]).collect();
    assert_eq!(codes, ["length", "note", "folds", "since", "teeth", "woods"], "in the type's order");
    let length = json!({ "code": "length", "name": "Blade length", "kind": "NUMBER", "unit": "cm", "text": null,
        "number": "30.5", "boolean": null, "date": null, "choices": null });
    assert_eq!(values[0], length);
    assert_eq!(values[1]["text"], "Sharp!");
    assert_eq!(values[2]["boolean"], false);
    assert_eq!(values[3]["date"], "1934-02-28");
    assert_eq!(values[4]["text"], "fine");
    assert_eq!(values[5]["choices"], json!(["oak", "pine"]));

    let change = json!({ "productId": product.id, "attributes": [{ "code": "note" }, { "code": "folds", "boolean": true }] });
    owner.mutate("productAttributesSet", "product { id }", change).await;
    let data = shop.read(&document, json!({ "id": product.id })).await;
    assert_eq!(data["product"]["attributes"].as_array().unwrap().len(), 5, "the note is gone");
    assert_eq!(data["product"]["attributes"][1]["boolean"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn products_are_made_and_edited_with_attributes() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    saws(&shop).await;
    let input = json!({ "name": "Tenon saw", "productType": "Saws", "attributes": [{ "code": "length", "number": 25 }] });
    let selection = format!("product {{ id {VALUES} }}");
    let made = owner.mutate("productCreate", &selection, input).await;
    assert_eq!(made["product"]["attributes"][0]["number"], "25");
    let edit = json!({ "id": made["product"]["id"], "attributes": [{ "code": "teeth", "text": "coarse" }] });
    let edited = owner.mutate("productUpdate", &selection, edit).await;
    assert_eq!(edited["product"]["attributes"][1]["text"], "coarse");

    let without = json!({ "name": "Bow saw", "productType": "Saws", "attributes": [{ "code": "folds", "boolean": true }] });
    assert_eq!(owner.refused("productCreate", without).await, ["REQUIRED input.attributes"]);
    let gone = owner.read("{ product(slug: \"bow-saw\") { id } }", json!({})).await;
    assert_eq!(gone["product"], Value::Null, "nothing of it stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_do_not_fit_are_refused() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    saws(&shop).await;
    let product = shop.product(saw()).await;
    let other = shop.product(ProductSpec::default()).await;
    let set = |attribute: Value| json!({ "productId": product.id, "attributes": [attribute] });
    for (input, expected) in [
        (set(json!({ "code": "length", "text": "30" })), "INVALID input.attributes.0"),
        (set(json!({ "code": "length", "number": 1, "text": "1" })), "INVALID input.attributes.0"),
        (set(json!({ "code": "teeth", "text": "blunt" })), "INVALID input.attributes.0"),
        (set(json!({ "code": "woods", "choices": ["elm"] })), "INVALID input.attributes.0"),
        (set(json!({ "code": "since", "date": "1934-02-30" })), "INVALID input.attributes.0.date"),
        (set(json!({ "code": "color", "text": "red" })), "NOT_FOUND input.attributes.0.code"),
        (set(json!({ "code": "note", "text": "no length" })), "REQUIRED input.attributes"),
        (
            json!({ "productId": other.id, "attributes": [{ "code": "length", "number": 1 }] }),
            "NOT_FOUND input.attributes.0.code",
        ),
        (
            json!({ "productId": product.id, "expectedVersion": 7, "attributes": [] }),
            "STALE_VERSION input.expectedVersion",
        ),
        (json!({ "productId": ProductId::new(), "attributes": [] }), "NOT_FOUND input.productId"),
    ] {
        assert_eq!(owner.refused("productAttributesSet", input.clone()).await, [expected], "{input}");
    }
    let twice = json!({ "productId": product.id, "attributes": [{ "code": "length", "number": 1 }, { "code": "length", "number": 2 }] });
    assert_eq!(owner.refused("productAttributesSet", twice).await, ["TAKEN input.attributes.1.code"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_changes_and_goes() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let made = saws(&shop).await;
    let product = shop.product(saw()).await;
    let set = json!({ "productId": product.id, "attributes": [{ "code": "length", "number": 30 }, { "code": "note", "text": "x" }] });
    owner.mutate("productAttributesSet", "product { id }", set).await;
    let id = &made["id"];
    let length = |kind: &str| json!({ "code": "length", "name": "Length", "kind": kind });
    let other_kind = json!({ "id": id, "attributes": [length("TEXT")] });
    assert_eq!(
        owner.refused("productTypeUpdate", other_kind).await,
        ["INVALID_STATE input.attributes.0.kind"]
    );
    let update = json!({ "id": id, "expectedVersion": 1, "attributes": [length("NUMBER")] });
    let updated =
        owner.mutate("productTypeUpdate", "productType { version attributes { code } }", update).await;
    assert_eq!(updated["productType"], json!({ "version": 2, "attributes": [{ "code": "length" }] }));
    let document = "query($id: ID!) { product(id: $id) { attributes { code name } } }";
    let data = shop.read(document, json!({ "id": product.id })).await;
    assert_eq!(data["product"]["attributes"], json!([{ "code": "length", "name": "Length" }]));

    let stale = json!({ "id": id, "expectedVersion": 1 });
    assert_eq!(owner.refused("productTypeDelete", stale).await, ["STALE_VERSION input.expectedVersion"]);
    owner.mutate("productTypeDelete", "deletedId", json!({ "id": id })).await;
    let data = shop.read(document, json!({ "id": product.id })).await;
    assert_eq!(data["product"]["attributes"], json!([]));
    let types = owner.read("{ productTypes { name } }", json!({})).await;
    assert_eq!(types["productTypes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_cannot_be_are_refused() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    saws(&shop).await;
    let with = |attribute: Value| json!({ "name": "Planes", "attributes": [attribute] });
    for (input, expected) in [
        (json!({ "name": "Saws" }), "TAKEN input.name"),
        (json!({ "name": " " }), "INVALID input.name"),
        (with(json!({ "code": "Big", "name": "Big", "kind": "TEXT" })), "INVALID input.attributes.0.code"),
        (with(json!({ "code": "a", "name": "", "kind": "TEXT" })), "INVALID input.attributes.0.name"),
        (
            with(json!({ "code": "a", "name": "A", "kind": "TEXT", "unit": "cm" })),
            "INVALID input.attributes.0.unit",
        ),
        (with(json!({ "code": "a", "name": "A", "kind": "CHOICE" })), "INVALID input.attributes.0.choices"),
        (
            with(json!({ "code": "a", "name": "A", "kind": "TEXT", "choices": ["x"] })),
            "INVALID input.attributes.0.choices",
        ),
    ] {
        assert_eq!(owner.refused("productTypeCreate", input.clone()).await, [expected], "{input}");
    }
    let nowhere = json!({ "id": ProductTypeId::new(), "attributes": [] });
    assert_eq!(owner.refused("productTypeUpdate", nowhere).await, ["NOT_FOUND input.id"]);
    let customer = shop.as_customer();
    for (name, input) in [
        ("productTypeCreate", json!({ "name": "X" })),
        ("productTypeUpdate", json!({ "id": ProductTypeId::new(), "attributes": [] })),
        ("productTypeDelete", json!({ "id": ProductTypeId::new() })),
        ("productAttributesSet", json!({ "productId": ProductId::new(), "attributes": [] })),
    ] {
        assert_eq!(customer.error_code(name, input).await, "FORBIDDEN", "{name}");
    }
}
