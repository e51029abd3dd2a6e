//! Idempotency keys: the same request, sent twice, takes effect once and is answered the same.
//!
//! The record commits in the transaction of the effect. A concurrent duplicate waits on the record's primary key
//! until the first one has committed (and then answers from the record) or rolled back (and then does the work).

use diesel::prelude::*;
use diesel::sql_types::{Binary, Jsonb, Nullable, Text};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::db::Conn;
use crate::error::{Reason, Rejection, Result};
use crate::sql::Keep;

/// How long a record is kept.
pub const KEPT_DAYS: i64 = 7;

/// What [`begin`] found.
pub enum Begin<T> {
    /// The key is new: do the work, then [`finish`].
    New,
    /// The work was done before; this is what it answered.
    Done(T),
}

/// Claims `key` within `scope` (the operation's name and, where keys of different people must not meet, the person).
/// `input` is whatever makes two requests the same. One statement.
///
/// Rejects a key that was used with another input, and one that is empty or longer than 255 bytes.
pub async fn begin<T: DeserializeOwned>(
    conn: &mut Conn,
    scope: &str,
    key: &str,
    input: &impl Serialize,
) -> Result<Begin<T>> {
    let at_key = |rejection: Rejection| rejection.at(["input", "idempotencyKey"]);
    if key.is_empty() || key.len() > 255 || key.contains('\0') {
        let message = "The idempotency key has 1 to 255 characters, none of them NUL.";
        return Err(at_key(Rejection::new(Reason::Invalid, message)).into());
    }
    let fingerprint = Sha256::digest(serde_json::to_vec(input).map_err(crate::Error::fault)?).to_vec();

    #[derive(QueryableByName)]
    struct Record {
        #[diesel(sql_type = Binary)]
        fingerprint: Vec<u8>,
        #[diesel(sql_type = Nullable<Jsonb>)]
        response: Option<serde_json::Value>,
    }
    // The update that changes nothing makes the statement return the row of the other request after waiting for
    // it; `response` is null for a row that this statement inserted.
    let record: Record = diesel::sql_query(
        "INSERT INTO idempotency_records (scope, key, fingerprint) VALUES ($1, $2, $3) \
         ON CONFLICT (scope, key) DO UPDATE SET key = excluded.key RETURNING fingerprint, response",
    )
    .bind::<Text, _>(scope)
    .bind::<Text, _>(key)
    .bind::<Binary, _>(&fingerprint)
    .kept()
    .get_result(conn)
    .await?;
    if record.fingerprint != fingerprint {
        let message = "This idempotency key was used with another input.";
        return Err(at_key(Rejection::new(Reason::IdempotencyMismatch, message)).into());
    }
    match record.response {
        None => Ok(Begin::New),
        Some(response) => Ok(Begin::Done(serde_json::from_value(response).map_err(crate::Error::fault)?)),
    }
}

/// Records what the work answered, in the same transaction. One statement.
pub async fn finish(conn: &mut Conn, scope: &str, key: &str, response: &impl Serialize) -> Result<()> {
    let response = serde_json::to_value(response).map_err(crate::Error::fault)?;
    diesel::sql_query("UPDATE idempotency_records SET response = $3 WHERE scope = $1 AND key = $2")
        .bind::<Text, _>(scope)
        .bind::<Text, _>(key)
        .bind::<Jsonb, _>(response)
        .kept()
        .execute(conn)
        .await?;
    Ok(())
}
