//! Edits of one product by staff: each locks the product, checks the version that the edit was made on, writes, brings
//! what is derived up to date, and appends an event to the product's history.

mod delete;
mod metadata;
mod options;
mod prices;
mod publish;
pub(super) mod queries;
mod variant_create;
mod variant_delete;
mod variant_update;
mod variants_reorder;

use chrono::{DateTime, Utc};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::events::{self, NewEvent};
use crate::ids::{ProductId, VariantId};

pub use delete::delete;
pub use metadata::{MetadataChange, Owner, metadata_set};
pub use options::{OptionEdit, ValueEdit, options_update};
pub use prices::{PriceEdit, SaleEdit, prices_set};
pub use publish::{channels_of, publish, unpublish};
pub use variant_create::{NewVariant, variant_create};
pub use variant_delete::variant_delete;
pub use variant_update::{VariantChange, variant_update};
pub use variants_reorder::variants_reorder;

/// Who edits, and when.
pub(super) struct Author {
    pub actor: String,
    pub now: DateTime<Utc>,
}

impl Author {
    /// The viewer, who needs the permission.
    pub fn with(app: &App, viewer: &Viewer, permission: Permission) -> Result<Self> {
        viewer.require(permission)?;
        Ok(Self { actor: viewer.actor(), now: app.clock.now() })
    }

    /// Appends to the history of a product that is locked.
    pub async fn record(
        &self,
        conn: &mut Conn,
        id: ProductId,
        type_: &str,
        payload: serde_json::Value,
    ) -> Result<()> {
        let (actor, at) = (self.actor.as_str(), self.now);
        let event = NewEvent { aggregate: "product", aggregate_id: id.0, type_, payload, actor, at };
        Ok(events::append(conn, event).await?)
    }
}

/// That nothing has the id in this field of the input.
pub(super) fn not_found(what: &str, field: &str) -> Error {
    Rejection::new(Reason::NotFound, format!("There is no such {what}.")).at(["input", field]).into()
}

/// Refuses an edit that was made on another version.
pub(super) fn check_version(expected: Option<i64>, current: i64) -> Result<()> {
    match expected {
        Some(expected) if expected != current => Err(Rejection::stale(current).into()),
        _ => Ok(()),
    }
}

/// Locks the product and refuses an edit that was made on another version; `field` is where the id stands in the input.
pub(super) async fn lock_product(
    conn: &mut Conn,
    id: ProductId,
    expected: Option<i64>,
    field: &str,
) -> Result<()> {
    let version = queries::lock_product(conn, id).await?.ok_or_else(|| not_found("product", field))?;
    check_version(expected, version)
}

/// Locks the product of a variant, and refuses an edit that was made on another version of the variant.
pub(super) async fn lock_variant(
    conn: &mut Conn,
    id: VariantId,
    expected: Option<i64>,
    field: &str,
) -> Result<queries::LockedVariant> {
    let variant = queries::lock_variant(conn, id).await?.ok_or_else(|| not_found("variant", field))?;
    check_version(expected, variant.version)?;
    Ok(variant)
}

/// Puts what a variant selects in the order of the options; says what is missing, unknown or no value of the option.
pub(super) fn combination(
    options: &[queries::StoredOption],
    mut selected: Vec<(String, String)>,
) -> Result<Vec<String>, Rejection> {
    let reject = |message: String| Rejection::new(Reason::Invalid, message).at(["input", "selectedOptions"]);
    let mut values = Vec::with_capacity(options.len());
    for option in options {
        let Some(place) = selected.iter().position(|(name, _)| *name == option.name) else {
            return Err(reject(format!("A value of the option {:?} is missing.", option.name)));
        };
        let value = selected.remove(place).1;
        if !option.values.contains(&value) {
            return Err(reject(format!("The option {:?} has no value {value:?}.", option.name)));
        }
        values.push(value);
    }
    match selected.first() {
        None => Ok(values),
        Some((name, _)) => {
            Err(reject(format!("The product has no option {name:?}, or it is selected twice.")))
        }
    }
}

/// What people call a variant: its option values, or "Default" for the only one of a product without options.
pub(super) fn variant_name(values: &[String]) -> String {
    if values.is_empty() { "Default".into() } else { values.join(" / ") }
}
