//! A shopper opens an account.

use diesel_async::AsyncConnection;

use crate::access::{self, ClientAddr};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::events::{self, NewEvent};
use crate::ids::CustomerId;

use super::Customer;
use super::queries::{self, NewCustomer};

/// Most characters of a first or last name.
const MAX_NAME_CHARS: usize = 100;

/// What a shopper tells. No `Debug`: it holds a password.
pub struct Registration<'a> {
    /// Where mail goes, and what the shopper signs in with.
    pub email: &'a str,
    /// 8 to 256 characters.
    pub password: &'a str,
    /// May be empty.
    pub first_name: &'a str,
    /// May be empty.
    pub last_name: &'a str,
}

/// Makes a user and the customer behind it.
///
/// Rejects values that cannot be used (`INVALID`, all of them at once), an email that has an account (`TAKEN`), and
/// a client that asked for too many of those (`RATE_LIMITED`), for each answer tells whether an email has an account.
pub async fn register(
    app: &App,
    registration: Registration<'_>,
    client: Option<ClientAddr>,
) -> Result<Customer> {
    let (email, mut problems) = access::check_credentials(registration.email, registration.password);
    let first_name = check_name(registration.first_name, "firstName", &mut problems);
    let last_name = check_name(registration.last_name, "lastName", &mut problems);
    if !problems.is_empty() {
        return Err(Error::Rejected(problems));
    }
    let probes = app.attempts.of_client(client);
    app.attempts.check(&probes).await?;
    let hash = app.passwords.turn().await?.hash(registration.password.to_owned()).await?;
    let mut conn = app.db.get().await?;
    let registered =
        conn.transaction(async |conn| insert(app, conn, (email, &hash), (first_name, last_name)).await).await;
    drop(conn);
    if let Err(Error::Rejected(_)) = registered {
        app.attempts.failed(&probes).await;
    }
    registered
}

/// An account never takes over a guest's earlier purchases by email: nobody has shown yet that the address is theirs.
async fn insert(
    app: &App,
    conn: &mut Conn,
    (email, password_hash): (&str, &str),
    (first_name, last_name): (&str, &str),
) -> Result<Customer> {
    let user_id = access::insert_user(app, conn, email, password_hash).await?;
    let (id, now) = (CustomerId::new(), app.clock.now());
    let customer =
        NewCustomer { id, user_id, email, first_name, last_name, created_at: now, updated_at: now };
    let customer = queries::insert(conn, &customer).await?;
    let event = NewEvent {
        aggregate: "customer",
        aggregate_id: id.0,
        type_: "customer.registered",
        payload: serde_json::json!({}),
        actor: &user_id.to_string(),
        at: now,
    };
    events::append(conn, event).await?;
    Ok(customer)
}

fn check_name<'a>(name: &'a str, field: &str, problems: &mut Vec<Rejection>) -> &'a str {
    let name = name.trim();
    if name.chars().count() > MAX_NAME_CHARS || name.contains(char::is_control) {
        let message = format!("A name has at most {MAX_NAME_CHARS} characters, all of them visible.");
        problems.push(Rejection::new(Reason::Invalid, message).at(["input", field]));
    }
    name
}
