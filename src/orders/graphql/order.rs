//! The order and its lines.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};

use crate::access::Permission;
use crate::carts::graphql::Address;
use crate::checkout::Placed;
use crate::customers::graphql::Customer;
use crate::error::Error;
use crate::events;
use crate::fulfillment::graphql::{Fulfillment, FulfillmentsOf};
use crate::graphql::{Connection, ContextExt};
use crate::ids::{OrderId, OrderLineId};
use crate::money::Money;
use crate::orders::{self, FulfillmentStatus, OrderStatus, PaymentStatus};
use crate::pagination::{Page, PageArgs};
use crate::payments::graphql::{Payment, PaymentsOf};

use super::Event;
use super::loaders::LinesOf;

/// An order; what it was placed with may be at hand already.
pub struct Order {
    order: orders::Order,
    lines: Option<Vec<orders::OrderLine>>,
    access_token: Option<String>,
}

impl From<orders::Order> for Order {
    fn from(order: orders::Order) -> Self {
        Self { order, lines: None, access_token: None }
    }
}

impl Order {
    /// As the answer to `orderPlace`.
    pub fn placed(placed: Placed) -> Self {
        Self { order: placed.order, lines: Some(placed.lines), access_token: Some(placed.access_token) }
    }
}

/// What was bought, as it was when it was placed.
#[Object]
impl Order {
    /// Its id.
    async fn id(&self) -> OrderId {
        self.order.id
    }

    /// What a person quotes on the phone, such as `1042`.
    async fn number(&self) -> String {
        self.order.number.to_string()
    }

    /// Its life.
    async fn status(&self) -> OrderStatus {
        self.order.status
    }

    /// How far it is paid.
    async fn payment_status(&self) -> PaymentStatus {
        self.order.payment_status
    }

    /// How far it is sent.
    async fn fulfillment_status(&self) -> FulfillmentStatus {
        self.order.fulfillment_status
    }

    /// Who bought it, if they were signed in.
    async fn customer(&self, ctx: &Context<'_>) -> Result<Option<Customer>> {
        let Some(id) = self.order.customer_id else { return Ok(None) };
        Ok(ctx.loaders().load_one(id).await?.map(Customer))
    }

    /// Where mail about it goes.
    async fn email(&self) -> &str {
        &self.order.email
    }

    /// When it was placed.
    async fn placed_at(&self) -> DateTime<Utc> {
        self.order.placed_at
    }

    /// When it was canceled.
    async fn canceled_at(&self) -> Option<DateTime<Utc>> {
        self.order.canceled_at
    }

    /// Why it was canceled.
    async fn cancel_reason(&self) -> Option<&str> {
        self.order.cancel_reason.as_deref()
    }

    /// Grows by one with every move.
    async fn version(&self) -> i64 {
        self.order.version
    }

    /// What was bought.
    async fn lines(&self, ctx: &Context<'_>) -> Result<Vec<OrderLine>> {
        let lines = match &self.lines {
            Some(lines) => lines.clone(),
            None => ctx.loaders().load_one(LinesOf(self.order.id)).await?.unwrap_or_default(),
        };
        let currency = self.order.money(0)?.currency;
        Ok(lines.into_iter().map(|line| OrderLine { line, currency }).collect())
    }

    /// Where the goods go.
    async fn shipping_address(&self) -> Result<Option<Address>> {
        address(&self.order.shipping_address)
    }

    /// Where the bill goes; without it, the shipping address.
    async fn billing_address(&self) -> Result<Option<Address>> {
        address(&self.order.billing_address)
    }

    /// How it is shipped.
    async fn shipping_method_name(&self) -> Option<&str> {
        self.order.shipping_method_name.as_deref()
    }

    /// The promotion code that was used.
    async fn promotion_code(&self) -> Option<&str> {
        self.order.promotion_code.as_deref()
    }

    /// The goods before discount, shipping and tax.
    async fn subtotal(&self) -> Result<Money> {
        Ok(self.order.money(self.order.subtotal)?)
    }

