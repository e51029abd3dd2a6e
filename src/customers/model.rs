//! The buyer.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::ids::{CustomerId, UserId};
use crate::schema::customers;

/// A buyer.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = customers)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// Who signs in as this buyer, if anybody does.
    pub user_id: Option<UserId>,
    /// Where mail goes.
    pub email: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// Grows with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}
