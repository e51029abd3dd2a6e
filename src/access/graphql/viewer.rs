//! Who is signed in.

use async_graphql::{Context, Object, Result};

use crate::access::{self, Permission, SignedIn};
use crate::customers::graphql::Customer;
use crate::graphql::ContextExt;
use crate::ids::UserId;

/// Root queries about the person who asks.
#[derive(Default)]
pub struct AccessQuery;

#[Object]
impl AccessQuery {
    /// Who is signed in with the request's access token; null for an anonymous shopper.
    async fn viewer(&self, ctx: &Context<'_>) -> Option<ViewerObject> {
        ctx.viewer().signed_in().ok().cloned().map(ViewerObject)
    }
}

/// The person who is signed in.
pub struct ViewerObject(SignedIn);

/// The person who is signed in.
#[Object(name = "Viewer")]
impl ViewerObject {
    /// The id of the user.
    async fn id(&self) -> UserId {
        self.0.user_id
    }

    /// The email that the person signs in with.
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let mut conn = ctx.app().db.get().await?;
        let user = access::find_user(&mut conn, self.0.user_id).await.map_err(crate::Error::from)?;
        Ok(user.map(|user| user.email))
    }

    /// What the person's roles allow now, sorted by name; empty for a plain customer.
    async fn permissions(&self) -> Vec<Permission> {
        self.0.permissions.sorted()
    }

    /// The buyer behind the person; null for staff who do not shop.
    async fn customer(&self, ctx: &Context<'_>) -> Result<Option<Customer>> {
        let Some(id) = self.0.customer_id else { return Ok(None) };
        Ok(ctx.loaders().load_one(id).await?.map(Customer))
    }
}
