//! The members of collections by rule are those that the rule says, by whatever way a product came to be what it is.

use ironmonger::catalog::review_stock;
use ironmonger::ids::{ProductId, VariantId};

use crate::catalog_collections::{apply, collection, condition, members, named};
use crate::support::{Client, ProductSpec, Shop, Value, VariantSpec, json};

/// What the test knows of a product.
#[derive(Clone, Debug)]
struct Known {
    id: ProductId,
    variant: VariantId,
    slug: String,
    name: String,
    vendor: String,
    tags: Vec<String>,
    price: i64,
    stock: i64,
    length: Option<i64>,
}

/// A rule's condition, and what it means.
fn fulfills(product: &Known, condition: &Value) -> bool {
    let text = |key: &str| condition[key].as_str().unwrap().to_owned();
    let (field, operator, value) = (text("field"), text("operator"), text("value"));
    let texts: Vec<String> = match field.as_str() {
        "TAG" => product.tags.clone(),
        "VENDOR" => vec![product.vendor.clone()],
        "NAME" => vec![product.name.clone()],
        "AVAILABLE" => vec![(product.stock > 0).to_string()],
        "PRICE" => vec![product.price.to_string()],
        _ => product.length.iter().map(i64::to_string).collect(),
    };
    let number = |text: &str| text.parse::<f64>().unwrap() * if field == "PRICE" { 100.0 } else { 1.0 };
    let agrees = |text: &String| {
        let (folded, wanted) = (text.to_lowercase(), value.to_lowercase());
        match operator.trim_start_matches("NOT_") {
            "EQUALS" if field == "PRICE" => text.parse::<f64>().unwrap() == number(&value),
            "EQUALS" => *text == value,
            "CONTAINS" => folded.contains(&wanted),
            "STARTS_WITH" => folded.starts_with(&wanted),
            "ENDS_WITH" => folded.ends_with(&wanted),
            "GREATER_THAN" => text.parse::<f64>().unwrap() > number(&value),
            _ => text.parse::<f64>().unwrap() < number(&value),
        }
    };
    texts.iter().any(agrees) != operator.starts_with("NOT_")
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize].clone()
    }

    fn condition(&mut self) -> Value {
        match self.below(6) {
            0 => condition(
                "TAG",
                self.of(&["EQUALS", "NOT_EQUALS", "CONTAINS", "NOT_CONTAINS"]),
                self.of(&TAGS),
            ),
            1 => condition("VENDOR", self.of(&["EQUALS", "NOT_EQUALS"]), self.of(&VENDORS)),
            2 => {
                let operator = self.of(&["CONTAINS", "STARTS_WITH", "ENDS_WITH", "NOT_CONTAINS", "EQUALS"]);
                condition("NAME", operator, self.of(&["Saw", "saw", "r", "Red hammer", "plane 1"]))
            }
            3 => {
                let operator = self.of(&["LESS_THAN", "GREATER_THAN", "EQUALS", "NOT_EQUALS"]);
                condition("PRICE", operator, &format!("{}.00", 1 + self.below(9)))
            }
            4 => condition("AVAILABLE", "EQUALS", self.of(&["true", "false"])),
            _ => {
                let operator = self.of(&["LESS_THAN", "GREATER_THAN", "EQUALS", "NOT_EQUALS"]);
                let mut condition = condition("ATTRIBUTE", operator, &(1 + self.below(9)).to_string());
                condition["attribute"] = json!("length");
                condition
            }
        }
    }
}

const TAGS: [&str; 4] = ["red", "Red", "reduced", "blue"];
const VENDORS: [&str; 3] = ["Acme", "Beta", "Millbeck"];
const NAMES: [&str; 4] = ["Red hammer", "Bow saw", "Sawhorse", "Plane 1"];

