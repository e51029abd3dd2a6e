//! A cart becomes an order.
//!
//! One transaction: idempotency record, the cart's lock, the snapshot of prices and tax, the reservation, the order, the
//! payment with its job, the event. No network call inside, and the number of statements does not depend on the lines.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::Viewer;
use crate::app::App;
use crate::carts::{self, Cart, Totals};
use crate::db::Conn;
use crate::error::{Detail, Error, Reason, Rejection, Result};
use crate::events;
use crate::idempotency::{self, Begin};
use crate::ids::{CartId, OrderId, OrderLineId};
use crate::inventory::{self, ReservationLine};
use crate::orders::{self, NewOrder, NewOrderLine, Order, OrderLine, OrderStatus};
use crate::payments::{self, NewPayment};

use super::queries;

/// What is to be placed, and how it is paid.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceInput {
    /// An open cart.
    pub cart_id: CartId,
    /// Refuse unless the cart has this version.
    pub expected_version: Option<i64>,
    /// The name of a payment gateway.
    pub gateway: String,
    /// What the storefront got from the gateway's form.
    pub token: String,
    /// The same key with the same input always answers with the same order.
    #[serde(skip)]
    pub idempotency_key: String,
}

/// A placed order, as it was then. A repeat with the same key gets the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Placed {
    /// The order.
    pub order: Order,
    /// Its lines.
    pub lines: Vec<OrderLine>,
    /// Lets a guest read the order; only its hash is kept with the order.
    pub access_token: String,
}

/// Places an order. Rejects with every line that is short ([`Detail::Stock`]), with what the cart lacks, and with
/// IDEMPOTENCY_MISMATCH. A concurrent duplicate waits and gets the same answer.
pub async fn place(app: &App, viewer: &Viewer, input: PlaceInput) -> Result<Placed> {
    if app.gateways.get(&input.gateway).is_none() {
        let message = "There is no payment gateway of this name.";
        return Err(Rejection::new(Reason::PaymentRefused, message)
            .at(["input", "payment", "gateway"])
            .into());
    }
    // Keys of a signed-in person cannot meet those of others; shoppers share one space, told apart by the cart.
    let scope = match viewer.user_id() {
        Some(user) => format!("orderPlace:{user}"),
        None => "orderPlace".to_owned(),
    };
    let now = app.clock.now();
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        match idempotency::begin(conn, &scope, &input.idempotency_key, &input).await? {
            Begin::Done(placed) => return Ok(placed),
            Begin::New => {}
        }
        let cart = take_cart(conn, &input, now).await?;
        let totals = cart.totals(now);
        check(&cart, now)?;
        let placed = write(conn, viewer, &input, &cart, &totals, now).await?;
        idempotency::finish(conn, &scope, &input.idempotency_key, &placed).await?;
        Ok(placed)
    })
    .await
}

async fn take_cart(conn: &mut Conn, input: &PlaceInput, now: DateTime<Utc>) -> Result<Cart> {
    let at_cart = |rejection: Rejection| Error::from(rejection.at(["input", "cartId"]));
    let Some(cart) = carts::find_for_placing(conn, input.cart_id, now).await? else {
        return Err(at_cart(match carts::find(conn, input.cart_id, now).await? {
            Some(_) => Rejection::new(Reason::InvalidState, "This cart has been placed or given up already."),
            None => Rejection::new(Reason::NotFound, "There is no cart with this id."),
        }));
    };
    // Taking the cart has bumped its version.
    let version = cart.version - 1;
    if input.expected_version.is_some_and(|expected| expected != version) {
        return Err(Rejection::stale(version).into());
    }
    Ok(cart)
}

/// What a cart needs before it can be an order; every lack is told at once.
fn check(cart: &Cart, now: DateTime<Utc>) -> Result<()> {
    let mut lacks = Vec::new();
    let mut lack = |reason, message: &str| {
        lacks.push(Rejection::new(reason, message).at(["input", "cartId"]));
    };
    if cart.lines.is_empty() {
        lack(Reason::CartEmpty, "The cart is empty.");
    }
    if cart.email.is_none() {
        lack(Reason::Required, "The cart needs an email address (cartBuyerUpdate).");
    }
    if cart.requires_shipping() {
        if cart.shipping_address.is_none() {
            lack(Reason::Required, "The cart needs a shipping address (cartBuyerUpdate).");
        }
        if cart.shipping_method.is_none() {
            lack(Reason::Required, "The cart needs a shipping method (cartShippingMethodSelect).");
        }
    }
    for line in cart.lines.iter().filter(|line| line.unit_price.is_none()) {
        let message = format!("{} is not for sale any more.", line.product_name);
        lack(Reason::NotPurchasable, &message);
    }
    if let Some(promotion) = &cart.promotion
        && let Err(rejection) = promotion.check(now)
    {
        lack(rejection.reason, &rejection.message);
    }
    if lacks.is_empty() { Ok(()) } else { Err(Error::Rejected(lacks)) }
}

