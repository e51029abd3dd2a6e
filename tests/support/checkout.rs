//! Carts that are ready to be placed, and placing them.

use std::time::Duration;

use ironmonger::ids::VariantId;
use serde_json::{Value, json};

use super::database::{DEADLINE, wait_up_to};
use super::{Client, Shop};

pub const CART_FIELDS: &str = "
    id version email status
    lines { id quantity unitPrice { amount } total { amount } }
    shippingMethod { id name price { amount } }
    subtotal { amount } discountTotal { amount } shippingTotal { amount } taxTotal { amount } total { amount currencyCode }";

const ORDER_PLACE: &str = "
    mutation($input: OrderPlaceInput!) {
      orderPlace(input: $input) {
        order {
          id number status paymentStatus fulfillmentStatus accessToken email placedAt
          lines { id quantity sku name unitPrice { amount } total { amount } }
          subtotal { amount } shippingTotal { amount } taxTotal { amount } total { amount }
        }
        userErrors { __typename code message field ... on InsufficientStockError { variantId quantityAvailable } }
      }
    }";

const ORDER_BY_TOKEN: &str = "
    query($token: String!) {
      orderByToken(token: $token) { id number status paymentStatus fulfillmentStatus lines { id sku quantity } }
    }";

/// What [`Shop::place`] needs to know.
pub struct Place<'a> {
    pub cart: &'a str,
    pub key: &'a str,
    pub token: &'a str,
}

impl Shop {
    /// Two shipping methods (6.50, free above 75.00; 14.90), 8 % tax, and the codes WELCOME10 (10 %) and FIVER
    /// (5.00 off from 40.00 on).
    pub async fn stock_up(&self) {
        self.sql(
            "INSERT INTO shipping_methods (id, name, position, created_at) VALUES
               ('00000000-0000-7000-8000-0000000000a1', 'Standard', 1, now()),
               ('00000000-0000-7000-8000-0000000000a2', 'Express', 2, now());
             INSERT INTO shipping_method_channels (shipping_method_id, channel_id, price, free_above)
               SELECT '00000000-0000-7000-8000-0000000000a1', id, 650, 7500 FROM channels;
             INSERT INTO shipping_method_channels (shipping_method_id, channel_id, price, free_above)
               SELECT '00000000-0000-7000-8000-0000000000a2', id, 1490, NULL FROM channels;
             INSERT INTO tax_rates (id, channel_id, name, rate_ppm, created_at)
               SELECT gen_random_uuid(), id, 'Sales tax', 80000, now() FROM channels;
             INSERT INTO promotions (id, channel_id, code, name, percent_ppm, created_at)
               SELECT gen_random_uuid(), id, 'WELCOME10', '10 %', 100000, now() FROM channels;
             INSERT INTO promotions (id, channel_id, code, name, amount, minimum_subtotal, created_at)
               SELECT gen_random_uuid(), id, 'FIVER', '5 off', 500, 4000, now() FROM channels;",
        )
        .await;
    }

    /// A cart with everything an order needs; its id. [`Shop::stock_up`] first.
    pub async fn cart(&self, lines: &[(VariantId, i64)]) -> String {
        cart_of(self, lines).await
    }

    /// Places a cart; the payload.
    pub async fn place(&self, place: Place<'_>) -> Value {
        place_at(self, place).await
    }

    /// Places a new cart with a good card; the order, which has to be placed.
    pub async fn order(&self, lines: &[(VariantId, i64)]) -> Value {
        let cart = self.cart(lines).await;
        let payload = self.place(Place { cart: &cart, key: &cart, token: "ok" }).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        payload["order"].clone()
    }

    /// The order that a token opens.
    pub async fn order_by_token(&self, token: &Value) -> Value {
        let answer = self.send(ORDER_BY_TOKEN, json!({ "token": token })).await;
        answer["data"]["orderByToken"].clone()
    }

    /// Waits until the order has this payment status; the order then.
    pub async fn order_reaches(&self, token: &Value, payment_status: &str) -> Value {
        self.order_reaches_within(token, payment_status, DEADLINE).await
    }

    /// The same with another deadline.
    pub async fn order_reaches_within(
        &self,
        token: &Value,
        payment_status: &str,
        deadline: Duration,
    ) -> Value {
        wait_up_to(deadline, || async {
            let order = self.order_by_token(token).await;
            (order["paymentStatus"] == payment_status).then_some(order)
        })
        .await
    }

    /// On hand and reserved units of a variant, over all locations.
    pub async fn stock_of(&self, variant: VariantId) -> (i64, i64) {
        let sum = |column: &str| {
            format!(
                "SELECT coalesce(sum({column}), 0)::bigint FROM stock_levels WHERE variant_id = '{}'",
                variant.0
            )
        };
        (self.sql_count(&sum("on_hand")).await, self.sql_count(&sum("reserved")).await)
    }
}

/// A ready cart made by any client.
pub async fn cart_of(client: &Client, lines: &[(VariantId, i64)]) -> String {
    let lines: Vec<_> =
        lines.iter().map(|(id, quantity)| json!({ "variantId": id, "quantity": quantity })).collect();
    let created = client
        .send(
            "mutation($input: CartCreateInput!) { cartCreate(input: $input) {
               cart { id availableShippingMethods { id } } userErrors { message } } }",
            json!({ "input": { "lines": lines, "email": "ada@example.com" } }),
        )
        .await;
    let cart = &created["data"]["cartCreate"]["cart"];
    let id = cart["id"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
    let address = json!({ "firstName": "Ada", "lastName": "Smith", "line1": "1 Forge Lane", "city": "Sheffield",
                          "postalCode": "S1", "countryCode": "US" });
    let ready = client
        .send(
            "mutation($buyer: CartBuyerUpdateInput!, $method: CartShippingMethodSelectInput!) {
               cartBuyerUpdate(input: $buyer) { userErrors { message } }
               cartShippingMethodSelect(input: $method) { userErrors { message } } }",
            json!({ "buyer": { "cartId": id, "shippingAddress": address },
                    "method": { "cartId": id, "shippingMethodId": cart["availableShippingMethods"][0]["id"] } }),
        )
        .await;
    assert_eq!(ready["data"]["cartBuyerUpdate"]["userErrors"], json!([]), "{ready}");
    assert_eq!(ready["data"]["cartShippingMethodSelect"]["userErrors"], json!([]), "{ready}");
    id
}

/// Places a cart through any client; the payload.
pub async fn place_at(client: &Client, place: Place<'_>) -> Value {
    let input = json!({ "cartId": place.cart, "idempotencyKey": place.key,
                        "payment": { "gateway": "test", "token": place.token } });
    let mut answer = client.send(ORDER_PLACE, json!({ "input": input })).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"]["orderPlace"].take()
}
