//! The buyer.

use async_graphql::Object;
use chrono::{DateTime, Utc};

use crate::customers;
use crate::ids::CustomerId;

/// A buyer. Reached only from where the viewer may see it: the viewer's own, or that of an order.
pub struct Customer(pub customers::Customer);

/// A buyer.
#[Object]
impl Customer {
    /// Opaque.
    async fn id(&self) -> CustomerId {
        self.0.id
    }

    /// Where the buyer's mail goes.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// May be empty.
    async fn first_name(&self) -> &str {
        &self.0.first_name
    }

    /// May be empty.
    async fn last_name(&self) -> &str {
        &self.0.last_name
    }

    /// When the buyer became known.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}
