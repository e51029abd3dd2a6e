//! Opening an account.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::access::ClientAddr;
use crate::customers::{self, Registration};
use crate::graphql::{ContextExt, UserError, outcome};

use super::Customer;

/// Root mutations of customers.
#[derive(Default)]
pub struct CustomerMutation;

/// What a shopper opens an account with. No `Debug`: it is secret.
#[derive(InputObject)]
pub struct CustomerRegisterInput {
    /// Where mail goes, and what the shopper signs in with; at most 254 characters.
    email: String,
    /// 8 to 256 characters.
    password: String,
    /// At most 100 characters.
    #[graphql(default)]
    first_name: String,
    /// At most 100 characters.
    #[graphql(default)]
    last_name: String,
}

/// The new customer, or why there is none.
#[derive(SimpleObject)]
pub struct CustomerRegisterPayload {
    /// Null when there are user errors.
    customer: Option<Customer>,
    /// INVALID, TAKEN or RATE_LIMITED.
    user_errors: Vec<UserError>,
}

#[Object]
impl CustomerMutation {
    /// Opens an account. It does not sign in: `sessionCreate` does.
    #[graphql(complexity = 50)]
    async fn customer_register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who the customer is.")] input: CustomerRegisterInput,
    ) -> Result<CustomerRegisterPayload> {
        let registration = Registration {
            email: &input.email,
            password: &input.password,
            first_name: &input.first_name,
            last_name: &input.last_name,
        };
        let client = ctx.data_opt::<ClientAddr>().copied();
        let (customer, user_errors) = outcome(customers::register(ctx.app(), registration, client).await)?;
        Ok(CustomerRegisterPayload { customer: customer.map(Customer), user_errors })
    }
}
