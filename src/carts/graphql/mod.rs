//! GraphQL of carts.

mod address;
mod cart;
mod mutation;

pub use address::{Address, AddressInput};
pub use cart::Cart;
pub use mutation::CartMutation;

use async_graphql::{Context, Object, Result};

use crate::graphql::ContextExt;
use crate::ids::CartId;

/// Root queries about carts.
#[derive(Default)]
pub struct CartQuery;

#[Object]
impl CartQuery {
    /// A cart. Its id is unguessable: whoever has it may use the cart.
    async fn cart(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id that `cartCreate` answered with.")] id: CartId,
    ) -> Result<Option<Cart>> {
        let app = ctx.app();
        let cart = super::find(&mut *app.db.get().await?, id, app.clock.now()).await?;
        Ok(cart.map(|cart| Cart::new(cart, app.clock.now())))
    }
}
