//! Anything by its id.

use async_graphql::{Context, ID, Interface, Object, Result};
use futures_util::future::try_join_all;

use crate::catalog::graphql::{Collection, Product, ProductVariant};
use crate::error::{Code, Error};
use crate::ids::{self, CollectionId, ProductId, VariantId};

/// At most this many ids at once, as in every list.
const MAX_IDS: usize = 100;

/// Something that has an id and can be read again by it.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Globally unique and opaque."))]
pub enum Node {
    /// A product.
    Product(Product),
    /// A variant of a product.
    ProductVariant(ProductVariant),
    /// A collection of products.
    Collection(Collection),
}

impl Node {
    /// What has this id and may be seen by the viewer. The prefix of the id says which loader to ask.
    pub async fn load(ctx: &Context<'_>, id: &str) -> Result<Option<Self>> {
        let Some((prefix, uuid)) = ids::decode(id) else {
            return Err(Error::request(Code::BadUserInput, "This is not a valid id.").into());
        };
        Ok(match prefix {
            ProductId::PREFIX => Product::load(ctx, ProductId(uuid)).await?.map(Node::Product),
            VariantId::PREFIX => {
                ProductVariant::load_visible(ctx, VariantId(uuid)).await?.map(Node::ProductVariant)
            }
            CollectionId::PREFIX => Collection::load(ctx, CollectionId(uuid)).await?.map(Node::Collection),
            _ => None,
        })
    }
}

/// Root fields for any type.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The object with this id; null when there is none, or the viewer may not see it.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<Node>> {
        Node::load(ctx, &id).await
    }

    /// The objects with these ids, in their order, with null for each that is not there.
    #[graphql(complexity = "ids.len() * child_complexity + 1")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 100 ids.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_IDS {
            return Err(Error::request(Code::BadUserInput, "At most 100 ids at once.").into());
        }
        try_join_all(ids.iter().map(|id| Node::load(ctx, id))).await
    }
}
