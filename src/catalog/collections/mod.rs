//! Edits of collections by staff: each locks the collection, checks the version that the edit was made on, writes, and appends an
//! event to the collection's history.

mod create;
mod delete;
mod members;
mod publish;
mod queries;
mod update;

use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::events::{self, NewEvent};
use crate::ids::CollectionId;
use crate::jobs::{EnqueueOptions, enqueue};

use super::check::{description_fault, name_fault, slug_fault};
use super::edit::{Author, check_version, not_found};
use super::images::{alt_text_fault, url_fault};
use super::rules::ApplyRule;

pub use create::{NewCollection, create};
pub use delete::delete;
pub use members::{Placement, add, remove, reorder};
pub use publish::{publish, unpublish};
pub use update::{CollectionChange, update};

/// What of a collection is edited: which one, on which version, and where its id stands in the input.
#[derive(Clone, Copy)]
struct Target {
    id: CollectionId,
    expected_version: Option<i64>,
    field: &'static str,
}

/// One edit of a collection, in a transaction that holds its lock.
struct Edit<'a> {
    author: &'a Author,
    conn: &'a mut Conn,
    id: CollectionId,
    by_rule: bool,
}

impl<'a> Edit<'a> {
    /// Locks the collection and refuses an edit that was made on another version.
    async fn begin(conn: &'a mut Conn, author: &'a Author, target: Target) -> Result<Self> {
        let Target { id, expected_version, field } = target;
        let locked = queries::lock(conn, id).await?.ok_or_else(|| not_found("collection", field))?;
        check_version(expected_version, locked.version)?;
        Ok(Self { author, conn, id, by_rule: locked.by_rule })
    }

    /// Appends to the collection's history and counts its version up.
    async fn finish(&mut self, type_: &str, payload: serde_json::Value) -> Result<()> {
        queries::touch(self.conn, self.id, self.author.now).await?;
        record(self.conn, self.author, self.id, type_, payload).await
    }

    /// Refuses to choose members by hand where a rule does.
    fn by_hand(&self) -> Result<()> {
        if !self.by_rule {
            return Ok(());
        }
        let message = "A rule decides about the members of this collection.";
        Err(Rejection::new(Reason::InvalidState, message).at(["input", "collectionId"]).into())
    }
}

async fn record(
    conn: &mut Conn,
    author: &Author,
    id: CollectionId,
    type_: &str,
    payload: serde_json::Value,
) -> Result<()> {
    let (actor, at) = (author.actor.as_str(), author.now);
    let event = NewEvent { aggregate: "collection", aggregate_id: id.0, type_, payload, actor, at };
    Ok(events::append(conn, event).await?)
}

/// Has a rule worked over all products.
async fn apply_rule(conn: &mut Conn, collection: CollectionId, revision: i64) -> Result<()> {
    enqueue(conn, &ApplyRule { collection, revision }, EnqueueOptions::default()).await?;
    Ok(())
}

/// Texts of a collection that are written.
struct Texts<'a> {
    name: Option<&'a str>,
    slug: Option<&'a str>,
    description: Option<&'a str>,
    image_url: Option<&'a str>,
    image_alt_text: Option<&'a str>,
}

impl Texts<'_> {
    fn check(&self) -> Result<()> {
        let texts = [
            ("name", self.name.and_then(name_fault)),
            ("slug", self.slug.and_then(slug_fault)),
            ("description", self.description.and_then(description_fault)),
        ]
        .map(|(field, fault)| (field, fault.map(|fault| Rejection::new(Reason::Invalid, fault))));
        let images = [
            ("imageUrl", self.image_url.filter(|url| !url.is_empty()).and_then(url_fault)),
            ("imageAltText", self.image_alt_text.and_then(alt_text_fault)),
        ];
        let faults = texts.into_iter().chain(images);
        let rejections: Vec<Rejection> =
            faults.filter_map(|(field, fault)| Some(fault?.at(["input", field]))).collect();
        if rejections.is_empty() { Ok(()) } else { Err(Error::Rejected(rejections)) }
    }
}

/// Somebody else has the slug.
fn slug_conflict(error: diesel::result::Error) -> Error {
    match &error {
        diesel::result::Error::DatabaseError(_, info)
            if info.constraint_name() == Some("collections_slug_key") =>
        {
            Rejection::new(Reason::Taken, "Another collection has this slug.").at(["input", "slug"]).into()
        }
        _ => error.into(),
    }
}