    /// What the promotion took off.
    async fn discount_total(&self) -> Result<Money> {
        Ok(self.order.money(self.order.discount_total)?)
    }

    /// Shipping, before tax.
    async fn shipping_total(&self) -> Result<Money> {
        Ok(self.order.money(self.order.shipping_total)?)
    }

    /// Tax.
    async fn tax_total(&self) -> Result<Money> {
        Ok(self.order.money(self.order.tax_total)?)
    }

    /// What was to be paid.
    async fn total(&self) -> Result<Money> {
        Ok(self.order.money(self.order.total)?)
    }

    /// Lets a guest read the order again by `orderByToken`. Only `orderPlace` answers with it.
    async fn access_token(&self) -> Option<&str> {
        self.access_token.as_deref()
    }

    /// Its payments. Needs ORDERS_READ.
    #[graphql(visible = "crate::graphql::visible::orders_read")]
    async fn payments(&self, ctx: &Context<'_>) -> Result<Vec<Payment>> {
        ctx.viewer().require(Permission::OrdersRead)?;
        let payments = ctx.loaders().load_one(PaymentsOf(self.order.id)).await?.unwrap_or_default();
        Ok(payments.into_iter().map(Payment).collect())
    }

    /// Its parcels.
    async fn fulfillments(&self, ctx: &Context<'_>) -> Result<Vec<Fulfillment>> {
        let parcels = ctx.loaders().load_one(FulfillmentsOf(self.order.id)).await?.unwrap_or_default();
        Ok(parcels.into_iter().map(Fulfillment).collect())
    }

    /// Its history, oldest first. Needs ORDERS_READ.
    #[graphql(
        visible = "crate::graphql::visible::orders_read",
        complexity = "first.unwrap_or(0).max(0) as usize * child_complexity + 1"
    )]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
    ) -> Result<Connection<Event>> {
        ctx.viewer().require(Permission::OrdersRead)?;
        let args = PageArgs::new(first, after, None, None)?;
        let sequence = args.cursor::<i64>()?.unwrap_or(0);
        let id = self.order.id.0;
        let mut conn = ctx.app().db.get().await?;
        let rows = events::list(&mut conn, id, sequence, args.limit()).await.map_err(Error::from)?;
        let page = Page::new(rows, &args, |event| event.sequence).map(Event);
        let app = ctx.app().clone();
        Ok(Connection::new(page, move || {
            let app = app.clone();
            async move { Ok(events::count(&mut *app.db.get().await?, id).await?) }
        }))
    }
}

fn address(stored: &Option<serde_json::Value>) -> Result<Option<Address>> {
    let address = stored.clone().map(serde_json::from_value).transpose().map_err(Error::fault)?;
    Ok(address.map(Address))
}

/// A line of an order.
pub struct OrderLine {
    line: orders::OrderLine,
    currency: crate::money::Currency,
}

/// Some units of one variant, as it was when the order was placed.
#[Object]
impl OrderLine {
    /// Its id.
    async fn id(&self) -> OrderLineId {
        self.line.id
    }

    /// Units bought.
    async fn quantity(&self) -> i64 {
        self.line.quantity
    }

    /// Units sent.
    async fn fulfilled_quantity(&self) -> i64 {
        self.line.fulfilled_quantity
    }

    /// The variant's SKU; may be empty.
    async fn sku(&self) -> &str {
        &self.line.sku
    }

    /// The product's name.
    async fn name(&self) -> &str {
        &self.line.name
    }

    /// The variant's name.
    async fn variant_name(&self) -> &str {
        &self.line.variant_name
    }

    /// The price of one unit.
    async fn unit_price(&self) -> Money {
        Money::new(self.line.unit_price, self.currency)
    }

    /// Its share of the discount.
    async fn discount(&self) -> Money {
        Money::new(self.line.discount, self.currency)
    }

    /// Its share of the tax.
    async fn tax(&self) -> Money {
        Money::new(self.line.tax, self.currency)
    }

    /// Unit price times quantity, before discount and tax.
    async fn total(&self) -> Money {
        Money::new(self.line.total, self.currency)
    }
}