async fn write(
    conn: &mut Conn,
    viewer: &Viewer,
    input: &PlaceInput,
    cart: &Cart,
    totals: &Totals,
    now: DateTime<Utc>,
) -> Result<Placed> {
    let (id, actor) = (OrderId::new(), viewer.actor());
    let line_ids: Vec<OrderLineId> = cart.lines.iter().map(|_| OrderLineId::new()).collect();
    let demands: Vec<ReservationLine> = cart
        .lines
        .iter()
        .zip(&line_ids)
        .map(|(line, &order_line_id)| ReservationLine {
            order_line_id,
            variant_id: line.variant_id,
            quantity: line.quantity,
        })
        .collect();
    let allocations = match inventory::reserve(conn, &demands, id, &actor, now).await? {
        Ok(allocations) => allocations,
        Err(shortages) => return Err(Error::Rejected(shortages.into_iter().map(short).collect())),
    };
    if let Some(promotion) = cart.promotion.as_ref().filter(|_| totals.discount > 0)
        && !queries::use_promotion(conn, promotion.id).await?
    {
        let message = "This code has been used up.";
        return Err(Rejection::new(Reason::PromotionNotApplicable, message).at(["input", "cartId"]).into());
    }
    let access_token = format!("order_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
    let order = orders::insert(conn, new_order(id, cart, totals, &access_token, now)?).await?;
    let lines = orders::insert_lines(conn, &new_lines(id, &line_ids, cart, totals)).await?;
    orders::set_allocations(conn, &allocations).await?;
    let payload = json!({ "number": order.number.to_string(), "total": order.money(order.total)?.amount() });
    events::append(
        conn,
        events::NewEvent {
            aggregate: "order",
            aggregate_id: id.0,
            type_: "order.placed",
            payload,
            actor: &actor,
            at: now,
        },
    )
    .await?;
    let payment = NewPayment {
        order_id: id,
        gateway: input.gateway.clone(),
        token: input.token.clone(),
        amount: cart.channel.money(totals.total),
        at: now,
    };
    payments::start(conn, payment).await?;
    Ok(Placed { order, lines, access_token })
}

fn short(shortage: inventory::Shortage) -> Rejection {
    let message = match shortage.available {
        0 => "It is sold out.".to_owned(),
        1 => "Only 1 is left.".to_owned(),
        available => format!("Only {available} are left."),
    };
    Rejection {
        reason: Reason::InsufficientStock,
        message,
        field: vec!["input".into(), "cartId".into()],
        detail: Detail::Stock { variant_id: shortage.variant_id, available: shortage.available },
    }
}

fn new_order(
    id: OrderId,
    cart: &Cart,
    totals: &Totals,
    access_token: &str,
    now: DateTime<Utc>,
) -> Result<NewOrder> {
    let json = |address: &Option<carts::Address>| {
        address.as_ref().map(serde_json::to_value).transpose().map_err(Error::fault)
    };
    let used = cart.promotion.as_ref().filter(|_| totals.discount > 0);
    let method = cart.shipping_method.as_ref().filter(|_| cart.requires_shipping());
    Ok(NewOrder {
        id,
        channel_id: cart.channel.id,
        cart_id: cart.id,
        customer_id: cart.customer_id,
        status: OrderStatus::Placed,
        email: cart.email.clone().unwrap_or_default(),
        shipping_address: json(&cart.shipping_address)?,
        billing_address: json(&cart.billing_address)?,
        shipping_method_id: method.map(|method| method.id),
        shipping_method_name: method.map(|method| method.name.clone()),
        promotion_id: used.map(|promotion| promotion.id),
        promotion_code: used.map(|promotion| promotion.code.clone()),
        currency_code: cart.channel.currency.code().to_owned(),
        subtotal: totals.subtotal,
        discount_total: totals.discount,
        shipping_total: totals.shipping,
        tax_total: totals.tax,
        total: totals.total,
        access_token_hash: orders::token_hash(access_token),
        placed_at: now,
        created_at: now,
        updated_at: now,
    })
}

fn new_lines(order_id: OrderId, ids: &[OrderLineId], cart: &Cart, totals: &Totals) -> Vec<NewOrderLine> {
    let parts = cart.lines.iter().zip(&totals.lines).zip(ids).zip(0..);
    let line =
        |(((line, sums), &id), position): (((&carts::CartLine, &carts::LineTotals), _), i32)| NewOrderLine {
            id,
            order_id,
            variant_id: line.variant_id,
            position,
            sku: line.sku.clone(),
            name: line.product_name.clone(),
            variant_name: line.variant_name.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price.unwrap_or(0),
            discount: sums.discount,
            tax: sums.tax,
            total: sums.subtotal,
        };
    parts.map(line).collect()
}
