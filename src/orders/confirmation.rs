//! The mail that confirms an order.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ids::OrderId;
use crate::jobs::{Job, JobContext, JobError};
use crate::mail::{Mail, MailError};
use crate::money::Money;

use super::{Order, OrderLine, queries};

/// Sends the confirmation of a paid order.
///
/// A row in `mails` proves that it was sent, so a second run sends nothing. A process that dies between the sending and
/// the row may cause a second copy; it has the same Message-ID, by which mail programs fold the two into one.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendConfirmation {
    /// The order.
    pub order_id: OrderId,
}

const PURPOSE: &str = "order-confirmation";

impl Job for SendConfirmation {
    const KIND: &'static str = "orders.send-confirmation";
    const QUEUE: &'static str = "mail";
    type Output = serde_json::Value;

    async fn run(self, ctx: JobContext) -> Result<Self::Output, JobError> {
        let app = &ctx.app;
        let message_id = format!("{PURPOSE}.{}@ironmonger", self.order_id);
        let mail = {
            let mut conn = app.db.get().await?;
            if queries::mail_was_sent(&mut conn, PURPOSE, self.order_id.0).await? {
                return Ok(serde_json::json!({ "sent": false }));
            }
            let Some(order) = queries::find(&mut conn, self.order_id).await? else {
                return Err(JobError::fail(anyhow::anyhow!("there is no order {}", self.order_id)));
            };
            let lines = queries::lines_of(&mut conn, &[order.id]).await?;
            let shop = queries::shop_name(&mut conn).await?;
            Mail {
                to: order.email.clone(),
                subject: format!("{shop}: your order {}", order.number),
                text: text(&shop, &order, &lines)?,
                message_id: message_id.clone(),
            }
        };
        app.mailer.send(mail).await.map_err(|error| match error {
            MailError::Transient(_) => JobError::retry(error),
            MailError::Permanent(_) => JobError::fail(error),
        })?;
        let mut conn = app.db.get().await?;
        queries::record_mail(&mut conn, PURPOSE, self.order_id.0, &message_id, app.clock.now()).await?;
        Ok(serde_json::json!({ "sent": true }))
    }
}

fn text(shop: &str, order: &Order, lines: &[OrderLine]) -> Result<String, Error> {
    let currency = order.currency_code.parse().map_err(Error::fault)?;
    let amount = |minor| Money::new(minor, currency).to_string();
    let mut text = format!("Thank you for your order {}.\n\n", order.number);
    let mut line = |label: &str, value: String| {
        writeln!(text, "{label:<50} {value:>16}").expect("writing to a string cannot fail");
    };
    for item in lines {
        let name = if item.variant_name.is_empty() || item.variant_name == item.name {
            item.name.clone()
        } else {
            format!("{} ({})", item.name, item.variant_name)
        };
        line(&format!("{} x {name}", item.quantity), amount(item.total));
    }
    line("Subtotal", amount(order.subtotal));
    if order.discount_total > 0 {
        line("Discount", amount(-order.discount_total));
    }
    line("Shipping", amount(order.shipping_total));
    line("Tax", amount(order.tax_total));
    line("Total", amount(order.total));
    text.push_str(&format!("\n{shop}\n"));
    Ok(text)
}
