//! Channels: listing, creating, editing.

use crate::support::{Client, Shop, Value, json};

const CREATE: &str = "mutation($input: ChannelCreateInput!) { channelCreate(input: $input) { \
    channel { id slug name currencyCode isDefault version } userErrors { code field } } }";

const UPDATE: &str = "mutation($input: ChannelUpdateInput!) { channelUpdate(input: $input) { \
    channel { id slug name isDefault version } \
    userErrors { code field ... on StaleVersionError { currentVersion } } } }";

async fn create(client: &Client, input: Value) -> Value {
    client.send(CREATE, json!({ "input": input })).await["data"]["channelCreate"].take()
}

async fn update(client: &Client, input: Value) -> Value {
    client.send(UPDATE, json!({ "input": input })).await["data"]["channelUpdate"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_channel_serves_requests_in_its_currency() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let made = create(&owner, json!({ "slug": "eu", "name": "Europe", "currencyCode": "EUR" })).await;
    assert_eq!(made["channel"]["currencyCode"], "EUR", "{made}");
    assert_eq!(made["channel"]["isDefault"], false);
    let answer =
        shop.header("Ironmonger-Channel", "eu").send("{ shop { defaultCurrencyCode } }", json!({})).await;
    assert_eq!(answer["data"]["shop"]["defaultCurrencyCode"], "EUR", "{answer}");
    let listed = owner.send("{ channels { slug } }", json!({})).await;
    assert_eq!(listed["data"]["channels"], json!([{ "slug": "default" }, { "slug": "eu" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_channel_is_the_default() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let id = create(&owner, json!({ "slug": "eu", "name": "Europe", "currencyCode": "EUR" })).await["channel"]
        ["id"]
        .take();
    let updated = update(&owner, json!({ "id": id, "makeDefault": true, "expectedVersion": 1 })).await;
    assert_eq!(updated["channel"]["isDefault"], true, "{updated}");
    let answer = shop.send("{ shop { defaultCurrencyCode } }", json!({})).await;
    assert_eq!(answer["data"]["shop"]["defaultCurrencyCode"], "EUR", "{answer}");
    let listed = owner.send("{ channels { slug isDefault } }", json!({})).await;
    assert_eq!(listed["data"]["channels"][0], json!({ "slug": "default", "isDefault": false }), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_refuse_what_cannot_be() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let refused = create(&owner, json!({ "slug": "Not a slug", "name": " ", "currencyCode": "EUR" })).await;
    assert_eq!(
        refused["userErrors"],
        json!([{ "code": "INVALID", "field": ["input", "slug"] }, { "code": "INVALID", "field": ["input", "name"] }])
    );
    let taken = create(&owner, json!({ "slug": "default", "name": "X", "currencyCode": "EUR" })).await;
    assert_eq!(taken["userErrors"], json!([{ "code": "TAKEN", "field": ["input", "slug"] }]));

    let id = create(&owner, json!({ "slug": "eu", "name": "Europe", "currencyCode": "EUR" })).await["channel"]
        ["id"]
        .take();
    let stale = update(&owner, json!({ "id": id, "name": "EU", "expectedVersion": 7 })).await;
    assert_eq!(stale["userErrors"][0]["code"], "STALE_VERSION");
    assert_eq!(stale["userErrors"][0]["currentVersion"], 1);
    let taken = update(&owner, json!({ "id": id, "slug": "default" })).await;
    assert_eq!(taken["userErrors"], json!([{ "code": "TAKEN", "field": ["input", "slug"] }]));
    let nowhere = update(&owner, json!({ "id": ironmonger::ids::ChannelId::new(), "name": "X" })).await;
    assert_eq!(nowhere["userErrors"], json!([{ "code": "NOT_FOUND", "field": ["input", "id"] }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_for_staff() {
    let shop = Shop::start().await;
    let customer = shop.as_customer();
    let new = json!({ "input": { "slug": "eu", "name": "Europe", "currencyCode": "EUR" } });
    let change = json!({ "input": { "id": ironmonger::ids::ChannelId::new(), "name": "X" } });
    for (document, variables) in [(CREATE, new), (UPDATE, change), ("{ channels { id } }", json!({}))] {
        let answer = customer.send(document, variables).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    }
}
