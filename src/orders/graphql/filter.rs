//! Which orders a list has.

use async_graphql::InputObject;

use crate::error::{Code, Error, Result};
use crate::orders::{FulfillmentStatus, OrderFilter, OrderStatus, PaymentStatus};

/// A status, or any of several.
#[derive(InputObject)]
struct OrderStatusFilter {
    /// This one.
    eq: Option<OrderStatus>,
    /// Any of these.
    #[graphql(name = "in")]
    any: Option<Vec<OrderStatus>>,
}

/// A payment status, or any of several.
#[derive(InputObject)]
struct OrderPaymentStatusFilter {
    /// This one.
    eq: Option<PaymentStatus>,
    /// Any of these.
    #[graphql(name = "in")]
    any: Option<Vec<PaymentStatus>>,
}

/// A fulfillment status, or any of several.
#[derive(InputObject)]
struct OrderFulfillmentStatusFilter {
    /// This one.
    eq: Option<FulfillmentStatus>,
    /// Any of these.
    #[graphql(name = "in")]
    any: Option<Vec<FulfillmentStatus>>,
}

/// One exact text.
#[derive(InputObject)]
struct OrderTextFilter {
    /// This one.
    eq: Option<String>,
}

/// Which orders; every condition has to hold.
#[derive(InputObject)]
pub struct OrderWhereInput {
    /// By status.
    status: Option<OrderStatusFilter>,
    /// By payment status.
    payment_status: Option<OrderPaymentStatusFilter>,
    /// By fulfillment status.
    fulfillment_status: Option<OrderFulfillmentStatusFilter>,
    /// By the buyer's email address, whatever its case.
    email: Option<OrderTextFilter>,
    /// By number.
    number: Option<OrderTextFilter>,
}

fn any_of<T>(eq: Option<T>, any: Option<Vec<T>>) -> Vec<T> {
    any.into_iter().flatten().chain(eq).collect()
}

impl OrderWhereInput {
    /// As the use case takes it.
    pub fn into_filter(self) -> Result<OrderFilter> {
        let number = self.number.and_then(|filter| filter.eq);
        let number = number
            .map(|text| text.trim().parse())
            .transpose()
            .map_err(|_| Error::request(Code::BadUserInput, "An order number has digits only."))?;
        Ok(OrderFilter {
            statuses: self.status.map(|filter| any_of(filter.eq, filter.any)).unwrap_or_default(),
            payment_statuses: self
                .payment_status
                .map(|filter| any_of(filter.eq, filter.any))
                .unwrap_or_default(),
            fulfillment_statuses: self
                .fulfillment_status
                .map(|filter| any_of(filter.eq, filter.any))
                .unwrap_or_default(),
            email: self.email.and_then(|filter| filter.eq),
            number,
            customer_id: None,
        })
    }
}
