//! Objects that are written at once are those that the executor would put together.

use crate::support::{ProductSpec, Shop, Value, json};

/// What a page of products shows, in every way that a document can say it.
const SHOWN: &str = "__typename id title: name name slug vendor productType description tags ...Priced \
    ... on Product { featuredImage { __typename id url altText } } ... { slug priceRange { min { currencyCode } } }";
const SHOWN_FRAGMENTS: &str = "fragment Priced on Product { priceRange { __typename min { ...Amount } max { amount currencyCode } } } \
    fragment Amount on Money { __typename amount currencyCode }";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_at_hand_is_what_the_resolvers_say() {
    let shop = Shop::start().await;
    let plain = ProductSpec {
        tags: vec!["b".into(), "a".into()],
        ..ProductSpec::named("plain", "Plain \"hook\"", "5.00")
    };
    shop.products(vec![plain, ProductSpec::named("bare", "Bare", "19.99")]).await;
    let ask = async |more: &str| {
        let document =
            format!("{{ products(first: 10) {{ nodes {{ {SHOWN} {more} }} }} }} {SHOWN_FRAGMENTS}");
        shop.read(&document, json!({})).await["products"]["nodes"].take()
    };
    let at_hand = ask("").await;
    // Options come by a batch of their own, so this object is left to the executor.
    let mut resolved = ask("options { name }").await;
    for product in resolved.as_array_mut().unwrap() {
        assert!(product.as_object_mut().unwrap().remove("options").is_some());
    }
    assert_eq!(at_hand.as_array().unwrap().len(), 2);
    assert_eq!(at_hand, resolved);
    assert_eq!(at_hand[0]["priceRange"]["min"]["amount"], "19.99");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_selected_in_parts_is_put_together() {
    let shop = Shop::start().await;
    shop.products(vec![
        ProductSpec::named("plain", "Plain", "5.00"),
        ProductSpec::named("bare", "Bare", "19.99"),
    ])
    .await;
    let document = "{ products(first: 10) { nodes { id slug slug } nodes { name } } ...More } \
                    fragment More on Query { products(first: 10) { nodes { vendor ... on Product { slug } } } }";
    let in_parts = shop.read(document, json!({})).await["products"]["nodes"].take();
    let whole = "{ products(first: 10) { nodes { id slug name vendor } } }";
    let whole = shop.read(whole, json!({})).await["products"]["nodes"].take();
    assert_eq!(whole.as_array().unwrap().len(), 2);
    assert_eq!(in_parts, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alias_of_the_cache_is_the_clients_too() {
    let shop = Shop::start().await;
    shop.products(vec![ProductSpec::named("plain", "Plain", "5.00")]).await;
    let document = "{ products(first: 1) { nodes { _cacheId: id id } } }";
    let node = shop.read(document, json!({})).await["products"]["nodes"][0].take();
    assert!(node["id"].is_string(), "{node}");
    assert_eq!(node["_cacheId"], node["id"]);
}

/// A page that the executor puts together, because of a count and of options that its rows do not bring, without these.
fn without_what_is_awaited(mut page: Value) -> Value {
    page.as_object_mut().unwrap().remove("totalCount").expect("it was asked for");
    let strip = |node: &mut Value| {
        node.as_object_mut().unwrap().remove("options").expect("they were asked for");
    };
    page["nodes"].as_array_mut().unwrap().iter_mut().for_each(strip);
    page["edges"].as_array_mut().unwrap().iter_mut().for_each(|edge| strip(&mut edge["node"]));
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_written_at_once_is_the_executors() {
    let shop = Shop::start().await;
    let quoted = ProductSpec::named("quoted", "A \"quoted\" name \\ and a\nline", "0.05");
    shop.products(vec![
        quoted,
        ProductSpec::named("plain", "Plain é", "5.00"),
        ProductSpec::named("last", "Last", "19.99"),
    ])
    .await;
    let document = |count: &str, more: &str| {
        format!(
            "query P($first: Int, $after: String, $last: Int) {{ products(first: $first, after: $after, last: $last) {{ \
             __typename edges {{ __typename cursor node {{ ...N }} }} nodes {{ ...N }} \
             pageInfo {{ __typename hasNextPage hasPreviousPage startCursor endCursor }} {count} }} }} \
             fragment N on Product {{ __typename id slug name vendor productType description tags {more} \
             priceRange {{ __typename min {{ __typename amount currencyCode }} max {{ amount }} }} featuredImage {{ url altText }} }}"
        )
    };
    let (at_once, awaited) = (document("", ""), document("totalCount", "options { name }"));
    let first = shop.read(&at_once, json!({ "first": 2 })).await["products"].take();
    assert_eq!(first["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let after = first["pageInfo"]["endCursor"].clone();
    for variables in [
        json!({ "first": 2 }),
        json!({ "first": 2, "after": after }),
        json!({ "last": 1 }),
        json!({ "first": 0 }),
        json!({ "first": 3 }),
    ] {
        let written = shop.read(&at_once, variables.clone()).await["products"].take();
        let executed = shop.read(&awaited, variables.clone()).await["products"].take();
        assert_eq!(written, without_what_is_awaited(executed), "{variables}");
    }
}
