//! Metadata: reading it and `metadataSet`.

use std::collections::BTreeMap;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::access::Permission;
use crate::catalog::edit::{self, MetadataChange, Owner};
use crate::catalog::queries::staff::MetadataOf;
use crate::error::{Code, Error};
use crate::graphql::{ContextExt, Node, UserError, outcome};
use crate::ids::{self, CollectionId, ProductId, VariantId};

/// A key and its value.
#[derive(SimpleObject)]
pub struct MetadataEntry {
    /// Such as `erp:item-number`.
    key: String,
    /// Any text.
    value: String,
}

fn entries(map: serde_json::Map<String, serde_json::Value>) -> Vec<MetadataEntry> {
    let entry = |(key, value)| match value {
        serde_json::Value::String(value) => MetadataEntry { key, value },
        other => MetadataEntry { key, value: other.to_string() },
    };
    map.into_iter().map(entry).collect()
}

/// What everyone reads.
pub async fn public(ctx: &Context<'_>, owner: Owner) -> Result<Vec<MetadataEntry>> {
    let metadata = ctx.loaders().load_one(MetadataOf(owner)).await?.unwrap_or_default();
    Ok(entries(metadata.public))
}

/// What staff with CATALOG_READ read.
pub async fn private(ctx: &Context<'_>, owner: Owner) -> Result<Option<Vec<MetadataEntry>>> {
    ctx.viewer().require(Permission::CatalogRead)?;
    let metadata = ctx.loaders().load_one(MetadataOf(owner)).await?.unwrap_or_default();
    Ok(Some(entries(metadata.private)))
}

/// A key and the value that it gets.
#[derive(InputObject)]
pub struct MetadataEntryInput {
    /// 1 to 100 letters, digits, dots, colons, hyphens and underscores.
    key: String,
    /// At most 10,000 bytes; null takes the entry away.
    value: Option<String>,
}

/// A change of metadata; keys that are not named stay.
#[derive(InputObject)]
pub struct MetadataSetInput {
    /// A product, variant or collection.
    id: ID,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// Entries that everyone reads.
    #[graphql(default)]
    public: Vec<MetadataEntryInput>,
    /// Entries that staff with CATALOG_READ read.
    #[graphql(default)]
    private: Vec<MetadataEntryInput>,
}

/// What `metadataSet` answers.
#[derive(SimpleObject)]
pub struct MetadataSetPayload {
    /// What the metadata belongs to; null when there are user errors, and when the viewer may not read it.
    node: Option<Node>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Root mutations about metadata.
#[derive(Default)]
pub struct MetadataMutation;

#[Object]
impl MetadataMutation {
    /// Sets and takes away metadata of a product, variant or collection. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn metadata_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: MetadataSetInput,
    ) -> Result<MetadataSetPayload> {
        let MetadataSetInput { id, expected_version, public, private } = input;
        let owner = owner(&id)?;
        let map = |entries: Vec<MetadataEntryInput>| -> BTreeMap<String, Option<String>> {
            entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
        };
        let change = MetadataChange { public: map(public), private: map(private) };
        let set = edit::metadata_set(ctx.app(), ctx.viewer(), owner, expected_version, change).await;
        let (set, user_errors) = outcome(set)?;
        let node = if set.is_some() { Node::load(ctx, &id).await? } else { None };
        Ok(MetadataSetPayload { node, user_errors })
    }
}

fn owner(id: &str) -> Result<Owner> {
    Ok(match ids::decode(id) {
        Some((ProductId::PREFIX, id)) => Owner::Product(ProductId(id)),
        Some((VariantId::PREFIX, id)) => Owner::Variant(VariantId(id)),
        Some((CollectionId::PREFIX, id)) => Owner::Collection(CollectionId(id)),
        _ => {
            let message = "The id has to be that of a product, a variant or a collection.";
            return Err(Error::request(Code::BadUserInput, message).into());
        }
    })
}
