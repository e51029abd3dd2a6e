//! Entries of an order's history.

use async_graphql::Object;
use chrono::{DateTime, Utc};

use crate::events;
use crate::graphql::Json;

/// One thing that happened.
pub struct Event(pub events::Event);

/// One thing that happened, and who did it.
#[Object]
impl Event {
    /// Counts from 1 within the order.
    async fn sequence(&self) -> i64 {
        self.0.sequence
    }

    /// In the past tense, such as `order.placed`.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        &self.0.type_
    }

    /// What the type needs to be understood.
    async fn payload(&self) -> Json {
        Json(self.0.payload.clone())
    }

    /// When it happened.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Who did it: a user's id, `shopper`, or `system`.
    async fn actor(&self) -> &str {
        &self.0.actor
    }
}
