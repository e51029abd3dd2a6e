//! No request is unbounded: what is beyond a limit is refused, quickly and by its name.

use std::fmt::Write;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};

use crate::support::{Shop, Value, json};

/// The standard query of GraphiQL and of code generators.
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { description queryType { name kind } mutationType { name kind } \
    subscriptionType { name kind } types { ...FullType } directives { name description isRepeatable locations \
    args(includeDeprecated: true) { ...InputValue } } } } \
    fragment FullType on __Type { kind name description specifiedByURL fields(includeDeprecated: true) { name description \
    args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason } \
    inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef } \
    enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } } \
    fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason } \
    fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name \
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";

/// Documents that would cost much, each in its own way.
fn corpus() -> Vec<(&'static str, String)> {
    let mut bomb = String::from("{ shop { ...f0 } }");
    for level in 0..24 {
        write!(bomb, " fragment f{level} on Shop {{ ...f{0} ...f{0} }}", level + 1).unwrap();
    }
    bomb.push_str(" fragment f24 on Shop { name }");
    let aliases: String = (0..2_000).map(|i| format!("a{i}: __typename ")).collect();
    vec![
        ("aliases", format!("{{ {aliases} }}")),
        ("equal fields", format!("{{ {} }}", "__typename ".repeat(50_000))),
        ("root fields", format!("{{ {} }}", "__typename ".repeat(21))),
        ("selections", format!("{{ shop {{ {} }} }}", "name ".repeat(1_500))),
        ("nesting", format!("{}{}", "{ a ".repeat(10_000), "}".repeat(10_000))),
        ("nested lists", format!("{{ a(x: {}1{}) }}", "[".repeat(9_000), "]".repeat(9_000))),
        ("depth", format!("{}x{}", "{ a ".repeat(16), "}".repeat(16))),
        ("fragments", bomb),
        ("directives", format!("{{ __typename {} }}", "@include(if: true) ".repeat(51))),
        ("commas", format!("{{ __typename {} }}", ",".repeat(900_000))),
        ("a string", format!("{{ a(x: \"{}\") }}", "x".repeat(900_000))),
        (
            "introspection",
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".into(),
        ),
    ]
}

#[tokio::test]
async fn documents_beyond_a_limit_are_refused_quickly() {
    let shop = Shop::start().await;
    shop.send("{ __typename }", json!({})).await;
    for (name, document) in corpus() {
        let started = Instant::now();
        let answer = shop.send(&document, json!({})).await;
        let took = started.elapsed();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{name}: {answer}");
        assert!(answer["data"].is_null(), "{name}");
        assert!(answer.to_string().len() < 1_000, "{name}: the answer echoes the document");
        // Generous for a debug build beside other tests; unbounded work takes minutes.
        assert!(took < Duration::from_secs(2), "{name} took {took:?}");
    }
}

#[tokio::test]
async fn fragments_that_contain_themselves_are_not_valid() {
    let shop = Shop::start().await;
    let document = "{ shop { ...a } } fragment a on Shop { ...b } fragment b on Shop { name ...a }";
    let answer = shop.send(document, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED", "{answer}");
}

/// An answer without what tells one request from another.
fn told(mut answer: Value) -> Value {
    for error in answer.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
        error["extensions"].as_object_mut().unwrap().remove("requestId").expect("every error has one");
    }
    answer
}

#[tokio::test]
async fn a_document_that_was_valid_before_is_checked_as_a_new_one() {
    let shop = Shop::start().await;
    let document = "query L($first: Int, $variants: Int, $where: ProductWhereInput, $slug: String, $id: ID) { \
                    products(first: $first, where: $where) { nodes { id variants(first: $variants) { nodes { id } } } } \
                    product(slug: $slug, id: $id) { id } }";
    let valid =
        json!({ "first": 1, "variants": 1, "where": { "vendor": { "eq": "Forge" } }, "slug": "nothing" });
    let answer = shop.send(document, valid.clone()).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    let changes = [
        (json!({ "first": "1" }), true),
        (json!({ "first": 1.5 }), true),
        (json!({ "first": null }), true),
        (json!({ "first": 101 }), true),
        (json!({ "first": 100, "variants": 100 }), true),
        (json!({ "slug": 7 }), true),
        (json!({ "slug": null }), true),
        (json!({ "id": "prod_nonsense" }), true),
        (json!({ "where": 1 }), true),
        (json!({ "where": { "nonsense": 1 } }), true),
        (json!({ "where": { "vendor": { "eq": 1 } } }), true),
        (json!({ "where": { "vendor": { "eq": "Forge", "nonsense": 1 } } }), true),
        (json!({ "where": { "vendor": { "eq": "Anvil" } } }), false),
        (json!({ "where": { "tag": { "in": ["a", "b"] } } }), false),
        (json!({ "nobody": "asks" }), false),
    ];
    for (number, (change, is_wrong)) in changes.into_iter().enumerate() {
        let mut variables = valid.clone();
        variables.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let known = told(shop.send(document, variables.clone()).await);
        let new = told(shop.send(&format!("{document} # {number}"), variables.clone()).await);
        assert_eq!(known, new, "{change}");
        assert_eq!(known.get("errors").is_some(), is_wrong, "{change}: {known}");
        assert_eq!(told(shop.send(document, variables).await), known, "{change}: the second time");
        let again = shop.send(document, valid.clone()).await;
        assert!(again.get("errors").is_none(), "{again}");
    }
}

#[tokio::test]
async fn introspection_passes() {
    let shop = Shop::start().await;
    let answer = shop.send(INTROSPECTION, json!({})).await;
    assert!(answer.get("errors").is_none(), "{}", answer["errors"]);
    let types = answer["data"]["__schema"]["types"].as_array().unwrap();
    assert!(types.iter().any(|each| each["name"] == "Query"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let shop = Shop::start_with(&[("IRONMONGER_BODY_LIMIT_BYTES", "2000")]).await;
    let send = async |length: usize| {
        let body = json!({ "query": "{ __typename }", "variables": { "x": "x".repeat(length) } });
        shop.request(Method::POST, "/graphql").await.json(&body).send().await.unwrap()
    };
    assert_eq!(send(1_000).await.status(), StatusCode::OK);
    let refused = send(3_000).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{body}");

    // Without a length the bytes are counted as they come.
    let chunks = (0..30).map(|_| Ok::<_, std::io::Error>("x".repeat(100)));
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let request = shop.request(Method::POST, "/graphql").await.header("Content-Type", "application/json");
    assert_eq!(request.body(stream).send().await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn batches_are_refused() {
    let shop = Shop::start().await;
    let batch = json!([{ "query": "{ __typename }" }, { "query": "{ __typename }" }]);
    let response = shop.request(Method::POST, "/graphql").await.json(&batch).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_file_cannot_be_named_by_a_plain_variable() {
    let shop = Shop::start().await;
    let body = json!({ "query": "{ __typename }", "variables": { "file": "#__graphql_file__:0" } });
    let response = shop.request(Method::POST, "/graphql").await.json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}