async fn change(shop: &Shop, owner: &Client, numbers: &mut Numbers, product: &mut Known, key: &str) {
    match numbers.below(5) {
        0 => {
            product.name = numbers.of(&NAMES).into();
            product.vendor = numbers.of(&VENDORS).into();
            let edit = json!({ "id": product.id, "name": product.name, "vendor": product.vendor });
            owner.mutate("productUpdate", "product { id }", edit).await;
        }
        1 => {
            product.tags = (0..numbers.below(3)).map(|_| numbers.of(&TAGS).to_owned()).collect();
            owner
                .mutate("productUpdate", "product { id }", json!({ "id": product.id, "tags": product.tags }))
                .await;
        }
        2 => {
            product.price = 100 * (1 + numbers.below(9) as i64);
            let price = json!({ "amount": format!("{}", product.price / 100), "currencyCode": "USD" });
            let input = json!({ "variantId": product.variant, "prices": [{ "price": price }] });
            owner.mutate("variantPricesSet", "variant { id }", input).await;
        }
        3 => {
            product.stock = numbers.below(2) as i64;
            let input =
                json!({ "variantId": product.variant, "onHand": product.stock, "idempotencyKey": key });
            owner.mutate("stockSet", "stockLevel { onHand }", input).await;
        }
        _ => {
            product.length = (numbers.below(3) > 0).then(|| 1 + numbers.below(9) as i64);
            let value = json!({ "code": "length", "number": product.length });
            let input = json!({ "productId": product.id, "attributes": [value] });
            owner.mutate("productAttributesSet", "product { id }", input).await;
        }
    }
    while review_stock(shop.app()).await.unwrap() > 0 {}
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_one_by_one_lead_to_the_same_members_as_working_over_everything() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let mut numbers = Numbers(20_261_124);
    let length = json!({ "code": "length", "name": "Length", "kind": "NUMBER" });
    owner
        .mutate("productTypeCreate", "productType { id }", json!({ "name": "Tools", "attributes": [length] }))
        .await;
    let mut rules = Vec::new();
    for index in 0..16 {
        let matching = numbers.of(&["ALL", "ANY"]);
        let count = 1 + numbers.below(3);
        let conditions: Vec<Value> = (0..count).map(|_| numbers.condition()).collect();
        let rule = json!({ "match": matching, "conditions": conditions });
        let id = collection(&owner, json!({ "name": format!("Rule {index}"), "rule": rule })).await;
        apply(&shop, &id).await;
        rules.push((id, rule));
    }
    let specs = (0..12).map(|index| {
        let variants = vec![VariantSpec { price: "5.00".into(), stock: index % 2, ..VariantSpec::default() }];
        let tags = if index % 3 == 0 { vec!["red".to_owned()] } else { Vec::new() };
        ProductSpec { product_type: "Tools".into(), variants, tags, ..named(&format!("p-{index:02}")) }
    });
    let made = shop.products(specs.collect()).await;
    let mut known: Vec<Known> = made
        .iter()
        .enumerate()
        .map(|(index, product)| Known {
            id: product.id,
            variant: product.variants[0],
            slug: product.slug.clone(),
            name: product.slug.clone(),
            vendor: "Millbeck".into(),
            tags: if index % 3 == 0 { vec!["red".to_owned()] } else { Vec::new() },
            price: 500,
            stock: index as i64 % 2,
            length: None,
        })
        .collect();
    for round in 0..60 {
        let index = numbers.below(12) as usize;
        change(&shop, &owner, &mut numbers, &mut known[index], &format!("round-{round}")).await;
        if round % 10 != 9 {
            continue;
        }
        for (id, rule) in &rules {
            let conditions = rule["conditions"].as_array().unwrap();
            let is_member = |product: &&Known| match rule["match"].as_str() {
                Some("ALL") => conditions.iter().all(|condition| fulfills(product, condition)),
                _ => conditions.iter().any(|condition| fulfills(product, condition)),
            };
            let expected: Vec<&str> =
                known.iter().filter(is_member).map(|product| product.slug.as_str()).collect();
            let mut found = members(&owner, id).await;
            found.sort();
            assert_eq!(found, expected, "round {round}: {rule}");
        }
    }
    for (id, rule) in &rules {
        assert_eq!(apply(&shop, id).await, 0, "{rule}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_whose_variants_sell_out_side_by_side_leaves() {
    let shop = Shop::with_worker().await;
    shop.stock_up().await;
    let owner = shop.as_owner();
    let variant =
        |size: &str| VariantSpec { option_values: vec![size.into()], stock: 1, ..VariantSpec::default() };
    let options = vec![("Size".to_owned(), vec!["S".to_owned(), "M".to_owned()])];
    let product = shop
        .product(ProductSpec { options, variants: vec![variant("S"), variant("M")], ..named("both") })
        .await;
    let rule = json!({ "conditions": [condition("AVAILABLE", "EQUALS", "true")] });
    let id = collection(&owner, json!({ "name": "In stock", "rule": rule })).await;
    shop.wait_until(|| async { (members(&shop, &id).await == ["both"]).then_some(()) }).await;
    let (small, medium) = ([(product.variants[0], 1)], [(product.variants[1], 1)]);
    let (one, other) = tokio::join!(shop.order(&small), shop.order(&medium));
    assert_eq!([&one["status"], &other["status"]], ["PLACED", "PLACED"]);
    shop.wait_until(|| async { members(&shop, &id).await.is_empty().then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_whose_job_was_lost_is_applied_all_the_same() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    shop.product(named("a")).await;
    let rule = json!({ "conditions": [condition("NAME", "EQUALS", "a")] });
    let id = collection(&owner, json!({ "name": "A", "rule": rule })).await;
    shop.sql("DELETE FROM jobs").await;
    shop.run_worker();
    let run = "mutation { scheduleRun(name: \"catalog.apply-rules\") { userErrors { code } } }";
    shop.wait_until(|| async {
        owner.send(run, json!({})).await;
        (members(&shop, &id).await == ["a"]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_of_an_import_do_not_grow_with_rules_and_products() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let count = async |products: usize| {
        use ironmonger::catalog::create_products;
        let app = shop.app();
        let channel = app.channels.get(&app.db, None).await.unwrap();
        let drafts: Vec<_> = (0..products).map(|_| draft()).collect();
        let mut conn = app.db.get().await.unwrap();
        let before = app.db.statement_count();
        create_products(&mut conn, &channel, &drafts, app.clock.now(), "system").await.unwrap();
        app.db.statement_count() - before
    };
    count(1).await;
    let (without, many_without) = (count(3).await, count(60).await);
    for index in 0..5 {
        let rule = json!({ "conditions": [condition("TAG", "EQUALS", &format!("tag-{index}"))] });
        collection(&owner, json!({ "name": format!("Rule {index}"), "rule": rule })).await;
    }
    assert_eq!([count(1).await, count(100).await], [without + 1, many_without + 1]);
}

fn draft() -> ironmonger::catalog::ProductDraft {
    ironmonger::catalog::ProductDraft {
        slug: format!("draft-{}", uuid::Uuid::new_v4().simple()),
        name: "Draft".into(),
        description: String::new(),
        vendor: String::new(),
        product_type: String::new(),
        tags: vec!["tag-1".into()],
        status: ironmonger::catalog::ProductStatus::Active,
        options: Vec::new(),
        variants: vec![ironmonger::catalog::VariantDraft {
            sku: String::new(),
            option_values: Vec::new(),
            price_minor: 100,
            compare_at_minor: None,
            stock: Some(1),
            backorderable: false,
            barcode: String::new(),
            weight_grams: None,
            requires_shipping: true,
            taxable: true,
        }],
        images: Vec::new(),
        collections: Vec::new(),
    }
}
