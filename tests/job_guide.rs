//! The job that docs/JOBS.md walks through, and the guide itself.

use chrono::TimeDelta;
use ironmonger::carts::AbandonCarts;
use ironmonger::jobs::{self, EnqueueOptions};

use crate::support::{Shop, cart_of, json};

const GUIDE: &str = include_str!("../docs/JOBS.md");

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_that_nobody_comes_back_to_is_given_up() {
    let shop = Shop::with_worker().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(10, "10.00").await;
    let old = cart_of(&shop, &[(variant, 1)]).await;
    shop.app().clock.advance(TimeDelta::days(31));
    let new = cart_of(&shop, &[(variant, 1)]).await;

    let mut conn = shop.app().db.get().await.unwrap();
    let id = jobs::enqueue(&mut conn, &AbandonCarts {}, EnqueueOptions::default()).await.unwrap();
    drop(conn);
    let job = crate::jobs::reaches(&shop, id, "SUCCEEDED").await;

    assert_eq!(job["result"], 1, "{job}");
    for (cart, open) in [(old, false), (new, true)] {
        let add =
            "mutation($input: CartLinesAddInput!) { cartLinesAdd(input: $input) { userErrors { code } } }";
        let input = json!({ "cartId": cart, "lines": [{ "variantId": variant, "quantity": 1 }] });
        let answer = shop.send(add, json!({ "input": input })).await;
        let errors = answer["data"]["cartLinesAdd"]["userErrors"].as_array().unwrap();
        assert_eq!(errors.is_empty(), open, "{answer}");
    }
}

/// What stands between the fences of the guide's code blocks.
fn blocks() -> Vec<&'static str> {
    GUIDE.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap().1).collect()
}

#[test]
fn the_guide_shows_the_code_as_it_is() {
    let sources = [
        include_str!("../src/carts/abandon.rs"),
        include_str!("../src/jobs/registry.rs"),
        include_str!("job_guide.rs"),
    ];
    for block in blocks().into_iter().filter(|block| !block.trim_start().starts_with('$')) {
        let found = sources.iter().any(|source| source.contains(block.trim_end()));
        assert!(found, "docs/JOBS.md shows what is not in the code:\n{block}");
    }
    assert_eq!(blocks().len(), 4);
}
