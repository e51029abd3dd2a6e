//! What the harness itself promises.

use crate::support::{ProductSpec, Shop, VariantSpec};

#[tokio::test]
async fn every_shop_has_a_database_of_its_own() {
    let (one, two) = tokio::join!(Shop::start(), Shop::start());
    one.sql("UPDATE shop_settings SET name = 'One'").await;
    assert_eq!(one.sql_text("SELECT name FROM shop_settings").await, "One");
    assert_eq!(two.sql_text("SELECT name FROM shop_settings").await, "Ironmonger");
    assert_ne!(one.app().config.redis_prefix, two.app().config.redis_prefix);
}

#[tokio::test]
async fn products_are_made_with_their_variants() {
    let shop = Shop::start().await;
    let product = shop
        .product(ProductSpec {
            options: vec![("Weight".into(), vec!["16 oz".into(), "20 oz".into()])],
            variants: vec![
                VariantSpec { option_values: vec!["16 oz".into()], stock: 3, ..VariantSpec::default() },
                VariantSpec { option_values: vec!["20 oz".into()], stock: 4, ..VariantSpec::default() },
            ],
            ..ProductSpec::default()
        })
        .await;
    assert_eq!(product.variants.len(), 2);
    let on_hand = format!("SELECT on_hand FROM stock_levels WHERE variant_id = '{}'", product.variants[1].0);
    assert_eq!(shop.sql_count(&on_hand).await, 4);
}
