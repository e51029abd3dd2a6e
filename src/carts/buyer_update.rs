//! Says who buys and where it goes.

use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::CartId;

use super::model::Address;
use super::update::{Change, OpenCart, update};
use super::{Cart, queries};

/// What the buyer says; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct BuyerUpdate {
    /// Where the confirmation goes.
    pub email: Option<String>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// Where the bill goes.
    pub billing_address: Option<Address>,
}

/// Sets email and addresses; every problem is told at once.
pub async fn buyer_update(
    app: &App,
    id: CartId,
    input: BuyerUpdate,
    expected_version: Option<i64>,
) -> Result<Cart> {
    let mut problems = Vec::new();
    let mut keep = |result: Result<_, Vec<Rejection>>| match result {
        Ok(value) => Some(value),
        Err(found) => {
            problems.extend(found);
            None
        }
    };
    let shipping = input.shipping_address.and_then(|address| keep(address.checked("shippingAddress")));
    let billing = input.billing_address.and_then(|address| keep(address.checked("billingAddress")));
    let email = match input.email.map(|email| checked_email(&email)).transpose() {
        Ok(email) => email,
        Err(rejection) => {
            problems.push(rejection);
            None
        }
    };
    if !problems.is_empty() {
        return Err(Error::Rejected(problems));
    }
    let json = |address: Option<Address>| address.map(serde_json::to_value).transpose().map_err(Error::fault);
    let columns =
        queries::BuyerColumns { email, shipping_address: json(shipping)?, billing_address: json(billing)? };
    update(app, id, expected_version, SetBuyer(columns)).await
}

struct SetBuyer(queries::BuyerColumns);

impl Change for SetBuyer {
    async fn apply(self, conn: &mut Conn, cart: &OpenCart) -> Result<()> {
        let nothing =
            self.0.email.is_none() && self.0.shipping_address.is_none() && self.0.billing_address.is_none();
        if !nothing {
            queries::set_buyer(conn, cart.id, self.0).await?;
        }
        Ok(())
    }
}

/// The trimmed address, if mail could be sent to it: one `@` with something on both sides, a dot in the domain, no white
/// space, at most 254 characters (RFC 5321). Whether it exists shows when the mail is sent.
pub(super) fn checked_email(email: &str) -> Result<String, Rejection> {
    let email = email.trim();
    let plausible = email.len() <= 254
        && !email.contains(|c: char| c.is_whitespace() || c.is_control())
        && email.parse::<lettre::Address>().is_ok()
        && email.split_once('@').is_some_and(|(_, domain)| domain.contains('.'));
    if plausible {
        Ok(email.to_owned())
    } else {
        Err(Rejection::new(Reason::Invalid, "This is not an email address.").at(["input", "email"]))
    }
}
