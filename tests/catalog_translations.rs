//! Texts in other languages.

use ironmonger::ids::{CollectionId, ProductId};

use crate::support::{Client, ProductSpec, Shop, Value, json};

const TEXTS: &str = "query($id: ID!) { product(id: $id) { name description } }";

async fn texts(client: &Client, id: ProductId) -> (String, String) {
    let data = client.read(TEXTS, json!({ "id": id })).await;
    let text = |field: &str| data["product"][field].as_str().unwrap().to_owned();
    (text("name"), text("description"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_gets_texts_in_the_language_that_it_prefers() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let spec = ProductSpec { name: "Hammer".into(), description: "Heavy.".into(), ..ProductSpec::default() };
    let id = shop.product(spec).await.id;
    let set = async |locale: &str, name: Option<&str>, description: Option<&str>| {
        let input = json!({ "productId": id, "locale": locale, "name": name, "description": description });
        owner.mutate("productTranslationSet", "product { id }", input).await;
    };
    set("de", Some("Hammer (de)"), Some("Schwer.")).await;
    set("de-AT", Some("Hammer (at)"), None).await;
    set("fr", Some("Marteau"), None).await;
    let pair = |name: &str, description: &str| (name.to_owned(), description.to_owned());
    for (languages, expected) in [
        ("de-AT", pair("Hammer (at)", "Schwer.")),
        ("de-CH, fr;q=0.9", pair("Hammer (de)", "Schwer.")),
        ("de;q=0.3, fr;q=0.9", pair("Marteau", "Heavy.")),
        ("en-GB, de;q=0.9", pair("Hammer", "Heavy.")),
        ("it", pair("Hammer", "Heavy.")),
        ("", pair("Hammer", "Heavy.")),
    ] {
        assert_eq!(texts(&shop.header("Accept-Language", languages), id).await, expected, "{languages}");
    }
    assert_eq!(texts(&shop, id).await, pair("Hammer", "Heavy."));

    let request = shop.header("Accept-Language", "de-CH").request(reqwest::Method::POST, "/graphql").await;
    let answer = request.json(&json!({ "query": "{ shop { locales } }" })).send().await.unwrap();
    assert_eq!(answer.headers()["content-language"], "de");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["data"]["shop"]["locales"], json!(["de", "de-at", "fr"]));

    owner
        .mutate("productTranslationRemove", "product { id }", json!({ "productId": id, "locale": "de-at" }))
        .await;
    assert_eq!(texts(&shop.header("Accept-Language", "de-AT"), id).await, pair("Hammer (de)", "Schwer."));
    let listed = owner
        .read("query($id: ID!) { product(id: $id) { translations { locale name } } }", json!({ "id": id }))
        .await;
    let expected = json!([{ "locale": "de", "name": "Hammer (de)" }, { "locale": "fr", "name": "Marteau" }]);
    assert_eq!(listed["product"]["translations"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_translated_too() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let made = owner.mutate("collectionCreate", "collection { id }", json!({ "name": "Tools" })).await;
    let id = &made["collection"]["id"];
    let input = json!({ "collectionId": id, "locale": "pt-BR", "name": "Ferramentas" });
    owner.mutate("collectionTranslationSet", "collection { id }", input).await;
    let list = "{ collections(first: 5) { nodes { name } } }";
    let data = shop.header("Accept-Language", "pt-BR").read(list, json!({})).await;
    assert_eq!(data["collections"]["nodes"], json!([{ "name": "Ferramentas" }]));
    let removed = json!({ "collectionId": id, "locale": "pt-BR" });
    owner.mutate("collectionTranslationRemove", "collection { id }", removed).await;
    let data = shop.header("Accept-Language", "pt-BR").read(list, json!({})).await;
    assert_eq!(data["collections"]["nodes"], json!([{ "name": "Tools" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn translations_cost_one_statement_and_only_who_asks_for_them() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let products = shop.products((0..20).map(|_| ProductSpec::default()).collect()).await;
    for product in &products {
        let input = json!({ "productId": product.id, "locale": "de", "name": "Klauenhammer" });
        owner.mutate("productTranslationSet", "product { id }", input).await;
    }
    let list = "{ products(first: 20) { nodes { name description priceRange { min { amount } } featuredImage { url } } } }";
    let german = shop.header("Accept-Language", "de");
    let mut counts = Vec::new();
    for client in [&*shop, &german] {
        client.read(list, json!({})).await;
        let before = shop.app().db.statement_count();
        client.read(list, json!({})).await;
        counts.push(shop.app().db.statement_count() - before);
    }
    assert_eq!(counts[1], counts[0] + 1, "{counts:?}");
    assert!(counts[1] <= 3, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn translations_that_cannot_be_are_refused() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let id = shop.product(ProductSpec::default()).await.id;
    for (input, expected) in [
        (json!({ "productId": id, "locale": "german" }), "INVALID input.locale"),
        (json!({ "productId": id, "locale": "de", "name": " " }), "INVALID input.name"),
        (
            json!({ "productId": id, "locale": "de", "expectedVersion": 5 }),
            "STALE_VERSION input.expectedVersion",
        ),
        (json!({ "productId": ProductId::new(), "locale": "de" }), "NOT_FOUND input.productId"),
    ] {
        assert_eq!(owner.refused("productTranslationSet", input.clone()).await, [expected], "{input}");
    }
    for name in ["collectionTranslationSet", "collectionTranslationRemove"] {
        let nowhere = json!({ "collectionId": CollectionId::new(), "locale": "de" });
        assert_eq!(owner.refused(name, nowhere.clone()).await, ["NOT_FOUND input.collectionId"]);
        assert_eq!(shop.as_customer().error_code(name, nowhere).await, "FORBIDDEN");
    }
    for name in ["productTranslationSet", "productTranslationRemove"] {
        let input = json!({ "productId": id, "locale": "de" });
        assert_eq!(shop.as_customer().error_code(name, input).await, "FORBIDDEN");
        let bad = json!({ "productId": id, "locale": "?" });
        assert_eq!(owner.refused(name, bad).await, ["INVALID input.locale"]);
    }
}
