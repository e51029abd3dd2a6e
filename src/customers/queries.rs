//! SQL of customers.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::graphql::BatchReader;
use crate::ids::{CustomerId, UserId};
use crate::schema::customers;

use super::Customer;

/// What is written of a new customer.
#[derive(Insertable)]
#[diesel(table_name = customers)]
pub(super) struct NewCustomer<'a> {
    pub id: CustomerId,
    pub user_id: UserId,
    pub email: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

pub(super) async fn insert(conn: &mut Conn, customer: &NewCustomer<'_>) -> QueryResult<Customer> {
    diesel::insert_into(customers::table)
        .values(customer)
        .returning(Customer::as_returning())
        .get_result(conn)
        .await
}

/// Customers by id.
impl Loader<CustomerId> for BatchReader {
    type Value = Customer;
    type Error = async_graphql::Error;

    async fn load(&self, ids: &[CustomerId]) -> Result<HashMap<CustomerId, Customer>, Self::Error> {
        let mut conn = self.app.db.get().await?;
        let found: Vec<Customer> = customers::table
            .filter(customers::id.eq_any(ids))
            .select(Customer::as_select())
            .load(&mut conn)
            .await
            .map_err(crate::Error::from)?;
        Ok(found.into_iter().map(|customer| (customer.id, customer)).collect())
    }
}
