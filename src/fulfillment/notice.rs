//! The mail that tells of a parcel.

use serde::{Deserialize, Serialize};

use crate::ids::FulfillmentId;
use crate::jobs::{Job, JobContext, JobError};
use crate::mail::{Mail, MailError};
use crate::orders;

use super::queries;

/// Tells the buyer that a parcel is on its way.
///
/// A row in `mails` proves that it was sent, so a second run sends nothing; see [`orders::SendConfirmation`].
#[derive(Debug, Serialize, Deserialize)]
pub struct SendShippingNotice {
    /// The parcel.
    pub fulfillment_id: FulfillmentId,
}

const PURPOSE: &str = "shipping-notice";

impl Job for SendShippingNotice {
    const KIND: &'static str = "fulfillment.send-shipping-notice";
    const QUEUE: &'static str = "mail";
    type Output = serde_json::Value;

    async fn run(self, ctx: JobContext) -> Result<Self::Output, JobError> {
        let (app, id) = (&ctx.app, self.fulfillment_id);
        let message_id = format!("{PURPOSE}.{id}@ironmonger");
        let mail = {
            let mut conn = app.db.get().await?;
            if orders::mail_was_sent(&mut conn, PURPOSE, id.0).await? {
                return Ok(serde_json::json!({ "sent": false }));
            }
            let gone = || JobError::fail(anyhow::anyhow!("there is no fulfillment {id}"));
            let parcel = queries::find(&mut conn, id).await?.ok_or_else(gone)?;
            let order = orders::find(&mut conn, parcel.order_id).await?.ok_or_else(gone)?;
            let shop = orders::shop_name(&mut conn).await?;
            let tracking = match &parcel.tracking_number {
                Some(number) => format!("The carrier's tracking number is {number}.\n"),
                None => String::new(),
            };
            Mail {
                to: order.email.clone(),
                subject: format!("{shop}: your order {} is on its way", order.number),
                text: format!("Your order {} is on its way.\n{tracking}\n{shop}\n", order.number),
                message_id: message_id.clone(),
            }
        };
        app.mailer.send(mail).await.map_err(|error| match error {
            MailError::Transient(_) => JobError::retry(error),
            MailError::Permanent(_) => JobError::fail(error),
        })?;
        let mut conn = app.db.get().await?;
        orders::record_mail(&mut conn, PURPOSE, id.0, &message_id, app.clock.now()).await?;
        Ok(serde_json::json!({ "sent": true }))
    }
}
